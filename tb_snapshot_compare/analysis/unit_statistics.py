"""Statistics of every unit of a network: of layers, and of groups as if they were one tensor.

A unit's values are those of its own tensors and of all units in it, concatenated. Nothing is
concatenated or sorted: sums, counts and histograms of the parts are added up. Two passes over the
values, in blocks that stay in the second-level cache; values are taken as float64, exactly but for
64-bit integers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.change_bands import BandCounter
from tb_snapshot_compare.analysis.filter_axis import FilterAxis
from tb_snapshot_compare.analysis.moment_sums import MomentAccumulator, Moments
from tb_snapshot_compare.analysis.numeric_types import as_float
from tb_snapshot_compare.analysis.quartiles import QuartileSearch

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Array = NDArray[Any]
Block = tuple[Array, Array | None, Array | None]
"""Values, what they were before, and the weights for the bands: flat, in their stored dtypes."""

_BLOCK = 1 << 15
"""Values converted at a time: 256 KiB of float64."""
_COUNTS = ("count", "nan", "inf", "zeros", "dead", "still")


@dataclass(frozen=True, slots=True, eq=False)
class UnitTensor:
    """One tensor of a unit, of any shape and any comparable dtype.

    The statistics are of `values`, or of the changes `values - before` where `before` is given,
    which has the same shape. `weights`, of the same shape, are what the bands compare the values
    with; None where there are no bands. `axis` is how filters lie in a kernel, None for all else.
    """

    unit: int
    values: Array
    before: Array | None = None
    weights: Array | None = None
    axis: FilterAxis | None = None

    @property
    def size(self) -> int:
        """How many values."""
        return int(self.values.size)

    def blocks(self) -> Iterator[Block]:
        """All values at once."""
        before, weights = self.before, self.weights
        yield (
            self.values.reshape(-1),
            None if before is None else before.reshape(-1),
            None if weights is None else weights.reshape(-1),
        )


@dataclass(frozen=True, slots=True, eq=False)
class StreamedTensor:
    """One tensor of a unit that is never in memory as a whole; see `UnitTensor`.

    `blocks` gives its `size` values in flat C order, the same at every call; a block may be
    overwritten by the next.
    """

    unit: int
    size: int
    blocks: Callable[[], Iterator[Block]]
    axis: FilterAxis | None = None


Tensor = UnitTensor | StreamedTensor


@dataclass(frozen=True, slots=True, eq=False)
class UnitStatistics:
    """The statistics of n units, each int64 or float64 `[n]`.

    Counts are of all values: `count`, `nan`, `inf`, and `zeros` of either sign. The others are over
    finite values, NaN where there are none: `sum`, `l1` the sum of magnitudes, `l2` the root of the
    sum of squares (neither is divided by the number), `mean`, the population `variance`, `minimum`,
    `maximum`, and the quartiles by NumPy's default rule. What is too large for float64 is NaN.

    `bands` int64 `[n, bands]` counts values by size relative to their weights (`BandCounter`), None
    where no edges were given. `dead` counts filters all of whose values are 0. `still` counts
    values that are the same as before, bit for bit (as numbers, where the dtype is another one); 0
    for tensors without a before.
    """

    count: Counts
    nan: Counts
    inf: Counts
    zeros: Counts
    sum: Floats
    l1: Floats
    l2: Floats
    mean: Floats
    variance: Floats
    minimum: Floats
    q1: Floats
    median: Floats
    q3: Floats
    maximum: Floats
    bands: Counts | None
    dead: Counts
    still: Counts


def unit_statistics(
    parents: Sequence[int],
    tensors: Sequence[Tensor],
    edges: Sequence[float] | None = None,
) -> UnitStatistics:
    """The statistics of every unit of a tree.

    Args:
      parents: the index of each unit's parent, which comes before it; -1 for none.
      tensors: all tensors, in any order; a unit may have several, or none. Each is gone through
        two or three times.
      edges: those of the bands; None for no bands.

    Raises:
      ValueError: a dtype is not numeric, shapes differ, or a unit or a parent is not known.
    """
    _check(parents, tensors)
    survey = _Survey(parents, None if edges is None else BandCounter(edges))
    of_unit: dict[int, list[Tensor]] = {}
    for tensor in tensors:
        of_unit.setdefault(tensor.unit, []).append(tensor)
        survey.add(tensor)

    def finite_blocks(unit: int) -> Iterator[Floats]:
        for tensor in of_unit.get(unit, ()):
            for block in _pieces(tensor):
                yield _finite(_changes(block))

    return survey.finish(survey.quartiles.find(finite_blocks))


class _Survey:
    """The first pass, and the joining of units into their parents."""

    def __init__(self, parents: Sequence[int], bands: BandCounter | None) -> None:
        self.quartiles = QuartileSearch(parents)
        self._parents = parents
        self._bands = bands
        n = len(parents)
        self._columns: dict[str, Any] = {
            field.name: np.zeros(n, np.int64) if field.name in _COUNTS else np.full(n, np.nan)
            for field in fields(UnitStatistics)
            if field.name != "bands"
        }
        self._in_bands = np.zeros((n, bands.bands if bands else 0), np.int64)
        self._moments = [Moments.of_nothing() for _ in parents]

    def add(self, tensor: Tensor) -> None:
        of, unit = self._columns, tensor.unit
        moments, zeros = MomentAccumulator(), 0
        for block in _pieces(tensor):
            values = _changes(block)
            fine = _finite(values)
            of["still"][unit] += _still(block, values)
            if fine.size < values.size:
                nan = int(np.count_nonzero(np.isnan(values)))
                of["nan"][unit] += nan
                of["inf"][unit] += values.size - fine.size - nan
            if fine.size:
                none = int(np.count_nonzero(fine == 0.0))
                zeros += none
                low, high = float(fine.min()), float(fine.max())
                of["minimum"][unit] = np.fmin(of["minimum"][unit], low)
                of["maximum"][unit] = np.fmax(of["maximum"][unit], high)
                moments.add(fine, max(abs(low), abs(high)))
                self.quartiles.count(unit, fine, none)
            if block[2] is not None and self._bands is not None:
                self._bands.add(values, _doubles(block[2]), self._in_bands[unit])
        of["count"][unit] += tensor.size
        of["zeros"][unit] += zeros
        of["dead"][unit] += _dead(tensor, zeros)
        self._moments[unit] += moments.finish()

    def finish(self, quartiles: Floats) -> UnitStatistics:
        of = self._columns
        for unit in reversed(range(len(self._parents))):
            for name, value in self._moments[unit].statistics().items():
                of[name][unit] = value
            above = self._parents[unit]
            if above < 0:
                continue
            for name in _COUNTS:
                of[name][above] += of[name][unit]
            of["minimum"][above] = np.fmin(of["minimum"][above], of["minimum"][unit])
            of["maximum"][above] = np.fmax(of["maximum"][above], of["maximum"][unit])
            self._in_bands[above] += self._in_bands[unit]
            self._moments[above] += self._moments[unit]
        of |= dict(zip(("q1", "median", "q3"), quartiles.T, strict=True))
        return UnitStatistics(bands=self._in_bands if self._bands else None, **of)


def _check(parents: Sequence[int], tensors: Sequence[Tensor]) -> None:
    for unit, parent in enumerate(parents):
        if not -1 <= parent < unit:
            raise ValueError(f"unit {unit} has the parent {parent}: want one that comes before it")
    for tensor in tensors:
        if not 0 <= tensor.unit < len(parents):
            raise ValueError(f"a tensor of unit {tensor.unit}, of {len(parents)} units")
        if isinstance(tensor, StreamedTensor):
            continue
        for other in (tensor.before, tensor.weights):
            if other is not None and other.shape != tensor.values.shape:
                raise ValueError(
                    f"a tensor of shape {tensor.values.shape} beside one of {other.shape}: "
                    "want equal shapes"
                )


def _pieces(tensor: Tensor) -> Iterator[Block]:
    """The blocks of a tensor, cut into pieces that stay in the cache."""
    for values, before, weights in tensor.blocks():
        for start in range(0, values.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            yield (
                values[part],
                None if before is None else before[part],
                None if weights is None else weights[part],
            )


def _changes(block: Block) -> Floats:
    """The values, less those before, as float64: an array of its own."""
    values, before, _ = block
    found = _doubles(values)
    if before is not None:
        with np.errstate(invalid="ignore", over="ignore"):
            found -= _doubles(before)
    return found


def _doubles(block: Array) -> Floats:
    known = block.dtype.isbuiltin and block.dtype.kind in "fiub" and block.dtype.itemsize <= 8
    return (block if known else as_float(block)).astype(np.float64)


def _finite(values: Floats) -> Floats:
    fine = np.isfinite(values)
    return values if fine.all() else values[fine]


def _dead(tensor: Tensor, zeros: int) -> int:
    """How many filters have no value but 0; few zeros make none."""
    axis = tensor.axis
    if axis is None or not tensor.size or zeros < tensor.size // axis.count:
        return 0
    alive = np.zeros(axis.count, np.bool_)
    start = 0
    for block in _pieces(tensor):
        places = start + np.flatnonzero(_changes(block) != 0.0)
        alive[(places // axis.stride) % axis.count] = True
        start += block[0].size
    return int(axis.count - np.count_nonzero(alive))


def _still(block: Block, changes: Floats) -> int:
    """How many values are as they were, bit for bit where the dtypes are one."""
    values, before, _ = block
    if before is None:
        return 0
    if values.dtype != before.dtype:
        return int(np.count_nonzero(changes == 0.0))
    bits = f"u{values.dtype.itemsize}"
    return int(np.count_nonzero(values.view(bits) == before.view(bits)))
