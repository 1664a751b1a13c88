"""Readers: one file per format, from a path to tensors as byte extents.

Safe on hostile bytes: every failure is an error of `errors`, nothing a file claims is
allocated before it was checked against the file's size, and nothing in a file runs.
No framework is imported.
"""

from tb_snapshot_compare.readers.extents import TensorReader, as_native, checked_dtype, cut
from tb_snapshot_compare.readers.fingerprints import (
    PartPrint,
    PartPrinter,
    check_values,
    checked_identity,
    digest_identity,
    stored_identity,
)
from tb_snapshot_compare.readers.front_door import config_of, detect_format, open_contents
from tb_snapshot_compare.readers.generation import check_generation, generation_of
from tb_snapshot_compare.readers.graph_file import graph_file, read_graph
from tb_snapshot_compare.readers.recognising import holds_weights, looks_like_snapshot
from tb_snapshot_compare.readers.saved_model import variable_keys
from tb_snapshot_compare.readers.shards import missing_files
from tb_snapshot_compare.readers.spool import DerivedPath, SpoolPath

__all__ = [
    "DerivedPath",
    "PartPrint",
    "PartPrinter",
    "SpoolPath",
    "TensorReader",
    "as_native",
    "check_generation",
    "check_values",
    "checked_dtype",
    "checked_identity",
    "config_of",
    "cut",
    "detect_format",
    "digest_identity",
    "generation_of",
    "graph_file",
    "holds_weights",
    "looks_like_snapshot",
    "missing_files",
    "open_contents",
    "read_graph",
    "stored_identity",
    "variable_keys",
]
