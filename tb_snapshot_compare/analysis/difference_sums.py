"""What a pass over two tensors leaves: sums that can be merged, and the measures they give."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SCALE = 600
_LARGEST = float(np.finfo(np.float64).max)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Measures:
    """Differences a -> b over the pairs in which both values are finite.

    The fields of the wire type of the same name. None where a measure is undefined: no finite
    pair (`changed`: no pair at all); `relative_l2` if a is zero and b is not; `cosine` if just
    one of them is zero; and what is too large for float64. Two zero vectors have a `relative_l2`
    of 0 and a `cosine` of 1.
    """

    l2: float | None
    relative_l2: float | None
    l1: float | None
    max_abs: float | None
    mean_abs: float | None
    mean_relative_percent: float | None
    cosine: float | None
    sign_flips: int
    changed: float | None
    nan_a: int
    nan_b: int
    inf_a: int
    inf_b: int


@dataclass(frozen=True, slots=True)
class ScaledSum:
    """A sum whose terms may lie beyond float64's range: middle + small/2^e + big*2^e.

    e is 1200 for sums of squares and of products, 600 for sums of magnitudes. All three parts
    are within range, and small and big are 0 but for terms beyond about 2^980 or 2^-980.
    """

    middle: float = 0.0
    small: float = 0.0
    big: float = 0.0

    def __add__(self, other: "ScaledSum") -> "ScaledSum":
        return ScaledSum(self.middle + other.middle, self.small + other.small, self.big + other.big)


@dataclass(frozen=True, slots=True)
class DifferenceRange:
    """The least and greatest signed difference b - a, and how many pairs are (not) finite.

    Differences beyond float64's range count as its largest value. Both ends are 0 where there
    is no finite pair.
    """

    low: float
    high: float
    finite: int
    excluded: int


@dataclass(frozen=True, slots=True)
class DifferenceSums:
    """Sums over the pairs (x, y) of two tensors, or of several: `+` is concatenation.

    Counts: `pairs` of all, `finite` of those with both values finite, `changed` of those that
    differ as numbers (NaN equals NaN, an infinity itself, -0 equals 0), `sign_flips` of finite
    pairs of strictly opposite signs. Sums over finite pairs: `squares` of y-x, `squares_a` and
    `squares_b` of x and y, `products` x*y, `absolute` |y-x|, `relative` 2|y-x|/(|x|+|y|), 0 for
    two zeros. `low` and `high` bound y-x; they are inf and -inf without finite pairs.
    """

    pairs: int = 0
    finite: int = 0
    changed: int = 0
    sign_flips: int = 0
    nan_a: int = 0
    nan_b: int = 0
    inf_a: int = 0
    inf_b: int = 0
    squares: ScaledSum = ScaledSum()
    squares_a: ScaledSum = ScaledSum()
    squares_b: ScaledSum = ScaledSum()
    products: ScaledSum = ScaledSum()
    absolute: ScaledSum = ScaledSum()
    relative: float = 0.0
    low: float = np.inf
    high: float = -np.inf

    def __add__(self, other: "DifferenceSums") -> "DifferenceSums":
        return DifferenceSums(
            **_summed(self, other),
            low=min(self.low, other.low),
            high=max(self.high, other.high),
        )

    def measures(self) -> Measures:
        """The measures; equal pairs of tensors have a cosine of exactly 1."""
        columns = _measures(FilterSums(**{f.name: _column(self, f.name) for f in fields(self)}))
        values = {name: _scalar(column[0]) for name, column in columns.items()}
        counts = {name: getattr(self, name) for name in _COUNTS}
        return Measures(**(values | counts))

    def difference_range(self) -> DifferenceRange:
        """The bounds of b - a, for the bins of a distribution."""
        excluded = self.pairs - self.finite
        if not self.finite:
            return DifferenceRange(0.0, 0.0, 0, excluded)
        low, high = (min(max(end, -_LARGEST), _LARGEST) for end in (self.low, self.high))
        return DifferenceRange(low, high, self.finite, excluded)


@dataclass(frozen=True, slots=True, eq=False)
class FilterSums:
    """`DifferenceSums` of each filter: the same fields as arrays.

    Counts are int64 `[filters]`; `relative`, `low` and `high` float64 `[filters]`; the scaled
    sums float64 `[3, filters]`, their parts in the order middle, small, big.
    """

    pairs: Integers
    finite: Integers
    changed: Integers
    sign_flips: Integers
    nan_a: Integers
    nan_b: Integers
    inf_a: Integers
    inf_b: Integers
    squares: Floats
    squares_a: Floats
    squares_b: Floats
    products: Floats
    absolute: Floats
    relative: Floats
    low: Floats
    high: Floats

    def __len__(self) -> int:
        return int(self.pairs.size)

    def __add__(self, other: "FilterSums") -> "FilterSums":
        """Joins filter k of two tensors of one layer (kernel and bias) into one.

        Raises:
          ValueError: the tensors have different numbers of filters.
        """
        if len(self) != len(other):
            raise ValueError(f"cannot join {len(self)} filters with {len(other)}")
        return FilterSums(
            **_summed(self, other),
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
        )

    def measures(self) -> dict[str, Floats]:
        """The fields of `Measures`, each float64 `[filters]`, NaN where undefined."""
        counts = {name: getattr(self, name).astype(np.float64) for name in _COUNTS}
        columns = _measures(self) | counts
        return {f.name: columns[f.name] for f in fields(Measures)}

    def norms(self) -> tuple[Floats, Floats]:
        """`l1` and `l2` of `measures`, without the others."""
        absolute, exponent = _collapsed(self.absolute, _SCALE)
        one = (np.ones(len(self)), np.zeros(len(self), np.int64))
        with np.errstate(over="ignore", under="ignore"):
            l1 = np.ldexp(absolute, exponent)
            l2 = _root_of_ratio(_collapsed(self.squares, 2 * _SCALE), one)
        l1, l2 = (np.where(np.isfinite(norm), norm, np.nan) for norm in (l1, l2))
        known = self.finite > 0
        return np.where(known, l1, np.nan), np.where(known, l2, np.nan)


_COUNTS = ("sign_flips", "nan_a", "nan_b", "inf_a", "inf_b")


def _summed(one: Any, other: Any) -> dict[str, Any]:
    names = (f.name for f in fields(DifferenceSums) if f.name not in ("low", "high"))
    return {name: getattr(one, name) + getattr(other, name) for name in names}


def _column(sums: DifferenceSums, name: str) -> NDArray[Any]:
    value = getattr(sums, name)
    if isinstance(value, ScaledSum):
        return np.array([[value.middle], [value.small], [value.big]])
    return np.array([value])


def _scalar(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None


def _measures(sums: FilterSums) -> dict[str, Floats]:
    """The measures that are not counts; NaN where undefined or beyond float64."""
    square, square_a, square_b, product = (
        _collapsed(part, 2 * _SCALE)
        for part in (sums.squares, sums.squares_a, sums.squares_b, sums.products)
    )
    absolute, exponent = _collapsed(sums.absolute, _SCALE)
    one = (np.ones(len(sums)), np.zeros(len(sums), np.int64))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        largest = np.maximum(sums.high, -sums.low) + 0.0
        values = {
            "l2": _root_of_ratio(square, one),
            "relative_l2": _relative_l2(square, square_a),
            "l1": np.ldexp(absolute, exponent),
            "max_abs": largest,
            "mean_abs": np.ldexp(absolute / sums.finite, exponent),
            "mean_relative_percent": sums.relative / sums.finite,
            "cosine": _cosine(product, square_a, square_b),
        }
        changed = sums.changed / sums.pairs
    defined = sums.finite > 0
    known = {n: np.where(defined & np.isfinite(v), v, np.nan) for n, v in values.items()}
    return known | {"changed": changed}


_Number = tuple[Floats, Integers]
"""Mantissas in [0.5, 1) or 0, and even-or-odd binary exponents."""


def _collapsed(parts: Floats, scale: int) -> _Number:
    """Adds the parts of scaled sums `[3, n]` into mantissas and exponents."""
    middle, small, big = parts
    lower = np.where(middle != 0, middle + np.ldexp(small, -scale), small)
    value = np.where(big != 0, big + np.ldexp(middle, -scale), lower)
    shift = np.where(big != 0, scale, np.where(middle != 0, 0, -scale))
    mantissa, exponent = np.frexp(value)
    return mantissa, np.where(value == 0, 0, exponent + shift).astype(np.int64)


def _root(mantissa: Floats, exponent: Integers) -> Floats:
    """sqrt(mantissa * 2^exponent) without leaving the range on the way."""
    odd = exponent % 2
    root: Floats = np.ldexp(np.sqrt(np.ldexp(mantissa, odd)), (exponent - odd) // 2)
    return root


def _root_of_ratio(over: _Number, under: _Number) -> Floats:
    return _root(over[0] / under[0], over[1] - under[1])


def _relative_l2(square: _Number, square_a: _Number) -> Floats:
    both_zero = (square[0] == 0) & (square_a[0] == 0)
    return np.where(both_zero, 0.0, _root_of_ratio(square, square_a))


def _cosine(product: _Number, square_a: _Number, square_b: _Number) -> Floats:
    """Products over the root of the squares' product: exactly 1 if all three are equal."""
    exponent = square_a[1] + square_b[1]
    odd = exponent % 2
    root = np.sqrt(np.ldexp(square_a[0] * square_b[0], odd))
    cosine = np.clip(np.ldexp(product[0] / root, product[1] - (exponent - odd) // 2), -1.0, 1.0)
    zeros = (square_a[0] == 0).astype(np.int64) + (square_b[0] == 0)
    return np.where(zeros == 2, 1.0, np.where(zeros == 1, np.nan, cosine))
