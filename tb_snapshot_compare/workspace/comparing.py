"""Comparing two opened snapshots: one fused pass over every pair of tensors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.analysis import (
    DifferenceSums,
    FilterSums,
    PairAccumulator,
    filter_axis,
)
from tb_snapshot_compare.errors import InvalidRequestError, UnreadableSnapshotError
from tb_snapshot_compare.readers import check_generation
from tb_snapshot_compare.snapshot import Scope, TensorInfo
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.matching import match
from tb_snapshot_compare.workspace.opening import OpenedSnapshot, PairArchitecture
from tb_snapshot_compare.workspace.pairing import TensorPair, left_out
from tb_snapshot_compare.workspace.results import (
    Comparison,
    Coverage,
    FilterMeasures,
    LayerDifference,
    TensorDifference,
)
from tb_snapshot_compare.workspace.streaming import (
    ByteCounter,
    PairStream,
    Progress,
    map_pairs,
    pair_bytes,
)

WEIGHTS: frozenset[Scope] = frozenset({"weights"})
EVERYTHING: frozenset[Scope] = frozenset({"weights", "optimizer", "state"})
_ZERO = DifferenceSums()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A pair with its sums, or with the reason why it could not be read."""

    pair: TensorPair
    sums: DifferenceSums | None
    filters: FilterSums | None
    problem: str | None = None

    @property
    def difference(self) -> TensorDifference:
        pair = self.pair
        ends = self.sums.difference_range() if self.sums and self.sums.finite else None
        status = "unreadable" if self.problem is not None else pair.status
        return TensorDifference(
            name=pair.name,
            layer=pair.layer,
            role=pair.either.role,
            scope=pair.either.scope,
            dtype_a=pair.a.dtype if pair.a else None,
            dtype_b=pair.b.dtype if pair.b else None,
            shape_a=_shape(pair.stored_a or pair.a),
            shape_b=_shape(pair.stored_b or pair.b),
            status=status,
            count=pair.count,
            problem=self.problem or pair.problem,
            measures=self.sums.measures() if self.sums else None,
            low=ends.low if ends else None,
            high=ends.high if ends else None,
            rule=pair.rule,
            name_a=_name_in_a(pair),
        )


def _shape(tensor: TensorInfo | None) -> tuple[int, ...] | None:
    return None if tensor is None else tensor.shape


def _name_in_a(pair: TensorPair) -> str | None:
    """What a calls it, where that is not the pair's name."""
    return None if pair.a is None or pair.a.name == pair.name else pair.a.name


def compare(
    a: OpenedSnapshot,
    b: OpenedSnapshot,
    *,
    layer: str | None = None,
    scopes: frozenset[Scope] = WEIGHTS,
    corrections: Corrections = (),
    progress: Progress | None = None,
) -> Comparison:
    """The differences a -> b, exact over all finite pairs of values.

    Tensors are matched as `matching.match` says. A tensor that cannot be read is marked; the
    others are compared.

    Args:
      a: The first snapshot.
      b: The second; a difference is b minus a.
      layer: Compare this layer only (full path, or its last part where that is unique).
      scopes: Which tensors: the model's weights, the optimizer's, and counters and seeds.
      corrections: Matches that go before every rule.
      progress: Called with bytes done and in all; may raise to stop.

    Raises:
      InvalidRequestError: no such layer, or a correction that cannot be.
      SnapshotGoneError, SnapshotChangedError: the files changed while they were read.
    """
    matching = match(a, b, corrections)
    architecture, pairs = matching.architecture, matching.of_scopes(scopes)
    if layer is not None:
        wanted = find_layer(architecture, layer)
        pairs = tuple(pair for pair in pairs if pair.layer == wanted)
    counter = ByteCounter(pair_bytes(pairs), progress)
    stream = PairStream(a.contents.generation, b.contents.generation, counter)
    kinds = architecture.kinds
    outcomes = map_pairs(
        lambda pair: _measure(pair, kinds.get(pair.layer or "", ""), stream), pairs
    )
    check_generation(a.contents.generation)
    check_generation(b.contents.generation)
    summary = _Summary(architecture, outcomes)
    return Comparison(
        a=a.summary,
        b=b.summary,
        coverage=summary.coverage(),
        left_out=left_out(a.contents.tensors, b.contents.tensors, scopes),
        model=summary.model().measures(),
        layers=summary.layers(),
        tensors=tuple(outcome.difference for outcome in outcomes),
        filters=tuple(_filter_measures(outcome) for outcome in _widest(outcomes)),
    )


