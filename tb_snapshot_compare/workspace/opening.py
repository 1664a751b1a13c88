"""Opening snapshots by path or address, and the architecture of a pair."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tb_snapshot_compare import architecture, readers
from tb_snapshot_compare.architecture import Architecture
from tb_snapshot_compare.errors import (
    BeingWrittenError,
    NotFoundError,
    SnapshotCompareError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.snapshot import FileSet, Format, SnapshotContents, SnapshotRef, State
from tb_snapshot_compare.sources import Probe, Scan, merged, parse_roots, position_of_name, scan
from tb_snapshot_compare.workspace.results import SnapshotSummary

ConfigSource = Literal["keras_config", "event_file"]
Side = Literal["both", "a", "b"]
_PREFERENCE = tuple(Format)
_WITH_CONFIG = frozenset({Format.KERAS, Format.LEGACY_H5})
_CONFIG_ATTEMPTS = 3
_SUFFIXES = (".keras", ".weights.h5", ".h5", ".index")
_ADDRESS = re.compile(r"^(?P<logdir>.+)@(?P<run>[^@]*):(?P<step>[^:@]+)$")


@dataclass(frozen=True, slots=True)
class OpenedSnapshot:
    """A snapshot whose tensors are known as extents; no value has been read.

    `config` is the Keras configuration as JSON text, from the snapshot itself or found
    beside it, and `config_source` where it came from.
    """

    contents: SnapshotContents
    config: str | None
    config_source: ConfigSource = "keras_config"

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
        else by its name (`.` is the logdir itself).

    Raises:
      NotFoundError: nothing is there, or no such run or step.
      UnreadableSnapshotError: corrupt, truncated, unsupported or not permitted.
    """
    text = os.fspath(path)
    address = _ADDRESS.match(text)
    if address is None or os.path.exists(text) or os.path.exists(text + ".index"):
        contents = readers.open_contents(os.path.expanduser(text))
        position = merged(position_of_name(_stem(contents.path)), contents.position)
        return OpenedSnapshot(replace(contents, position=position), contents.model_config)
    ref = _find(address["logdir"], address["run"] or ".", address["step"])
    return open_ref(ref)


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
    return scan(parse_roots(os.fspath(logdir), None, None), probe)


def config_in_run(snapshots: Sequence[SnapshotRef]) -> str | None:
    """The configuration in the newest snapshot of a run that has one, for those that have none."""
    candidates = [
        files
        for ref in reversed(snapshots)
        if ref.state is State.READY
        for files in ref.file_sets
        if files.format in _WITH_CONFIG
    ]
    for files in candidates[:_CONFIG_ATTEMPTS]:
        try:
            config = readers.open_contents(files.path, files.format).model_config
        except SnapshotCompareError:
            continue
        if config is not None:
            return config
    return None


def pair_architecture(a: OpenedSnapshot, b: OpenedSnapshot) -> PairArchitecture:
    """The graph of both; a snapshot without configuration is read by that of the other."""
    of_a, of_b = _architecture(a, fallback=b), _architecture(b, fallback=a)
    graph, sides = architecture.merge(of_a, of_b)
    layer_of = {**architecture.layer_of(of_a), **architecture.layer_of(of_b)}
    return PairArchitecture(graph, sides, layer_of)


def probe(files: FileSet) -> Probe:
    """What the contents of a file tell of its snapshot: position, and whether it can be read."""
    try:
        contents = readers.open_contents(files.path, files.format)
    except BeingWrittenError as error:
        return Probe(state=State.BEING_WRITTEN, reason=str(error))
    except SnapshotCompareError as error:
        return Probe(state=State.BROKEN, reason=str(error))
    return Probe(position=contents.position, state=State.READY)


def _architecture(snapshot: OpenedSnapshot, fallback: OpenedSnapshot) -> Architecture:
    tensors = snapshot.contents.tensors
    known = snapshot if snapshot.config is not None else fallback
    if known.config is None:
        return architecture.from_names(tensors)
    return architecture.from_keras_config(known.config, tensors, known.config_source)


def _stem(path: str) -> str:
    name = os.path.basename(path.rstrip("/"))
    suffix = next((end for end in _SUFFIXES if name.endswith(end)), "")
    return name.removesuffix(suffix)


def _find(logdir: str, run: str, step: str) -> SnapshotRef:
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
            return found[0]
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
