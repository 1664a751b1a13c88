"""Readers: one file per format, from a path to tensors as byte extents.

Safe on hostile bytes: every failure is an error of `errors`, nothing a file claims is
allocated before it was checked against the file's size, and nothing in a file runs.
No framework is imported.
"""

from tb_snapshot_compare.readers.extents import TensorReader
from tb_snapshot_compare.readers.front_door import (
    detect_format,
    is_bundle_index,
    open_contents,
)
from tb_snapshot_compare.readers.generation import check_generation, generation_of

__all__ = [
    "TensorReader",
    "check_generation",
    "detect_format",
    "generation_of",
    "is_bundle_index",
    "open_contents",
]
