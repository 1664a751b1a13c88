"""Which network each snapshot of a pair is, and when both are one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tb_snapshot_compare import architecture
from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.values import ModelSource
from tb_snapshot_compare.snapshot import Format, SnapshotContents
from tb_snapshot_compare.storage import is_remote
from tb_snapshot_compare.workspace.config_forms import computed, renamed, structure
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.matching import match
from tb_snapshot_compare.workspace.opening import OpenedSnapshot
from tb_snapshot_compare.workspace.translating import as_keras

_CODE_FLAG = "--snapshot_compare_model MODULE:FUNCTION"


@dataclass(frozen=True, slots=True)
class Sourced:
    """A snapshot with its network; `names` are the pair's names of layers called otherwise."""

    source: ModelSource
    contents: SnapshotContents
    names: Mapping[str, str] = field(default_factory=dict)


def sources_of(
    a: OpenedSnapshot, b: OpenedSnapshot, factory: str | None, corrections: Corrections = ()
) -> tuple[Sourced, Sourced]:
    """The networks of a pair; equal sources where weights can be exchanged.

    Args:
      a: The first snapshot.
      b: The second.
      factory: `MODULE:FUNCTION` that makes both, or None.
      corrections: The user's matches of the pair.

    Raises:
      ModelUnavailableError: a network is not known.
    """
    if factory:
        code = ModelSource("code", factory=factory)
        return Sourced(code, a.contents), Sourced(code, b.contents)
    turned = tuple(match.swapped for match in corrections)
    a, b = as_keras(a, b, corrections), as_keras(b, a, turned)
    graphs = [side.contents.format is Format.SAVED_MODEL for side in (a, b)]
    if any(graphs):
        return _own(a, b, corrections)
    config_a, config_b = (_config(one, other) for one, other in ((a, b), (b, a)))
    if computed(config_a) == computed(config_b):
        shared = ModelSource("keras", config=min(config_a, config_b))
        return Sourced(shared, a.contents), Sourced(shared, b.contents)
    if structure(config_a) == structure(config_b):
        contents = renamed(a.contents, config_a, b.contents, config_b)
        if contents is not None:
            shared = ModelSource("keras", config=config_b)
            return Sourced(shared, contents), Sourced(shared, b.contents)
    return _own(a, b, corrections)


def configured(a: OpenedSnapshot, b: OpenedSnapshot) -> ModelSource | None:
    """The Keras configuration of one that the other, a SavedModel, may have been exported of.

    Whether the SavedModel's graph computes the same is not known from its tensors.
    """
    for graph, other in ((a, b), (b, a)):
        formats = (graph.contents.format, other.contents.format)
        if formats[0] is not Format.SAVED_MODEL or formats[1] is Format.SAVED_MODEL:
            continue
        if other.config is not None and architecture.fits(other.config, graph.contents.tensors):
            return ModelSource("keras", config=other.config)
    return None


def _own(a: OpenedSnapshot, b: OpenedSnapshot, corrections: Corrections) -> tuple[Sourced, Sourced]:
    """Each side's own network."""
    return (
        Sourced(_source(a, b), a.contents, match(a, b, corrections).names),
        Sourced(_source(b, a), b.contents),
    )


def _source(snapshot: OpenedSnapshot, other: OpenedSnapshot) -> ModelSource:
    if snapshot.contents.format is Format.SAVED_MODEL:
        if is_remote(snapshot.contents.path):
            raise ModelUnavailableError(
                f"{snapshot.contents.path} lies in a store, and the process that runs graphs has "
                "no network.",
                "Copy the SavedModel to this machine, or save the model as .keras beside it.",
            )
        return ModelSource("saved_model", path=snapshot.contents.path)
    return ModelSource("keras", config=_config(snapshot, other))


def _config(snapshot: OpenedSnapshot, other: OpenedSnapshot) -> str:
    config = snapshot.config or other.config
    if config is None:
        raise ModelUnavailableError(
            f"{snapshot.contents.path} holds weights only, and no configuration of its network "
            "was found in the run.",
            "Save a .keras file in the run, train with Keras's TensorBoard callback, or start "
            f"TensorBoard with {_CODE_FLAG}.",
        )
    return config


def same_tensors(a: SnapshotContents, b: SnapshotContents) -> bool:
    """Whether two snapshots hold tensors of the same names and shapes."""
    of_a, of_b = (frozenset((e.name, e.shape) for e in side.tensors) for side in (a, b))
    return of_a == of_b
