"""The sums of a pair of tensors as columns: one for the whole, then one for each filter.

The form in which sums are joined and kept. What belongs to one tensor alone, whatever it was
compared with, is its `OwnSums`; a tensor's differences from itself are made of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np

from tb_snapshot_compare.analysis.difference_sums import (
    DifferenceSums,
    FilterSums,
    Floats,
    Integers,
    Measures,
    ScaledSum,
)

COUNTS = ("pairs", "finite", "changed", "sign_flips", "nan_a", "nan_b", "inf_a", "inf_b")
SCALED = ("squares", "squares_a", "squares_b", "products", "absolute")
PARTS = 3
ENDS = ("low", "high")
_LARGEST = float(np.finfo(np.float64).max)
_SQUARES = {"a": SCALED.index("squares_a"), "b": SCALED.index("squares_b")}
_OF_EQUAL = [SCALED.index(name) for name in ("squares_a", "squares_b", "products")]
"""The sums which for equal tensors all are those of the squares."""


@dataclass(frozen=True, slots=True, eq=False)
class SumColumns:
    """`DifferenceSums` of n vectors, by field.

    `counts` int64 `[len(COUNTS), n]`; `scaled` float64 `[len(SCALED), PARTS, n]`, the parts of a
    `ScaledSum`; `relative` float64 `[n]`; `ends` float64 `[len(ENDS), n]`.
    """

    counts: Integers
    scaled: Floats
    relative: Floats
    ends: Floats

    @classmethod
    def empty(cls, size: int) -> "SumColumns":
        """Room for `size` columns, of any values."""
        return cls(
            np.empty((len(COUNTS), size), np.int64),
            np.empty((len(SCALED), PARTS, size)),
            np.empty(size),
            np.empty((len(ENDS), size)),
        )

    @classmethod
    def of(cls, total: DifferenceSums, filters: FilterSums | None = None) -> "SumColumns":
        """The sums of a whole, and of its filters where it has some."""
        made = cls.empty(1 if filters is None else 1 + filters.pairs.size)
        made[:1].set_whole(total)
        if filters is not None:
            for rows, names in ((made.counts, COUNTS), (made.scaled, SCALED), (made.ends, ENDS)):
                for row, name in zip(rows, names, strict=True):
                    row[..., 1:] = getattr(filters, name)
            made.relative[1:] = filters.relative
        return made

    def set_whole(self, total: DifferenceSums) -> None:
        """Writes the sums of a whole to the first column."""
        self.counts[:, 0] = [getattr(total, name) for name in COUNTS]
        self.scaled[:, :, 0] = [_parts(getattr(total, name)) for name in SCALED]
        self.relative[0] = total.relative
        self.ends[:, 0] = total.low, total.high

    @property
    def size(self) -> int:
        """The number of columns."""
        return int(self.relative.size)

    @property
    def whole(self) -> DifferenceSums:
        """The first column."""
        scaled = self.scaled[:, :, 0].tolist()
        fields: dict[str, Any] = dict(zip(COUNTS, self.counts[:, 0].tolist(), strict=True))
        fields |= {name: ScaledSum(*parts) for name, parts in zip(SCALED, scaled, strict=True)}
        return DifferenceSums(
            **fields,
            relative=float(self.relative[0]),
            low=float(self.ends[0, 0]),
            high=float(self.ends[1, 0]),
        )

    def only_whole(self) -> "SumColumns":
        """The first column, in memory of its own."""
        first = self[:1]
        return SumColumns(
            first.counts.copy(), first.scaled.copy(), first.relative.copy(), first.ends.copy()
        )

    @property
    def filters(self) -> FilterSums | None:
        """All columns but the first; None where there is no other."""
        return None if self.size == 1 else self[1:].as_filters()

    def as_filters(self) -> FilterSums:
        """All columns."""
        return FilterSums(
            **dict(zip(COUNTS, self.counts, strict=True)),
            **dict(zip(SCALED, self.scaled, strict=True)),
            relative=self.relative,
            low=self.ends[0],
            high=self.ends[1],
        )

    def __getitem__(self, columns: slice) -> "SumColumns":
        """Some of the columns."""
        return SumColumns(
            self.counts[:, columns],
            self.scaled[:, :, columns],
            self.relative[columns],
            self.ends[:, columns],
        )

    def beside(self, *others: "SumColumns") -> "SumColumns":
        """These columns, then the others'."""
        every = (self, *others)
        return SumColumns(
            np.concatenate([one.counts for one in every], axis=1),
            np.concatenate([one.scaled for one in every], axis=2),
            np.concatenate([one.relative for one in every]),
            np.concatenate([one.ends for one in every], axis=1),
        )


