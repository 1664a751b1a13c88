"""TensorBoard beside a running comparison: how long it takes to answer `/data/environment`.

    python -m benchmarks.beside

A real TensorBoard with an empty cache is started on each logdir of `page_inputs`; all neighbours
are compared, one pair after the other, while it is asked for `/data/environment` all the time.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import page_inputs, report
from benchmarks.progress import say
from benchmarks.report import Table, significant
from tests.e2e.server import tensorboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PLUGIN = "data/plugin/snapshot_compare/"
_LIMIT_SECONDS = 300.0
_BETWEEN_SECONDS = 0.005
_IDLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Answers:
    """Seconds that answers took, while nothing and while comparisons ran; `pairs` were compared."""

    idle: list[float]
    beside: list[float]
    pairs: int


def answers_beside(address: str) -> Answers:
    """Compares all neighbours of the first run of the TensorBoard at `address`, and asks it.

    Raises:
      AssertionError: the snapshots are not listed in time, or a comparison fails.
    """
    run = _until(lambda: _listed(address), "snapshots are listed")
    until = time.monotonic() + _IDLE_SECONDS
    idle = _asked_while(address, lambda: time.monotonic() < until)
    pairs = list(itertools.pairwise(run["snapshots"]))
    work = threading.Thread(target=_compare, args=(address, pairs))
    work.start()
    beside = _asked_while(address, work.is_alive)
    work.join()
    return Answers(idle, beside, len(pairs))


def _asked_while(address: str, busy: Callable[[], bool]) -> list[float]:
    waits = []
    while busy():
        started = time.monotonic()
        _get(address + "data/environment")
        waits.append(time.monotonic() - started)
        time.sleep(_BETWEEN_SECONDS)
    return waits


def _listed(address: str) -> dict[str, Any] | None:
    listing = json.loads(_get(address + _PLUGIN + "snapshots"))
    runs = [run for run in listing["runs"] if len(run["snapshots"]) > 1]
    return runs[0] if runs and not listing["scanning"] else None


def _compare(address: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    for a, b in pairs:
        names = {"a": a["id"], "ga": a["generation"], "b": b["id"], "gb": b["generation"]}
        url = f"{address}{_PLUGIN}comparison?{urllib.parse.urlencode(names)}"
        _until(partial(_get, url, done=True), "the comparison ends")


def _get(url: str, done: bool = False) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
        return b"" if done and answer.status != 200 else content


def _until(ask: Callable[[], Any], what: str) -> Any:
    started = time.monotonic()
    while time.monotonic() - started < _LIMIT_SECONDS:
        try:
            found = ask()
        except (ConnectionError, urllib.error.URLError) as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain until {what}")


def measure(logdir: Path) -> Answers:
    """`answers_beside` of a TensorBoard that is started, with an empty cache, on `logdir`."""
    with (
        tempfile.TemporaryDirectory(prefix="beside-") as cache,
        tensorboard(f"--logdir={logdir}", f"--snapshot_compare_cache_dir={cache}") as server,
    ):
        return answers_beside(server.address)


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table of all logdirs."""
    rows: list[tuple[str, ...]] = []
    for name in ("series",) if tiny else page_inputs.NAMES:
        say(f"beside: {name}")
        found = measure(page_inputs.folders(name)[0])
        title = page_inputs.TITLES[name]
        rows.append((title, "idle", *_figures(found.idle)))
        rows.append((title, f"while {found.pairs} pairs are compared", *_figures(found.beside)))
    heads = ("logdir", "TensorBoard is", "answers", "median, ms", "p99, ms", "slowest, ms")
    yield Table("/data/environment beside a comparison", heads, tuple(rows))


def _figures(waits: list[float]) -> tuple[str, ...]:
    found = (float(np.median(waits)), float(np.quantile(waits, 0.99)), max(waits))
    return (f"{len(waits):,}", *(significant(1e3 * seconds) for seconds in found))


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
