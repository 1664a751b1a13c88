"""The snapshots of a logdir and what is known of them: what the page talks to."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import msgspec

from tb_snapshot_compare import __version__
from tb_snapshot_compare.errors import (
    NotFoundError,
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.limits import SCAN_INTERVAL_SECONDS
from tb_snapshot_compare.readers import check_generation
from tb_snapshot_compare.snapshot import Generation, SnapshotRef, State
from tb_snapshot_compare.sources import Catalog, Root, RunSources, Watcher, parse_roots
from tb_snapshot_compare.store import ContentStore, ResultStore, default_directory
from tb_snapshot_compare.workspace import match_files
from tb_snapshot_compare.workspace.comparing import compare
from tb_snapshot_compare.workspace.contents import Contents
from tb_snapshot_compare.workspace.corrections import SavedCorrections
from tb_snapshot_compare.workspace.distributing import check_bounds, distribution
from tb_snapshot_compare.workspace.graph_files import graph_generation
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.matching import Matching, match
from tb_snapshot_compare.workspace.opening import (
    WITH_CONFIG,
    FoundConfig,
    OpenedSnapshot,
    PairArchitecture,
    configs_in_run,
    open_ref,
    probe,
    with_config,
)
from tb_snapshot_compare.workspace.results import Comparison, Distribution, FilterMeasures
from tb_snapshot_compare.workspace.streaming import Progress
from tb_snapshot_compare.workspace.yielding import yielding

_RESULT_SCHEMA = 3
_OPENED_KEPT = 16
_OPENED_ONCE_KEPT = 6
"""The next pair of a series has one of the last pair's snapshots, and is opened after the other.
There are two such series, the trend's and the derived log's."""
_COMPARISONS_KEPT = 8
_NAMES_KEPT = 1_000
Value = TypeVar("Value")


class EventSource(Protocol):
    """What TensorBoard has read of a run."""

    def keras_configs(self, event_runs: Sequence[str]) -> Sequence[str]:
        """The Keras configurations of the run's models as JSON texts, as far as written."""