@dataclass(frozen=True, slots=True, eq=False)
class OwnSums:
    """What is known of one tensor and itself: whatever it is compared with, it is the same.

    `whole` int64 `[pairs, finite, nan, inf]` and `squares` float64 `[PARTS]` are of the tensor;
    `filters` int64 `[4, n]` the counts of its filters, whose measures need no squares.
    """

    whole: Integers
    squares: Floats
    filters: Integers

    @classmethod
    def of_finite(cls, count: int, filters: int, squares: Floats) -> "OwnSums":
        """Of a tensor of `count` finite values in filters of one size; `filters` may be 0."""
        return cls(_finite_counts(count), squares, _finite_filters(count, filters))

    @property
    def is_finite(self) -> bool:
        """Whether every value is."""
        return not self.whole[2:].any()

    def unchanged_filters(self) -> dict[str, Floats]:
        """`FilterSums.measures` of every filter and itself; equal ones are one array."""
        return _unchanged_measures(*self.filters[1:])


def unchanged_columns(tensors: Sequence[OwnSums]) -> SumColumns:
    """The sums of each whole tensor and itself, bit for bit as a comparison gives them."""
    count = len(tensors)
    pairs, finite, nan, inf = np.array([one.whole for one in tensors], np.int64).reshape(count, 4).T
    none = np.zeros(count, np.int64)
    scaled = np.zeros((len(SCALED), PARTS, count))
    scaled[_OF_EQUAL] = np.array([one.squares for one in tensors]).reshape(count, PARTS).T
    low = np.where(finite > 0, 0.0, np.inf)
    counts = np.stack([pairs, finite, none, none, nan, nan, inf, inf])
    return SumColumns(counts, scaled, np.zeros(count), np.stack([low, -low + 0.0]))


@lru_cache(maxsize=1024)
def _finite_counts(count: int) -> Integers:
    """`OwnSums.whole` of finite values; for reading only, as all tensors of a size share it."""
    counts = np.array([count, count, 0, 0])
    counts.flags.writeable = False
    return counts


