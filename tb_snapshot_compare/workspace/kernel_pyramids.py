"""Every quantity of a kernel at the coarser levels of detail, from one pass over its weights."""

import threading
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.matrix_layout import MatrixLayout
from tb_snapshot_compare.analysis.numeric_types import ValuePairs
from tb_snapshot_compare.analysis.slice_measures import (
    SLICE_QUANTITIES,
    Block,
    SliceQuantity,
    SliceSums,
    WeightExtremes,
)
from tb_snapshot_compare.limits import MAP_BASE_PIXELS, MAP_SAMPLE
from tb_snapshot_compare.workspace.kernel_levels import (
    Places,
    base_exponent,
    levels_of,
    pixel_shape,
    selection_of,
    whole_area,
)
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair
from tb_snapshot_compare.workspace.kernel_sweeps import Selection, map_threads, sweep
from tb_snapshot_compare.workspace.kernel_values import KernelValues, check
from tb_snapshot_compare.workspace.long_passes import alone_if_long
from tb_snapshot_compare.workspace.streaming import ByteCounter, Progress

Floats = NDArray[np.float64]
Halves = NDArray[np.float16]
Ends = Mapping[SliceQuantity, tuple[float, float] | None]

_ROBUST = 99.5
_HALF_LARGEST = float(np.finfo(np.float16).max)
_UNIT_LOW, _UNIT_HIGH = 2.0**-14, 2.0**14
"""Between these a float16 holds a quantity well enough as it is."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Extremes and the 99.5th percentile of |value| over slices; None without a finite value.

    Pixels are stored as multiples of `unit`, a power of two.
    """

    low: float | None
    high: float | None
    robust: float | None
    unit: float = 1.0


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Levels of detail as float16 `[rows, columns]` by quantity, from `base` on."""

    base: int
    scales: Mapping[SliceQuantity, Scale]
    levels: Mapping[SliceQuantity, tuple[Halves, ...]]

    @property
    def nbytes(self) -> int:
        """Bytes of all levels."""
        return sum(level.nbytes for levels in self.levels.values() for level in levels)


def build_pyramid(
    values: KernelValues,
    pair: KernelPair,
    places: Places,
    quantities: Collection[SliceQuantity] = SLICE_QUANTITIES,
    progress: Progress | None = None,
    pixels: int = MAP_BASE_PIXELS,
) -> Pyramid:
    """Computes quantities at every level of at most `pixels` pixels.

    Raises:
      SnapshotGoneError, SnapshotChangedError: the files changed while they were read.
    """
    layout = pair.layout
    levels = levels_of(layout)
    base = base_exponent(levels, pixels)
    area = whole_area(layout)
    sums = SliceSums(*pixel_shape(layout, area, base))
    extremes = _Extremes(layout) if base > 0 else None

    def consume(pairs: ValuePairs, outer_pixels: Any, inner_pixels: Any) -> None:
        sums.add(Block(pairs, outer_pixels, inner_pixels))
        if extremes is not None:
            extremes.add(pairs, outer_pixels.size, inner_pixels.size)

    counter = ByteCounter(pair.nbytes, progress)
    with alone_if_long(pair.nbytes, (pair.generation_a, pair.generation_b), progress):
        sweep(values, pair, selection_of(layout, places, area, base), consume, counter)
    check(pair)
    sample, ends = (
        (sums, None) if extremes is None else (_sample(values, pair), extremes.ends(sums))
    )
    pooled = _pooled(sums, levels[-1].exponent - base + 1)

    def work(name: SliceQuantity) -> tuple[Scale, tuple[Halves, ...]]:
        scale = _scale(sample.quantity(name), ends[name] if ends else None)
        return scale, tuple(
            as_halves(oriented(level.quantity(name), layout), scale.unit) for level in pooled
        )

    with ThreadPoolExecutor(map_threads(), thread_name_prefix="snapshot-compare-map") as pool:
        found = dict(zip(quantities, pool.map(work, quantities), strict=True))
    return Pyramid(
        base,
        {name: scale for name, (scale, _) in found.items()},
        {name: kept for name, (_, kept) in found.items()},
    )


def _pooled(sums: SliceSums, count: int) -> list[SliceSums]:
    """The sums at so many levels of detail, each of pools of the one before."""
    found = [sums]
    while len(found) < count:
        found.append(found[-1].pooled())
    return found


def oriented(values: NDArray[Any], layout: MatrixLayout) -> NDArray[Any]:
    """`[outers, inners]` as `[rows, columns]`."""
    return values.T if layout.rows_inside else values


def as_halves(values: Floats, unit: float) -> Halves:
    """Multiples of `unit` as float16; beyond its range the largest, so that no value is lost."""
    limited = np.clip(values / unit, -_HALF_LARGEST, _HALF_LARGEST)
    return np.ascontiguousarray(limited, dtype=np.float16)


def _scale(values: Floats, ends: tuple[float, float] | None = None) -> Scale:
    finite = values[np.isfinite(values)]
    if ends is None:
        if not finite.size:
            return Scale(None, None, None)
        ends = float(finite.min()), float(finite.max())
    low, high = ends
    largest = max(abs(low), abs(high))
    sizes = np.abs(finite)
    robust = float(np.percentile(sizes, _ROBUST, method="lower")) if sizes.size else largest
    return Scale(low, high, robust, _unit(robust or largest))


def _unit(size: float) -> float:
    if size == 0.0 or _UNIT_LOW <= size <= _UNIT_HIGH:
        return 1.0
    exponent = int(np.frexp(size)[1])
    return float(np.ldexp(1.0, max(exponent, -1000)))


class _Extremes:
    """The extremes over slices of a kernel of many, from a pass of several threads."""

    def __init__(self, layout: MatrixLayout) -> None:
        self._cells = layout.cells
        self._lock = threading.Lock()
        self._weights = threading.local()
        self._all: list[WeightExtremes] = []
        self._ends: dict[SliceQuantity, tuple[float, float] | None] = dict.fromkeys(
            SLICE_QUANTITIES
        )

    def add(self, pairs: ValuePairs, outers: int, inners: int) -> None:
        if self._cells == 1:
            self._of_this_thread().add(pairs)
            return
        sums = SliceSums(outers, inners)
        sums.add(Block(pairs, np.arange(outers) * inners, np.arange(inners)))
        for name in SLICE_QUANTITIES:
            values = sums.quantity(name)
            finite = values[np.isfinite(values)]
            if finite.size:
                ends = float(finite.min()), float(finite.max())
                with self._lock:
                    self._ends[name] = _joined(self._ends[name], ends)

    def ends(self, sums: SliceSums) -> Ends:
        if self._cells > 1:
            return self._ends
        found: Ends = dict.fromkeys(SLICE_QUANTITIES)
        for weights in self._all:
            ends = weights.ends(sums)
            found = {name: _joined(found[name], ends[name]) for name in SLICE_QUANTITIES}
        return found

    def _of_this_thread(self) -> WeightExtremes:
        weights: WeightExtremes | None = getattr(self._weights, "value", None)
        if weights is None:
            weights = WeightExtremes()
            self._weights.value = weights
            with self._lock:
                self._all.append(weights)
        return weights


def _joined(
    one: tuple[float, float] | None, other: tuple[float, float] | None
) -> tuple[float, float] | None:
    if one is None or other is None:
        return one or other
    return (min(one[0], other[0]), max(one[1], other[1]))


def _sample(values: KernelValues, pair: KernelPair) -> SliceSums:
    """The sums of evenly spaced slices."""
    layout = pair.layout
    stride = int(np.ceil(np.sqrt(layout.rows * layout.columns / MAP_SAMPLE)))
    outers, inners = (np.arange(0, size, stride) for size in (layout.outer, layout.inner))
    if min(layout.outer, layout.inner) < stride:
        inners = np.arange(0, layout.inner, max(layout.inner * outers.size // MAP_SAMPLE, 1))
    sums = SliceSums(outers.size, inners.size)
    selection = Selection(
        outers, np.arange(outers.size) * inners.size, inners, np.arange(inners.size)
    )

    def consume(pairs: ValuePairs, outer_pixels: Any, inner_pixels: Any) -> None:
        sums.add(Block(pairs, outer_pixels, inner_pixels))

    sweep(values, pair, selection, consume)
    return sums
