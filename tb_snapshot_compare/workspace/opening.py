"""Opening snapshots by path or address, and the architecture of a pair."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from tb_snapshot_compare import architecture, readers
from tb_snapshot_compare.architecture import Architecture
from tb_snapshot_compare.errors import (
    BeingWrittenError,
    InvalidRequestError,
    NoTensorsError,
    NotFoundError,
    SnapshotCompareError,
    UnreadableSnapshotError,
    may_pass,
)
from tb_snapshot_compare.snapshot import (
    FileSet,
    Format,
    SnapshotContents,
    SnapshotRef,
    State,
    TensorInfo,
)
from tb_snapshot_compare.sources import (
    Probe,
    is_named_by_directory,
    merged,
    parse_roots,
    position_of_name,
    scan,
)
from tb_snapshot_compare.sources import RunSources as RunSources
from tb_snapshot_compare.sources import Scan as Scan
from tb_snapshot_compare.storage import is_remote, local_path, problem_of
from tb_snapshot_compare.storage.stores import entries_in
from tb_snapshot_compare.workspace.graph_files import from_graph
from tb_snapshot_compare.workspace.results import SnapshotSummary

ConfigSource = Literal["keras_config", "event_file"]
Side = Literal["both", "a", "b"]
_PREFERENCE = tuple(Format)
WITH_CONFIG = frozenset({Format.KERAS, Format.LEGACY_H5})
_CONFIG_ATTEMPTS = 3
_CONFIG_SUFFIXES = ((".keras", Format.KERAS), (".h5", Format.LEGACY_H5))
_WITHOUT_CONFIG = ".weights.h5"
_BESIDE_ENTRIES_MAX = 10_000
"""Names looked at in the folder of a snapshot that is opened by its path."""
_SUFFIXES = (
    ".keras",
    ".weights.h5",
    ".h5",
    ".index",
    ".safetensors",
    ".safetensors.index.json",
    ".bin",
    ".bin.index.json",
    ".pt",
    ".pth",
    ".pth.tar",
    ".tar",
    ".ckpt",
    ".npz",
    ".npy",
)
_SHARD_NUMBER = re.compile(r"-\d{5}-of-\d{5}\Z")
_ADDRESS = re.compile(r"^(?P<logdir>.+)@(?P<run>[^@]*):(?P<step>[^:@]+)$")


@dataclass(frozen=True, slots=True)
class OpenedSnapshot:
    """A snapshot whose tensors are known as extents; no value has been read.

    `config` is the Keras configuration as JSON text, from the snapshot itself or found
    beside it, and `config_source` where it came from; `config_origin` names the file where
    that is not the snapshot's own.
    """

    contents: SnapshotContents
    config: str | None
    config_source: ConfigSource = "keras_config"
    config_origin: str | None = None

    @property
    def summary(self) -> SnapshotSummary:
        """What to call it."""
        position = self.contents.position
        return SnapshotSummary(
            path=self.contents.path,
            format=self.contents.format,
            step=position.step,
            step_source=position.step_source,
            epoch=position.epoch,
            epoch_source=position.epoch_source,
            size=sum(stamp.size for stamp in self.contents.generation.stamps),
        )


@dataclass(frozen=True, slots=True)
class FoundConfig:
    """A Keras configuration as JSON text that may describe other snapshots too.

    `origin` is the name of the file that it was found in, None for an event file.
    """

    text: str
    source: ConfigSource
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class PairArchitecture:
    """The layers of two snapshots as one graph, and which of the two has each."""

    graph: Architecture
    sides: Mapping[str, Side]
    layer_of: Mapping[str, str]

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of every layer by full path."""
        return {layer.name: layer.kind for layer in self.graph.layers}


def open_snapshot(path: str | os.PathLike[str]) -> OpenedSnapshot:
    """Opens a snapshot.

    Args:
      path: A snapshot's file, checkpoint prefix or SavedModel directory; or
        `LOGDIR@RUN:STEP`, the snapshot of a run of a logdir by its step, else by its epoch,
        else by its name (`.` is the logdir itself). One without a Keras configuration is read
        by one that lies in the same folder and fits its weights.

    Raises:
      NotFoundError: nothing is there, or no such run or step.
      UnreadableSnapshotError: corrupt, truncated, unsupported or not permitted.
    """
    text = local_path(os.fspath(path))
    problem = problem_of(text)
    if problem is not None:
        raise InvalidRequestError(problem)
    address = _ADDRESS.match(text)
    if address is None or (
        not is_remote(text) and (os.path.exists(text) or os.path.exists(text + ".index"))
    ):
        contents = readers.open_contents(os.path.expanduser(text))
        position = merged(position_of_name(_stem(contents.path)), contents.position)
        opened = OpenedSnapshot(replace(contents, position=position), contents.model_config)
        return opened if opened.config is not None else with_config(opened, _beside(opened))
    return _find(address["logdir"], address["run"] or ".", address["step"])