@lru_cache(maxsize=1024)
def _finite_filters(count: int, filters: int) -> Integers:
    """`OwnSums.filters` of finite values; for reading only."""
    each = np.array([[count // max(filters, 1)]] * 2 + [[0]] * 2)
    return np.broadcast_to(each, (4, filters))


def own_sums(columns: SumColumns, side: str) -> OwnSums | None:
    """The part of side `a` or `b`; None where values of the other side hide some of its values.

    A value counts where both are finite, so the other side must be finite wherever this one is.
    """
    of = dict(zip(COUNTS, columns.counts, strict=True))
    nan, inf = of[f"nan_{side}"], of[f"inf_{side}"]
    if (of["pairs"] - of["finite"] != nan + inf).any():
        return None
    counts = np.stack([of["pairs"], of["finite"], nan, inf])
    return OwnSums(counts[:, 0], columns.scaled[_SQUARES[side], :, 0].copy(), counts[:, 1:])


def _unchanged_measures(finite: Integers, nan: Integers, inf: Integers) -> dict[str, Floats]:
    zero = np.where(finite > 0, 0.0, np.nan)
    none = zero if (finite > 0).all() else np.zeros(finite.size)
    values = {field.name: zero for field in fields(Measures)}
    values |= {"cosine": zero + 1, "changed": none, "sign_flips": none}
    for name, counts in (("nan", nan), ("inf", inf)):
        both = counts.astype(np.float64) if counts.any() else none
        values |= {f"{name}_a": both, f"{name}_b": both}
    return values


def measures_of(columns: SumColumns) -> list[Measures]:
    """`DifferenceSums.measures` of every column."""
    arrays = columns.as_filters().measures()
    whole = ("sign_flips", "nan_a", "nan_b", "inf_a", "inf_b")
    rows = zip(*(_plain(values, name in whole) for name, values in arrays.items()), strict=True)
    return [Measures(*row) for row in rows]


def filter_measures(filters: SumColumns) -> dict[str, Floats]:
    """`FilterSums.measures` of all columns; where nothing changed they are known without sums."""
    of = dict(zip(COUNTS, filters.counts, strict=True))
    if of["changed"].any():
        return filters.as_filters().measures()
    return _unchanged_measures(of["finite"], of["nan_a"], of["inf_a"])


def _plain(values: Floats, whole: bool) -> Sequence[Any]:
    if whole:
        counts: list[int] = values.astype(np.int64).tolist()
        return counts
    plain: list[Any] = values.tolist()
    for place in np.flatnonzero(~np.isfinite(values)):
        plain[place] = None
    return plain


def stacked(parts: Sequence[SumColumns]) -> SumColumns:
    """The first columns of all parts side by side, of which there is at least one."""
    return SumColumns(
        np.concatenate([part.counts[:, :1] for part in parts], axis=1),
        np.concatenate([part.scaled[:, :, :1] for part in parts], axis=2),
        np.concatenate([part.relative[:1] for part in parts]),
        np.concatenate([part.ends[:, :1] for part in parts], axis=1),
    )


def grouped(columns: SumColumns, groups: Integers, count: int) -> SumColumns:
    """The sums of `count` groups of columns, each added in the order of its columns.

    Args:
      columns: n of them.
      groups: to which group each belongs, `[n]`.
      count: how many groups there are.
    """
    counts = np.zeros((count, len(COUNTS)), np.int64)
    scaled = np.zeros((count, PARTS, len(SCALED)))
    relative = np.zeros(count)
    ends = np.array([[np.inf], [-np.inf]]).repeat(count, axis=1)
    np.add.at(counts, groups, columns.counts.T)
    np.add.at(scaled, groups, columns.scaled.T)
    np.add.at(relative, groups, columns.relative)
    np.minimum.at(ends[0], groups, columns.ends[0])
    np.maximum.at(ends[1], groups, columns.ends[1])
    return SumColumns(counts.T, scaled.T, relative, ends)


def ranges_of(columns: SumColumns) -> list[tuple[float, float] | None]:
    """`DifferenceSums.difference_range` of every column; None where there is no finite pair."""
    low, high = np.clip(columns.ends, -_LARGEST, _LARGEST).tolist()
    known = (columns.counts[COUNTS.index("finite")] > 0).tolist()
    return [
        ends if some else None
        for ends, some in zip(zip(low, high, strict=True), known, strict=True)
    ]


class ColumnJoiner:
    """Joins the sums of a tensor's parts, in their order, without losing what rounding drops.

    Accurate as one pass is: the error of each addition is carried (Knuth's TwoSum).
    """

    def __init__(self) -> None:
        self._counts: Integers | None = None

    def add(self, part: SumColumns) -> None:
        """Adds the next part's sums; all parts have as many columns."""
        sums = np.concatenate((part.scaled.reshape(-1, part.size), part.relative[None]))
        if self._counts is None:
            self._counts, self._ends = part.counts.copy(), part.ends.copy()
            self._sums, self._errors = sums, np.zeros_like(sums)
            return
        self._counts += part.counts
        np.minimum(self._ends[0], part.ends[0], out=self._ends[0])
        np.maximum(self._ends[1], part.ends[1], out=self._ends[1])
        after = self._sums + sums
        back = after - self._sums
        self._errors += (self._sums - (after - back)) + (sums - back)
        self._sums = after

    def finish(self) -> SumColumns:
        """The sums of all parts."""
        assert self._counts is not None, "there is at least one part"
        sums = self._sums + self._errors
        shape = (len(SCALED), PARTS, sums.shape[1])
        return SumColumns(self._counts, sums[:-1].reshape(shape), sums[-1], self._ends)


def _parts(value: ScaledSum) -> list[float]:
    return [value.middle, value.small, value.big]