def find_layer(architecture: PairArchitecture, name: str) -> str:
    """The full path of the layer called `name`, by path or by a unique last part."""
    names = [layer.name for layer in architecture.graph.layers if not layer.is_group]
    if name in names:
        return name
    found = [full for full in names if full.rpartition("/")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidRequestError(f"Several layers are called {name!r}: {', '.join(found)}.")
    known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    raise InvalidRequestError(f"Neither snapshot has a layer {name!r}. Layers: {known}.")


def _measure(pair: TensorPair, kind: str, stream: PairStream) -> _Outcome:
    if pair.status != "compared":
        return _Outcome(pair, None, None)
    tensor_a, tensor_b = pair.a, pair.b
    assert tensor_a is not None
    assert tensor_b is not None
    axis = filter_axis(tensor_b.role, kind, tensor_b.shape, tensor_b.layout)
    accumulator = PairAccumulator(tensor_a.dtype, tensor_b.dtype, pair.count, axis)
    try:
        for block_a, block_b in stream.blocks(pair):
            accumulator.add(block_a, block_b)
    except UnreadableSnapshotError as error:
        return _Outcome(pair, None, None, problem=str(error))
    result = accumulator.finish()
    return _Outcome(pair, result.total, result.filters)


@dataclass(frozen=True, slots=True)
class _Summary:
    architecture: PairArchitecture
    outcomes: Sequence[_Outcome]

    def model(self) -> DifferenceSums:
        return _merged(
            outcome.sums for outcome in self.outcomes if outcome.pair.either.scope == "weights"
        )

    def layers(self) -> tuple[LayerDifference, ...]:
        """In the order of the architecture; layers without a compared tensor are left out."""
        members: dict[str, list[DifferenceSums]] = {}
        for outcome in self.outcomes:
            if outcome.sums and outcome.pair.layer and outcome.pair.either.scope == "weights":
                members.setdefault(outcome.pair.layer, []).append(outcome.sums)
        return tuple(
            LayerDifference(layer.name, layer.shown_kind, total.pairs, total.measures())
            for layer in self.architecture.graph.layers
            if layer.name in members
            for total in (_merged(members[layer.name]),)
        )

    def coverage(self) -> Coverage:
        compared = [outcome.sums for outcome in self.outcomes if outcome.sums]
        return Coverage(
            tensors_compared=len(compared),
            tensors_total=len(self.outcomes),
            elements_compared=sum(sums.finite for sums in compared),
            elements_total=sum(outcome.pair.count for outcome in self.outcomes),
        )


def _merged(parts: Iterable[DifferenceSums | None]) -> DifferenceSums:
    return sum((part for part in parts if part is not None), _ZERO)


def _widest(outcomes: Iterable[_Outcome]) -> Iterable[_Outcome]:
    """The largest tensor with filters of each layer: a layer's filters are those of its kernel."""
    chosen: dict[str | None, _Outcome] = {}
    for outcome in outcomes:
        if outcome.filters is None:
            continue
        layer = outcome.pair.layer
        if layer not in chosen or outcome.pair.count > chosen[layer].pair.count:
            chosen[layer] = outcome
    return chosen.values()


def _filter_measures(outcome: _Outcome) -> FilterMeasures:
    assert outcome.filters is not None
    arrays = outcome.filters.measures()
    return FilterMeasures(
        tensor=outcome.pair.name,
        layer=outcome.pair.layer,
        filters=len(arrays["l2"]),
        arrays={name: values.astype("<f8").tobytes() for name, values in arrays.items()},
    )
