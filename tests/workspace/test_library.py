"""What the page is told stays true while files are replaced and event files are read."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest

from tb_snapshot_compare.errors import SnapshotChangedError
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.sources import parse_roots
from tb_snapshot_compare.store import ResultStore
from tb_snapshot_compare.workspace import Workspace, library


class Events:
    """TensorBoard's event files, which are read some time after the start."""

    def __init__(self) -> None:
        self.config: str | None = None

    def keras_configs(self, event_runs: Sequence[str]) -> tuple[str, ...]:
        return () if self.config is None else (self.config,)


def network(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="dw"),
            keras.layers.Conv2DTranspose(5, 3, name="ct"),
        ]
    )


@pytest.fixture
def open_workspace(tmp_path: Path) -> Iterator[Callable[[Events], Workspace]]:
    opened: list[Workspace] = []

    def start(events: Events) -> Workspace:
        store = ResultStore(tmp_path / "cache")
        workspace = Workspace(parse_roots(str(tmp_path / "logs"), None, None), store, events)
        opened.append(workspace)
        return workspace

    yield start
    for workspace in opened:
        workspace.close()


def snapshots(workspace: Workspace, count: int) -> list[SnapshotRef]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [ref for run in workspace.catalog().runs for ref in run.snapshots]
        if len(found) == count and all(ref.state == "ready" for ref in found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{count} snapshots were not listed")


def test_bytes_that_replaced_the_listed_ones_are_refused(
    tmp_path: Path, open_workspace: Callable[[Events], Workspace]
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, seed in (("first", 1), ("best", 2)):
        network(seed).save(folder / f"{name}.keras")
    network(3).save(tmp_path / "later.keras")
    workspace = open_workspace(Events())
    first, best = sorted(snapshots(workspace, 2), key=lambda ref: -len(ref.name))
    os.replace(tmp_path / "later.keras", folder / "best.keras")
    with pytest.raises(SnapshotChangedError, match="best"):
        workspace.comparison(first, best)


def test_a_configuration_that_turns_up_later_is_used(
    tmp_path: Path, open_workspace: Callable[[Events], Workspace]
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for seed in (1, 2):
        network(seed).save_weights(folder / f"epoch-{seed}.weights.h5")
    events = Events()
    workspace = open_workspace(events)
    a, b = snapshots(workspace, 2)
    assert not workspace.is_final(a, b)
    assert workspace.architecture(a, b).graph.source == "names"
    workspace.comparison(a, b)
    events.config = network(1).to_json()
    assert workspace.is_final(a, b)
    assert workspace.architecture(a, b).graph.source == "event_file"
    filters = {entry.layer: entry.filters for entry in workspace.comparison(a, b).filters}
    assert filters == {"dw": 8, "ct": 5}


def test_two_who_ask_at_once_share_one_computation(
    tmp_path: Path,
    open_workspace: Callable[[Events], Workspace],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for seed in (1, 2):
        network(seed).save(folder / f"epoch-{seed}.keras")
    workspace = open_workspace(Events())
    a, b = snapshots(workspace, 2)
    calls: list[int] = []
    compare = library.compare

    def slowly(*arguments: object, **options: object) -> object:
        calls.append(1)
        time.sleep(0.2)
        return compare(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(library, "compare", slowly)
    results: list[object] = []
    threads = [
        threading.Thread(target=lambda: results.append(workspace.comparison(a, b)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert results[0] is results[1] is results[2]


def test_only_the_widest_tensor_of_a_layer_keeps_its_filters(
    tmp_path: Path, open_workspace: Callable[[Events], Workspace]
) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for seed in (1, 2):
        network(seed).save(folder / f"epoch-{seed}.keras")
    workspace = open_workspace(Events())
    comparison = workspace.comparison(*snapshots(workspace, 2))
    assert [entry.tensor for entry in comparison.filters] == ["dw/kernel", "ct/kernel"]
    assert all(np.frombuffer(entry.arrays["l2"]).size for entry in comparison.filters)


def test_whoever_waits_for_a_value_that_fails_tries_after_the_others() -> None:
    recent: library._Recent[int] = library._Recent(4)
    at_work, most, calls = 0, 0, 0
    count = threading.Lock()

    def make() -> int:
        nonlocal at_work, most, calls
        with count:
            at_work, calls = at_work + 1, calls + 1
            most = max(most, at_work)
        time.sleep(0.05)
        with count:
            at_work -= 1
        raise ValueError

    def ask(after: float) -> None:
        time.sleep(after)
        with pytest.raises(ValueError, match=r"^$"):
            recent.get(("key",), make)

    threads = [threading.Thread(target=ask, args=(after,)) for after in (0, 0.02, 0.02, 0.07, 0.12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, calls) == (1, 5)
    assert not recent._making
