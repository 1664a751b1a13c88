"""A PyTorch snapshot as the Keras network that it is a port of would have saved it.

So its weights run through the configuration of the other side of a pair.
"""

from dataclasses import replace

from tb_snapshot_compare.readers.spool import DerivedPath
from tb_snapshot_compare.snapshot import Extent, Generation, TensorInfo
from tb_snapshot_compare.workspace.match_entries import is_torch
from tb_snapshot_compare.workspace.match_files import Corrections, digest
from tb_snapshot_compare.workspace.matching import match
from tb_snapshot_compare.workspace.opening import OpenedSnapshot


def as_keras(
    snapshot: OpenedSnapshot, other: OpenedSnapshot, corrections: Corrections = ()
) -> OpenedSnapshot:
    """The snapshot under the layers, roles and shapes of the other; as it is where both are alike.

    Tensors keep the pair's names. Those without a partner, and those of which the other side keeps
    several in one, are left out.

    Args:
      snapshot: in PyTorch's layout.
      other: in Keras's, with its configuration.
      corrections: Matches of `snapshot` (as a) and `other`.
    """
    if other.config is None or not is_torch(snapshot.contents.tensors):
        return snapshot
    if is_torch(other.contents.tensors):
        return snapshot
    pairs = match(snapshot, other, corrections).of_scopes(frozenset({"weights"}))
    tensors = tuple(
        _renamed(pair.a, pair.stored_b)
        for pair in pairs
        if pair.status == "compared"
        and pair.a is not None
        and pair.stored_b is not None
        and pair.stored_b.shape == pair.a.shape
    )
    contents = replace(
        snapshot.contents,
        tensors=tensors,
        generation=_under(snapshot.contents.generation, corrections),
    )
    return replace(snapshot, contents=contents)


def _renamed(tensor: TensorInfo, like: TensorInfo) -> TensorInfo:
    """With its values in files that another process can read."""
    extents = tuple(
        Extent(extent.path.made(), extent.offset, extent.length)
        if isinstance(extent.path, DerivedPath)
        else extent
        for extent in tensor.extents
    )
    return replace(tensor, layer=like.layer, role=like.role, models=like.models, extents=extents)


def _under(generation: Generation, corrections: Corrections) -> Generation:
    """Other weights are read from the same bytes under other matches."""
    return replace(generation, digest=f"{generation.digest} as keras {digest(corrections)}")
