"""The units of a derived log: those that a recorded log of the same network has."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tb_snapshot_compare.analysis import is_comparable
from tb_snapshot_compare.workspace.opening import OpenedSnapshot, architecture_of

if TYPE_CHECKING:
    from tb_snapshot_compare.recording.hierarchy import Hierarchy


def hierarchy_of_snapshot(opened: OpenedSnapshot) -> "Hierarchy":
    """The hierarchy of a snapshot's weights; tensors are known by their canonical names."""
    from tb_snapshot_compare.recording.hierarchy import hierarchy_from

    infos = [
        replace(tensor, key=tensor.name)
        for tensor in opened.contents.tensors
        if tensor.scope == "weights" and is_comparable(tensor.dtype)
    ]
    return hierarchy_from(infos, architecture_of(opened, opened).layers)
