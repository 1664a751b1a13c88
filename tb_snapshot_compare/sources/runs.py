"""Runs: the directories that hold snapshots, each with the TensorBoard runs it belongs to."""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.sources.entries import LOG
from tb_snapshot_compare.sources.order import in_training_order, natural
from tb_snapshot_compare.sources.roots import Root
from tb_snapshot_compare.sources.walk import Walked

_PARTS_OF_ANY_RUN = frozenset({"train", "training", "validation", "val", "eval", "test"})


@dataclass(frozen=True, slots=True)
class RunSources:
    """A directory that holds snapshots, in training order, or the recorded log of a training.

    `event_runs` are names of TensorBoard runs, exactly as TensorBoard gives them. `log` is the
    directory of the log, None where nothing was recorded. `directory` is the run's own: absolute,
    or a URL.
    """

    name: str
    snapshots: tuple[SnapshotRef, ...]
    event_runs: tuple[str, ...]
    log: str | None = None
    directory: str = ""


def runs_of(
    roots: Sequence[tuple[Root, Walked]], snapshots: Iterable[SnapshotRef]
) -> tuple[RunSources, ...]:
    """Collects `snapshots` into runs, in natural order of their names.

    A run's event runs are those at or below its directory; where there are none, those at or
    below the nearest directory above it that has some, within the same root. Of these, only
    the ones that share a directory name with the run are taken, if any do: snapshots in
    `checkpoints/exp1` belong to the events in `events/exp1/train`. Else those in the directory of
    another run are not taken: they are that one's. A directory given by
    `--snapshot_compare_dirs NAME:PATH` is unknown to TensorBoard and belongs to the event runs
    at or below NAME.

    A run's log lies in its directory, else in the nearest one above it that holds a log, unless
    that holds snapshots too. A log that no snapshots belong to is a run of its own.
    """
    by_run: dict[str, list[SnapshotRef]] = {}
    for snapshot in snapshots:
        by_run.setdefault(snapshot.run, []).append(snapshot)
    event_runs, logs = _EventRuns(roots), _logs(roots)
    floors = {root.name for root, _ in roots if root.name}
    used = {name: _log_of(name, logs, by_run, _floor(name, floors)) for name in by_run}
    for name in logs.keys() - set(filter(None, used.values())):
        by_run.setdefault(name, [])
        used[name] = name
    return tuple(
        RunSources(
            name,
            in_training_order(by_run[name]),
            event_runs.of(name, by_run),
            None if (of := used[name]) is None else logs[of],
            _directory(name, roots),
        )
        for name in sorted(by_run, key=natural)
    )


def _directory(run: str, roots: Sequence[tuple[Root, Walked]]) -> str:
    """Where a run is, by its name: in the root with the longest name of those that it may be in."""
    holders = [root for root, _ in roots if not root.name or _contains(root.name, run)]
    root = max(holders, key=lambda root: len(root.name))
    below = run.removeprefix(root.name).lstrip("/")
    return root.path if below in ("", ".") else f"{root.path.rstrip('/')}/{below}"


def _logs(roots: Sequence[tuple[Root, Walked]]) -> dict[str, str]:
    """The directories of all logs, by the run that they lie in; the first of one name counts."""
    found: dict[str, str] = {}
    for root, walked in roots:
        for directory in walked.log_directories:
            holder = root.path if directory == "." else os.path.join(root.path, directory)
            found.setdefault(root.run_name(directory), os.path.join(holder, LOG))
    return found


def _log_of(
    run: str, logs: Mapping[str, str], with_snapshots: Container[str | None], floor: str
) -> str | None:
    """The run in whose directory the log of `run` lies."""
    if run in logs:
        return run
    nearest = next((each for each in _upwards(run, floor) if each in logs), None)
    return None if nearest in with_snapshots else nearest


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

    def of(self, run: str, runs: Container[str]) -> tuple[str, ...]:
        """The names of the event runs of `run`, which is one of `runs`."""
        for ancestor in _upwards(run, _floor(run, self._floors)):
            below = self._at_or_below(ancestor)
            if not below:
                continue
            chosen: Sequence[str] = below
            if ancestor != run:
                chosen = _sharing(_components(run, ancestor), below) or [
                    key for key in below if not _is_of_another(key, run, runs)
                ]
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


def _floor(run: str, floors: Iterable[str]) -> str:
    """The directory above which nothing belongs to the run: that of its root."""
    return max((floor for floor in floors if _contains(floor, run)), key=len, default=".")


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
    return ()


def _is_of_another(key: str, run: str, runs: Container[str]) -> bool:
    """Whether events lie in the directory of a run that `run` is not in."""
    return any(
        holder in runs and not _contains(holder, run)
        for holder in _upwards(key, ".")
        if holder != "."
    )
