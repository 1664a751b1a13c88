"""Computes the logs of runs that did not record themselves, when nobody waits for anything else.

One thread does one snapshot at a time, the newest first, of the run that was asked for last, and
gives way before every block to what a person waits for. Which are missing follows from the newest
catalog and the log, so that nothing piles up.
"""

import logging
import math
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tb_snapshot_compare.errors import (
    BeingWrittenError,
    CancelledError,
    NotFoundError,
    SnapshotChangedError,
    SnapshotCompareError,
    SnapshotGoneError,
    may_pass,
)
from tb_snapshot_compare.limits import DERIVED_DUMPS_MAX, TREND_RUNS_MAX
from tb_snapshot_compare.sources import RunSources
from tb_snapshot_compare.workspace.derived_dump import DumpRows, Progress, dump_rows
from tb_snapshot_compare.workspace.derived_log import (
    DerivedLog,
    derived_directory,
    evict,
    structure_of,
)
from tb_snapshot_compare.workspace.derived_plan import DerivedPlan, Dump, Task, plan
from tb_snapshot_compare.workspace.library import Workspace
from tb_snapshot_compare.workspace.training_values import Axis, PlacedSnapshot
from tb_snapshot_compare.workspace.turns import Turns
from tb_snapshot_compare.workspace.yielding import be_nice, yielding

if TYPE_CHECKING:
    from tb_snapshot_compare.recording.hierarchy import Hierarchy

_LOOK_SECONDS = 0.5
_AGAIN_SECONDS = 30.0
_WATCHED_SECONDS = 600.0
"""For so long after somebody has asked for a run its log is computed."""
_SETTLED_SECONDS = 5.0
"""So often it is asked whether a configuration has turned up, or another program has deleted it."""
_CONFIG_SECONDS = 3.0
"""So long a configuration is waited for that TensorBoard may find in an event file."""
_CLOSE_SECONDS = 5.0
_PASSING = (SnapshotChangedError, SnapshotGoneError, BeingWrittenError, NotFoundError)
"""What the next scan puts right."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Derived:
    """How far the log of a run's snapshots is.

    `done` of `total` pairs are known, and `dumps` are in the log. `working` tells that the rest is
    being computed. `problems` say what cannot be.
    """

    directory: Path
    axis: Axis
    dumps: int
    done: int
    total: int
    working: bool
    snapshots: tuple[PlacedSnapshot, ...]
    problems: tuple[str, ...]


class RunDeriving:
    """The log of one run's snapshots, one snapshot at a time. For one thread."""

    def __init__(self, workspace: Workspace, directory: Path) -> None:
        """Reads nothing yet.

        Args:
          workspace: opens the snapshots.
          directory: of the log.
        """
        self._workspace = workspace
        self.log = DerivedLog(directory)
        self._hierarchy: tuple[tuple[str, str, bool], Hierarchy] | None = None
        self._failed: dict[tuple[str, str], tuple[float, str]] = {}
        """Why a snapshot could not be read, and when it is tried again."""
        self._postponed: dict[tuple[str, str], int] = {}
        """Snapshots that changed under our hands, with the catalog's version at the time."""

    def plan(self, sources: RunSources) -> DerivedPlan:
        """What there is of the snapshots, and what is missing."""
        found = plan(sources.snapshots[-DERIVED_DUMPS_MAX:], self.log.known)
        version, now = self._workspace.catalog().version, time.monotonic()
        missing = tuple(
            task
            for task in found.missing
            if self._failed.get(task.dump.content, (0.0, ""))[0] <= now
            and self._postponed.get(task.dump.content) != version
        )
        return replace(found, missing=missing)

    def problems(self, sources: RunSources) -> tuple[str, ...]:
        """What could not be read of the snapshots there are."""
        present = {(ref.id, ref.generation) for ref in sources.snapshots}
        return tuple(text for content, (_, text) in self._failed.items() if content in present)

    def prepare(self, sources: RunSources) -> DerivedPlan:
        """Reads the log, drops what does not count any more, and says what is missing.

        Raises:
          OSError: the log cannot be written.
          SnapshotCompareError: the newest snapshot, which tells the units, cannot be opened.
        """
        self.log.look()
        found = self.plan(sources)
        if not found.missing and found.restart is None:
            return found
        hierarchy = self._units(found.dumps)
        others = self.log.structures - {structure_of(hierarchy)}
        restart = min(self.log.known, default=None) if others else found.restart
        if restart is None:
            return found
        self.log.restart(restart, hierarchy)
        return self.plan(sources)

    @yielding()
    def compute(self, task: Task, found: DerivedPlan, progress: Progress) -> bool:
        """Adds a dump; False where its snapshot cannot be read now.

        Raises:
          CancelledError: what `progress` raised.
          OSError: the log cannot be written.
        """
        refs = [each.ref for each in (task.dump, task.before) if each is not None]
        try:
            hierarchy = self._units(found.dumps)
            with self._workspace.reading(*refs):
                rows = self._rows(task, hierarchy, progress)
        except CancelledError:
            raise
        except _PASSING:
            self._postponed = {task.dump.content: self._workspace.catalog().version}
            self._workspace.rescan()
            return False
        except SnapshotCompareError as error:
            self._fail(task, str(error), may_pass(error))
            return False
        for problem in rows.problems[:1]:
            self._fail(task, problem, passing=False)
        self.log.write(task, found.axis, rows, hierarchy)
        return True

    def _rows(self, task: Task, hierarchy: "Hierarchy", progress: Progress) -> DumpRows:
        opened = self._workspace.open_once(task.dump.ref)
        before = None if task.before is None else self._workspace.open_once(task.before.ref)
        return dump_rows(task.dump.step, opened, before, hierarchy, progress)

    def _fail(self, task: Task, problem: str, passing: bool) -> None:
        again = time.monotonic() + _AGAIN_SECONDS if passing else math.inf
        self._failed[task.dump.content] = (again, f"{task.dump.ref.name}: {problem}")

    def _units(self, dumps: Sequence[Dump]) -> "Hierarchy":
        """The units of the newest snapshot that can be opened."""
        from tb_snapshot_compare.workspace.derived_units import hierarchy_of_snapshot

        error: SnapshotCompareError | None = None
        for dump in reversed(dumps):
            key = (*dump.content, self._workspace.may_find_config(dump.ref))
            if self._hierarchy is not None and self._hierarchy[0] == key:
                return self._hierarchy[1]
            try:
                opened = self._workspace.open_once(dump.ref)
            except SnapshotCompareError as caught:
                error = caught
                continue
            self._hierarchy = (key, hierarchy_of_snapshot(opened))
            return self._hierarchy[1]
        raise error or NotFoundError("There is no snapshot whose layers could be told.")


