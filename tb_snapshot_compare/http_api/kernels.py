"""`kernel`, `kernel_tiles`, `kernel_order`, `kernel_slice`, `located`, `area_distribution`."""

import msgspec
import numpy as np
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api import contract_kernel as wire
from tb_snapshot_compare.http_api.arrays import MIMETYPE, encode_arrays
from tb_snapshot_compare.http_api.jobs import Progress, WorkQueue
from tb_snapshot_compare.http_api.parameters import integer, optional, required, snapshot_pair
from tb_snapshot_compare.http_api.queued import pair_key, respond_queued
from tb_snapshot_compare.http_api.respond import respond_bytes, respond_json
from tb_snapshot_compare.limits import BINS_DEFAULT, LEVELS_DEFAULT
from tb_snapshot_compare.workspace import Workspace
from tb_snapshot_compare.workspace.kernel_levels import TILE
from tb_snapshot_compare.workspace.kernel_locating import CellsQuery
from tb_snapshot_compare.workspace.kernel_maps import (
    LOCATED,
    KernelMaps,
    KernelQuery,
    KernelView,
)
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair
from tb_snapshot_compare.workspace.kernel_slices import SliceValues, texts_of


class KernelRoutes:
    """Each answer names its generations in the URL: cached for ever, once the network is known."""

    def __init__(self, workspace: Workspace, queue: WorkQueue) -> None:
        self._workspace = workspace
        self._maps = KernelMaps(workspace)
        self._queue = queue

    def kernel(self, request: Request) -> Response:
        """A tensor of a layer as a matrix of slices."""
        a, b = snapshot_pair(request, self._workspace)
        query = _query(request)
        return respond_queued(
            self._queue,
            ("kernel", *pair_key(a, b), *_texts(query)),
            f"Reading the weights of {query.layer}",
            lambda progress: self._maps.view(a, b, query, progress),
            lambda view: respond_json(
                _wire_map(view, query), immutable=self._workspace.is_final(a, b)
            ),
        )

    def kernel_tiles(self, request: Request) -> Response:
        """Tiles of a quantity as float16."""
        a, b = snapshot_pair(request, self._workspace)
        query = _query(request)
        quantity, tiles = required(request, "quantity"), required(request, "tiles")
        cells = _cells(request) if quantity == LOCATED else None
        chosen = () if cells is None else _cell_texts(cells)
        return respond_queued(
            self._queue,
            ("kernel_tiles", *pair_key(a, b), *_texts(query), quantity, tiles, *chosen),
            f"Drawing the weights of {query.layer}",
            lambda progress: self._maps.tiles(a, b, query, quantity, tiles, cells, progress),
            lambda body: respond_bytes(body, MIMETYPE, immutable=self._workspace.is_final(a, b)),
        )

    def kernel_order(self, request: Request) -> Response:
        """The stored index at each place of the map."""
        a, b = snapshot_pair(request, self._workspace)
        query = _query(request)

        def work(progress: Progress) -> bytes:
            rows, columns = self._maps.order(a, b, query, progress)
            arrays = {"rows": rows.astype(np.int32), "columns": columns.astype(np.int32)}
            return encode_arrays(arrays, {})

        return respond_queued(
            self._queue,
            ("kernel_order", *pair_key(a, b), *_texts(query)),
            f"Ordering the weights of {query.layer}",
            work,
            lambda body: respond_bytes(body, MIMETYPE, immutable=self._workspace.is_final(a, b)),
        )

    def kernel_slice(self, request: Request) -> Response:
        """One slice with its weights."""
        a, b = snapshot_pair(request, self._workspace)
        query = KernelQuery(required(request, "layer"), optional(request, "tensor"))
        required(request, "row")
        required(request, "column")
        row, column = integer(request, "row", 0), integer(request, "column", 0)
        pair, found = self._maps.slice(a, b, query, row, column)
        return respond_json(_wire_slice(pair, found), immutable=self._workspace.is_final(a, b))

    def located(self, request: Request) -> Response:
        """How many weights and slices lie in chosen cells of the distribution."""
        a, b = snapshot_pair(request, self._workspace)
        query = KernelQuery(required(request, "layer"), optional(request, "tensor"))
        cells = _cells(request)

        def work(progress: Progress) -> wire.Located:
            pair, found = self._maps.located(a, b, query, cells, progress)
            return wire.Located(
                tensor=pair.name,
                weights=found.weights,
                slices=found.slices,
                slices_total=pair.layout.rows * pair.layout.columns,
            )

        return respond_queued(
            self._queue,
            ("located", *pair_key(a, b), *_texts(query), *_cell_texts(cells)),
            f"Locating weights of {query.layer}",
            work,
            lambda found: respond_json(found, immutable=self._workspace.is_final(a, b)),
        )

    def area_distribution(self, request: Request) -> Response:
        """The distribution of an area of the map."""
        a, b = snapshot_pair(request, self._workspace)
        query = _query(request)
        rows, columns = required(request, "rows"), required(request, "columns")
        bins = integer(request, "bins", BINS_DEFAULT)
        levels = integer(request, "levels", LEVELS_DEFAULT)
        whole = optional(request, "whole") or "layer"

        def work(progress: Progress) -> wire.AreaDistribution:
            found = self._maps.area_distribution(
                a, b, query, rows, columns, bins, levels, whole, progress
            )
            return msgspec.convert(found, wire.AreaDistribution, from_attributes=True)

        parts = (rows, columns, str(bins), str(levels), whole)
        return respond_queued(
            self._queue,
            ("area_distribution", *pair_key(a, b), *_texts(query), *parts),
            f"Counting the changes of an area of {query.layer}",
            work,
            lambda found: respond_json(found, immutable=self._workspace.is_final(a, b)),
        )


