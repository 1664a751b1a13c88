"""Where a large tensor is cut so that several threads can compare it, with one result.

The cuts depend on the tensor alone, never on how many threads there are, and the parts' sums are
joined in order: so results are the same bit for bit, whoever computed which part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tb_snapshot_compare.analysis.filter_axis import FilterAxis
from tb_snapshot_compare.analysis.sum_columns import ColumnJoiner, SumColumns

PART_ELEMENTS = 1 << 24
"""64 MiB of float32: long enough that joining costs nothing beside it."""
_SPLIT_FILTERS_MAX = 1 << 14
"""The sums of more filters take longer to join than parts are worth."""


@dataclass(frozen=True, slots=True)
class Part:
    """Elements start to stop of the flat tensor, and how filters lie in them."""

    start: int
    stop: int
    axis: FilterAxis | None


def parts_of(count: int, axis: FilterAxis | None) -> tuple[Part, ...]:
    """The parts of a tensor of `count` elements, in order; one where it is not large.

    They hold whole periods of the filter axis or, where the filters are the outermost axis,
    whole filters.
    """
    whole = (Part(0, count, axis),)
    if count <= PART_ELEMENTS:
        return whole
    if axis is None:
        return tuple(Part(start, stop, None) for start, stop in _cuts(count, PART_ELEMENTS))
    period = axis.count * axis.stride
    if period == count:
        step = max(PART_ELEMENTS // axis.stride, 1) * axis.stride
        return tuple(
            Part(a, b, FilterAxis((b - a) // axis.stride, axis.stride))
            for a, b in _cuts(count, step)
        )
    if axis.count > _SPLIT_FILTERS_MAX:
        return whole
    step = max(PART_ELEMENTS // period, 1) * period
    return tuple(Part(start, stop, axis) for start, stop in _cuts(count, step))


def _cuts(count: int, step: int) -> list[tuple[int, int]]:
    return [(start, min(start + step, count)) for start in range(0, count, step)]


class PartJoiner:
    """Joins the sums of a tensor's parts as they come, in any order."""

    def __init__(self, parts: Sequence[Part], axis: FilterAxis | None) -> None:
        self._side_by_side = axis is not None and parts[0].axis != axis
        self._waiting: dict[int, SumColumns] = {}
        self._filters: list[SumColumns] = []
        self._joined = 0
        self._parts = len(parts)
        self._sums = ColumnJoiner()

    def add(self, index: int, sums: SumColumns) -> SumColumns | None:
        """Takes the sums of part `index`; returns those of the tensor once it has all."""
        if self._parts == 1:
            return sums
        self._waiting[index] = sums
        self._take()
        if self._joined < self._parts:
            return None
        total = self._sums.finish()
        return total.beside(*self._filters) if self._side_by_side else total

    def _take(self) -> None:
        while self._joined in self._waiting:
            part = self._waiting.pop(self._joined)
            if self._side_by_side:
                self._filters.append(part[1:])
                part = part[:1]
            self._sums.add(part)
            self._joined += 1