def open_ref(ref: SnapshotRef) -> OpenedSnapshot:
    """Opens the preferred format of a listed snapshot; the next one when it cannot be read.

    Raises:
      UnreadableSnapshotError: no format can be read; the reason is that of the first.
    """
    first_error: UnreadableSnapshotError | None = None
    for file_set in sorted(ref.file_sets, key=lambda files: _PREFERENCE.index(files.format)):
        try:
            contents = readers.open_contents(file_set.path, file_set.format)
        except UnreadableSnapshotError as error:
            first_error = first_error or error
            continue
        contents = replace(contents, position=merged(ref.position, contents.position))
        return OpenedSnapshot(contents, contents.model_config)
    assert first_error is not None
    raise first_error


def list_snapshots(logdir: str | os.PathLike[str]) -> Scan:
    """Every snapshot below `logdir`, by run, with what is wrong with it; see `sources.scan`."""
    return scan(parse_roots(os.fspath(logdir), None, None), probe, patient=True)


def configs_in_run(snapshots: Sequence[SnapshotRef]) -> tuple[FoundConfig, ...]:
    """The configurations in the newest snapshots of a run that have one, newest first."""
    return _configs_of(
        (files.path, files.format)
        for ref in reversed(snapshots)
        if ref.state is State.READY
        for files in ref.file_sets
        if files.format in WITH_CONFIG
    )


def with_config(opened: OpenedSnapshot, candidates: Iterable[FoundConfig]) -> OpenedSnapshot:
    """The snapshot with the first configuration that fits its weights, unless it has its own."""
    if opened.config is not None:
        return opened
    for found in candidates:
        if architecture.fits(found.text, opened.contents.tensors):
            return replace(
                opened, config=found.text, config_source=found.source, config_origin=found.origin
            )
    return opened


def _configs_of(files: Iterable[tuple[str, Format]]) -> tuple[FoundConfig, ...]:
    """The different configurations in the first few files."""
    found: dict[str, FoundConfig] = {}
    for path, form in islice(files, _CONFIG_ATTEMPTS):
        try:
            text = readers.config_of(path, form)
        except SnapshotCompareError:
            continue
        if text is not None:
            found.setdefault(text, FoundConfig(text, "keras_config", os.path.basename(path)))
    return tuple(found.values())


def _beside(opened: OpenedSnapshot) -> tuple[FoundConfig, ...]:
    """The configurations of the newest files in the snapshot's folder."""
    folder = os.path.dirname(opened.contents.path.rstrip("/")) or os.curdir
    found = []
    try:
        for modified, path in _files_in(folder):
            form = next((f for end, f in _CONFIG_SUFFIXES if path.endswith(end)), None)
            if form is not None and not path.endswith(_WITHOUT_CONFIG):
                found.append((modified, path, form))
    except (OSError, SnapshotCompareError):
        return ()
    return _configs_of((path, form) for _, path, form in sorted(found, reverse=True))


def _files_in(folder: str) -> Iterator[tuple[float, str]]:
    """When files were modified, and their paths; of the first entries of a folder."""
    if is_remote(folder):
        for remote in entries_in(folder)[:_BESIDE_ENTRIES_MAX]:
            if not remote.is_directory:
                modified = remote.status.st_mtime if remote.status is not None else 0.0
                yield modified, f"{folder}/{remote.name}"
        return
    with os.scandir(folder) as entries:
        for entry in islice(entries, _BESIDE_ENTRIES_MAX):
            if entry.name.endswith(_SUFFIXES):
                yield entry.stat().st_mtime, entry.path


def probe(files: FileSet) -> Probe:
    """What the contents of a file tell of its snapshot: position, and whether it can be read."""
    try:
        contents = readers.open_contents(files.path, files.format, decode=False)
    except SnapshotCompareError as error:
        writing = isinstance(error, BeingWrittenError)
        unfinished = writing and files.format is Format.TF_CHECKPOINT
        empty = isinstance(error, NoTensorsError)
        return Probe(
            state=State.BEING_WRITTEN if writing else State.BROKEN,
            reason=str(error),
            is_snapshot=unfinished
            or (not empty and readers.looks_like_snapshot(files.path, files.format)),
            passing=may_pass(error),
        )
    state, reason = _readable(contents)
    is_snapshot = readers.holds_weights(contents)
    return Probe(contents.position, state, reason, is_snapshot)


