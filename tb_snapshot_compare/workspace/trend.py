"""Compares every new snapshot with the one before it, when nobody waits for anything else.

One thread does one pair at a time, newest first, and gives way before every block to what a
person waits for. Which pairs are missing follows from the newest catalog, so that nothing
piles up: what is deleted is forgotten, what was computed once is in the result store.
"""

import itertools
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from tb_snapshot_compare import __version__
from tb_snapshot_compare.errors import (
    BeingWrittenError,
    CancelledError,
    NotFoundError,
    SnapshotChangedError,
    SnapshotCompareError,
    SnapshotGoneError,
    may_pass,
)
from tb_snapshot_compare.limits import TREND_LANDED_MAX, TREND_PAIRS_MAX, TREND_RUNS_MAX
from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.sources import Catalog, RunSources
from tb_snapshot_compare.workspace.comparing import compare
from tb_snapshot_compare.workspace.library import Workspace
from tb_snapshot_compare.workspace.match_files import Corrections, digest
from tb_snapshot_compare.workspace.trend_values import (
    LayerChanges,
    RunTrend,
    TrendPair,
    changes_of,
)
from tb_snapshot_compare.workspace.turns import Turns
from tb_snapshot_compare.workspace.yielding import be_nice, yielding

_SCHEMA = "trend 2"
_LOOK_SECONDS = 0.5
_AGAIN_SECONDS = 30.0
_WATCHED_SECONDS = 600.0
"""For so long after somebody has asked for a run, all of its pairs are computed."""
_CONFIG_SECONDS = 5.0
_CLOSE_SECONDS = 5.0
_PASSING = (SnapshotChangedError, SnapshotGoneError, BeingWrittenError, NotFoundError)
"""What the next scan puts right."""

_logger = logging.getLogger(__name__)
_Key = tuple[str, str, str, str]


@dataclass(slots=True)
class _RunState:
    """The pairs of a run that were computed, or could not be, by key; the oldest go first."""

    known: OrderedDict[_Key, TrendPair]
    asked: float
    provisional: bool = False
    """Whether layers have names that a configuration which turns up would change."""
    checked: float = 0.0


