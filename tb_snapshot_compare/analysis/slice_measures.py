"""What a pixel of the kernel map shows: the measures of exactly the weights under it.

Sums are taken in float64 in one pass; every quantity is a function of a pixel's sums, and the
sums of a larger pixel are those of the pixels in it. So all levels of detail come from one pass.
Squares leave float64's range beyond magnitudes of about 1e154 (float64 tensors only): such a
pixel is NaN.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.numeric_types import ValuePairs, value_pairs

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SliceMeasure = Literal[
    "l2",
    "relative_l2",
    "l1",
    "max_abs",
    "mean_abs",
    "mean_relative_percent",
    "cosine",
    "sign_flips",
    "changed",
]
"""The measures that a pixel can show. l2, l1 and sign_flips are per weight: root mean square of
the difference, mean absolute difference, and the fraction of weights whose sign changed."""
SLICE_MEASURES: tuple[SliceMeasure, ...] = get_args(SliceMeasure)

SliceQuantity = Literal[
    "l2",
    "relative_l2",
    "l1",
    "max_abs",
    "mean_relative_percent",
    "cosine",
    "sign_flips",
    "changed",
    "signed",
    "a",
    "b",
]
SLICE_QUANTITIES: tuple[SliceQuantity, ...] = get_args(SliceQuantity)


def quantity_of(shown: str, measure: SliceMeasure) -> SliceQuantity:
    """The quantity behind `difference`, `signed`, `relative`, `a` or `b`.

    Raises:
      ValueError: `shown` is none of them.
    """
    if shown == "difference":
        return "l1" if measure == "mean_abs" else measure
    if shown == "relative":
        return "mean_relative_percent"
    if shown in ("signed", "a", "b"):
        return shown  # type: ignore[return-value]  # a string of the literal's
    raise ValueError(f"{shown!r} is not shown of a pixel")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Pairs of values `[cells * outers * inners]`, and where the outers and inners belong.

    The values are those of `ValuePairs` in C order of (cells, outers, inners). A weight belongs
    to the pixel of its outer plus that of its inner, int64 `[outers]` and `[inners]`.
    """

    pairs: ValuePairs
    outer_pixels: Indices
    inner_pixels: Indices


