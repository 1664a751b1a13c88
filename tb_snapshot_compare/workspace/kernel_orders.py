"""Orders of the rows and columns of a kernel map, as stored indices by place."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.numeric_types import ValuePairs
from tb_snapshot_compare.analysis.ordering import by_difference, by_similarity
from tb_snapshot_compare.analysis.slice_measures import Block, SliceQuantity, SliceSums
from tb_snapshot_compare.limits import MAP_BASE_PIXELS, MAP_THREADS_MAX
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair
from tb_snapshot_compare.workspace.kernel_sweeps import Selection, sweep
from tb_snapshot_compare.workspace.kernel_values import KernelValues, check
from tb_snapshot_compare.workspace.streaming import ByteCounter, Progress

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Order = Literal["index", "difference", "similarity"]
ORDERS: tuple[Order, ...] = ("index", "difference", "similarity")
Side = Literal["rows", "columns"]
_FEATURES_MAX = 512


def order_of(
    values: KernelValues,
    pair: KernelPair,
    side: Side,
    by: Order,
    quantity: SliceQuantity,
    progress: Progress | None = None,
) -> Indices | None:
    """The stored index at each place; None for the order by index.

    By difference: the rows (columns) of the greatest difference over all their weights first,
    by `quantity`. By similarity: see `ordering.by_similarity`, over the rows' slices, or pools
    of neighbouring slices where a row has more than 512 of them (fewer for many rows).

    Raises:
      SnapshotGoneError, SnapshotChangedError: the files changed while they were read.
    """
    if by == "index":
        return None
    size, across = pair.layout.rows, pair.layout.columns
    if side == "columns":
        size, across = across, size
    features = min(max(MAP_BASE_PIXELS // size, 1), _FEATURES_MAX, across)
    profile = _profile(
        values, pair, side, quantity, 1 if by == "difference" else features, progress
    )
    if by == "difference":
        return by_difference(profile[:, 0], cosine=quantity == "cosine")
    return by_similarity(profile)


def _profile(
    values: KernelValues,
    pair: KernelPair,
    side: Side,
    quantity: SliceQuantity,
    features: int,
    progress: Progress | None,
) -> Floats:
    """A quantity of each row (column) in `features` pools of neighbouring slices."""
    layout = pair.layout
    outers, inners = np.arange(layout.outer), np.arange(layout.inner)
    is_outer = (side == "columns") == layout.rows_inside
    if is_outer:
        pools = inners * features // layout.inner
        sums = SliceSums(layout.outer, features)
        selection = Selection(outers, outers * features, inners, pools)
    else:
        parts = max(features, min(MAP_THREADS_MAX, layout.outer))
        sums = SliceSums(parts, layout.inner)
        pools = outers * parts // layout.outer
        selection = Selection(outers, pools * layout.inner, inners, inners)

    def consume(pairs: ValuePairs, outer_pixels: Indices, inner_pixels: Indices) -> None:
        sums.add(Block(pairs, outer_pixels, inner_pixels))

    sweep(values, pair, selection, consume, ByteCounter(pair.nbytes, progress))
    check(pair)
    if features == 1 and not is_outer:
        sums = sums.joined()
    found = sums.quantity(quantity)
    return found if is_outer else found.T
