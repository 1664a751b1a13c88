"""The class of a layer from the roles, ranks and sizes of its weights."""

from collections.abc import Mapping, Sequence

from tb_snapshot_compare.architecture.values import UNKNOWN
from tb_snapshot_compare.snapshot import TensorInfo

_Shapes = Mapping[str, tuple[int, ...]]
_MOVING = {"moving_mean", "moving_variance"}
_SCALED = {"gamma", "beta"}
_SPATIAL = range(3, 6)
_OF_GATES = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}
_PROJECTIONS = ("attention", "attn", "einsum", "query", "key", "value")
_TRANSPOSED = ("transpose", "deconv", "upconv")
_OTHER_NORMS = ("group", "instance", "rms")


def certain_kind(own: Sequence[TensorInfo]) -> str:
    """The class, where shapes leave no other and it decides which axis has the filters.

    The bias has one value for each output channel, so it tells the kernel of a convolution
    (`(..., in, out)`) from that of a transposed one (`(..., out, in)`); in PyTorch's layout
    these are `(out, in, ...)` and `(in, out, ...)`.
    """
    shapes = {tensor.role: tensor.shape for tensor in own}
    kernel, bias = shapes.get("kernel", ()), shapes.get("bias", ())
    if shapes.keys() != {"kernel", "bias"} or len(kernel) not in _SPATIAL or len(bias) != 1:
        return UNKNOWN
    spatial = len(kernel) - 2
    if _is_torch(own):
        transposed = bias[0] == kernel[1] != kernel[0]
        return f"Conv{spatial}DTranspose" if transposed else UNKNOWN
    *_, first, last = kernel
    if bias[0] == last or last == 1:
        return UNKNOWN
    if bias[0] == first:
        return f"Conv{spatial}DTranspose"
    if bias[0] == first * last and spatial < 3:
        return f"DepthwiseConv{spatial}D"
    return UNKNOWN


def likely_kind(path: str, own: Sequence[TensorInfo]) -> str | None:
    """What people call a layer with such weights, where that decides nothing; None if unclear.

    A convolution without bias may be a transposed one, and one of PyTorch a grouped one: both
    are called `Conv2D` here. Names tell projections of attention and other norms apart, whose
    weights look as those of a convolution or of a LayerNormalization.

    Args:
      path: the full path of the layer.
      own: its weights.
    """
    shapes = {tensor.role: tensor.shape for tensor in own}
    if len(shapes) != len(own):
        return None
    roles = shapes.keys()
    words = path.lower()
    if roles == {"embeddings"} and len(shapes["embeddings"]) == 2:
        return "Embedding"
    if roles >= _MOVING and roles <= _MOVING | _SCALED:
        return "BatchNormalization"
    if roles == _SCALED:
        return None if _has(words, _OTHER_NORMS) or "gn" in _last(words) else "LayerNormalization"
    if roles - {"bias"} == {"kernel", "recurrent_kernel"}:
        return _recurrent(shapes, torch=_is_torch(own))
    if "depthwise_kernel" in roles and len(shapes["depthwise_kernel"]) in _SPATIAL:
        separable = "pointwise_kernel" in roles
        spatial = len(shapes["depthwise_kernel"]) - 2
        return f"{'Separable' if separable else 'Depthwise'}Conv{spatial}D"
    if roles - {"bias"} == {"kernel"}:
        return _of_kernel(words, shapes, torch=_is_torch(own))
    return None


def _of_kernel(words: str, shapes: _Shapes, *, torch: bool) -> str | None:
    kernel, bias = shapes["kernel"], shapes.get("bias")
    if len(kernel) not in (2, *_SPATIAL):
        return None
    outputs = kernel[0] if torch else kernel[-1]
    if bias is not None and bias != (outputs,):
        return None
    if len(kernel) == 2:
        return None if "einsum" in words else "Dense"
    if _has(words, _TRANSPOSED) or (not torch and _has(words, _PROJECTIONS)):
        return None
    if not torch and bias is None and outputs == 1:
        return None
    return f"Conv{len(kernel) - 2}D"


def _recurrent(shapes: _Shapes, *, torch: bool) -> str | None:
    """By how many gates there are: a row, or column, of every unit for each."""
    kernel, recurrent = shapes["kernel"], shapes["recurrent_kernel"]
    if len(kernel) != 2 or len(recurrent) != 2:
        return None
    axis = 0 if torch else 1
    units, gated = recurrent[1 - axis], recurrent[axis]
    if not units or gated != kernel[axis] or gated % units:
        return None
    return _OF_GATES.get(gated // units)


def _is_torch(own: Sequence[TensorInfo]) -> bool:
    return any(tensor.layout == "torch" for tensor in own)


def _has(words: str, parts: Sequence[str]) -> bool:
    return any(part in words for part in parts)


def _last(path: str) -> str:
    return path.rpartition("/")[2]
