"""Runs: the directories that hold snapshots, each with the TensorBoard runs it belongs to."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.sources.order import in_training_order, natural
from tb_snapshot_compare.sources.roots import Root
from tb_snapshot_compare.sources.walk import Walked

_PARTS_OF_ANY_RUN = frozenset({"train", "training", "validation", "val", "eval", "test"})


@dataclass(frozen=True, slots=True)
class RunSources:
    """A directory that holds snapshots, in training order.

    `event_runs` are names of TensorBoard runs, exactly as TensorBoard gives them.
    """

    name: str
    snapshots: tuple[SnapshotRef, ...]
    event_runs: tuple[str, ...]


def runs_of(
    roots: Sequence[tuple[Root, Walked]], snapshots: Iterable[SnapshotRef]
) -> tuple[RunSources, ...]:
    """Collects `snapshots` into runs, in natural order of their names.

    A run's event runs are those at or below its directory; where there are none, those at or
    below the nearest directory above it that has some, within the same root. Of these, only
    the ones that share a directory name with the run are taken, if any do: snapshots in
    `checkpoints/exp1` belong to the events in `events/exp1/train`. A directory given by
    `--snapshot_compare_dirs NAME:PATH` is unknown to TensorBoard and belongs to the event runs
    at or below NAME.
    """
    by_run: dict[str, list[SnapshotRef]] = {}
    for snapshot in snapshots:
        by_run.setdefault(snapshot.run, []).append(snapshot)
    event_runs = _EventRuns(roots)
    return tuple(
        RunSources(name, in_training_order(by_run[name]), event_runs.of(name))
        for name in sorted(by_run, key=natural)
    )


class _EventRuns:
    """TensorBoard's runs by our run names, which end a root's own run without `/.`."""

    def __init__(self, roots: Sequence[tuple[Root, Walked]]) -> None:
        self._floors = {root.name for root, _ in roots if root.name}
        self._names: dict[str, str] = {}
        for root, walked in roots:
            if root.origin == "extra":
                continue
            for directory in walked.event_directories:
                name = f"{root.event_prefix}/{directory}" if root.event_prefix else directory
                self._names[root.run_name(directory)] = name
        self._sorted = sorted(self._names)

    def of(self, run: str) -> tuple[str, ...]:
        """The names of the event runs of `run`."""
        floor = max((f for f in self._floors if _contains(f, run)), key=len, default=".")
        for ancestor in _upwards(run, floor):
            below = self._at_or_below(ancestor)
            if below:
                own = [] if ancestor == run else _components(run, ancestor)
                chosen = _sharing(own, below)
                return tuple(self._names[key] for key in sorted(chosen, key=natural))
        return ()

    def _at_or_below(self, directory: str) -> list[str]:
        if directory == ".":
            return [key for key in self._sorted if not self._belongs_to_a_named_root(key)]
        low = bisect_left(self._sorted, f"{directory}/")
        high = bisect_right(self._sorted, f"{directory}0")  # "0" follows "/"
        below = [key for key in self._sorted[low:high] if key.startswith(f"{directory}/")]
        return [directory, *below] if directory in self._names else below

    def _belongs_to_a_named_root(self, key: str) -> bool:
        return any(_contains(floor, key) for floor in self._floors)


def _contains(directory: str, path: str) -> bool:
    return path == directory or path.startswith(f"{directory}/")


def _upwards(path: str, floor: str) -> Iterable[str]:
    while path not in (floor, "."):
        yield path
        path = path.rpartition("/")[0] or "."
    yield path


def _components(path: str, ancestor: str) -> list[str]:
    below = path if ancestor == "." else path[len(ancestor) + 1 :]
    return [part for part in below.split("/") if part not in _PARTS_OF_ANY_RUN]


def _sharing(components: Sequence[str], keys: Sequence[str]) -> Sequence[str]:
    for component in reversed(components):
        shared = [key for key in keys if component in key.split("/")]
        if shared:
            return shared
    return keys
