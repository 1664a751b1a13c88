"""Comparing two opened snapshots: one fused pass over every pair of tensors."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tb_snapshot_compare.analysis import (
    DifferenceSums,
    Measures,
    SumColumns,
    filter_axis,
    grouped,
    measures_of,
    ranges_of,
    stacked,
    unchanged_columns,
)
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.readers import check_generation
from tb_snapshot_compare.snapshot import Scope, TensorInfo
from tb_snapshot_compare.workspace.contents import Contents, Keeper, all_jobs
from tb_snapshot_compare.workspace.filter_gathering import FilterGatherer
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.matching import match
from tb_snapshot_compare.workspace.measuring import measure
from tb_snapshot_compare.workspace.opening import OpenedSnapshot, PairArchitecture
from tb_snapshot_compare.workspace.pairing import TensorPair, left_out
from tb_snapshot_compare.workspace.results import (
    Comparison,
    Coverage,
    LayerDifference,
    TensorDifference,
)
from tb_snapshot_compare.workspace.streaming import (
    ByteCounter,
    PairReader,
    Progress,
    stored_bytes,
)
from tb_snapshot_compare.workspace.tensor_jobs import Job, Measured

WEIGHTS: frozenset[Scope] = frozenset({"weights"})
EVERYTHING: frozenset[Scope] = frozenset({"weights", "optimizer", "state"})
_NOTHING = SumColumns.of(DifferenceSums())


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A pair with its sums, or with the reason why it could not be read."""

    pair: TensorPair
    sums: SumColumns | None = None
    problem: str | None = None

    def difference(
        self, measures: Measures | None, ends: tuple[float, float] | None
    ) -> TensorDifference:
        pair = self.pair
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
            measures=measures,
            low=ends[0] if ends else None,
            high=ends[1] if ends else None,
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
    contents: Contents | None = None,
    filters: bool = True,
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
      contents: Recognises tensors that did not change, which are then not read, or only one of
        the two; None reads everything and believes nothing. The numbers are the same.
      filters: Whether the measures of filters are made as well.

    Raises:
      InvalidRequestError: no such layer, or a correction that cannot be.
      SnapshotGoneError, SnapshotChangedError: the files changed while they were read.
    """
    matching = match(a, b, corrections)
    architecture, pairs = matching.architecture, matching.of_scopes(scopes)
    if layer is not None:
        wanted = find_layer(architecture, layer)
        pairs = tuple(pair for pair in pairs if pair.layer == wanted)
    gatherer = FilterGatherer(filters)
    outcomes = _outcomes(a, b, pairs, architecture.kinds, contents, progress, gatherer)
    summary = _Summary(architecture, outcomes)
    return Comparison(
        a=a.summary,
        b=b.summary,
        coverage=summary.coverage(),
        left_out=left_out(a.contents.tensors, b.contents.tensors, scopes),
        model=summary.model(),
        layers=summary.layers(),
        tensors=summary.tensors(),
        filters=gatherer.finish(),
    )


def _outcomes(
    a: OpenedSnapshot,
    b: OpenedSnapshot,
    pairs: Sequence[TensorPair],
    kinds: Mapping[str, str],
    contents: Contents | None,
    progress: Progress | None,
    gatherer: FilterGatherer,
) -> list[_Outcome]:
    """Every pair with its sums, in order; the gatherer is given those of filters."""
    of_a, of_b = a.contents.generation, b.contents.generation
    compared = [index for index, pair in enumerate(pairs) if pair.status == "compared"]
    jobs = [_job(pairs[index], kinds.get(pairs[index].layer or "", "")) for index in compared]
    plan = contents.recognise(jobs, of_a, of_b) if contents else all_jobs(jobs)
    keeper = contents.keeper(plan) if contents else Keeper(plan, None)
    outcomes = [_Outcome(pair) for pair in pairs]
    lock = threading.Lock()

    def take(index: int, sums: SumColumns) -> None:
        pair = jobs[index].pair
        outcomes[compared[index]] = _Outcome(pair, sums.only_whole())
        gatherer.add(compared[index], pair, sums)

    def took(place: int, found: Measured) -> None:
        index, job = plan.jobs[place]
        with lock:
            if found.sums is None:
                outcomes[compared[index]] = _Outcome(job.pair, None, found.problem)
                return
            keeper.add(place, found)
            take(index, found.sums)

    unchanged = unchanged_columns(list(plan.known.values()))
    for column, (index, own) in enumerate(plan.known.items()):
        pair = jobs[index].pair
        outcomes[compared[index]] = _Outcome(pair, unchanged[column : column + 1])
        gatherer.add_unchanged(compared[index], pair, own)
    asked = [job for _, job in plan.jobs]
    counter = ByteCounter(sum(stored_bytes(side) for job in asked for side in job.read), progress)
    measure(asked, lambda: PairReader(of_a, of_b, counter), took)
    check_generation(of_a)
    check_generation(of_b)
    if contents:
        contents.keep(keeper, of_a, of_b)
    return outcomes


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


def _job(pair: TensorPair, kind: str) -> Job:
    assert pair.b is not None
    return Job(pair, filter_axis(pair.b.role, kind, pair.b.shape, pair.b.layout))


class _Summary:
    """What the outcomes add up to; the measures of all tensors are computed at once."""

    def __init__(self, architecture: PairArchitecture, outcomes: Sequence[_Outcome]) -> None:
        self._architecture, self._outcomes = architecture, outcomes
        self._measured = [outcome for outcome in outcomes if outcome.sums]
        self._sums = stacked([_NOTHING, *(one.sums for one in self._measured if one.sums)])[1:]

    def model(self) -> Measures:
        """Of all weights."""
        outside = np.array([one.pair.either.scope != "weights" for one in self._measured], np.int64)
        return measures_of(grouped(self._sums, outside, 2))[0]

    def tensors(self) -> tuple[TensorDifference, ...]:
        """Of every pair."""
        known = zip(measures_of(self._sums), ranges_of(self._sums), strict=True)
        return tuple(
            outcome.difference(*next(known)) if outcome.sums else outcome.difference(None, None)
            for outcome in self._outcomes
        )

    def layers(self) -> tuple[LayerDifference, ...]:
        """In the order of the architecture; layers without a compared tensor are left out."""
        found = {one.pair.layer for one in self._measured if one.pair.either.scope == "weights"} - {
            None
        }
        shown = [layer for layer in self._architecture.graph.layers if layer.name in found]
        places = {layer.name: place for place, layer in enumerate(shown)}
        groups = np.array(
            [
                places.get(one.pair.layer or "", len(shown))
                if one.pair.either.scope == "weights"
                else len(shown)
                for one in self._measured
            ],
            np.int64,
        )
        totals = grouped(self._sums, groups, len(shown) + 1)
        counts = totals.counts[0].tolist()
        return tuple(
            LayerDifference(layer.name, layer.shown_kind, count, measures)
            for layer, count, measures in zip(
                shown, counts[:-1], measures_of(totals)[:-1], strict=True
            )
        )

    def coverage(self) -> Coverage:
        """How many tensors and elements the numbers cover."""
        return Coverage(
            tensors_compared=len(self._measured),
            tensors_total=len(self._outcomes),
            elements_compared=int(self._sums.counts[1].sum()),
            elements_total=sum(outcome.pair.count for outcome in self._outcomes),
        )
