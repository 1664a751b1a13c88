"""Tensors in PyTorch's order of axes as Keras would have stored them.

A pair of a Keras and a PyTorch snapshot is compared in Keras's layout, whichever is a and whichever
is b: what is shown does not change when the two are swapped, and everything downstream, filters,
maps and running models, meets one layout.
"""

import math

from tb_snapshot_compare.analysis.filter_axis import is_multiplied
from tb_snapshot_compare.readers.transposing import Rearrangement, rearranged
from tb_snapshot_compare.snapshot import Generation, TensorInfo

Shape = tuple[int, ...]
_ATTENTION_RANK = 3


def in_keras_layout(
    tensor: TensorInfo, like: TensorInfo, generation: Generation
) -> TensorInfo | None:
    """A tensor of a PyTorch snapshot in the shape and the order of axes of a Keras one.

    Args:
      tensor: of the PyTorch snapshot.
      like: the Keras tensor that it is compared with.
      generation: of the snapshot that `tensor` is in.

    Returns:
      None where the shapes are not those of one tensor.
    """
    how = arrangement(tensor, like)
    return None if how is None else rearranged(tensor, generation, how)


def arrangement(tensor: TensorInfo, like: TensorInfo) -> Rearrangement | None:
    """How a tensor of a PyTorch snapshot becomes the Keras tensor `like`; None where it cannot."""
    if tensor.layout == "keras" and is_multiplied(tensor.role, tensor.shape):
        same = tensor.shape == like.shape
        return (
            Rearrangement(like.shape, tuple(range(len(like.shape))), like.shape) if same else None
        )
    return rearrangement(tensor.role, tensor.shape, like.role, like.shape)


def rearrangement(role: str, shape: Shape, like_role: str, like: Shape) -> Rearrangement | None:
    """How a PyTorch tensor of `shape` becomes a Keras tensor of the shape `like`.

    - What is multiplied: `(out, in, ...)` to `(..., in, out)`, and `(in, out, ...)` of transposed
      convolutions to `(..., out, in)`, which is the same order.
    - Depthwise `(in * multiplier, 1, ...)` to `(..., in, multiplier)`.
    - Projections of attention `(heads * key, in)` to `(in, heads, key)`, and `(out, heads * value)`
      to `(heads, value, out)` (`keras.layers.MultiHeadAttention`).
    - Everything else as it is, be it with or without axes of size 1, or heads of a bias apart.
    """
    if not (is_multiplied(role, shape) or (is_multiplied(like_role, like) and len(shape) > 1)):
        return _reshaped(role, shape, like)
    out, first, *spatial = shape
    kept = tuple(range(2, len(shape)))
    if like == (*spatial, first, out):
        return Rearrangement(shape, (*kept, 1, 0), like)
    if first == 1 and len(like) == len(shape) > 2 and like == (*spatial, *like[-2:]):
        channels, multiplier = like[-2:]
        if channels * multiplier == out:
            return Rearrangement((channels, multiplier, *spatial), (*kept, 0, 1), like)
    if len(shape) == 2 and len(like) == _ATTENTION_RANK:
        if like[0] == first and like[1] * like[2] == out:
            return Rearrangement((like[1], like[2], first), (2, 0, 1), like)
        if like[2] == out and like[0] * like[1] == first:
            return Rearrangement((out, like[0], like[1]), (1, 2, 0), like)
    return None


def _reshaped(role: str, shape: Shape, like: Shape) -> Rearrangement | None:
    """The same values in the same order, where sizes other than 1 agree or a bias has heads."""
    heads = role == "bias" and len(shape) == 1 and math.prod(like) == shape[0]
    if not heads and [n for n in shape if n != 1] != [n for n in like if n != 1]:
        return None
    return Rearrangement(shape, tuple(range(len(shape))), like)


def normal_shape(tensor: TensorInfo, *, depthwise: bool, heads: bool) -> Shape:
    """A shape that a tensor has in either layout, to tell which tensors may be the same.

    Args:
      tensor: in either layout.
      depthwise: whether a Keras kernel is that of a depthwise convolution.
      heads: whether a Keras kernel or bias has axes of attention heads: 1 and 2 of `(in, heads,
        key)`, 0 and 1 of `(heads, value, out)`; told by the role of `tensor`, which is `output`
        for the latter.
    """
    shape = tensor.shape
    if tensor.layout == "torch":
        if is_multiplied(tensor.role, shape):
            return (*shape[2:], shape[1], shape[0])
        return tuple(n for n in shape if n != 1)
    if not is_multiplied(tensor.role, shape):
        return (math.prod(shape),) if heads and len(shape) == 2 else _squeezed(shape)
    if depthwise and len(shape) > 2:
        return (*shape[:-2], 1, shape[-2] * shape[-1])
    if heads and len(shape) == _ATTENTION_RANK:
        if "output" in tensor.name:
            return (shape[0] * shape[1], shape[2])
        return (shape[0], shape[1] * shape[2])
    return shape


def _squeezed(shape: Shape) -> Shape:
    return tuple(n for n in shape if n != 1)