class Workspace:
    """Lists, opens and compares the snapshots below some roots. Safe to call from any thread."""

    def __init__(
        self,
        roots: Sequence[Root],
        store: ResultStore,
        events: EventSource,
        interval: float = 0,
    ) -> None:
        """Starts to scan `roots` in the background.

        Args:
          roots: Where snapshots lie.
          store: Keeps comparisons.
          events: Where a configuration is looked for when no snapshot has one.
          interval: Seconds between scans; 0 for the default.
        """
        self._roots = tuple(roots)
        self._store = store
        self.contents = Contents(ContentStore(store.directory))
        """Recognises tensors that did not change."""
        self._events = events
        self._corrections = SavedCorrections(store.directory)
        self._opened: _Recent[OpenedSnapshot] = _Recent(_OPENED_KEPT)
        self._opened_once: _Recent[OpenedSnapshot] = _Recent(_OPENED_ONCE_KEPT)
        self._configs: _Recent[tuple[FoundConfig, ...]] = _Recent(_OPENED_KEPT)
        self._names: _Recent[str] = _Recent(_NAMES_KEPT)
        """Of snapshots that somebody asked for, to tell deleted ones from unknown ones."""
        self._comparisons: _Recent[Comparison] = _Recent(_COMPARISONS_KEPT)
        self._watcher = Watcher(self._roots, interval or SCAN_INTERVAL_SECONDS, probe)
        self._watcher.start()

    @classmethod
    def of_directories(
        cls,
        logdir: str,
        logdir_spec: str,
        further: str,
        cache: str,
        events: EventSource,
        interval: float = 0,
    ) -> Self:
        """A workspace as TensorBoard's flags describe it.

        Args:
          logdir: One directory, or empty.
          logdir_spec: `NAME:PATH,...` as TensorBoard takes it, or empty.
          further: Directories that TensorBoard does not know, `NAME:PATH,...`.
          cache: Where results are kept; empty for the user's cache directory, `none` for nowhere.
          events: See the class.
          interval: Seconds between scans; 0 for the default.
        """
        store = ResultStore(None if cache == "none" else _directory(cache))
        return cls(parse_roots(logdir, logdir_spec, further), store, events, interval)

    @property
    def directories(self) -> tuple[str, ...]:
        """Where snapshots are looked for, as absolute paths."""
        return tuple(root.path for root in self._roots)

    @property
    def results(self) -> ResultStore:
        """Where results are kept; see `result_key`."""
        return self._store

    def catalog(self) -> Catalog:
        """The newest listing; never blocks and never touches the disk."""
        return self._watcher.catalog()

    def has_snapshots(self) -> bool:
        """Whether there is something to show; True until the first scan has ended."""
        catalog = self.catalog()
        return catalog.version == 0 or any(run.snapshots or run.log for run in catalog.runs)

    def rescan(self) -> None:
        """Looks again now."""
        self._watcher.request()

    def run(self, name: str) -> RunSources:
        """The run called `name`.

        Raises:
          NotFoundError: no such run.
        """
        for run in self.catalog().runs:
            if run.name == name:
                return run
        raise NotFoundError(f"No run {name!r} has snapshots. Reload the list of runs.")

    def snapshot(self, snapshot_id: str, generation: str) -> SnapshotRef:
        """The listed snapshot, as the page knows it.

        Raises:
          NotFoundError: no such snapshot; it may have been deleted.
          SnapshotChangedError: its files were replaced since they were listed.
          UnreadableSnapshotError: it is broken, or still being written.
        """
        ref, _ = self._listed(snapshot_id)
        if ref.generation != generation:
            raise SnapshotChangedError(f"{ref.name} was written anew. Reload the list.")
        if ref.state is not State.READY:
            words = "is still being written" if ref.state is State.BEING_WRITTEN else "is broken"
            raise UnreadableSnapshotError(f"{ref.name} {words}: {ref.reason or 'no reason given'}")
        return ref

    def open(self, ref: SnapshotRef) -> OpenedSnapshot:
        """Opens a listed snapshot, with a configuration from wherever there is one.

        Raises:
          SnapshotChangedError: its files are not those that were listed.
        """
        opened = self._opened.get((ref.id, ref.generation), lambda: self._open(ref))
        return opened if opened.config is not None else self._with_config(opened, ref)

    def open_once(self, ref: SnapshotRef) -> OpenedSnapshot:
        """`open` for what goes through many snapshots: only the last few are kept, and apart."""
        key = (ref.id, ref.generation)
        opened = self._opened.known(key) or self._opened_once.get(key, lambda: self._open(ref))
        return opened if opened.config is not None else self._with_config(opened, ref)

    def may_find_config(self, ref: SnapshotRef) -> bool:
        """Whether layers of the snapshot may still get other names: no configuration is known."""
        if any(files.format in WITH_CONFIG for files in ref.file_sets):
            return False
        return not any(True for _ in self._found_configs(ref))

    @contextmanager
    def reading(self, *refs: SnapshotRef) -> Iterator[None]:
        """Reads values of opened snapshots: those that have changed are opened anew next time."""
        try:
            yield
        except (SnapshotChangedError, SnapshotGoneError):
            for ref in refs:
                self._opened.drop((ref.id, ref.generation))
                self._opened_once.drop((ref.id, ref.generation))
            self.rescan()
            raise

    def result_key(
        self,
        kind: str,
        a: SnapshotRef,
        b: SnapshotRef,
        *more: str,
        matches: Corrections | None = None,
    ) -> str:
        """The key of a result of a pair in its generations, made by this version.

        Layers and filters depend on the configurations, which may become known later than
        the weights: they are part of the key, and so are the user's matches, those saved now
        unless others are given.
        """
        if matches is None:
            matches = self.corrections(a, b)
        configs = (_structure(self.open(a)), _structure(self.open(b)))
        parts = (str(_RESULT_SCHEMA), __version__, kind, a.id, a.generation, b.id, b.generation)
        return "\0".join((*parts, *configs, match_files.digest(matches), *more))

    def is_final(self, a: SnapshotRef, b: SnapshotRef) -> bool:
        """Whether results of the pair stay as they are: no configuration can still turn up."""
        return self.open(a).config is not None or self.open(b).config is not None

    @yielding()
    def architecture(self, a: SnapshotRef, b: SnapshotRef) -> PairArchitecture:
        """The layers of both snapshots as one graph."""
        return self.matching(a, b).architecture

    def matching(self, a: SnapshotRef, b: SnapshotRef) -> Matching:
        """Which tensor of a is which of b, with the user's corrections."""
        return match(self.open(a), self.open(b), self.corrections(a, b))

    def matching_with(self, a: SnapshotRef, b: SnapshotRef, matches: Corrections) -> Matching:
        """What the matching would be with these corrections.

        Raises:
          InvalidRequestError: a match cannot be; names it.
        """
        return match(self.open(a), self.open(b), match_files.checked(matches))

    def corrections(self, a: SnapshotRef, b: SnapshotRef) -> Corrections:
        """The user's corrections of the matching of these two networks."""
        return self.corrections_of(self.open(a), self.open(b))

    def corrections_of(self, a: OpenedSnapshot, b: OpenedSnapshot) -> Corrections:
        """`corrections` of snapshots that are open."""
        return self._corrections.get(a.contents, b.contents)

    def correct(self, a: SnapshotRef, b: SnapshotRef, matches: Corrections) -> bool:
        """Replaces the corrections for all snapshots of these two networks; none remove them.

        Returns:
          False when they could not be saved on disk, and last until the process ends.

        Raises:
          InvalidRequestError: a match cannot be; names it. Nothing is changed then.
        """
        self.matching_with(a, b, matches)
        return self._corrections.put(self.open(a).contents, self.open(b).contents, matches)

    @property
    def keeps_matches(self) -> bool:
        """Whether corrections outlast the process."""
        return self._store.directory is not None

    @property
    def matches_token(self) -> str:
        """Changes whenever the user corrects the matching of any pair; empty without any."""
        return self._corrections.token

    @yielding()
    def comparison(
        self,
        a: SnapshotRef,
        b: SnapshotRef,
        progress: Progress | None = None,
        *,
        matches: Corrections | None = None,
    ) -> Comparison:
        """The differences a -> b of the weights; kept in memory and on disk.

        Args:
          a: The first snapshot.
          b: The second.
          progress: Called with bytes done and in all; may raise to stop.
          matches: The user's matches, those saved now unless others are given.
        """
        if matches is None:
            matches = self.corrections(a, b)
        key = self.result_key("comparison", a, b, matches=matches)
        return self._comparisons.get((key,), lambda: self._compare(key, a, b, matches, progress))

    def filters(self, a: SnapshotRef, b: SnapshotRef, layer: str) -> FilterMeasures | None:
        """The per-filter measures of the layer's largest tensor; None without filters.

        Raises:
          NotFoundError: no such layer.
        """
        comparison = self.comparison(a, b)
        if all(difference.layer != layer for difference in comparison.tensors):
            raise NotFoundError(f"No tensor of a layer {layer!r} is in either snapshot.")
        sizes = {difference.name: difference.count for difference in comparison.tensors}
        candidates = [entry for entry in comparison.filters if entry.layer == layer]
        return max(candidates, key=lambda entry: sizes[entry.tensor], default=None)

    @yielding()
    def distribution(
        self,
        a: SnapshotRef,
        b: SnapshotRef,
        *,
        bins: int,
        levels: int,
        layer: str | None,
        tensor: str | None,
        progress: Progress | None = None,
    ) -> Distribution:
        """See `distributing.distribution`; kept on disk."""
        check_bounds(bins, levels)
        matches = self.corrections(a, b)  # read once: the user may change them meanwhile
        asked = (f"{bins} {levels}", layer or "", tensor or "")
        key = self.result_key("distribution", a, b, *asked, matches=matches)
        stored = self._stored(key, Distribution)
        if stored is not None:
            return stored
        comparison = self.comparison(a, b, progress, matches=matches)
        with self.reading(a, b):
            result = distribution(
                self.open(a),
                self.open(b),
                comparison,
                bins=bins,
                levels=levels,
                layer=layer,
                tensor=tensor,
                corrections=matches,
                progress=progress,
            )
        self._store.put(key, msgspec.msgpack.encode(result))
        return result

    def close(self) -> None:
        """Ends the background scan."""
        self._watcher.close()

    def _listed(self, snapshot_id: str) -> tuple[SnapshotRef, RunSources]:
        for run in self.catalog().runs:
            for ref in run.snapshots:
                if ref.id == snapshot_id:
                    self._names.keep((snapshot_id,), ref.name)
                    return ref, run
        name = self._names.known((snapshot_id,))
        if name is not None:
            raise SnapshotGoneError(f"{name} was deleted: it is no longer in the logdir.")
        raise NotFoundError(
            f"No snapshot has the id {snapshot_id!r}: it may have been deleted. Reload the list."
        )

    def _open(self, ref: SnapshotRef) -> OpenedSnapshot:
        try:
            opened = open_ref(ref)
        except UnreadableSnapshotError:
            check_generation(Generation(ref.stamps, ""))  # gone or written anew, not damaged
            raise
        listed = {replace(stamp, path="") for stamp in ref.stamps}
        for stamp in opened.contents.generation.stamps:
            if replace(stamp, path="") not in listed:
                self.rescan()
                raise SnapshotChangedError(f"{ref.name} was written anew. Reload the list.")
        return opened

    def _with_config(self, opened: OpenedSnapshot, ref: SnapshotRef) -> OpenedSnapshot:
        """TensorBoard reads its event files in the background: what is missing is asked again."""
        return with_config(opened, self._found_configs(ref))

    def _found_configs(self, ref: SnapshotRef) -> Iterator[FoundConfig]:
        catalog = self.catalog()
        _, run = self._listed(ref.id)
        for text in self._events.keras_configs(run.event_runs):
            yield FoundConfig(text, "event_file")
        yield from self._configs.get(
            (run.name, str(catalog.version)), lambda: configs_in_run(run.snapshots)
        )

    def _compare(
        self,
        key: str,
        a: SnapshotRef,
        b: SnapshotRef,
        matches: Corrections,
        progress: Progress | None,
    ) -> Comparison:
        stored = self._stored(key, Comparison)
        if stored is None:
            with self.reading(a, b):
                stored = compare(
                    self.open(a),
                    self.open(b),
                    corrections=matches,
                    progress=progress,
                    contents=self.contents,
                )
            self._store.put(key, msgspec.msgpack.encode(stored))
        return stored

    def _stored(self, key: str, kind: type[Value]) -> Value | None:
        payload = self._store.get(key)
        if payload is None:
            return None
        try:
            return msgspec.msgpack.decode(payload, type=kind)
        except (msgspec.DecodeError, msgspec.ValidationError):
            return None  # written by another version


