"""`comparison`, `architecture`, `filters` and `distribution`: the work on a pair."""

from dataclasses import replace
from typing import TypeVar

import msgspec
import numpy as np
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api.arrays import MIMETYPE, encode_arrays
from tb_snapshot_compare.http_api.columns import comparison_columns
from tb_snapshot_compare.http_api.encoding import Encoded, Encodings
from tb_snapshot_compare.http_api.endpoints import COMPARISON_FORMS
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.jobs import Progress, WorkQueue
from tb_snapshot_compare.http_api.listing import wire_snapshot
from tb_snapshot_compare.http_api.parameters import (
    choice,
    integer,
    optional,
    required,
    snapshot_pair,
)
from tb_snapshot_compare.http_api.queued import pair_key, respond_queued
from tb_snapshot_compare.http_api.respond import respond_bytes, respond_encoded, respond_json
from tb_snapshot_compare.limits import BINS_DEFAULT, LEVELS_DEFAULT
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.workspace import (
    Comparison,
    PairArchitecture,
    TensorDifference,
    Workspace,
)
from tb_snapshot_compare.workspace.distributing import check_bounds

Wire = TypeVar("Wire")


class ComparingRoutes:
    """Each answer names its generations in the URL, so that a 200 may be cached for ever.

    The exception: where the network's configuration, which decides on layers and filters, may
    still turn up.
    """

    def __init__(
        self, workspace: Workspace, queue: WorkQueue, hide: Hide, encodings: Encodings
    ) -> None:
        self._workspace = workspace
        self._hide = hide
        self._queue = queue
        self._encodings = encodings

    def comparison(self, request: Request) -> Response:
        """The measures of the model, its layers and its tensors, as JSON or in columns."""
        a, b = snapshot_pair(request, self._workspace)
        form = choice(request, "form", COMPARISON_FORMS)
        return respond_queued(
            self._queue,
            ("comparison", *pair_key(a, b)),
            f"Comparing {a.name} with {b.name}",
            lambda progress: self._workspace.comparison(a, b, progress),
            lambda result: respond_encoded(
                request, self._encoded(result, a, b, form), immutable=self._final(a, b)
            ),
        )

    def _encoded(self, result: Comparison, a: SnapshotRef, b: SnapshotRef, form: str) -> Encoded:
        sides = wire_snapshot(a, self._hide), wire_snapshot(b, self._hide)
        if form == "columns":
            return self._encodings.of(
                result,
                lambda: comparison_columns(result, *sides, self._hide),
                MIMETYPE,
                more=(a.id, b.id),
            )
        return self._encodings.of(
            result,
            lambda: msgspec.json.encode(_wire_comparison(result, *sides, self._hide)),
            more=(a.id, b.id),
        )

    def architecture(self, request: Request) -> Response:
        """The layers of both as one graph."""
        a, b = snapshot_pair(request, self._workspace)
        return respond_queued(
            self._queue,
            ("architecture", *pair_key(a, b)),
            "Reading the architecture",
            lambda _progress: self._workspace.architecture(a, b),
            lambda result: respond_encoded(
                request,
                self._encodings.of(result, lambda: msgspec.json.encode(_wire_architecture(result))),
                immutable=self._final(a, b),
            ),
        )

    def filters(self, request: Request) -> Response:
        """The measures of every output filter of a layer, as arrays."""
        a, b = snapshot_pair(request, self._workspace)
        layer = required(request, "layer")

        def work(progress: Progress) -> bytes:
            self._workspace.comparison(a, b, progress)
            found = self._workspace.filters(a, b, layer)
            if found is None:
                raise NotFoundError(f"Layer {layer!r} has no filters to compare.")
            arrays = {name: np.frombuffer(data, "<f8") for name, data in found.arrays.items()}
            metadata = {"layer": layer, "tensor": found.tensor, "filters": str(found.filters)}
            return encode_arrays(arrays, metadata)

        return respond_queued(
            self._queue,
            ("filters", *pair_key(a, b), layer),
            f"Comparing the filters of {layer}",
            work,
            lambda body: respond_bytes(body, MIMETYPE, immutable=self._final(a, b)),
        )

    def distribution(self, request: Request) -> Response:
        """The difference distribution of a layer, a tensor or the whole model."""
        a, b = snapshot_pair(request, self._workspace)
        layer, tensor = optional(request, "layer"), optional(request, "tensor")
        bins = integer(request, "bins", BINS_DEFAULT)
        levels = integer(request, "levels", LEVELS_DEFAULT)
        check_bounds(bins, levels)
        return respond_queued(
            self._queue,
            ("distribution", *pair_key(a, b), layer or "", tensor or "", str(bins), str(levels)),
            f"Counting the changes of {tensor or layer or 'the model'}",
            lambda progress: self._workspace.distribution(
                a, b, bins=bins, levels=levels, layer=layer, tensor=tensor, progress=progress
            ),
            lambda result: respond_json(
                msgspec.convert(result, contract.Distribution, from_attributes=True),
                immutable=self._final(a, b),
            ),
        )

    def _final(self, a: SnapshotRef, b: SnapshotRef) -> bool:
        return self._workspace.is_final(a, b)


def _wire_comparison(
    result: Comparison, a: contract.Snapshot, b: contract.Snapshot, hide: Hide
) -> contract.Comparison:
    return contract.Comparison(
        a=a,
        b=b,
        coverage=_convert(result.coverage, contract.Coverage),
        left_out=_convert(result.left_out, contract.LeftOut),
        model=_convert(result.model, contract.Measures),
        layers=[_convert(layer, contract.LayerDifference) for layer in result.layers],
        tensors=[_wire_tensor(tensor, hide) for tensor in result.tensors],
    )


def _wire_tensor(tensor: TensorDifference, hide: Hide) -> contract.TensorDifference:
    problem = None if tensor.problem is None else hide(tensor.problem)
    return _convert(replace(tensor, problem=problem), contract.TensorDifference)


def _wire_architecture(pair: PairArchitecture) -> contract.Architecture:
    graph = pair.graph
    return contract.Architecture(
        source=graph.source,
        note=graph.note,
        nodes=[
            contract.LayerNode(
                name=layer.name,
                kind=layer.shown_kind,
                parent=layer.parent,
                is_group=layer.is_group,
                output_shape=None if layer.output_shape is None else list(layer.output_shape),
                tensors=list(layer.tensors),
                parameters=layer.parameters,
                side=pair.sides[layer.name],
            )
            for layer in graph.layers
        ],
        edges=[_convert(edge, contract.LayerEdge) for edge in graph.edges],
    )


def _convert(value: object, kind: type[Wire]) -> Wire:
    return msgspec.convert(value, kind, from_attributes=True)
