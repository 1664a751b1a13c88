"""Answers about a recorded training through TensorBoard's own server, and the memory they take.

Every answer is asked for as the page does, again while it is being computed. No address is asked
for twice: the server would have kept the answer.
"""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np

from tests.e2e.server import TensorBoard, tensorboard, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PLUGIN = "data/plugin/snapshot_compare/"
RUN = "run"
WITHOUT = (
    "-c",
    "import sys; from tensorboard import default, main_lib, program; main_lib.global_init();"
    "plugins = [each for each in default.get_plugins() if 'SnapshotCompare' not in repr(each)];"
    "server = program.TensorBoard(plugins); server.configure(argv=sys.argv); server.main()",
)
"""TensorBoard without this plugin."""
EDGES = "0.0001,0.001,0.01,0.1"
OF_A_SCREEN = 20
"""Units."""
_AGAIN_SECONDS = 0.01
_SETTLED_SECONDS = 1.0
_NEVER_SECONDS = 120.0
Query = dict[str, object]


@dataclass(frozen=True, slots=True)
class Asked:
    """Milliseconds of each answer, by name, the first one of the server first.

    Memory is in MiB: `idle` before the first answer, `peak` after the last one.
    """

    milliseconds: dict[str, list[float]]
    idle: float
    peak: float


@dataclass(slots=True)
class Server:
    """What is asked of a running TensorBoard."""

    board: TensorBoard
    training: dict[str, Any] = field(default_factory=dict)

    def get(self, route: str, query: Query) -> bytes:
        """The body, once it is there."""
        address = f"{self.board.address}{PLUGIN}{route}?{urlencode(query)}"
        while True:
            with urllib.request.urlopen(address, timeout=120) as answer:
                body: bytes = answer.read()
                if answer.status == 200:
                    return body
            time.sleep(_AGAIN_SECONDS)

    def of_log(self, route: str, query: Query) -> bytes:
        """As `get`, of the log's version."""
        return self.get(route, {"run": RUN, "v": self.training["version"], **query})

    def listed(self) -> None:
        """Waits until the run is listed."""
        self._until(lambda: json.loads(self.get("snapshots", {}))["runs"])

    def overview(self) -> None:
        """What there is of the training."""
        self.training = json.loads(self.get("training", {"run": RUN}))

    def examined(self) -> None:
        """Waits until the findings are known."""

        def is_examined() -> bool:
            self.overview()
            return bool(self.training["examined"])

        self._until(is_examined)

    @staticmethod
    def _until(condition: Callable[[], object]) -> None:
        wait_for(condition, _NEVER_SECONDS)


def layers_of(training: Mapping[str, Any]) -> list[str]:
    """The layers that have filters."""
    return [unit["path"] for unit in training["units"] if unit["is_layer"] and unit["filters"]]


def questions(training: Mapping[str, Any], turn: int) -> Iterator[tuple[str, str, Query]]:
    """Name, route and query of every question, which are others at every turn."""
    dumps, units = training["dumps"], [unit["path"] for unit in training["units"]]
    random = np.random.default_rng(turn)
    kind = ("gradient", "update")[turn % 2]
    some = sorted(random.choice(units, min(OF_A_SCREEN, len(units)), replace=False).tolist())
    screen = {"kind": kind, "units": json.dumps(some)}
    yield "clusters and strips of all classes", "training_classes", {"run_length": 30 - turn}
    yield "change ratios of 20 units", "training_bands", {**screen, "edges": EDGES}
    yield "change ratios of all units", "training_bands", {"kind": kind, "edges": _edges(turn)}
    yield "box plots of 20 units", "training_layers", {**screen, "statistic": "quartiles"}
    yield "norms of 20 units", "training_layers", {**screen, "statistic": "l1"}
    largest = _largest(training)
    yield (
        "filters x dumps of the largest layer",
        "training_filters",
        {"layer": largest, "measure": training["measures"][turn % 7]},
    )
    label = int(random.integers(len(training["classes"])))
    yield "images of a class x passes", "training_images", {"class": label}
    image = int(random.integers(training["probe_images"]))
    yield "history of an image", "training_image", {"image": image}
    for pins in (1, 2, 3, 4):
        steps = sorted(random.choice(dumps[1:], pins, replace=False).tolist())
        words = f"top filters of {pins} pin{'s' if pins > 1 else ''}"
        yield words, "training_top", {"steps": ",".join(map(str, steps))}
    yield (
        "layers x classes",
        "training_correlation",
        {"threshold": training["published_threshold"] + turn},
    )
    yield "what moved first", "training_forensics", {"step": int(random.choice(dumps[1:]))}


def _edges(turn: int) -> str:
    return ",".join(f"{(1 + turn % 9) / 10**decade:g}" for decade in (4, 3, 2, 1))


def _largest(training: Mapping[str, Any]) -> str:
    parents = {unit["parent"] for unit in training["units"]}
    layers = [
        unit for unit in training["units"] if unit["kind"] == "conv" and unit["path"] not in parents
    ]
    return str(max(layers, key=lambda unit: unit["filters"])["path"])


def ask(logdir: Path, cache: Path, turns: int) -> Asked:
    """Asks a server that was started for it everything, some times."""
    found: dict[str, list[float]] = {}

    def note(name: str, work: Callable[[], object]) -> None:
        started = time.perf_counter()
        work()
        found.setdefault(name, []).append(1e3 * (time.perf_counter() - started))

    with tensorboard(*flags(logdir, cache)) as board:
        server = Server(board)
        server.listed()
        time.sleep(_SETTLED_SECONDS)
        idle = memory(board.pid, "VmRSS")
        for turn in range(turns):
            note("overview", server.overview)
            note("curves", lambda: server.get("training_curves", {"run": RUN}))
            for name, route, query in questions(server.training, turn):
                note(name, partial(server.of_log, route, query))
            if turn == 0:  # later answers are those once all is ready
                note("findings", server.examined)
        return Asked(found, idle, memory(board.pid, "VmHWM"))


def flags(logdir: Path, cache: Path) -> tuple[str, str]:
    """Of the server's command line."""
    return f"--logdir={logdir}", f"--snapshot_compare_cache_dir={cache}"


def memory_without(logdir: Path) -> float:
    """MiB of the same TensorBoard without this plugin, at its peak."""
    with tensorboard(f"--logdir={logdir}", main=WITHOUT) as board:
        board.get("data/runs")
        time.sleep(_SETTLED_SECONDS)
        return memory(board.pid, "VmHWM")


def memory(pid: int, which: str) -> float:
    """MiB of a process, now (VmRSS) or at its peak (VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition(f"{which}:")[2].split()[0]) / 1024


def medians(asked: Sequence[Asked], name: str, *, first: bool) -> list[float]:
    """The first answers of some servers, or all later ones."""
    return [
        value
        for each in asked
        for value in (each.milliseconds[name][:1] if first else each.milliseconds[name][1:])
    ]
