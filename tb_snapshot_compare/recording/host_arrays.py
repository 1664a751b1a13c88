"""Copies of arrays of any framework in memory of our own."""

import sys
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def copied(arrays: Mapping[str, Any]) -> dict[str, Array]:
    """A copy of every array, C-contiguous; those that are None are left out.

    Args:
      arrays: of NumPy, TensorFlow, Keras, PyTorch (on any device, with or without gradient) or JAX.
    """
    return {name: copied_array(each) for name, each in arrays.items() if each is not None}


def copied_array(values: Any) -> Array:
    """A copy of an array, of any framework."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        return _of_torch(values, torch)
    return np.array(values, order="C", copy=True)


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
