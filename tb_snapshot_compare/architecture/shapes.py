"""Output shapes of common Keras layers, computed from their configuration.

A configuration records the shapes that layers take, so most output shapes can be read off
their consumers; these rules serve for the others: outputs of the model, Sequential models and
tf.keras 2. The arithmetic is that of keras/src/ops/operation_utils.py.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tb_snapshot_compare.architecture.values import Shape

Config = Mapping[str, Any]

_SAME = frozenset(
    {
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "GroupNormalization",
        "Identity",
        "LayerNormalization",
        "LeakyReLU",
        "Masking",
        "Normalization",
        "PReLU",
        "RMSNormalization",
        "ReLU",
        "Rescaling",
        "Softmax",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "ThresholdedReLU",
        "UnitNormalization",
        "Abs",
        "Cos",
        "Elu",
        "Exp",
        "Gelu",
        "Log",
        "Negative",
        "Relu",
        "Relu6",
        "Rsqrt",
        "Selu",
        "Sigmoid",
        "Sign",
        "Silu",
        "Sin",
        "Softplus",
        "Sqrt",
        "Square",
        "Tanh",
    }
)
_MERGE = frozenset(
    {
        "Add",
        "Average",
        "Divide",
        "Maximum",
        "Minimum",
        "Multiply",
        "Power",
        "Subtract",
        "TrueDivide",
    }
)
_RECURRENT = frozenset({"GRU", "LSTM", "SimpleRNN"})
_ATTENTION = frozenset({"AdditiveAttention", "Attention", "MultiHeadAttention"})


def output_shape(kind: str, config: Config, inputs: Sequence[Shape | None]) -> Shape | None:
    """The shape of a layer's first output.

    Args:
      kind: the Keras class.
      config: its configuration, of any content.
      inputs: shapes of the tensors that it takes, in order.

    Returns:
      None where it cannot be told.
    """
    if not inputs or inputs[0] is None:
        return None
    known = [shape for shape in inputs if shape is not None]
    try:
        rule = _RULES.get(_family(kind))
        if rule is None:
            return _listed(kind, config, inputs[0], known, complete=len(known) == len(inputs))
        return rule(config, inputs[0], kind)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # the configuration lacks what the rule needs, or holds nonsense


def _family(kind: str) -> str:
    """The kind without its number of dimensions, `GlobalMaxPooling` for `GlobalMaxPooling2D`."""
    return re.sub(r"[123]D(?=Transpose$|$)", "", kind)


def _listed(
    kind: str, config: Config, first: Shape, known: Sequence[Shape], *, complete: bool
) -> Shape | None:
    if kind in _SAME:
        return first
    if kind in _MERGE:
        return _broadcast(known) if complete else None
    if kind in _RECURRENT:
        return _recurrent(config, first)
    if kind in _ATTENTION:
        last = config.get("output_shape")
        if kind != "MultiHeadAttention":
            return (*first[:-1], known[1][-1]) if complete and len(known) > 1 else None
        return first if last is None else None
    if kind == "Concatenate":
        return _concatenated(config, known) if complete else None
    return None


def _broadcast(shapes: Sequence[Shape]) -> Shape | None:
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    result: list[int | None] = []
    for sizes in zip(*padded, strict=True):
        fixed = {size for size in sizes if size not in (None, 1)}
        if len(fixed) > 1:
            return None
        result.append(fixed.pop() if fixed else (None if None in sizes else 1))
    return tuple(result)


def _concatenated(config: Config, shapes: Sequence[Shape]) -> Shape:
    result = list(shapes[0])
    axis = range(len(result))[config.get("axis", -1)]
    sizes = [shape[axis] for shape in shapes]
    result[axis] = None if None in sizes else sum(size for size in sizes if size is not None)
    return tuple(result)


def _recurrent(config: Config, first: Shape) -> Shape:
    units = _size(config["units"])
    return (*first[:2], units) if config.get("return_sequences") else (first[0], units)


def _dense(config: Config, first: Shape, _: str) -> Shape:
    return (*first[:-1], _size(config["units"]))


def _embedding(config: Config, first: Shape, _: str) -> Shape:
    return (*first, _size(config["output_dim"]))


def _flatten(_: Config, first: Shape, __: str) -> Shape:
    rest = first[1:]
    return (first[0], None if None in rest else math.prod(s for s in rest if s is not None))


def _reshape(config: Config, first: Shape, _: str) -> Shape:
    target = [_size(size, least=-1) for size in config["target_shape"]]
    if -1 in target:
        rest = first[1:]
        total = None if None in rest else math.prod(s for s in rest if s is not None)
        others = -math.prod(target)
        return (first[0], *((total and total // others) if s == -1 else s for s in target))
    return (first[0], *target)


def _permute(config: Config, first: Shape, _: str) -> Shape:
    return (first[0], *(first[_size(axis)] for axis in config["dims"]))


def _repeat(config: Config, first: Shape, _: str) -> Shape:
    return (first[0], _size(config["n"]), *first[1:])


def _convolution(config: Config, first: Shape, kind: str) -> Shape:
    rank = len(first) - 2
    kernel, stride, dilation = (
        _each(config.get(key, 1), rank) for key in ("kernel_size", "strides", "dilation_rate")
    )
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    sizes = [
        _windows(size, span, step, config["padding"])
        for size, span, step in zip(_spatial(config, first), spans, stride, strict=True)
    ]
    if kind.startswith("Depthwise"):
        channels = first[_channel_axis(config)]
        multiplier = _size(config.get("depth_multiplier", 1))
        return _joined(config, first, sizes, None if channels is None else channels * multiplier)
    return _joined(config, first, sizes, _size(config["filters"]))


def _transposed(config: Config, first: Shape, _: str) -> Shape | None:
    if config.get("output_padding") is not None:
        return None
    rank = len(first) - 2
    kernel, stride, dilation = (
        _each(config.get(key, 1), rank) for key in ("kernel_size", "strides", "dilation_rate")
    )
    sizes: list[int | None] = []
    for size, k, step, d in zip(_spatial(config, first), kernel, stride, dilation, strict=True):
        overlap = max((k - 1) * d + 1 - step, 0) if config["padding"] == "valid" else 0
        sizes.append(None if size is None else size * step + overlap)
    return _joined(config, first, sizes, _size(config["filters"]))


def _pooling(config: Config, first: Shape, _: str) -> Shape:
    rank = len(first) - 2
    pool = _each(config["pool_size"], rank)
    stride = pool if config.get("strides") is None else _each(config["strides"], rank)
    sizes = [
        _windows(size, span, step, config["padding"])
        for size, span, step in zip(_spatial(config, first), pool, stride, strict=True)
    ]
    return _joined(config, first, sizes, first[_channel_axis(config)])


def _global_pooling(config: Config, first: Shape, _: str) -> Shape:
    channels = first[_channel_axis(config)]
    if config.get("keepdims"):
        return _joined(config, first, [1] * (len(first) - 2), channels)
    return (first[0], channels)


def _padding(config: Config, first: Shape, _: str) -> Shape:
    return _bordered(config, first, config["padding"], sign=1)


def _cropping(config: Config, first: Shape, _: str) -> Shape:
    return _bordered(config, first, config["cropping"], sign=-1)


def _bordered(config: Config, first: Shape, borders: Any, sign: int) -> Shape:
    spatial = _spatial(config, first)
    if len(spatial) == 1:
        borders = [borders]
    totals = [sum(b) if isinstance(b, list) else 2 * b for b in borders]
    sizes = [
        None if size is None else size + sign * total
        for size, total in zip(spatial, totals, strict=True)
    ]
    return _joined(config, first, sizes, first[_channel_axis(config)])


def _upsampling(config: Config, first: Shape, _: str) -> Shape:
    factors = _each(config["size"], len(first) - 2)
    sizes = [
        None if size is None else size * factor
        for size, factor in zip(_spatial(config, first), factors, strict=True)
    ]
    return _joined(config, first, sizes, first[_channel_axis(config)])


def _bidirectional(config: Config, first: Shape, _: str) -> Shape | None:
    wrapped = config["layer"]
    inner = output_shape(wrapped["class_name"], wrapped["config"], [first])
    if inner is None or config.get("merge_mode") is None:
        return inner
    last = inner[-1]
    doubled = config["merge_mode"] == "concat" and last is not None
    return (*inner[:-1], 2 * last if doubled and last is not None else last)


def _wrapped(config: Config, first: Shape, _: str) -> Shape | None:
    return output_shape(config["layer"]["class_name"], config["layer"]["config"], [first])


def _time_distributed(config: Config, first: Shape, _: str) -> Shape | None:
    wrapped = config["layer"]
    inner = output_shape(wrapped["class_name"], wrapped["config"], [(first[0], *first[2:])])
    return None if inner is None else (inner[0], first[1], *inner[1:])


def _windows(size: int | None, span: int, step: int, padding: str) -> int | None:
    if size is None:
        return None
    if padding in ("same", "causal"):
        return -(-size // step)
    return (size - span) // step + 1


def _channel_axis(config: Config) -> int:
    return 1 if config.get("data_format") == "channels_first" else -1


def _spatial(config: Config, shape: Shape) -> Shape:
    return shape[2:] if _channel_axis(config) == 1 else shape[1:-1]


def _joined(
    config: Config, first: Shape, spatial: Sequence[int | None], channels: int | None
) -> Shape:
    if _channel_axis(config) == 1:
        return (first[0], channels, *spatial)
    return (first[0], *spatial, channels)


def _each(value: Any, rank: int) -> list[int]:
    """A size for every spatial axis: Keras writes a number or a list of them."""
    values = value if isinstance(value, list) else [value] * rank
    if len(values) == 1:
        values = values * rank
    return [_size(each, least=1) for each in values]


def _size(value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**53:
        raise ValueError
    return value


_RULES: dict[str, Callable[[Config, Shape, str], Shape | None]] = {
    "AveragePooling": _pooling,
    "Bidirectional": _bidirectional,
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "Cropping": _cropping,
    "Dense": _dense,
    "DepthwiseConv": _convolution,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "GlobalAveragePooling": _global_pooling,
    "GlobalMaxPooling": _global_pooling,
    "MaxPooling": _pooling,
    "Permute": _permute,
    "RepeatVector": _repeat,
    "Reshape": _reshape,
    "SeparableConv": _convolution,
    "SpectralNormalization": _wrapped,
    "TimeDistributed": _time_distributed,
    "UpSampling": _upsampling,
    "ZeroPadding": _padding,
}