@dataclass(slots=True)
class _Run:
    """What is known of a run, and when somebody asked for it first and last.

    Until `again` nothing is done, but where the catalog has another version than `settled`.
    """

    deriving: RunDeriving
    first: float
    asked: float
    state: Derived | None = None
    again: float = 0.0
    settled: int = 0
    problem: str | None = None


class Deriving:
    """Computes the logs of the runs that are asked for. Safe to call from any thread."""

    def __init__(
        self,
        workspace: Workspace,
        turns: Turns,
        changed: Callable[[], None],
        complete: Callable[[Path], None],
    ) -> None:
        """Nothing is computed before `start`.

        Args:
          workspace: whose snapshots, and where results are kept.
          turns: says when somebody waits for something else.
          changed: called when more is known of a run.
          complete: called with its directory when all of a log is written, before that is told.
        """
        self._workspace = workspace
        self._turns = turns
        self._changed = changed
        self._complete = complete
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._temporary: str | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Starts the thread, once; after `close` it does nothing."""
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._work, name="snapshot-compare-derive", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Ends the thread and waits for it briefly."""
        with self._lock:
            self._closed = True
            thread, temporary = self._thread, self._temporary
        self._wake.set()
        if thread is not None:
            thread.join(_CLOSE_SECONDS)
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)

    def directory(self, sources: RunSources) -> Path:
        """Where the log of a run's snapshots is, or will be."""
        cache = self._workspace.results.directory
        if cache is None:
            with self._lock:
                if self._temporary is None:
                    self._temporary = tempfile.mkdtemp(prefix="tb_snapshot_compare_logs_")
                    weakref.finalize(self, shutil.rmtree, self._temporary, ignore_errors=True)
                cache = Path(self._temporary)
        return derived_directory(cache, sources.directory)

    def of(self, sources: RunSources) -> Derived | None:
        """How far a run's log is, None where that cannot be told yet; has it computed."""
        directory = self.directory(sources)
        run = self._known(sources.name, directory) or self._begun(sources, directory)
        with self._lock:
            run.asked = time.monotonic()
            self._runs[sources.name] = run
            self._runs.move_to_end(sources.name)
            while len(self._runs) > TREND_RUNS_MAX:
                self._runs.popitem(last=False)
        self._wake.set()
        return run.state

    def _known(self, name: str, directory: Path) -> _Run | None:
        """The run of a name, if its log is in this directory."""
        with self._lock:
            run = self._runs.get(name)
        return run if run is not None and run.deriving.log.directory == directory else None

    def _begun(self, sources: RunSources, directory: Path) -> _Run:
        """A run that nobody has asked for before, as its log was left."""
        now = time.monotonic()
        run = _Run(RunDeriving(self._workspace, directory), now, now)
        with suppress(SnapshotCompareError, OSError):
            run.deriving.log.look()
            run.state = _state(sources, run, run.deriving.plan(sources))
            os.utime(directory)
        with self._lock:
            other = self._runs.get(sources.name)
            if other is None or other.deriving.log.directory != directory:
                self._runs[sources.name] = other = run
            return other

    def _work(self) -> None:
        be_nice()
        while not self._closed:
            self._wake.clear()
            if not any(self._advance(name, run) for name, run in self._watched()):
                self._wake.wait(_LOOK_SECONDS)

    def _watched(self) -> list[tuple[str, _Run]]:
        """The runs with something to do, the one asked for last first."""
        now, version = time.monotonic(), self._workspace.catalog().version
        with self._lock:
            runs = list(reversed(self._runs.items()))
        return [
            (name, run)
            for name, run in runs
            if now - run.asked < _WATCHED_SECONDS
            and (now >= run.again or run.settled not in (0, version))
        ]

    def _advance(self, name: str, run: _Run) -> bool:
        """Computes one dump of a run; False where there is none."""
        try:
            sources = self._workspace.run(name)
            with run.deriving.log.locked() as free:
                return self._advance_alone(sources, run, free)
        except NotFoundError:
            run.again = time.monotonic() + _LOOK_SECONDS
        except CancelledError:
            return False
        except SnapshotCompareError as error:
            self._stop(run, str(error))
        except OSError as error:
            self._stop(run, f"The log cannot be kept in the cache ({error.strerror}): make room.")
        except Exception as error:  # a fault of ours on one run must not end the others
            _logger.exception("Computing the log of %s failed", name)
            self._stop(run, f"It failed ({type(error).__name__}): see TensorBoard's log.")
        return False

    def _advance_alone(self, sources: RunSources, run: _Run, free: bool) -> bool:
        deriving = run.deriving
        if not free:  # another program computes the same
            deriving.log.look()
            self._tell(sources, run, deriving.plan(sources))
            return False
        newest = sources.snapshots[-1:]
        if any(map(self._workspace.may_find_config, newest)):
            run.again = run.first + _CONFIG_SECONDS
            if time.monotonic() < run.again:
                return False
        version = self._workspace.catalog().version
        found = deriving.prepare(sources)
        run.problem, run.settled = None, 0
        self._tell(sources, run, found)
        if not found.missing:
            run.settled, run.again = version, time.monotonic() + _SETTLED_SECONDS
            return False
        self._turns.give_way()
        if deriving.compute(found.missing[0], found, self._progress):
            evict(deriving.log.directory)
        found = deriving.plan(sources)
        if not found.missing:
            self._complete(deriving.log.directory)
        self._tell(sources, run, found)
        return True

    def _tell(self, sources: RunSources, run: _Run, found: DerivedPlan) -> None:
        state = _state(sources, run, found)
        if state != run.state:
            run.state = state
            with suppress(OSError):
                os.utime(state.directory)
            self._changed()

    def _stop(self, run: _Run, problem: str) -> None:
        """Tries again later."""
        run.again = time.monotonic() + _AGAIN_SECONDS
        run.problem = problem
        if run.state is not None:
            problems = (problem,)
            run.state = replace(run.state, working=False, problems=problems)
        self._changed()

    def _progress(self, _done: int) -> None:
        if self._closed:
            raise CancelledError("TensorBoard ends.")
        self._turns.give_way()


def _state(sources: RunSources, run: _Run, found: DerivedPlan) -> Derived:
    """What is told of a run of which so much is missing."""
    problems = (*run.deriving.problems(sources), *([run.problem] if run.problem else ()))
    if found.unplaced:
        names = ", ".join(found.unplaced[:3])
        problems += (f"Left out, since nothing tells when they were: {names}.",)
    return Derived(
        directory=run.deriving.log.directory,
        axis=found.axis,
        dumps=len(run.deriving.log.known),
        done=max(found.total - len(found.missing), 0),
        total=found.total,
        working=bool(found.missing),
        snapshots=tuple(PlacedSnapshot(dump.ref.id, dump.step) for dump in found.dumps),
        problems=problems,
    )