def _missing(path: str) -> str | None:
    """Which files of a set of several are not there."""
    try:
        names, total = readers.missing_files(path)
    except SnapshotCompareError:
        return None
    if not names:
        return None
    first, others = names[0], len(names) - 1
    return (
        f"{len(names):,} of {total:,} files {'are' if others else 'is'} missing: {first}"
        f"{f' and {others:,} more' if others else ''}."
    )


def _readable(contents: SnapshotContents) -> tuple[State, str | None]:
    """Broken when no weight can be read; what is wrong when some cannot."""
    weights = [tensor for tensor in contents.tensors if tensor.scope == "weights"]
    damaged = [tensor for tensor in weights if tensor.problem is not None]
    if not damaged:
        return State.READY, None
    first = damaged[0].problem
    if len(damaged) == len(weights):
        return State.BROKEN, f"None of its {len(weights):,} weights can be read: {first}."
    return (
        State.READY,
        f"{len(damaged):,} of its {len(weights):,} weights cannot be read. "
        + (_missing(contents.path) or f"{damaged[0].name}: {first}."),
    )


def architecture_of(snapshot: OpenedSnapshot, fallback: OpenedSnapshot) -> Architecture:
    """The layers of a snapshot; without configuration, by that of the other where it fits."""
    tensors = _with_models(snapshot.contents.tensors, fallback.contents.tensors)
    own = snapshot.contents.model_config
    if own is not None:
        return architecture.from_keras_config(own, tensors, "keras_config")
    for known in (snapshot, fallback):
        if known.config is None or not architecture.fits(known.config, tensors):
            continue
        origin = known.config_origin
        if known.contents.model_config is not None:
            origin = os.path.basename(known.contents.path)
        return architecture.from_keras_config(known.config, tensors, known.config_source, origin)
    graphs = (from_graph(snapshot.contents, known.contents) for known in (snapshot, fallback))
    found = [graph for graph in graphs if graph is not None]
    usable = [graph for graph in found if graph.source == "graph"]
    if usable or not found:
        return usable[0] if usable else architecture.from_names(tensors)
    return architecture.from_names(tensors, found[0].note)


def _with_models(
    tensors: Sequence[TensorInfo], others: Sequence[TensorInfo]
) -> tuple[TensorInfo, ...]:
    """With the nested models around layers that only the other snapshot's files tell."""
    told = {(tensor.name, tensor.shape): tensor.models for tensor in others if tensor.models}
    if not told:
        return tuple(tensors)
    return tuple(
        replace(tensor, models=tensor.models or told.get((tensor.name, tensor.shape), ()))
        for tensor in tensors
    )


def _stem(path: str) -> str:
    """What a snapshot is called, by its file's name or its directory's."""
    directory, name = os.path.split(path.rstrip("/"))
    suffix = next((end for end in _SUFFIXES if name.endswith(end)), "")
    stem = _SHARD_NUMBER.sub("", name.removesuffix(suffix))
    above = os.path.basename(directory)
    return above if is_named_by_directory(stem, above) else stem


def _find(logdir: str, run: str, step: str) -> OpenedSnapshot:
    """The snapshot at an address, opened."""
    runs = {entry.name: entry for entry in list_snapshots(logdir).runs}
    if run not in runs:
        known = ", ".join(sorted(runs)) or "none"
        raise NotFoundError(f"{logdir} has no run {run!r} with snapshots. Its runs: {known}.")
    snapshots = runs[run].snapshots
    for matches in (
        lambda ref: str(ref.position.step) == step,
        lambda ref: str(ref.position.epoch) == step,
        lambda ref: ref.name == step,
    ):
        found = [ref for ref in snapshots if matches(ref) and ref.state is not State.BROKEN]
        if len(found) == 1:
            opened = open_ref(found[0])
            return opened if opened.config else with_config(opened, configs_in_run(snapshots))
        if found:
            names = ", ".join(ref.name for ref in found)
            raise NotFoundError(
                f"Run {run!r} of {logdir} has several snapshots at {step!r}: {names}. "
                "Name one of them instead of its step."
            )
    known = ", ".join(ref.name for ref in snapshots[:20])
    raise NotFoundError(
        f"Run {run!r} of {logdir} has no snapshot at step, epoch or name {step!r}. "
        f"Its snapshots: {known}{', ...' if len(snapshots) > 20 else ''}."
    )
