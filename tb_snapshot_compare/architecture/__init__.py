"""The graph of layers of a network, and which tensors belong to which layer.

Pure: text and values in, values out; nothing is read and no framework is imported.
"""

from tb_snapshot_compare.architecture.alignment import aligned, renamed, same_but_for_numbers
from tb_snapshot_compare.architecture.fitting import fits
from tb_snapshot_compare.architecture.graph_def import from_operations
from tb_snapshot_compare.architecture.keras_model import from_keras_config
from tb_snapshot_compare.architecture.merge import Side, layer_of, merge
from tb_snapshot_compare.architecture.names import from_names
from tb_snapshot_compare.architecture.options import layer_options
from tb_snapshot_compare.architecture.stages import with_stages
from tb_snapshot_compare.architecture.values import Architecture, Edge, Layer, Shape, Source

__all__ = [
    "Architecture",
    "Edge",
    "Layer",
    "Shape",
    "Side",
    "Source",
    "aligned",
    "fits",
    "from_keras_config",
    "from_names",
    "from_operations",
    "layer_of",
    "layer_options",
    "merge",
    "renamed",
    "same_but_for_numbers",
    "with_stages",
]
