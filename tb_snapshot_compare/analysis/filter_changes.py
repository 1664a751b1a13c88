"""What became of every filter of a kernel: by the pass that compares two snapshots.

Sums of one array come from pairs with a constant: beside zeros, differences are the values
themselves; beside ones, products are.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.difference_sums import FilterSums
from tb_snapshot_compare.analysis.filter_axis import FilterAxis
from tb_snapshot_compare.analysis.numeric_types import joint_form
from tb_snapshot_compare.analysis.pair_accumulator import PairAccumulator

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Array = NDArray[Any]
Block = tuple[Array, Array | None, Array | None]
"""Weights, what they were before, their gradient: flat, in their stored dtypes."""

FILTER_MEASURES = (
    "cosine",
    "euclidean",
    "manhattan",
    "relative_l1",
    "relative_l2",
    "w_l2",
    "w_std",
    "g_l1",
    "g_l2",
    "g_relative_l1",
    "g_relative_l2",
)
_PIECE = 1 << 16


def filter_changes(
    weights: Array, axis: FilterAxis, before: Array | None = None, gradient: Array | None = None
) -> dict[str, Floats | Singles]:
    """The measures of every filter of a kernel.

    From `before` to `weights`: `cosine` (1 if both are zero, NaN if one is), `euclidean` and
    `manhattan` (the norms of the difference), `relative_l1` and `relative_l2` (these over those of
    `before`). Of `weights`: `w_l2` and the population deviation `w_std`. Of `gradient`: `g_l1`,
    `g_l2`, and `g_relative_l1`, `g_relative_l2`, over the norms of `weights`. Ratios of two zeros
    are 0, others over zero NaN. Computed in float64 over finite values, each norm over its own.

    Args:
      weights: the kernel, of any shape and comparable dtype.
      axis: how its filters lie.
      before: the same kernel earlier; None where that is not known.
      gradient: of the same shape; None where that is not known.

    Returns:
      `FILTER_MEASURES`, each float32 `[filters]`, NaN where not known or beyond float32. The cosine
      is float64: that of a small update differs from 1 by less than a float32 can tell.

    Raises:
      ValueError: shapes differ, the shape does not consist of such filters, or a dtype is not
        numeric.
    """
    _check(weights, axis, before, gradient)

    def blocks() -> Iterator[Block]:
        yield (
            weights.reshape(-1),
            None if before is None else before.reshape(-1),
            None if gradient is None else gradient.reshape(-1),
        )

    return streamed_filter_changes(blocks, weights.size, axis)


def streamed_filter_changes(
    blocks: Callable[[], Iterator[Block]], size: int, axis: FilterAxis
) -> dict[str, Floats | Singles]:
    """`filter_changes` of a kernel that is never in memory as a whole; it is gone through twice.

    Args:
      blocks: gives the kernel in flat C order, the same at every call; what is None in one block is
        None in all. A block may be overwritten by the next.
      size: how many weights there are.
      axis: how its filters lie.
    """
    changes = _Changes(size, axis)
    for block in blocks():
        changes.add(*block)
    around = _AroundMeans(changes.means(), size, axis)
    for weights, _, _ in blocks():
        around.add(weights)
    found = dict.fromkeys(FILTER_MEASURES, np.full(axis.count, np.nan))
    found |= changes.measures() | {"w_std": around.deviations()}
    return {name: _stored(name, found[name]) for name in FILTER_MEASURES}


def _check(weights: Array, axis: FilterAxis, *others: Array | None) -> None:
    if weights.size % (axis.count * axis.stride):
        raise ValueError(f"a kernel of shape {weights.shape} has no {axis.count} filters")
    for other in others:
        if other is not None and other.shape != weights.shape:
            raise ValueError(
                f"a kernel of shape {weights.shape} beside one of {other.shape}: want equal shapes"
            )


class _Pairs:
    """The sums of pairs of the values of two arrays, filter by filter."""

    def __init__(self, size: int, axis: FilterAxis) -> None:
        self._size, self._axis = size, axis
        self._accumulator: PairAccumulator | None = None

    def add(self, a: Array, b: Array) -> None:
        if self._accumulator is None:
            names = a.dtype.name, b.dtype.name
            self._accumulator = PairAccumulator(*names, self._size, self._axis)
        self._accumulator.add(a, b)

    @property
    def is_known(self) -> bool:
        return self._accumulator is not None

    def sums(self) -> FilterSums:
        if self._accumulator is None:  # nothing was added: there is nothing to add
            self._accumulator = PairAccumulator("float32", "float32", self._size, self._axis)
        return self._accumulator.columns()[1:].as_filters()


class _Beside:
    """The sums of pairs of a constant and the values of an array."""

    def __init__(self, constant: float, size: int, axis: FilterAxis) -> None:
        self._pattern = np.full(_PIECE, constant, np.float32)
        self._pairs = _Pairs(size, axis)

    def add(self, values: Array | None) -> None:
        if values is not None:
            for piece in _cut(values):
                self._pairs.add(self._pattern[: piece.size], piece)

    def sums(self) -> FilterSums | None:
        return self._pairs.sums() if self._pairs.is_known else None

    def norms(self) -> tuple[Floats, Floats] | None:
        """Beside zeros: the sum of magnitudes and the root of the sum of squares."""
        sums = self.sums()
        return None if sums is None else sums.norms()


class _Changes:
    """The first pass."""

    def __init__(self, size: int, axis: FilterAxis) -> None:
        self._pairs = _Pairs(size, axis)
        self._weights, self._before, self._gradient = (_Beside(0.0, size, axis) for _ in range(3))
        self._ones = _Beside(1.0, size, axis)
        self._count = axis.count

    def add(self, weights: Array, before: Array | None, gradient: Array | None) -> None:
        self._weights.add(weights)
        self._ones.add(weights)
        self._before.add(before)
        self._gradient.add(gradient)
        if before is not None:
            self._pairs.add(before, weights)

    def means(self) -> Floats:
        """Of the weights of each filter."""
        ones = self._ones.sums()
        if ones is None:
            return np.full(self._count, np.nan)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            means: Floats = ones.products[0] / ones.finite
        return means

    def measures(self) -> dict[str, Floats]:
        """All that are known but `w_std`."""
        norms = self._weights.norms()
        if norms is None:
            return {}
        l1, l2 = norms
        found = {"w_l2": l2}
        before, gradient = self._before.norms(), self._gradient.norms()
        if before is not None:
            change = self._pairs.sums().measures()
            found |= {
                "cosine": change["cosine"],
                "euclidean": change["l2"],
                "manhattan": change["l1"],
                "relative_l1": _ratio(change["l1"], before[0]),
                "relative_l2": change["relative_l2"],
            }
        if gradient is not None:
            found |= {
                "g_l1": gradient[0],
                "g_l2": gradient[1],
                "g_relative_l1": _ratio(gradient[0], l1),
                "g_relative_l2": _ratio(gradient[1], l2),
            }
        return found


class _AroundMeans:
    """The second pass: the population standard deviation, from differences from about the mean."""

    def __init__(self, means: Floats, size: int, axis: FilterAxis) -> None:
        self._means, self._axis = means, axis
        self._pairs = _Pairs(size, axis)
        self._start = 0
        self._centres: Array | None = None
        self._pattern: Array | None = None

    def add(self, weights: Array) -> None:
        for piece in _cut(weights):
            self._pairs.add(self._centres_beside(piece), piece)
            self._start += piece.size

    def deviations(self) -> Floats:
        if self._centres is None:
            return np.full(self._means.size, np.nan)
        sums = self._pairs.sums()
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            _, around = sums.norms()
            variances = around * around / sums.finite - (self._means - self._centres) ** 2
            return np.sqrt(np.maximum(variances, 0.0))

    def _centres_beside(self, piece: Array) -> Array:
        """The centre of each element's filter."""
        count, stride = self._axis.count, self._axis.stride
        period = count * stride
        if self._centres is None:
            single = joint_form(piece.dtype.name, piece.dtype.name) == "single"
            centres = np.nan_to_num(self._means, nan=0.0, posinf=0.0, neginf=0.0)
            with np.errstate(over="ignore"):
                self._centres = centres.astype(np.float32 if single else np.float64)
            if period <= _PIECE:
                repeats = 1 + -(-_PIECE // period)
                self._pattern = np.tile(np.repeat(self._centres, stride), repeats)
        if self._pattern is not None:
            first = self._start % period
            return self._pattern[first : first + piece.size]
        places = np.arange(self._start, self._start + piece.size) // stride % count
        found: Array = self._centres[places]
        return found


def _cut(values: Array) -> Iterator[Array]:
    return (values[start : start + _PIECE] for start in range(0, values.size, _PIECE))


def _ratio(over: Floats, under: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = over / under
    known = np.where(under > 0.0, ratio, np.where(over == 0.0, 0.0, np.nan))
    return np.where(np.isnan(under), np.nan, known)


def _stored(name: str, values: Floats) -> Floats | Singles:
    if name == "cosine":
        return values
    with np.errstate(over="ignore"):
        singles = values.astype(np.float32)
    return np.where(np.isfinite(singles), singles, np.float32(np.nan))
