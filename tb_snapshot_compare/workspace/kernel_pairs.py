"""Which tensor of a layer the kernel map shows, and how it lies there."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tb_snapshot_compare.analysis.matrix_layout import (
    LayerOptions,
    MatrixLayout,
    matrix_layout,
)
from tb_snapshot_compare.architecture import layer_options
from tb_snapshot_compare.errors import (
    InvalidRequestError,
    NotFoundError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.snapshot import Generation, SnapshotRef, TensorInfo
from tb_snapshot_compare.workspace.comparing import WEIGHTS
from tb_snapshot_compare.workspace.library import Workspace
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.opening import OpenedSnapshot
from tb_snapshot_compare.workspace.pairing import TensorPair

_PAIRS_KEPT = 4


@dataclass(frozen=True, slots=True)
class KernelPair:
    """A tensor that both snapshots have, as a matrix of slices.

    `kind` is the layer's class, `matches` are the user's that it was found by.
    """

    pair_name: str
    layer: str
    kind: str
    a: TensorInfo
    b: TensorInfo
    generation_a: Generation
    generation_b: Generation
    layout: MatrixLayout
    tensors: tuple[TensorPair, ...]
    matches: Corrections = ()

    @property
    def name(self) -> str:
        """The tensor's canonical name."""
        return self.pair_name

    @property
    def count(self) -> int:
        """The number of weights."""
        layout = self.layout
        return layout.rows * layout.columns * layout.cells

    @property
    def nbytes(self) -> int:
        """Bytes of both sides."""
        return sum(extent.length for side in (self.a, self.b) for extent in side.extents)


@dataclass(frozen=True, slots=True)
class _Layers:
    pairs: Mapping[str, tuple[TensorPair, ...]]
    kinds: Mapping[str, str]
    options: Mapping[str, Mapping[str, Any]]
    generation_a: Generation
    generation_b: Generation


class KernelPairs:
    """Finds tensors of pairs of snapshots. Safe to call from any thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._layers = lru_cache(_PAIRS_KEPT)(self._layers_of)

    def find(self, a: SnapshotRef, b: SnapshotRef, layer: str, tensor: str | None) -> KernelPair:
        """The tensor called `tensor` of a layer, by default its largest that can be compared.

        Raises:
          NotFoundError: no such layer or tensor, or the layer has no weights.
          InvalidRequestError: the tensor cannot be compared; says why.
          UnreadableSnapshotError: a reader could not make sense of it.
        """
        matches = self._workspace.corrections(a, b)  # read once: the user may change them meanwhile
        key = self._workspace.result_key("kernel_pairs", a, b, matches=matches)
        known = self._layers(key, a, b, matches)
        members = known.pairs.get(layer, ())
        if not members:
            raise NotFoundError(_no_weights(layer, layer in known.kinds))
        pair = _chosen(members, layer, tensor)
        found_a, found_b = pair.a, pair.b
        assert found_a is not None
        assert found_b is not None
        kind = known.kinds.get(layer, "Unknown")
        options = _options(known.options.get(layer, {}))
        return KernelPair(
            pair_name=pair.name,
            layer=layer,
            kind=kind,
            a=found_a,
            b=found_b,
            generation_a=known.generation_a,
            generation_b=known.generation_b,
            layout=matrix_layout(
                pair.name, found_b.role, kind, found_b.shape, options, found_b.layout
            ),
            tensors=members,
            matches=matches,
        )

    def _layers_of(self, key: str, a: SnapshotRef, b: SnapshotRef, matches: Corrections) -> _Layers:
        """`key` changes with the configurations, which may become known later than the weights."""
        del key
        opened_a, opened_b = self._workspace.open(a), self._workspace.open(b)
        matching = self._workspace.matching_with(a, b, matches)
        members: dict[str, list[TensorPair]] = {}
        for pair in matching.of_scopes(WEIGHTS):
            if pair.layer is not None:
                members.setdefault(pair.layer, []).append(pair)
        return _Layers(
            {layer: tuple(pairs) for layer, pairs in members.items()},
            matching.architecture.kinds,
            _layer_options(opened_a, opened_b, matching.names),
            opened_a.contents.generation,
            opened_b.contents.generation,
        )


def _layer_options(
    a: OpenedSnapshot, b: OpenedSnapshot, names: Mapping[str, str]
) -> dict[str, Mapping[str, Any]]:
    """What the configurations say of layers, under the pair's names; b goes first."""
    of_a = {names.get(layer, layer): known for layer, known in layer_options(a.config).items()}
    return {**of_a, **layer_options(b.config)}


def _no_weights(layer: str, known: bool) -> str:
    if known:
        return f"Layer {layer!r} has no weights: there is no kernel to show."
    return f"Neither snapshot has a layer {layer!r}. Choose one of the architecture's layers."


def _chosen(members: tuple[TensorPair, ...], layer: str, tensor: str | None) -> TensorPair:
    if tensor is None:
        usable = [pair for pair in members if pair.status == "compared" and pair.count]
        chosen = max(usable or members, key=lambda pair: pair.count)
    else:
        by_name = {pair.name: pair for pair in members}
        if tensor not in by_name:
            known = ", ".join(by_name)
            raise NotFoundError(f"Layer {layer!r} has no tensor {tensor!r}. Its tensors: {known}.")
        chosen = by_name[tensor]
    _check(chosen)
    return chosen


def _check(pair: TensorPair) -> None:
    name = pair.name
    match pair.status:
        case "only_a" | "only_b":
            side = pair.status[-1]
            raise InvalidRequestError(
                f"Tensor {name!r} is only in {side}: there is nothing to compare it with. "
                "Choose another tensor of the layer, or another pair."
            )
        case "shape_differs":
            assert pair.a is not None
            assert pair.b is not None
            raise InvalidRequestError(
                f"Tensor {name!r} has the shape {list(pair.a.shape)} in a and "
                f"{list(pair.b.shape)} in b: its weights do not correspond."
            )
        case "not_numeric":
            dtypes = {side.dtype for side in (pair.a, pair.b) if side is not None}
            raise InvalidRequestError(
                f"Tensor {name!r} holds {' and '.join(sorted(dtypes))} values, which are not "
                "compared as numbers."
            )
        case "unreadable":
            raise UnreadableSnapshotError(f"Tensor {name!r} cannot be read: {pair.problem}")
    if not pair.count:
        raise InvalidRequestError(f"Tensor {name!r} has no elements: there is nothing to show.")


def _options(config: Mapping[str, Any]) -> LayerOptions:
    groups, equation = config.get("groups"), config.get("equation")
    return LayerOptions(
        groups=groups if isinstance(groups, int) else None,
        equation=equation if isinstance(equation, str) else None,
    )
