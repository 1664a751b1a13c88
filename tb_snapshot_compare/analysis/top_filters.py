"""The filters that changed most at a dump, and what they have in common with the anomalies.

How much a filter changed is told by the cosine of its weights one dump before and now: the
smallest has changed most. One of 1 tells of no change but of scale, most often of none at all:
such a filter is never among those that changed most, however few they are.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOP_DEFAULT = 10
TOP_OF_ONE_PIN = 20
"""With one pinned dump there is nothing to intersect, so that more are shown."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FilterColumns:
    """Filters of one dump as columns of one length `[n]`.

    `layers` are the layers' places in the network's order, whole numbers; `filters` whole numbers
    from 0 in each layer; `cosines` floats, NaN where unknown. No filter stands twice.
    """

    layers: NDArray[Any]
    filters: NDArray[Any]
    cosines: NDArray[Any]

    def __post_init__(self) -> None:
        if not self.layers.shape == self.filters.shape == self.cosines.shape:
            raise ValueError(
                f"columns of shapes {self.layers.shape}, {self.filters.shape} and "
                f"{self.cosines.shape}: want one length"
            )

    def __len__(self) -> int:
        return int(self.layers.size)

    def at(self, rows: NDArray[Any]) -> "FilterColumns":
        """Those of some rows, by index or by mask."""
        return FilterColumns(self.layers[rows], self.filters[rows], self.cosines[rows])


@dataclass(frozen=True, slots=True)
class PinnedFilters:
    """Filters in the network's order `[n]`, with their cosines at every pin `[pins, n]`."""

    layers: NDArray[Any]
    filters: NDArray[Any]
    cosines: NDArray[Any]

    def __len__(self) -> int:
        return int(self.layers.size)


def top_filters(
    columns: FilterColumns, count: int = TOP_DEFAULT, left_out: Collection[int] = ()
) -> FilterColumns:
    """The filters with the smallest cosines, smallest first; equal ones in the network's order.

    Filters whose cosine is 1 or NaN are never among them.

    Args:
      columns: all filters of a dump, in any order.
      count: how many; fewer where there are fewer.
      left_out: layers whose filters are not considered.

    Raises:
      ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError(f"{count} filters: want 0 or more")
    allowed = columns.cosines < 1
    if left_out:
        allowed &= ~np.isin(columns.layers, list(left_out))
    rows = np.flatnonzero(allowed)
    if count < rows.size:
        cosines = columns.cosines[rows]
        last = np.partition(cosines, count - 1)[count - 1] if count else -np.inf
        rows = rows[cosines <= last]
    near = columns.at(rows)
    order = np.lexsort((near.filters, near.layers, near.cosines))[:count]
    return near.at(order)


def top_filters_of_pins(
    pins: Sequence[FilterColumns], count: int | None = None, left_out: Collection[int] = ()
) -> PinnedFilters:
    """The filters that are among the most changed at every pinned dump.

    Args:
      pins: all filters at each of them; at least one.
      count: how many are the most changed at a dump; None for `TOP_DEFAULT`, or `TOP_OF_ONE_PIN`
        where there is one pin.
      left_out: layers whose filters are not considered.

    Raises:
      ValueError: there are no pins.
    """
    if not pins:
        raise ValueError("no pinned dump: want at least one")
    if count is None:
        count = TOP_OF_ONE_PIN if len(pins) == 1 else TOP_DEFAULT
    tops = [top_filters(columns, count, left_out) for columns in pins]
    cosines = [dict(zip(_names(top), top.cosines.tolist(), strict=True)) for top in tops]
    common = sorted(set(cosines[0]).intersection(*cosines[1:]))
    return PinnedFilters(
        np.array([layer for layer, _ in common], np.int64),
        np.array([index for _, index in common], np.int64),
        np.array([[of[name] for name in common] for of in cosines]).reshape(len(pins), len(common)),
    )


def correlation_matrix(
    classes_of: Sequence[int], tops: Sequence[FilterColumns], layers: int, classes: int
) -> NDArray[np.int64]:
    """How many different filters of each layer changed strongly at the anomalies of each class.

    Args:
      classes_of: the class of each anomaly iteration, `[n]`.
      tops: the most changed filters at each of them, `[n]`. Classes that share an iteration may
        share the object.
      layers: how many there are.
      classes: how many there are.

    Returns:
      int64 `[layers, classes]`.
    """
    filters = 1 + max((int(top.filters.max(initial=0)) for top in tops), default=0)
    codes: dict[int, list[Indices]] = {}
    for class_index, top in zip(classes_of, tops, strict=True):
        code = top.layers.astype(np.int64) * filters + top.filters
        codes.setdefault(class_index, []).append(code)
    matrix = np.zeros((layers, classes), np.int64)
    for class_index, parts in codes.items():
        distinct = np.unique(np.concatenate(parts))
        matrix[:, class_index] = np.bincount(distinct // filters, minlength=layers)
    return matrix


def _names(columns: FilterColumns) -> list[tuple[int, int]]:
    return list(zip(columns.layers.tolist(), columns.filters.tolist(), strict=True))