class Trends:
    """The trends of a workspace's runs. Safe to call from any thread."""

    def __init__(self, workspace: Workspace, turns: Turns) -> None:
        """Nothing is computed before `start`.

        Args:
          workspace: Whose snapshots are compared, and where results are kept.
          turns: Says when somebody waits for something else.
        """
        self._workspace = workspace
        self._turns = turns
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._runs: OrderedDict[str, _RunState] = OrderedDict()
        self._present: set[tuple[str, str]] | None = None
        """Snapshots that were there at the start: only what lands later compares itself."""
        self._postponed: dict[_Key, int] = {}
        """Pairs that changed under our hands, with the catalog's version at the time."""
        self._again: dict[_Key, float] = {}
        """When pairs are tried again that a disk or a store failed to give."""
        self._computing: TrendPair | None = None
        self._matches = workspace.matches_token
        """Under which matches of the user the pairs were computed."""
        self._versions = itertools.count(time.time_ns() // 1_000_000)
        self._version = next(self._versions)
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def version(self) -> int:
        """Grows with every change, from one start of the server to the next too."""
        return self._version

    def start(self) -> None:
        """Starts the thread, once; after `close` it does nothing."""
        with self._lock:
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(
                    target=self._work, name="snapshot-compare-trend", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Ends the thread and waits for it briefly."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def of(self, run: str) -> RunTrend:
        """The trend of a run as far as it is known; has the rest of it computed.

        Raises:
          NotFoundError: no such run.
        """
        sources = self._workspace.run(run)
        with self._lock:
            self._state_of(run).asked = time.monotonic()
        self._wake.set()
        with self._lock:
            current = [self._shown(a, b) for a, b in consecutive(sources)]
            listed = {ref.id for ref in sources.snapshots}
            pairs = (*self._before(run, sources), *current)
            gone = {ref.id for pair in pairs for ref in (pair.a, pair.b)} - listed
            return RunTrend(run, self._version, pairs, frozenset(gone))

    def _shown(self, a: SnapshotRef, b: SnapshotRef) -> TrendPair:
        key = _key(a, b)
        computing = self._computing
        if computing is not None and _key(computing.a, computing.b) == key:
            return computing
        state = self._runs.get(b.run)
        known = None if state is None else state.known.get(key)
        return known or TrendPair(a, b, "waiting", 0)

    def _before(self, run: str, sources: RunSources) -> Iterator[TrendPair]:
        """What was computed of snapshots that were deleted since, where none took their place."""
        ready = _ready(sources)
        first = min((ref.modified for ref in ready), default=float("inf"))
        listed = {ref.id: ref.generation for ref in sources.snapshots}
        known = [pair for pair in self._runs[run].known.values() if pair.state == "done"]
        for pair in sorted(known, key=lambda pair: pair.b.modified):
            ends = [(ref, listed.get(ref.id, ref.generation)) for ref in (pair.a, pair.b)]
            if (
                pair.a.id not in listed
                and pair.b.modified <= first
                and all(ref.generation == generation for ref, generation in ends)
            ):
                yield pair

    def _state_of(self, run: str) -> _RunState:
        state = self._runs.get(run)
        if state is None:
            state = self._runs[run] = _RunState(OrderedDict(), -_WATCHED_SECONDS)
            while len(self._runs) > TREND_RUNS_MAX:
                self._runs.popitem(last=False)
        return state

    def _work(self) -> None:
        be_nice()
        while not self._closed:
            self._wake.clear()
            pair = self._next(self._workspace.catalog())
            if pair is None:
                self._wake.wait(_LOOK_SECONDS)
            else:
                self._turns.give_way()
                self._compute(*pair)

    def _next(self, catalog: Catalog) -> tuple[SnapshotRef, SnapshotRef] | None:
        """The newest missing pair of the run asked for last, else the newest that has landed."""
        if catalog.version == 0:
            return None
        self._drop_other_matches(catalog)
        if self._present is None and not catalog.scanning:
            self._present = {
                (ref.id, ref.generation) for run in catalog.runs for ref in run.snapshots
            }
        watched = self._watched()
        for run in sorted(catalog.runs, key=lambda run: watched.get(run.name, 0.0), reverse=True):
            if run.name in watched:
                self._drop_provisional(run)
                for a, b in reversed(consecutive(run)):
                    if self._is_missing(a, b, catalog.version):
                        return a, b
        for a, b in self._landed(catalog):
            if self._is_missing(a, b, catalog.version):
                return a, b
        return None

    def _drop_other_matches(self, catalog: Catalog) -> None:
        """Forgets what the user's new matches may change, unless it cannot be read again."""
        token = self._workspace.matches_token
        if token == self._matches:
            return
        self._matches = token
        readable = {_key(a, b) for run in catalog.runs for a, b in consecutive(run)}
        with self._lock:
            for state in self._runs.values():
                for key in readable & state.known.keys():
                    del state.known[key]
            self._changed()

    def _drop_provisional(self, run: RunSources) -> None:
        """Forgets layers' made-up names once a configuration has turned up."""
        with self._lock:
            state = self._state_of(run.name)
            now = time.monotonic()
            if not state.provisional or now - state.checked < _CONFIG_SECONDS:
                return
            state.checked = now
        ready = _ready(run)
        if ready and not self._workspace.may_find_config(ready[-1]):
            with self._lock:
                state.known.clear()
                state.provisional = False
            self._changed()

    def _watched(self) -> dict[str, float]:
        since = time.monotonic() - _WATCHED_SECONDS
        with self._lock:
            return {name: run.asked for name, run in self._runs.items() if run.asked > since}

    def _landed(self, catalog: Catalog) -> Sequence[tuple[SnapshotRef, SnapshotRef]]:
        """Pairs whose newer snapshot came after the start, newest first, a bounded number."""
        present = self._present
        if present is None:
            return ()
        found = [
            (a, b)
            for run in catalog.runs
            for a, b in consecutive(run)
            if (b.id, b.generation) not in present
        ]
        return sorted(found, key=lambda pair: -pair[1].modified)[:TREND_LANDED_MAX]

    def _is_missing(self, a: SnapshotRef, b: SnapshotRef, version: int) -> bool:
        key = _key(a, b)
        with self._lock:
            state = self._runs.get(b.run)
            known = state is not None and key in state.known
        known = known and time.monotonic() < self._again.get(key, math.inf)
        return not known and self._postponed.get(key) != version

    def _compute(self, a: SnapshotRef, b: SnapshotRef) -> None:
        version = self._workspace.catalog().version
        self._postponed = {key: at for key, at in self._postponed.items() if at == version}
        self._again.pop(_key(a, b), None)
        self._computing = TrendPair(a, b, "computing", 0, fraction=0.0)
        self._changed()
        try:
            found = TrendPair(a, b, "done", 0, changes=self._changes(a, b))
        except (CancelledError, *_PASSING):
            self._postponed[_key(a, b)] = version
            self._workspace.rescan()
            found = None
        except SnapshotCompareError as error:
            if may_pass(error):
                self._again[_key(a, b)] = time.monotonic() + _AGAIN_SECONDS
            found = TrendPair(a, b, "failed", 0, problem=str(error))
        except Exception as error:  # a fault of ours on one pair must not end the others
            _logger.exception("Comparing %s with %s failed", a.name, b.name)
            problem = f"It could not be compared ({type(error).__name__}): see TensorBoard's log."
            found = TrendPair(a, b, "failed", 0, problem=problem)
        with self._lock:
            self._computing = None
            if found is not None:
                known = self._state_of(b.run).known
                known[_key(a, b)] = replace(found, version=self._changed())
                while len(known) > TREND_PAIRS_MAX:
                    self._again.pop(known.popitem(last=False)[0], None)

    @yielding()
    def _changes(self, a: SnapshotRef, b: SnapshotRef) -> LayerChanges:
        """The changes, from the store where they are known.

        Layers may be called otherwise once a configuration turns up: that is another result.
        """
        workspace, store = self._workspace, self._workspace.results
        provisional = workspace.may_find_config(b)
        if provisional:
            with self._lock:
                self._state_of(b.run).provisional = True
        matches = self._corrections(a, b)
        key = "\0".join((_SCHEMA, __version__, *_key(a, b), str(provisional), digest(matches)))
        payload = store.get(key)
        if payload is not None:
            with suppress(msgspec.MsgspecError):  # written by another version
                return msgspec.msgpack.decode(payload, type=LayerChanges)
        with workspace.reading(a, b):
            comparison = compare(
                workspace.open_once(a),
                workspace.open_once(b),
                corrections=matches,
                progress=self._progress,
                contents=workspace.contents,
                filters=False,
            )
        changes = changes_of(comparison)
        store.put(key, msgspec.msgpack.encode(changes))
        return changes

    def _corrections(self, a: SnapshotRef, b: SnapshotRef) -> Corrections:
        """The user's matches of the pair; where there are none of any, nothing is opened."""
        workspace = self._workspace
        if not workspace.matches_token:
            return ()
        with workspace.reading(a, b):
            return workspace.corrections_of(workspace.open_once(a), workspace.open_once(b))

    def _progress(self, done: int, total: int) -> None:
        if self._closed:
            raise CancelledError("TensorBoard ends.")
        computing = self._computing
        if computing is not None and total:
            self._computing = replace(computing, fraction=done / total)
        self._turns.give_way()

    def _changed(self) -> int:
        self._version = next(self._versions)
        return self._version


def consecutive(run: RunSources) -> Sequence[tuple[SnapshotRef, SnapshotRef]]:
    """Neighbours among the snapshots that can be read, oldest first; the newest, where many."""
    return list(itertools.pairwise(_ready(run)))[-TREND_PAIRS_MAX:]


def _ready(run: RunSources) -> Sequence[SnapshotRef]:
    return [ref for ref in run.snapshots if ref.state is State.READY]


def _key(a: SnapshotRef, b: SnapshotRef) -> _Key:
    return a.id, a.generation, b.id, b.generation