def _query(request: Request) -> KernelQuery:
    return KernelQuery(
        layer=required(request, "layer"),
        tensor=optional(request, "tensor"),
        measure=optional(request, "measure") or "l2",
        rows_by=optional(request, "rows_by") or "index",
        columns_by=optional(request, "columns_by") or "index",
    )


def _cells(request: Request) -> CellsQuery:
    cells = CellsQuery(
        bins=integer(request, "bins", BINS_DEFAULT),
        levels=integer(request, "levels", LEVELS_DEFAULT),
        cells=required(request, "cells"),
        whole=optional(request, "whole") or "layer",
    )
    cells.chosen()
    return cells


def _texts(query: KernelQuery) -> tuple[str, ...]:
    return (query.layer, query.tensor or "", query.measure, query.rows_by, query.columns_by)


def _cell_texts(cells: CellsQuery) -> tuple[str, ...]:
    return (str(cells.bins), str(cells.levels), cells.cells, cells.whole)


def _wire_map(view: KernelView, query: KernelQuery) -> wire.KernelMap:
    pair, layout = view.pair, view.pair.layout
    return wire.KernelMap(
        layer=pair.layer,
        tensor=pair.name,
        role=pair.b.role,
        kind=pair.kind,
        dtype_a=pair.a.dtype,
        dtype_b=pair.b.dtype,
        shape=list(layout.shape),
        rows=layout.rows,
        columns=layout.columns,
        cell_rows=layout.cell_rows,
        cell_columns=layout.cell_columns,
        row_word=layout.row_word,
        column_word=layout.column_word,
        cell_word=layout.cell_word,
        rows_are_channels=layout.rows_are_channels,
        columns_are_channels=layout.columns_are_channels,
        measure=query.measure,
        tile=TILE,
        levels=[
            msgspec.convert(level, wire.KernelLevel, from_attributes=True) for level in view.levels
        ],
        scales=[
            wire.KernelScale(
                quantity=name,
                low=scale.low,
                high=scale.high,
                robust=scale.robust,
                unit=scale.unit,
            )
            for name, scale in view.scales.items()
        ],
        tensors=[
            wire.KernelTensor(
                name=tensor.name,
                role=tensor.either.role,
                shape=list(tensor.either.shape),
                compared=tensor.status == "compared" and tensor.count > 0,
            )
            for tensor in pair.tensors
        ],
        rows_by=msgspec.convert(query.rows_by, wire.Order),
        columns_by=msgspec.convert(query.columns_by, wire.Order),
        note=layout.note,
    )


def _wire_slice(pair: KernelPair, found: SliceValues) -> wire.KernelSlice:
    return wire.KernelSlice(
        tensor=pair.name,
        row=found.row,
        column=found.column,
        index=list(found.index),
        a=_matrix(found.a),
        b=_matrix(found.b),
        difference=_matrix(found.difference),
        texts_a=texts_of(found.a),
        texts_b=texts_of(found.b),
        measures=msgspec.convert(found.measures, contract.Measures, from_attributes=True),
    )


def _matrix(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[list[float | None]]:
    fine = np.isfinite(values)
    return [
        [value if ok else None for value, ok in zip(row, kept, strict=True)]
        for row, kept in zip(values.tolist(), fine.tolist(), strict=True)
    ]