@dataclass(slots=True)
class _Making:
    """Whose turn it is to make a value, and how many callers want it."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    callers: int = 0


class _Recent(Generic[Value]):
    """The values used last, made when asked for; whoever asks meanwhile waits for the same one.

    Where making one fails, those who wait try one after the other.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._values: OrderedDict[tuple[str, ...], Value] = OrderedDict()
        self._making: dict[tuple[str, ...], _Making] = {}
        self._lock = threading.Lock()

    def get(self, key: tuple[str, ...], make: Callable[[], Value]) -> Value:
        with self._lock:
            making = self._making.setdefault(key, _Making())
            making.callers += 1
        try:
            with making.turn:
                return self._made(key, make)
        finally:
            with self._lock:
                making.callers -= 1
                if not making.callers:
                    del self._making[key]

    def known(self, key: tuple[str, ...]) -> Value | None:
        """The value, if it is there already."""
        with self._lock:
            return self._values.get(key)

    def keep(self, key: tuple[str, ...], value: Value) -> None:
        """Keeps a value that was made elsewhere."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._kept:
                self._values.popitem(last=False)

    def drop(self, key: tuple[str, ...]) -> None:
        """Forgets a value."""
        with self._lock:
            self._values.pop(key, None)

    def _made(self, key: tuple[str, ...], make: Callable[[], Value]) -> Value:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        self.keep(key, value)
        return value


def _directory(flag: str) -> Path:
    return Path(flag).expanduser() if flag else default_directory()


def _structure(opened: OpenedSnapshot) -> str:
    """What identifies the configuration, or else the computation graph, of a snapshot."""
    if opened.config is not None:
        return _digest(opened.config)
    graph = graph_generation(opened.contents)
    return "" if graph is None else graph.digest


def _digest(config: str | None) -> str:
    return "" if config is None else hashlib.blake2b(config.encode(), digest_size=8).hexdigest()