class SliceSums:
    """The sums of `outers` x `inners` pixels.

    Not to be shared by threads, but by threads that add to different pixels: the kernels release
    the GIL. Memory: 160 bytes a pixel.
    """

    def __init__(self, outers: int, inners: int) -> None:
        kernels = _kernels()
        self._sums = np.zeros((kernels.SLOTS, outers * inners))
        self.shape = (outers, inners)

    @classmethod
    def _of(cls, sums: Floats, shape: tuple[int, int]) -> "SliceSums":
        found = cls.__new__(cls)
        found._sums, found.shape = sums, shape
        return found

    def add(self, block: Block) -> None:
        """Adds a block; `outer_pixels` count pixels, so they are multiples of the row's length."""
        pairs = block.pairs
        bits, bounds = _bits(pairs)
        _kernels().add_block(
            pairs.a,
            pairs.b,
            pairs.a.view(bits),
            pairs.b.view(bits),
            pairs.low_a,
            pairs.low_b,
            pairs.wide,
            bounds,
            block.outer_pixels,
            block.inner_pixels,
            self._sums,
        )

    def pooled(self) -> "SliceSums":
        """The sums of pools of 2 x 2 pixels; those at the far edges may hold fewer."""
        kernels = _kernels()
        outers, inners = ((size + 1) // 2 for size in self.shape)
        sums = self._sums.reshape(kernels.SLOTS, *self.shape)
        for axis in (1, 2):
            even, odd = (
                (sums[:, first::2] if axis == 1 else sums[:, :, first::2]) for first in (0, 1)
            )
            total = even.copy()
            part = total[:, : odd.shape[1], : odd.shape[2]]
            part += odd
            largest = total[kernels.LARGEST]
            largest[:] = even[kernels.LARGEST]
            largest = largest[: odd.shape[1], : odd.shape[2]]
            np.maximum(largest, odd[kernels.LARGEST], out=largest)
            sums = total
        return SliceSums._of(sums.reshape(kernels.SLOTS, -1), (outers, inners))

    def joined(self) -> "SliceSums":
        """The sums of each inner over all outers: `[1, inners]`."""
        kernels = _kernels()
        sums = self._sums.reshape(kernels.SLOTS, *self.shape)
        total = sums.sum(axis=1)
        total[kernels.LARGEST] = sums[kernels.LARGEST].max(axis=0)
        return SliceSums._of(total, (1, self.shape[1]))

    def quantity(self, name: SliceQuantity) -> Floats:
        """A quantity of every pixel, float64 `[outers, inners]`, NaN where it is undefined.

        `a` and `b` are over the finite values of their own side, `changed` over all pairs, and
        the others over pairs with both values finite.
        """
        with np.errstate(all="ignore"):
            values = self._quantity(_kernels(), name)
        values[~np.isfinite(values)] = np.nan
        return values.reshape(self.shape)

    def _quantity(self, k: ModuleType, name: SliceQuantity) -> Floats:
        sums = self._sums
        finite: Floats = sums[k.PAIRS] - sums[k.EXCLUDED]
        values: Floats
        match name:
            case "l2":
                values = np.sqrt(sums[k.SQUARES] / finite)
            case "l1":
                values = sums[k.ABSOLUTE] / finite
            case "max_abs":
                values = np.where(finite > 0, sums[k.LARGEST], np.nan)
            case "mean_relative_percent":
                values = 2 * sums[k.RELATIVE] / finite
            case "sign_flips":
                values = sums[k.FLIPS] / finite
            case "changed":
                values = sums[k.CHANGED] / sums[k.PAIRS]
            case "signed":
                values = np.copysign(np.sqrt(sums[k.SQUARES] / finite), sums[k.DIFFERENCES])
            case "relative_l2":
                ratio = np.sqrt(sums[k.SQUARES] / sums[k.SQUARES_A])
                equal = (sums[k.SQUARES] == 0) & (sums[k.SQUARES_A] == 0) & (finite > 0)
                values = np.where(equal, 0.0, ratio)
            case "cosine":
                values = self._cosine(k, finite)
            case "a" | "b":
                values = self._own(k, name, finite)
        return values

    def _cosine(self, k: ModuleType, finite: Floats) -> Floats:
        a, b, products = (self._sums[slot] for slot in (k.SQUARES_A, k.SQUARES_B, k.PRODUCTS))
        cosine = np.clip(products / (np.sqrt(a) * np.sqrt(b)), -1.0, 1.0)
        cosine = np.where((a == b) & (products == a), 1.0, cosine)
        zeros = (a == 0).astype(np.int8) + (b == 0)
        cosine = np.where(zeros == 2, 1.0, np.where(zeros == 1, np.nan, cosine))
        return np.where(finite > 0, cosine, np.nan)

    def _own(self, k: ModuleType, side: Literal["a", "b"], finite: Floats) -> Floats:
        squares, total, more = (
            (k.SQUARES_A, k.VALUES_A, (k.SQUARES_ONLY_A, k.SUM_ONLY_A, k.ONLY_A))
            if side == "a"
            else (k.SQUARES_B, k.VALUES_B, (k.SQUARES_ONLY_B, k.SUM_ONLY_B, k.ONLY_B))
        )
        sums = self._sums
        mean_square = (sums[squares] + sums[more[0]]) / (finite + sums[more[2]])
        values: Floats = np.copysign(np.sqrt(mean_square), sums[total] + sums[more[1]])
        return values


class WeightExtremes:
    """The extremes of every quantity over single weights, block by block."""

    def __init__(self) -> None:
        k = _kernels()
        self._lanes = np.zeros((k.ENDS, k.SLOT))
        lows = [k.LOW_CHANGE, k.LOW_SIZE, k.LOW_A, k.LOW_B, k.LOW_RELATIVE, k.LOW_RATIO]
        self._lanes[:] = -np.inf
        self._lanes[lows] = np.inf

    def add(self, pairs: ValuePairs) -> None:
        """Adds pairs in any order."""
        bits, bounds = _bits(pairs)
        _kernels().add_extremes(
            pairs.a,
            pairs.b,
            pairs.a.view(bits),
            pairs.b.view(bits),
            pairs.low_a,
            pairs.low_b,
            pairs.wide,
            bounds,
            self._lanes.reshape(-1),
        )

    def ends(self, sums: SliceSums) -> dict[SliceQuantity, tuple[float, float] | None]:
        """The least and greatest value of each quantity; None where no weight has one.

        Args:
          sums: of all weights, in any pixels: what counts decide comes from them.
        """
        k = _kernels()
        low = self._lanes[:, : k.LANES].min(axis=1)
        high = self._lanes[:, : k.LANES].max(axis=1)
        change = (low[k.LOW_CHANGE], high[k.HIGH_CHANGE])
        sizes = (low[k.LOW_SIZE], max(-change[0], change[1]))
        totals = sums._sums.sum(axis=1)
        finite = totals[k.PAIRS] - totals[k.EXCLUDED]
        flips = totals[k.FLIPS]
        found = {
            "l2": sizes,
            "l1": sizes,
            "max_abs": sizes,
            "signed": change,
            "a": (low[k.LOW_A], high[k.HIGH_A]),
            "b": (low[k.LOW_B], high[k.HIGH_B]),
            "mean_relative_percent": (2 * low[k.LOW_RELATIVE], 2 * high[k.HIGH_RELATIVE]),
            "relative_l2": (low[k.LOW_RATIO], high[k.HIGH_RATIO]),
            "cosine": (-1.0 if flips else 1.0, 1.0 if flips < finite else -1.0),
            "sign_flips": (float(flips == finite), float(flips > 0)),
            "changed": (float(totals[k.CHANGED] == totals[k.PAIRS]), float(totals[k.CHANGED] > 0)),
        }
        some = dict.fromkeys(found, finite > 0) | {"changed": totals[k.PAIRS] > 0}
        some |= {
            "a": finite + totals[k.ONLY_A] > 0,
            "b": finite + totals[k.ONLY_B] > 0,
            "relative_l2": bool(np.isfinite(found["relative_l2"]).all()),
        }
        return {
            name: (float(found[name][0]), float(found[name][1])) if some[name] else None
            for name in SLICE_QUANTITIES
        }


def joined_pairs(block_a: NDArray[Any], block_b: NDArray[Any]) -> ValuePairs:
    """Two blocks of equal length, each in its stored dtype, in the form that the kernels take.

    Raises:
      ValueError: the blocks do not match or are not comparable.
    """
    pieces = list(value_pairs(block_a, block_b))
    if len(pieces) == 1:
        return pieces[0]
    names = ("a", "b", "low_a", "low_b")
    joined = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in names)
    a, b, low_a, low_b = (_read_only(values) for values in joined)
    return ValuePairs(a, b, low_a, low_b, pieces[0].wide)


def taken(pairs: ValuePairs, shape: tuple[int, int, int], outers: Any, inners: Any) -> ValuePairs:
    """Some outers and inners of a block of `shape` (cells, outers, inners), in that order.

    `outers` and `inners` are slices or int64 indices.
    """
    a = _cut(pairs.a, shape, outers, inners)
    b = _cut(pairs.b, shape, outers, inners)
    if not pairs.wide:
        return ValuePairs(a, b, a, b, False)
    low_a, low_b = (_cut(low, shape, outers, inners) for low in (pairs.low_a, pairs.low_b))
    return ValuePairs(a, b, low_a, low_b, True)


def _cut(values: NDArray[Any], shape: tuple[int, int, int], outers: Any, inners: Any) -> Any:
    cut = values.reshape(shape)[:, outers][:, :, inners]
    return _read_only(np.ascontiguousarray(cut).reshape(-1))


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    view = values[:]
    view.flags.writeable = False
    return view


def _bits(pairs: ValuePairs) -> tuple[Any, NDArray[Any]]:
    bits = np.uint32 if pairs.a.dtype == np.float32 else np.uint64
    return bits, np.array([np.inf, -0.0], pairs.a.dtype).view(bits)


def _kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import slice_kernels

    return slice_kernels
