"""Where the output channels (filters) lie in a stored tensor."""

from dataclasses import dataclass
from math import prod
from typing import Literal

from tb_snapshot_compare.limits import FILTERS_MAX

Layout = Literal["keras", "torch"]
"""As `snapshot.Layout`; numerics know nothing of snapshots."""
_VECTOR_ROLES = frozenset({"bias", "gamma", "beta", "moving_mean", "moving_variance", "scale"})


@dataclass(frozen=True, slots=True)
class FilterAxis:
    """Element i of the flattened tensor (C order) belongs to filter `(i // stride) % count`."""

    count: int
    stride: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.stride < 1:
            raise ValueError(
                f"filter axis of count {self.count} and stride {self.stride}: both must be positive"
            )


def filter_axis(
    role: str, kind: str, shape: tuple[int, ...], layout: Layout = "keras"
) -> FilterAxis | None:
    """Finds the filters of a tensor of a layer.

    In Keras's layout:

    - `*Conv*Transpose` kernels `(..., out, in)`: the axis before the last.
    - `DepthwiseConv*` kernels `(..., in, multiplier)`, and the `depthwise_kernel` of a
      `SeparableConv*`: the last two axes together, as Keras orders the output channels.
    - `EinsumDense` kernels, and those of attention layers (an EinsumDense each): all axes but
      the first. For the usual equations (`ab,bc->ac`, `abc,cde->abde`) the first axis is the
      input and the others are the output; an equation that contracts several leading axes
      (the output projection of attention, `(heads, key, out)`) is sliced more finely than its
      outputs, one slice for each (key, out).
    - Every other tensor (Conv, Dense, Embedding, recurrent kernels, vectors): the last axis.
      The fused gates of recurrent layers count one filter per gate and unit.

    In PyTorch's layout the filters of whatever is multiplied with the input are the first axis
    (`torch.nn.Linear` `(out, in)`, `Conv2d` `(out, in / groups, kh, kw)`, fused gates
    `(gates * hidden, in)`, attention's `(3 * embed, embed)`), those of transposed convolutions
    `(in, out / groups, kh, kw)` the second; embeddings and vectors are as Keras's.

    Args:
      role: the tensor's role, `kernel`, `bias`, ...
      kind: the Keras class of its layer, `Conv2D`; `Unknown` is read as Dense or Conv.
      shape: the stored shape.
      layout: in which order the axes are stored.

    Returns:
      None for a scalar, for a tensor without elements, and for more than `FILTERS_MAX` filters.
    """
    if not shape or 0 in shape:
        return None
    axis = (_torch_axis if layout == "torch" else _axis_of)(role, kind, shape)
    return axis if axis.count <= FILTERS_MAX else None


def _axis_of(role: str, kind: str, shape: tuple[int, ...]) -> FilterAxis:
    if len(shape) == 1 or role in _VECTOR_ROLES:
        return FilterAxis(prod(shape), 1)
    if role == "depthwise_kernel" or (kind.startswith("Depthwise") and role == "kernel"):
        return FilterAxis(shape[-2] * shape[-1], 1)
    if role == "kernel" and "Conv" in kind and kind.endswith("Transpose"):
        return FilterAxis(shape[-2], shape[-1])
    if role == "kernel" and (kind == "EinsumDense" or kind.endswith("Attention")):
        return FilterAxis(prod(shape[1:]), 1)
    return FilterAxis(shape[-1], 1)


def is_multiplied(role: str, shape: tuple[int, ...]) -> bool:
    """Whether a tensor is multiplied with a layer's input, so that its layout matters."""
    return len(shape) > 1 and "kernel" in role


def _torch_axis(role: str, kind: str, shape: tuple[int, ...]) -> FilterAxis:
    if not is_multiplied(role, shape):
        return _axis_of(role, "", shape)
    if "Conv" in kind and kind.endswith("Transpose"):
        return FilterAxis(shape[1], prod(shape[2:]))
    return FilterAxis(shape[0], prod(shape[1:]))
