"""Sums, norms, mean and variance of values that come block by block, whatever their magnitude.

Terms of one sum are kept, one for each block, and added up exactly at the end (Shewchuk, "Adaptive
precision floating-point arithmetic", 1997, as `math.fsum`), so that the sums of several tensors
are those of their concatenation. Blocks whose squares would leave float64's range are scaled by a
power of two. The variance is taken around a value near the mean, and joined by the rule of Chan,
Golub and LeVeque ("Updating formulae and a pairwise algorithm for computing sample variances",
1979), so that nothing cancels.
"""

import math
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TAME_EXPONENT = 400
"""Squares of values beyond 2^400, or all below 2^-400, are scaled."""


@dataclass(slots=True)
class ScaledTerms:
    """Terms of a sum, each a float times a power of two."""

    terms: dict[int, list[float]] = field(default_factory=dict)

    def add(self, value: float, exponent: int) -> None:
        """Adds value * 2^exponent."""
        self.terms.setdefault(exponent, []).append(value)

    def extend(self, other: "ScaledTerms") -> None:
        """Adds all terms of another sum."""
        for exponent, values in other.terms.items():
            self.terms.setdefault(exponent, []).extend(values)

    def total(self) -> tuple[float, int]:
        """The sum as a float times a power of two."""
        sums = {exponent: math.fsum(values) for exponent, values in self.terms.items()}
        present = [exponent for exponent, total in sums.items() if total != 0.0]
        if not present:
            return 0.0, 0
        common = max(present)
        return math.fsum(math.ldexp(sums[each], each - common) for each in present), common


@dataclass(frozen=True, slots=True)
class Spread:
    """Number, mean and sum of squared deviations of some values: mean * 2^e, squares * 2^2e."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    exponent: int = 0

    def __add__(self, other: "Spread") -> "Spread":
        """Of the concatenation."""
        if not self.count or not other.count:
            return self if self.count else other
        exponent = max(self.exponent, other.exponent)
        one, two = self._at(exponent), other._at(exponent)
        count = one.count + two.count
        apart = two.mean - one.mean
        between = apart * apart * (one.count / count) * two.count
        mean = one.mean + apart * (two.count / count)
        return Spread(count, mean, one.squares + two.squares + between, exponent)

    def _at(self, exponent: int) -> "Spread":
        lower = self.exponent - exponent
        mean, squares = math.ldexp(self.mean, lower), math.ldexp(self.squares, 2 * lower)
        return Spread(self.count, mean, squares, exponent)

    def variance(self) -> float:
        """The population variance; NaN without values, and beyond float64."""
        return _known(self.squares / self.count, 2 * self.exponent) if self.count else math.nan


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over the finite values of some tensors; `+` is concatenation."""

    count: int
    sums: ScaledTerms
    magnitudes: ScaledTerms
    squares: ScaledTerms
    spread: Spread

    @classmethod
    def of_nothing(cls) -> "Moments":
        """Of no values."""
        return cls(0, ScaledTerms(), ScaledTerms(), ScaledTerms(), Spread())

    def __iadd__(self, other: "Moments") -> "Moments":
        """The joint sums; the terms of the left side are extended in place."""
        self.sums.extend(other.sums)
        self.magnitudes.extend(other.magnitudes)
        self.squares.extend(other.squares)
        return Moments(
            self.count + other.count,
            self.sums,
            self.magnitudes,
            self.squares,
            self.spread + other.spread,
        )

    def statistics(self) -> dict[str, float]:
        """`sum`, `l1`, `l2`, `mean` and `variance`; NaN without values, and beyond float64."""
        names = ("sum", "l1", "l2", "mean", "variance")
        if not self.count:
            return dict.fromkeys(names, math.nan)
        total, exponent = self.sums.total()
        square, double = self.squares.total()
        odd = double % 2
        values = (
            _known(total, exponent),
            _known(*self.magnitudes.total()),
            _known(math.sqrt(math.ldexp(square, odd)), (double - odd) // 2),
            _known(total / self.count, exponent),
            self.spread.variance(),
        )
        return dict(zip(names, values, strict=True))


class MomentAccumulator:
    """Takes the finite values of one tensor block by block."""

    def __init__(self) -> None:
        """Begins without any."""
        kernels = _kernels()
        self._lanes = np.empty((kernels.SUMS, kernels.LANES))
        self._sums = np.empty(kernels.SUMS)
        self._centre = 0.0
        self._count = 0
        self._terms = [ScaledTerms() for _ in range(5)]

    def add(self, values: Floats, largest: float) -> None:
        """Adds finite values `[n]`, the largest of which has the magnitude `largest`."""
        kernels = _kernels()
        if not values.size:
            return
        exponent = _exponent_of(max(largest, abs(self._centre)))
        scaled = np.ldexp(values, -exponent) if exponent else values
        if not self._count:
            self._centre = math.ldexp(float(scaled.mean()), exponent)
        self._count += values.size
        centre = math.ldexp(self._centre, -exponent)
        kernels.add_up(scaled, centre, self._lanes, self._sums)
        sums = self._sums.tolist()
        total, magnitude, square, deviation, around = self._terms
        total.add(sums[kernels.SUM], exponent)
        total.add(sums[kernels.ERROR], exponent)
        magnitude.add(sums[kernels.MAGNITUDE], exponent)
        square.add(sums[kernels.SQUARES], 2 * exponent)
        deviation.add(sums[kernels.DEVIATION], exponent)
        around.add(sums[kernels.DEVIATION_SQUARES], 2 * exponent)

    def finish(self) -> Moments:
        """The sums of the whole tensor."""
        total, magnitude, square, _, _ = self._terms
        return Moments(self._count, total, magnitude, square, self._spread())

    def _spread(self) -> Spread:
        if not self._count:
            return Spread()
        total, _, _, deviation, around = self._terms
        squares, double = around.total()
        mean, own = total.total()
        mean /= self._count
        exponent = max((double + 1) // 2, own + _exponent_of(mean))
        shift, below = deviation.total()
        shift = math.ldexp(shift, below - exponent)
        squares = math.ldexp(squares, double - 2 * exponent) - shift * (shift / self._count)
        mean = math.ldexp(mean, own - exponent)
        return Spread(self._count, mean, max(squares, 0.0), exponent)


def _exponent_of(value: float) -> int:
    """The power of two by which a value is scaled before it is squared; 0 where none is needed."""
    exponent = math.frexp(value)[1]
    return exponent if abs(exponent) > _TAME_EXPONENT else 0


def _known(value: float, exponent: int) -> float:
    """The number value * 2^exponent; NaN beyond float64."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.nan


def _kernels() -> ModuleType:
    from tb_snapshot_compare.analysis import statistics_kernels

    return statistics_kernels
