"""The kernel map of a pair of snapshots: what the convolution operation view asks for."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis import DistributionAccumulator
from tb_snapshot_compare.analysis.locating import CellMarker
from tb_snapshot_compare.analysis.slice_measures import (
    SLICE_MEASURES,
    SLICE_QUANTITIES,
    SliceMeasure,
    quantity_of,
)
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import (
    MAP_LEVELS_KEPT_BYTES,
    MAP_TILES_KEPT_BYTES,
    MAP_VALUES_WHOLE_BYTES,
)
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.workspace import compiling
from tb_snapshot_compare.workspace.byte_lru import ByteLru
from tb_snapshot_compare.workspace.distributing import change_range, check_bounds
from tb_snapshot_compare.workspace.kernel_levels import Level, Places, levels_of
from tb_snapshot_compare.workspace.kernel_locating import CellsQuery, LocatedPyramid, locate
from tb_snapshot_compare.workspace.kernel_orders import ORDERS, Order, Side, order_of
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair, KernelPairs
from tb_snapshot_compare.workspace.kernel_pyramids import Pyramid, Scale, build_pyramid
from tb_snapshot_compare.workspace.kernel_slices import (
    SliceValues,
    area_distribution,
    parse_area,
    slice_values,
)
from tb_snapshot_compare.workspace.kernel_store import (
    decode_located,
    decode_pyramid,
    encode_located,
    encode_pyramid,
)
from tb_snapshot_compare.workspace.kernel_tiles import (
    TileAddress,
    crop,
    located_tile,
    parse_tiles,
    quantity_tile,
)
from tb_snapshot_compare.workspace.kernel_values import KernelValues, check
from tb_snapshot_compare.workspace.library import Workspace
from tb_snapshot_compare.workspace.results import Distribution
from tb_snapshot_compare.workspace.streaming import Progress

Halves = NDArray[np.float16]
Indices = NDArray[np.int64]
Refs = tuple[SnapshotRef, SnapshotRef]
Kept = TypeVar("Kept", Pyramid, LocatedPyramid)

LOCATED = "located"
QUANTITIES = ("difference", "signed", "relative", "a", "b")
_ORDERS_KEPT_BYTES = 8 << 20
_ORDER_TYPE = "<i4"


@dataclass(frozen=True, slots=True)
class KernelQuery:
    """A tensor of a layer on the map: the measure of `difference`, and the orders."""

    layer: str
    tensor: str | None = None
    measure: str = "l2"
    rows_by: str = "index"
    columns_by: str = "index"

    def __post_init__(self) -> None:
        if self.measure not in SLICE_MEASURES:
            raise InvalidRequestError(
                f"measure={self.measure!r} is not shown on the map. "
                f"Choose from {', '.join(SLICE_MEASURES)}."
            )
        for name, value in (("rows_by", self.rows_by), ("columns_by", self.columns_by)):
            if value not in ORDERS:
                raise InvalidRequestError(
                    f"{name}={value!r} is not an order. Choose from {', '.join(ORDERS)}."
                )


@dataclass(frozen=True, slots=True)
class KernelView:
    """A tensor as a map: its levels of detail, and the scales of `QUANTITIES`."""

    pair: KernelPair
    levels: tuple[Level, ...]
    scales: dict[str, Scale]


class KernelMaps:
    """Computes kernel maps, and keeps what was used last. Safe to call from any thread."""

    def __init__(self, workspace: Workspace, whole: int = MAP_VALUES_WHOLE_BYTES) -> None:
        """Maps of what `workspace` lists; tensors of up to `whole` bytes are kept in memory."""
        self._workspace = workspace
        self._whole = whole
        self._pairs = KernelPairs(workspace)
        self._values = KernelValues(whole)
        self._pyramids: ByteLru[Pyramid] = ByteLru(MAP_LEVELS_KEPT_BYTES)
        self._located: ByteLru[LocatedPyramid] = ByteLru(MAP_LEVELS_KEPT_BYTES)
        self._tiles: ByteLru[Halves] = ByteLru(MAP_TILES_KEPT_BYTES)
        self._orders: ByteLru[Indices] = ByteLru(_ORDERS_KEPT_BYTES)
        self._building = threading.Lock()

    def view(
        self, a: SnapshotRef, b: SnapshotRef, query: KernelQuery, progress: Progress | None = None
    ) -> KernelView:
        """The map's sizes and scales.

        Raises:
          NotFoundError, InvalidRequestError, UnreadableSnapshotError: as `KernelPairs.find`.
          SnapshotGoneError, SnapshotChangedError: the files changed while they were read.
        """
        pair = self._pairs.find(a, b, query.layer, query.tensor)
        pyramid = self._pyramid((a, b), pair, query, progress)
        measure = _measure(query)
        scales = {shown: pyramid.scales[quantity_of(shown, measure)] for shown in QUANTITIES}
        return KernelView(pair, levels_of(pair.layout), scales)

    def tiles(
        self,
        a: SnapshotRef,
        b: SnapshotRef,
        query: KernelQuery,
        quantity: str,
        tiles: str,
        cells: CellsQuery | None = None,
        progress: Progress | None = None,
    ) -> bytes:
        """Tiles of a quantity, one after the other, as little-endian float16.

        Values are multiples of the scale's unit; of `located`, counts of weights (rounded to
        float16 beyond 2,048, and at most 65,504).

        Raises: as `view`, and InvalidRequestError for a bad quantity, tile or cell.
        """
        if quantity != LOCATED and quantity not in QUANTITIES:
            known = ", ".join((*QUANTITIES, LOCATED))
            raise InvalidRequestError(
                f"quantity={quantity!r} is not on the map. Choose from {known}."
            )
        pair = self._pairs.find(a, b, query.layer, query.tensor)
        levels = levels_of(pair.layout)
        addresses = parse_tiles(tiles, levels)
        if quantity == LOCATED:
            if cells is None:
                raise InvalidRequestError("quantity=located needs bins, levels and cells.")
            found = self._located_tiles((a, b), pair, query, cells, addresses, progress)
        else:
            found = self._quantity_tiles((a, b), pair, query, quantity, addresses, progress)
        return b"".join(tile.astype("<f2", copy=False).tobytes() for tile in found)

    def order(
        self, a: SnapshotRef, b: SnapshotRef, query: KernelQuery, progress: Progress | None = None
    ) -> tuple[Indices, Indices]:
        """The stored row and column at each place. Raises as `view`."""
        pair = self._pairs.find(a, b, query.layer, query.tensor)
        places = self._places((a, b), pair, query, progress)
        layout = pair.layout
        return places.stored_rows(0, layout.rows), places.stored_columns(0, layout.columns)

    def slice(
        self, a: SnapshotRef, b: SnapshotRef, query: KernelQuery, row: int, column: int
    ) -> tuple[KernelPair, SliceValues]:
        """One slice by its stored indices. Raises as `view`, and for a slice that is not there."""
        pair = self._pairs.find(a, b, query.layer, query.tensor)
        compiling.wait()
        return pair, slice_values(self._values, pair, row, column)

    def located(
        self,
        a: SnapshotRef,
        b: SnapshotRef,
        query: KernelQuery,
        cells: CellsQuery,
        progress: Progress | None = None,
    ) -> tuple[KernelPair, LocatedPyramid]:
        """How many weights and slices lie in chosen cells. Raises as `tiles`."""
        pair = self._pairs.find(a, b, query.layer, query.tensor)
        return pair, self._located_pyramid((a, b), pair, query, cells, progress)

    def area_distribution(
        self,
        a: SnapshotRef,
        b: SnapshotRef,
        query: KernelQuery,
        rows: str,
        columns: str,
        bins: int,
        levels: int,
        whole: str,
        progress: Progress | None = None,
    ) -> Distribution:
        """The distribution of an area of places, in the bins of the layer's or the tensor's.

        Raises: as `view`, and InvalidRequestError for a bad area, bins, levels or whole.
        """
        check_bounds(bins, levels)
        compiling.wait()
        pair = self._pairs.find(a, b, query.layer, query.tensor)
        area = parse_area(rows, columns, pair)
        low, high = self._range((a, b), pair, whole, progress)
        accumulator = DistributionAccumulator(low, high, bins, levels)
        places = self._places((a, b), pair, query, progress)
        found = area_distribution(self._values, pair, places, area, accumulator, progress)
        return Distribution(
            layer=pair.layer,
            tensor=pair.name,
            bin_edges=tuple(found.bin_edges.tolist()),
            level_edges=tuple(found.level_edges.tolist()),
            counts=tuple(tuple(row) for row in found.counts.tolist()),
            total=found.total,
            excluded=found.excluded,
        )

    def _quantity_tiles(
        self,
        refs: Refs,
        pair: KernelPair,
        query: KernelQuery,
        shown: str,
        addresses: tuple[TileAddress, ...],
        progress: Progress | None,
    ) -> list[Halves]:
        pyramid = self._pyramid(refs, pair, query, progress)
        quantity = quantity_of(shown, _measure(query))
        places = self._places(refs, pair, query, progress)
        unit = pyramid.scales[quantity].unit
        levels = levels_of(pair.layout)
        key = self._map_key("kernel_tile", refs, pair, query, quantity)

        def tile(address: TileAddress) -> Halves:
            level = levels[address.level]
            if level.exponent >= pyramid.base:
                return crop(pyramid.levels[quantity][level.exponent - pyramid.base], address)
            return self._tiles.get(
                (key, address),
                lambda: quantity_tile(self._values, pair, places, level, address, quantity, unit),
            )

        return self._each(pair, addresses, tile, progress)

    def _located_tiles(
        self,
        refs: Refs,
        pair: KernelPair,
        query: KernelQuery,
        cells: CellsQuery,
        addresses: tuple[TileAddress, ...],
        progress: Progress | None,
    ) -> list[Halves]:
        pyramid = self._located_pyramid(refs, pair, query, cells, progress)
        marker = self._marker(refs, pair, cells, progress)
        places = self._places(refs, pair, query, progress)
        levels = levels_of(pair.layout)
        chosen = (f"{cells.bins} {cells.levels}", cells.cells, cells.whole)
        key = self._map_key("kernel_located_tile", refs, pair, query, *chosen)

        def tile(address: TileAddress) -> Halves:
            level = levels[address.level]
            if level.exponent >= pyramid.base:
                return crop(pyramid.levels[level.exponent - pyramid.base], address)
            return self._tiles.get(
                (key, address),
                lambda: located_tile(self._values, pair, places, level, address, marker),
            )

        return self._each(pair, addresses, tile, progress)

    def _each(
        self,
        pair: KernelPair,
        addresses: tuple[TileAddress, ...],
        tile: Callable[[TileAddress], Halves],
        progress: Progress | None,
    ) -> list[Halves]:
        found = []
        for done, address in enumerate(addresses):
            if progress is not None:
                progress(done, len(addresses))
            found.append(tile(address))
        check(pair)
        return found

    def _places(
        self, refs: Refs, pair: KernelPair, query: KernelQuery, progress: Progress | None
    ) -> Places:
        rows = self._order(refs, pair, query, "rows", query.rows_by, progress)
        columns = self._order(refs, pair, query, "columns", query.columns_by, progress)
        return Places(rows, columns)

    def _order(
        self,
        refs: Refs,
        pair: KernelPair,
        query: KernelQuery,
        side: Side,
        by: str,
        progress: Progress | None,
    ) -> Indices | None:
        if by == "index":
            return None
        order: Order = "difference" if by == "difference" else "similarity"
        quantity = quantity_of("difference", _measure(query))
        store = self._workspace.results
        what = (pair.name, side, order, quantity)
        key = self._workspace.result_key("kernel_order", *refs, *what, matches=pair.matches)
        size = pair.layout.rows if side == "rows" else pair.layout.columns

        def make() -> Indices:
            payload = store.get(key)
            if payload is not None and len(payload) == size * 4:
                return np.frombuffer(payload, _ORDER_TYPE).astype(np.int64)
            found = order_of(self._values, pair, side, order, quantity, progress)
            assert found is not None
            store.put(key, found.astype(_ORDER_TYPE).tobytes())
            return found

        return self._orders.get(key, make)

    def _pyramid(
        self, refs: Refs, pair: KernelPair, query: KernelQuery, progress: Progress | None
    ) -> Pyramid:
        """All quantities of a large tensor; else those that are shown with one measure."""
        places = self._places(refs, pair, query, progress)
        measure = _measure(query)
        large = pair.nbytes > self._whole
        shown = dict.fromkeys(quantity_of(name, measure) for name in QUANTITIES)
        quantities = SLICE_QUANTITIES if large else tuple(shown)
        more = () if large else (quantities[0],)
        return self._kept(
            self._pyramids,
            pair,
            self._map_key("kernel_levels", refs, pair, query, *more),
            lambda: build_pyramid(self._values, pair, places, quantities, progress),
            (encode_pyramid, decode_pyramid),
        )

    def _located_pyramid(
        self,
        refs: Refs,
        pair: KernelPair,
        query: KernelQuery,
        cells: CellsQuery,
        progress: Progress | None,
    ) -> LocatedPyramid:
        marker = self._marker(refs, pair, cells, progress)
        places = self._places(refs, pair, query, progress)
        chosen = (f"{cells.bins} {cells.levels}", cells.cells, cells.whole)
        return self._kept(
            self._located,
            pair,
            self._map_key("kernel_located", refs, pair, query, *chosen),
            lambda: locate(self._values, pair, places, marker, progress),
            (encode_located, decode_located),
        )

    def _kept(
        self,
        kept: ByteLru[Kept],
        pair: KernelPair,
        key: str,
        build: Callable[[], Kept],
        coding: tuple[
            Callable[[Kept], bytes], Callable[[bytes | None, tuple[Level, ...]], Kept | None]
        ],
    ) -> Kept:
        """What is kept in memory; of a large tensor, on disk as well."""
        encode, decode = coding
        large = pair.nbytes > self._whole
        store = self._workspace.results

        def make() -> Kept:
            stored = decode(store.get(key), levels_of(pair.layout)) if large else None
            if stored is not None:
                return stored
            built = build()
            if large:
                store.put(key, encode(built))
            return built

        with self._building:
            return kept.get(key, make)

    def _map_key(
        self, kind: str, refs: Refs, pair: KernelPair, query: KernelQuery, *more: str
    ) -> str:
        """What the levels depend on: the measure only where it decides an order."""
        ordered = {query.rows_by, query.columns_by} != {"index"}
        measure = quantity_of("difference", _measure(query)) if ordered else ""
        what = (pair.layer, pair.name, query.rows_by, query.columns_by, measure, *more)
        return self._workspace.result_key(kind, *refs, *what, matches=pair.matches)

    def _marker(
        self, refs: Refs, pair: KernelPair, cells: CellsQuery, progress: Progress | None
    ) -> CellMarker:
        chosen = cells.chosen()
        low, high = self._range(refs, pair, cells.whole, progress)
        compiling.wait()
        return CellMarker(low, high, cells.bins, cells.levels, chosen)

    def _range(
        self, refs: Refs, pair: KernelPair, whole: str, progress: Progress | None
    ) -> tuple[float, float]:
        if whole not in ("layer", "tensor"):
            raise InvalidRequestError(f"whole={whole!r}: choose layer or tensor.")
        comparison = self._workspace.comparison(*refs, progress, matches=pair.matches)
        return change_range(comparison, pair.layer, pair.name if whole == "tensor" else None)


def _measure(query: KernelQuery) -> SliceMeasure:
    return next(measure for measure in SLICE_MEASURES if measure == query.measure)
