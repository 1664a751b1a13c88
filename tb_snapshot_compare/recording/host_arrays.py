"""Copies of arrays of any framework in memory of our own."""

import sys
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SPARSE = ("values", "indices", "dense_shape")
"""What TensorFlow's sparse tensors have, and no other array."""


def copied(arrays: Mapping[str, Any]) -> dict[str, Array]:
    """A copy of every array, C-contiguous; those that are None are left out.

    Args:
      arrays: of NumPy, TensorFlow, Keras, PyTorch (on any device, with or without gradient) or JAX.
        Sparse ones of TensorFlow (`IndexedSlices`, `SparseTensor`) and PyTorch become dense.

    Raises:
      TypeError: one holds no numbers.
    """
    found = {name: copied_array(each) for name, each in arrays.items() if each is not None}
    for name, each in found.items():
        if each.dtype.kind in "OSUMm" or each.dtype.type is np.void:
            raise TypeError(
                f"tensor {name!r} is a {type(arrays[name]).__name__} of dtype {each.dtype}: want "
                "an array of numbers"
            )
    return found


def copied_array(values: Any) -> Array:
    """A copy of an array, of any framework."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        return _of_torch(values, torch)
    if all(getattr(values, name, None) is not None for name in _SPARSE):
        return _of_slices(values)
    return np.array(values, order="C", copy=True)


def _of_slices(tensor: Any) -> Array:
    """Sums what has the same index: a gradient has one slice for every use of a row."""
    values, indices = np.asarray(tensor.values), np.asarray(tensor.indices)
    dense = np.zeros(tuple(np.asarray(tensor.dense_shape).tolist()), values.dtype)
    np.add.at(dense, indices if indices.ndim == 1 else tuple(indices.T), values)
    return dense


def _of_torch(tensor: Any, torch: Any) -> Array:
    """NumPy has no bfloat16 and no float8 of its own, so their bits are taken."""
    there = tensor.detach()
    if there.layout is not torch.strided:
        there = there.to_dense()
    name = str(there.dtype).removeprefix("torch.")
    if name == "bfloat16" or name.startswith("float8_"):
        whole = torch.int16 if name == "bfloat16" else torch.uint8
        bits = there.contiguous().view(whole).cpu().numpy()
        return np.array(bits, order="C", copy=True).view(getattr(ml_dtypes, name))
    return np.array(there.cpu().numpy(), order="C", copy=True)
