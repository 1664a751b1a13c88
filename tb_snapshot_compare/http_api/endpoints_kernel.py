"""The routes of the convolution operation view."""

from typing import Any

from tb_snapshot_compare.http_api import contract_kernel as kernel
from tb_snapshot_compare.http_api.endpoints import PAIR, TEXT, Endpoint, whole
from tb_snapshot_compare.limits import BINS_MAX, LEVELS_MAX

_ORDER: dict[str, Any] = {"type": "string", "enum": ["index", "difference", "similarity"]}
_LAYER = {**PAIR, "layer": ("full path of a layer", TEXT)}
_MAP = {
    "tensor": ("canonical name of a tensor; the layer's largest when absent", TEXT),
    "measure": ("a key of Measures that `difference` shows; l2 when absent", TEXT),
    "rows_by": ("order of rows; by index when absent", _ORDER),
    "columns_by": ("order of columns; by index when absent", _ORDER),
}
_CELLS = {
    "bins": ("bins of the distribution", whole(2, BINS_MAX)),
    "levels": ("levels of the distribution", whole(1, LEVELS_MAX)),
    "cells": ("cells of the distribution, as bins.levels, e.g. 0-9.2-4,12.0", TEXT),
    "whole": ("layer (the default) or tensor: whose distribution the cells are of", TEXT),
}
ENDPOINTS = (
    Endpoint(
        "/kernel",
        "A tensor of a layer as a matrix of slices: sizes, levels of detail, scales.",
        kernel.KernelMap,
        _LAYER,
        _MAP,
        queued=True,
    ),
    Endpoint(
        "/kernel_tiles",
        "Tiles of a quantity, one after the other as little-endian float16 without a header, each "
        "cropped to the level's size, row by row.",
        None,
        {
            **_LAYER,
            "quantity": ("difference, signed, relative, a, b or located", TEXT),
            "tiles": ("up to 16 tiles, as level.row.column,... in tiles", TEXT),
        },
        {**_MAP, **_CELLS},
        queued=True,
    ),
    Endpoint(
        "/kernel_order",
        "The stored index at each place of the map: vectors `rows` and `columns` of int32.",
        None,
        _LAYER,
        _MAP,
        queued=True,
    ),
    Endpoint(
        "/kernel_slice",
        "One slice with its weights in a and b.",
        kernel.KernelSlice,
        {
            **_LAYER,
            "row": ("stored index of the row", whole(0, 2**31 - 1)),
            "column": ("stored index of the column", whole(0, 2**31 - 1)),
        },
        {"tensor": _MAP["tensor"]},
    ),
    Endpoint(
        "/located",
        "How many weights and slices lie in the chosen cells of the distribution.",
        kernel.Located,
        _LAYER,
        {"tensor": _MAP["tensor"], **_CELLS},
        queued=True,
    ),
    Endpoint(
        "/area_distribution",
        "The distribution of an area of the map, in the bins and levels of the layer's.",
        kernel.AreaDistribution,
        {
            **_LAYER,
            "rows": ("places on the map, e.g. 0-63", TEXT),
            "columns": ("places on the map, e.g. 0-63", TEXT),
        },
        {**_MAP, "bins": _CELLS["bins"], "levels": _CELLS["levels"], "whole": _CELLS["whole"]},
        queued=True,
    ),
)
