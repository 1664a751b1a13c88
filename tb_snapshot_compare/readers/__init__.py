"""Readers: one file per format, from a path to tensors as byte extents.

Safe on hostile bytes: every failure is an error of `errors`, nothing a file claims is
allocated before it was checked against the file's size, and nothing in a file runs.
No framework is imported.
"""

from tb_snapshot_compare.readers.extents import TensorReader
from tb_snapshot_compare.readers.front_door import config_of, detect_format, open_contents
from tb_snapshot_compare.readers.generation import check_generation, generation_of
from tb_snapshot_compare.readers.graph_file import graph_file, read_graph
from tb_snapshot_compare.readers.recognising import holds_weights, looks_like_snapshot
from tb_snapshot_compare.readers.saved_model import variable_keys
from tb_snapshot_compare.readers.shards import missing_files

__all__ = [
    "TensorReader",
    "check_generation",
    "config_of",
    "detect_format",
    "generation_of",
    "graph_file",
    "holds_weights",
    "looks_like_snapshot",
    "missing_files",
    "open_contents",
    "read_graph",
    "variable_keys",
]
