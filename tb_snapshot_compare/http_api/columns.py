"""A comparison in columns: what thousands of layers have in common is written once.

Measures are float64 arrays, a row for each measure and a column for each layer or tensor, NaN where
a measure is undefined and where a tensor has none at all. Everything else is one JSON text, a list
for each field; where few values repeat, it has these once, and which of them each tensor has.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api.arrays import encode_arrays
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.workspace import Comparison, TensorDifference

MEASURES = contract.Measures.__struct_fields__
_VALUES: Callable[[object], tuple[float | None, ...]] = attrgetter(*MEASURES)
_NONE = (None,) * len(MEASURES)
_REPEATED = ("layer", "role", "scope", "dtype_a", "dtype_b", "shape_a", "shape_b", "status", "rule")


def comparison_columns(
    result: Comparison, a: contract.Snapshot, b: contract.Snapshot, hide: Hide
) -> bytes:
    """The arrays `layers` and `tensors`, and the rest as the text `comparison`, as one file.

    Args:
      result: What is written.
      a: Its first snapshot.
      b: Its second.
      hide: Takes from texts what clients must not see.
    """
    layers, tensors = result.layers, result.tensors
    text = {
        "a": a,
        "b": b,
        "coverage": _fields(result.coverage),
        "left_out": _fields(result.left_out),
        "model": _fields(result.model),
        "measures": MEASURES,
        "layers": {
            "name": [layer.name for layer in layers],
            "kind": _coded(layer.kind for layer in layers),
            "count": [layer.count for layer in layers],
        },
        "tensors": {
            "name": [tensor.name for tensor in tensors],
            "count": [tensor.count for tensor in tensors],
            **{field: _coded(map(attrgetter(field), tensors)) for field in _REPEATED},
            "problem": _coded(_problem(tensor, hide) for tensor in tensors),
        },
    }
    arrays = {
        "layers": _table([layer.measures for layer in layers]),
        "tensors": _table([tensor.measures for tensor in tensors]),
    }
    return encode_arrays(arrays, {"comparison": msgspec.json.encode(text).decode()})


def _problem(tensor: TensorDifference, hide: Hide) -> str | None:
    return None if tensor.problem is None else hide(tensor.problem)


def _table(measures: Sequence[object | None]) -> NDArray[np.float64]:
    """Measures x things; what is not finite is undefined, as on every route."""
    rows = [_NONE if found is None else _VALUES(found) for found in measures]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(MEASURES)).T
    return np.where(np.isfinite(table), table, np.nan)


def _coded(column: Iterable[Hashable]) -> dict[str, list[Any]]:
    places: dict[Hashable, int] = {}
    codes = [places.setdefault(value, len(places)) for value in column]
    return {"values": list(places), "codes": codes}


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
