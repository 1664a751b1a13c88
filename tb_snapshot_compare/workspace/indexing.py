"""Computes the logs of a logdir's runs from their snapshots, now: what `index` does.

The same logs that TensorBoard's Training page computes in the background; either goes on where the
other stopped.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tb_snapshot_compare.errors import (
    CancelledError,
    InvalidRequestError,
    NotFoundError,
    SnapshotCompareError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.snapshot import State
from tb_snapshot_compare.sources import RunSources
from tb_snapshot_compare.workspace.derived_log import derived_directory, evict
from tb_snapshot_compare.workspace.deriving import RunDeriving
from tb_snapshot_compare.workspace.library import Workspace

_PASSES = 6
"""So often, about, a snapshot's bytes are gone through."""
_LOOK_SECONDS = 0.2
_logger = logging.getLogger(__name__)
_SETTLE_SECONDS = 5.0
"""So long files are waited for that may still be written."""


class IndexProgress(Protocol):
    """Called with a run's name, how many of its dumps are done, and of how many."""

    def __call__(self, run: str, done: float, total: int) -> None:
        """Reports; `done` may be a fraction."""


@dataclass(frozen=True, slots=True)
class IndexedRun:
    """What is known of a run now.

    `computed` of its `pairs` of snapshots were computed this time. `recorded` tells that the
    training recorded itself, so that there is nothing to compute. `problems` are sentences.
    """

    name: str
    snapshots: int
    pairs: int
    computed: int
    recorded: bool
    problems: tuple[str, ...]


class _NoEvents:
    """There is no TensorBoard that would have read event files."""

    def keras_configs(self, event_runs: Sequence[str]) -> Sequence[str]:  # noqa: ARG002
        return ()


def index_runs(
    logdir: str, run: str | None, cache: str, report: IndexProgress | None = None
) -> Iterator[IndexedRun]:
    """Computes what is missing of the logs of a logdir, run by run.

    Args:
      logdir: a directory or URL.
      run: only this one; None for all of them.
      cache: where logs are kept; empty for the user's cache directory.
      report: see `IndexProgress`; may raise to stop.

    Raises:
      InvalidRequestError: nothing shall be kept.
      NotFoundError: no such logdir or run, or no snapshots in it.
      UnreadableSnapshotError: the log cannot be written.
    """
    if cache == "none":
        raise InvalidRequestError("'none' keeps no log: give a directory, or leave it out.")
    with _opened(logdir, cache) as workspace:
        for sources in _chosen(workspace, logdir, run):
            yield _indexed(workspace, sources, report)


@contextmanager
def _opened(logdir: str, cache: str) -> Iterator[Workspace]:
    workspace = Workspace.of_directories(logdir, "", "", cache, _NoEvents())
    try:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while (catalog := workspace.catalog()).version == 0 or catalog.scanning:
            time.sleep(_LOOK_SECONDS)
        while time.monotonic() < deadline and _is_writing(workspace):
            time.sleep(_LOOK_SECONDS)
        yield workspace
    finally:
        workspace.close()


def _is_writing(workspace: Workspace) -> bool:
    runs = workspace.catalog().runs
    return any(ref.state is State.BEING_WRITTEN for run in runs for ref in run.snapshots)


def _chosen(workspace: Workspace, logdir: str, run: str | None) -> Sequence[RunSources]:
    catalog = workspace.catalog()
    problem = next((root.problem for root in catalog.roots if root.problem), None)
    if not catalog.runs:
        raise NotFoundError(f"{logdir}: {problem or 'no snapshots are in it.'}")
    if run is None:
        return catalog.runs
    found = [sources for sources in catalog.runs if sources.name == run]
    if not found:
        known = ", ".join(sources.name for sources in catalog.runs)
        raise NotFoundError(f"{logdir} has no run {run!r} with snapshots. Its runs: {known}.")
    return found


def _indexed(workspace: Workspace, sources: RunSources, report: IndexProgress | None) -> IndexedRun:
    ready = sum(ref.state is State.READY for ref in sources.snapshots)
    if _is_recorded(sources):
        return IndexedRun(sources.name, ready, 0, 0, True, ())
    cache = workspace.results.directory
    assert cache is not None
    deriving = RunDeriving(workspace, derived_directory(cache, sources.directory))
    problems: tuple[str, ...] = ()
    computed = total = 0
    try:
        computed, total = _computed(workspace, deriving, sources.name, report)
    except CancelledError:
        raise
    except SnapshotCompareError as error:
        problems = (str(error),)
    except OSError as error:
        raise UnreadableSnapshotError(
            f"The log of {sources.name} cannot be written to {deriving.log.directory}: "
            f"{error.strerror}. Make room, or give another --cache-dir."
        ) from error
    except Exception as error:  # a fault of ours on one run must not end the others
        _logger.exception("Computing the log of %s failed", sources.name)
        problems = (f"It failed ({type(error).__name__}): what is above says where.",)
    finally:
        deriving.log.close()
    problems += deriving.problems(sources)
    return IndexedRun(sources.name, ready, total, computed, False, problems)


def _is_recorded(sources: RunSources) -> bool:
    """Whether the training recorded itself: a log that nobody can read is none, as on the page."""
    from tb_snapshot_compare.store.log_reader import Log

    if sources.log is None:
        return False
    log = Log(Path(sources.log))
    log.refresh()
    return bool(log.sessions)


def _computed(
    workspace: Workspace, deriving: RunDeriving, run: str, report: IndexProgress | None
) -> tuple[int, int]:
    """How many pairs were computed, and how many there are."""
    done = pairs = 0
    while True:
        with deriving.log.locked() as free:
            if free:
                found = deriving.prepare(workspace.run(run))
                if not found.missing:
                    evict(deriving.log.directory)
                    return pairs, found.total
                task, total = found.missing[0], len(found.missing) + done
                size = max(1, _PASSES * task.dump.ref.size)
                progress = _Progress(run, done, total, size, report)
                if deriving.compute(task, found, progress):
                    done += 1
                    pairs += task.before is not None
                    progress.finish()
        if not free:  # TensorBoard, or another `index`, does the same
            time.sleep(_LOOK_SECONDS)


class _Progress:
    """Turns bytes into parts of a dump."""

    def __init__(
        self, run: str, done: int, total: int, size: int, report: IndexProgress | None
    ) -> None:
        self._run, self._done, self._total, self._size = run, done, total, size
        self._report = report
        self._bytes = 0

    def __call__(self, count: int) -> None:
        self._bytes += count
        if self._report is not None:
            part = min(self._bytes / self._size, 0.99)
            self._report(self._run, self._done + part, self._total)

    def finish(self) -> None:
        if self._report is not None:
            self._report(self._run, self._done + 1, self._total)
