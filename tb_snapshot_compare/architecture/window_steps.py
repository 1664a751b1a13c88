"""What a layer does to positions along one axis: how many come out, and which go into each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Interval = tuple[int, int]
"""First and last position."""
Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One position in, one out; the others change that."""

    def size(self, given: int) -> int:
        """How many positions come out of `given`."""
        return given

    def back(self, low: int, high: int, _given: int) -> Interval:
        """What goes into the positions `low` to `high`, not clipped to what there is."""
        return low, high


@dataclass(frozen=True, slots=True)
class Window(Step):
    """Convolution or pooling; `span` is the kernel with its dilation."""

    span: int
    stride: int
    same: bool

    def size(self, given: int) -> int:
        """See `Step`."""
        return -(-given // self.stride) if self.same else (given - self.span) // self.stride + 1

    def back(self, low: int, high: int, given: int) -> Interval:
        """See `Step`."""
        before = self._before(given)
        return low * self.stride - before, high * self.stride - before + self.span - 1

    def _before(self, given: int) -> int:
        if not self.same:
            return 0
        return max((self.size(given) - 1) * self.stride + self.span - given, 0) // 2


@dataclass(frozen=True, slots=True)
class Transposed(Step):
    """Transposed convolution: the window that leads from its output to its input."""

    span: int
    stride: int
    same: bool

    def size(self, given: int) -> int:
        """See `Step`."""
        return given * self.stride + (0 if self.same else max(self.span - self.stride, 0))

    def back(self, low: int, high: int, given: int) -> Interval:
        """See `Step`."""
        before = 0
        if self.same:
            out = self.size(given)
            before = max((given - 1) * self.stride + self.span - out, 0) // 2
        first = -(-(low + before - self.span + 1) // self.stride)
        last = (high + before) // self.stride
        return min(first, last), last


@dataclass(frozen=True, slots=True)
class Border(Step):
    """Zeros put on both ends, or positions cut off (negative)."""

    before: int
    after: int

    def size(self, given: int) -> int:
        """See `Step`."""
        return given + self.before + self.after

    def back(self, low: int, high: int, _given: int) -> Interval:
        """See `Step`."""
        return low - self.before, high - self.before


@dataclass(frozen=True, slots=True)
class Upsampled(Step):
    """Every position `factor` times, or interpolated between the two beside it."""

    factor: int
    smooth: bool

    def size(self, given: int) -> int:
        """See `Step`."""
        return given * self.factor

    def back(self, low: int, high: int, _given: int) -> Interval:
        """See `Step`."""
        if not self.smooth:
            return low // self.factor, high // self.factor
        double = 2 * self.factor
        return (
            (2 * low + 1 - self.factor) // double,
            -((-(2 * high + 1 - self.factor)) // double),
        )


@dataclass(frozen=True, slots=True)
class Resized(Step):
    """Bilinear or nearest, to a fixed size."""

    wanted: int

    def size(self, _given: int) -> int:
        """See `Step`."""
        return self.wanted

    def back(self, low: int, high: int, given: int) -> Interval:
        """See `Step`."""
        double = 2 * self.wanted
        return (
            ((2 * low + 1) * given - self.wanted) // double,
            -((self.wanted - (2 * high + 1) * given) // double),
        )


@dataclass(frozen=True, slots=True)
class Everything(Step):
    """Every position out sees all that go in."""

    wanted: int = 1

    def size(self, _given: int) -> int:
        """See `Step`."""
        return self.wanted

    def back(self, _low: int, _high: int, given: int) -> Interval:
        """See `Step`."""
        return 0, given - 1


@dataclass(frozen=True, slots=True)
class LayerStep:
    """What a layer does along rows and columns; `merges` tells that it takes several maps."""

    rows: Step
    columns: Step
    merges: bool = False

    @property
    def whole(self) -> bool:
        """Whether every position sees everything."""
        return isinstance(self.rows, Everything)


def step_of(kind: str, config: Config) -> LayerStep | None:
    """What a layer of the Keras class `kind` does; None where that is not known."""
    try:
        rule = _RULES.get(kind)
        if rule is not None:
            return rule(config)
        if kind in _MERGES:
            return LayerStep(Step(), Step(), merges=True)
        return LayerStep(Step(), Step()) if kind in _POINTWISE else None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # the configuration lacks what the rule needs, or holds nonsense


def _pair(value: Any) -> tuple[int, int]:
    rows, columns = value if isinstance(value, list) else (value, value)
    for size in (rows, columns):
        if not isinstance(size, int) or isinstance(size, bool) or not 0 < size < 2**31:
            raise ValueError
    return rows, columns


def _spans(config: Config) -> tuple[int, int]:
    kernel, dilation = _pair(config["kernel_size"]), _pair(config.get("dilation_rate", 1))
    return (kernel[0] - 1) * dilation[0] + 1, (kernel[1] - 1) * dilation[1] + 1


def _convolution(config: Config) -> LayerStep:
    return _windows(_spans(config), _pair(config.get("strides", 1)), config)


def _pooling(config: Config) -> LayerStep:
    pool = _pair(config["pool_size"])
    strides = config.get("strides")
    return _windows(pool, pool if strides is None else _pair(strides), config)


def _windows(spans: tuple[int, int], strides: tuple[int, int], config: Config) -> LayerStep:
    same = _is_same(config)
    return LayerStep(Window(spans[0], strides[0], same), Window(spans[1], strides[1], same))


def _transposed(config: Config) -> LayerStep | None:
    if config.get("output_padding") is not None:
        return None
    spans, strides, same = _spans(config), _pair(config.get("strides", 1)), _is_same(config)
    return LayerStep(Transposed(spans[0], strides[0], same), Transposed(spans[1], strides[1], same))


def _is_same(config: Config) -> bool:
    if config["padding"] not in ("same", "valid"):
        raise ValueError
    return bool(config["padding"] == "same")


def _padding(config: Config) -> LayerStep:
    return _bordered(config["padding"], 1)


def _cropping(config: Config) -> LayerStep:
    return _bordered(config["cropping"], -1)


def _bordered(borders: Any, sign: int) -> LayerStep:
    ends = [each if isinstance(each, list) else [each, each] for each in borders]
    (top, bottom), (left, right) = ends
    return LayerStep(
        Border(sign * int(top), sign * int(bottom)), Border(sign * int(left), sign * int(right))
    )


def _upsampling(config: Config) -> LayerStep:
    rows, columns = _pair(config["size"])
    smooth = config.get("interpolation", "nearest") != "nearest"
    if smooth and config["interpolation"] != "bilinear":
        raise ValueError
    return LayerStep(Upsampled(rows, smooth), Upsampled(columns, smooth))


def _resizing(config: Config) -> LayerStep:
    height, width = _pair([config["height"], config["width"]])
    plain = not (config.get("crop_to_aspect_ratio") or config.get("pad_to_aspect_ratio"))
    if plain and config.get("interpolation") in ("bilinear", "nearest"):
        return LayerStep(Resized(height), Resized(width))
    return LayerStep(Everything(height), Everything(width))


def _everything(_: Config) -> LayerStep:
    return LayerStep(Everything(), Everything(), merges=True)


def _reshape(config: Config) -> LayerStep:
    shape = config["target_shape"]
    sizes = [max(int(size), 1) for size in shape[:2]] if len(shape) == 3 else [1, 1]
    return LayerStep(Everything(sizes[0]), Everything(sizes[1]))


def _by_channel(config: Config) -> LayerStep:
    """Of a normalization over some axes: local where that is the last one only."""
    axis = config.get("axis", -1)
    local = axis in (-1, 3, [-1], [3])
    if config.get("data_format") == "channels_first":
        local = axis in (1, [1])
    return LayerStep(Step(), Step()) if local else _spread(config)


def _concatenation(config: Config) -> LayerStep:
    if config.get("axis", -1) in (-1, 3):
        return LayerStep(Step(), Step(), merges=True)
    return _everything(config)


@dataclass(frozen=True, slots=True)
class _Spread(Everything):
    """As many positions as before, each of which sees all."""

    def size(self, given: int) -> int:
        return given


def _spread(_: Config) -> LayerStep:
    return LayerStep(_Spread(), _Spread())


_RULES: dict[str, Callable[[Config], LayerStep | None]] = {
    "Attention": _everything,
    "AveragePooling2D": _pooling,
    "Concatenate": _concatenation,
    "Conv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "Cropping2D": _cropping,
    "DepthwiseConv2D": _convolution,
    "Flatten": _everything,
    "GlobalAveragePooling2D": _everything,
    "GlobalMaxPooling2D": _everything,
    "GroupNormalization": _spread,
    "LayerNormalization": _by_channel,
    "MaxPooling2D": _pooling,
    "MultiHeadAttention": _everything,
    "Permute": _everything,
    "RMSNormalization": _by_channel,
    "Reshape": _reshape,
    "Resizing": _resizing,
    "SeparableConv2D": _convolution,
    "Softmax": _by_channel,
    "UnitNormalization": _by_channel,
    "UpSampling2D": _upsampling,
    "ZeroPadding2D": _padding,
}
_MERGES = frozenset(
    {"Add", "Average", "Divide", "Maximum", "Minimum", "Multiply", "Subtract", "TrueDivide"}
)
_POINTWISE = frozenset(
    {
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "BatchNormalization",
        "Dense",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "HardSigmoid",
        "Identity",
        "LayerScale",
        "LeakyReLU",
        "Normalization",
        "PReLU",
        "RandomBrightness",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "ReLU",
        "Relu",
        "Relu6",
        "Rescaling",
        "Sigmoid",
        "Silu",
        "SpatialDropout2D",
        "StochasticDepth",
        "Tanh",
        "ThresholdedReLU",
    }
)
"""What does nothing across positions when a network is evaluated."""
