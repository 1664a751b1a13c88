"""Which filters changed most, at dumps that were chosen and at the anomalies of classes."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.anomalies import (
    Anomaly,
    AnomalyCounts,
    anomalies,
    class_iterations,
)
from tb_snapshot_compare.analysis.mini_sets import CLASS_ITERATIONS_MIN, KEEP_DEFAULT, mini_sets
from tb_snapshot_compare.analysis.top_filters import (
    TOP_DEFAULT,
    TOP_OF_ONE_PIN,
    correlation_matrix,
    top_filters_of_pins,
)
from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.limits import TRAINING_COLUMNS_MAX
from tb_snapshot_compare.workspace.training_series import dump_of
from tb_snapshot_compare.workspace.training_tops import (
    FilterLayers,
    TopIndex,
    filter_layers,
    filters_of_dumps,
)

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log


@dataclass(frozen=True, slots=True)
class TopFilter:
    """A filter, and how it changed at each step; None where that is undefined."""

    layer: str
    filter: int
    cosine: tuple[float | None, ...]
    relative_l2: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class TopFilters:
    """The filters that are among the `count` most changed at every one of `steps`."""

    steps: tuple[int, ...]
    count: int
    filters: tuple[TopFilter, ...]
    left_out: tuple[str, ...]


def top_of_steps(
    log: "Log",
    steps: Sequence[int],
    count: int | None,
    *,
    every: bool,
    index: TopIndex | None = None,
) -> TopFilters:
    """The filters that changed most at every one of some steps.

    Args:
      log: the log.
      steps: of each, the dump that tells of it is looked at.
      count: how many are the most changed at a dump; None for the published defaults.
      every: whether the first convolution and the last layer are considered too.
      index: that of the same layers of this log, where it is known: nothing is read then.

    Raises:
      NotFoundError: no changes of filters were recorded.
    """
    known = log.steps("filters")
    dumps = [dump for step in steps if (dump := dump_of(known, step)) is not None]
    if not dumps:
        raise NotFoundError("No changes of filters were recorded in this log.")
    chosen = sorted(set(dumps))
    if count is None:
        count = TOP_OF_ONE_PIN if len(chosen) == 1 else TOP_DEFAULT
    layers = filter_layers(log, every=every)
    if index is not None and index.depth >= count:
        pins = [index.at(step, count) for step in chosen]
    else:
        pins = filters_of_dumps(log.filters_over(chosen, ["cosine"]), layers)
    top = top_filters_of_pins(pins, count, layers.left_out)
    names = [
        (layers.paths[layer], number)
        for layer, number in zip(top.layers.tolist(), top.filters.tolist(), strict=True)
    ]
    relative = _relative(log, names, chosen) if names else {}
    filters = tuple(
        TopFilter(
            *name,
            tuple(_known(value) for value in top.cosines[:, place].tolist()),
            tuple(_known(value) for value in relative[name]),
        )
        for place, name in enumerate(names)
    )
    return TopFilters(tuple(chosen), count, filters, layers.left_out_paths())


def _relative(
    log: "Log", names: Collection[tuple[str, int]], steps: Sequence[int]
) -> dict[tuple[str, int], list[float]]:
    """The relative changes of filters, by layer and number, at some dumps."""
    rows = log.filters_over(steps, ["relative_l2"], {path for path, _ in names})
    bounds = np.searchsorted(rows.codes, np.arange(len(rows.layers) + 1)).tolist()
    spans = {layer: slice(*bounds[at : at + 2]) for at, layer in enumerate(rows.layers)}
    found = {}
    for layer, number in names:
        span = spans[layer]
        place = span.start + int(np.searchsorted(rows.filters[span], number))
        found[layer, number] = rows.values["relative_l2"][place].tolist()
    return found


@dataclass(frozen=True, slots=True)
class CorrelationRule:
    """What makes an anomaly, and which filters count; None for the published defaults.

    `threshold` images of a class change state at a pass after `run_length` + 1 passes in the other
    one; `count` filters are the most changed at a dump; a mini-set is kept from `keep` occurrences
    x size on; `every` considers the first convolution and the last layer too.
    """

    threshold: int
    run_length: int | None = None
    count: int | None = None
    keep: int | None = None
    every: bool = False


@dataclass(frozen=True, slots=True)
class MiniSet:
    """Filters of a layer that always changed together, and the columns in which they did."""

    filters: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CorrelationColumn:
    """An anomaly iteration of a class."""

    class_index: int
    step: int
    side: Literal["left", "right"]
    count: int


@dataclass(frozen=True, slots=True)
class CorrelationRow:
    """A layer: its mini-sets, and how many filters changed strongly for each class."""

    layer: str
    sets: tuple[MiniSet, ...]
    distinct: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Correlation:
    """Layers against classes; see `contract_training.Correlation`."""

    classes: tuple[int, ...]
    columns: tuple[CorrelationColumn, ...]
    rows: tuple[CorrelationRow, ...]
    left_out: tuple[str, ...]


def correlation_of(
    counts: AnomalyCounts,
    passes: NDArray[np.int64],
    order: NDArray[np.int64],
    index: TopIndex,
    layers: FilterLayers,
    rule: CorrelationRule,
) -> Correlation:
    """Which filters changed most when classes had anomalies.

    Classes with one anomaly iteration are left out: nothing can occur there again. Layers without
    a strongly changed filter have no row.

    Args:
      counts: of the rule's run length.
      passes: their steps.
      order: of the classes.
      index: the most changed filters of every dump, at least as many as the rule wants.
      layers: what the index calls layers.
      rule: see there.

    Raises:
      InvalidRequestError: there are too many anomaly iterations.
    """
    found = _columns(counts, order, rule.threshold)
    classes = tuple(dict.fromkeys(each.class_index for each in found))
    places = {each: place for place, each in enumerate(classes)}
    of_classes = [places[each.class_index] for each in found]
    steps = [int(passes[each.pass_index]) for each in found]
    count = rule.count or TOP_DEFAULT
    by_dump = {
        dump: index.at(dump, count)
        for dump in {dump_of(index.steps, step) for step in steps}
        if dump is not None
    }
    if not by_dump:
        return Correlation((), (), (), layers.left_out_paths())
    tops = [by_dump[dump_of(index.steps, step) or 0] for step in steps]
    matrix = correlation_matrix(of_classes, tops, len(layers.paths), len(classes))
    sets = {
        each.layer: each.sets for each in mini_sets(of_classes, tops, rule.keep or KEEP_DEFAULT)
    }
    rows = tuple(
        CorrelationRow(
            path,
            tuple(MiniSet(each.filters, each.occurrences) for each in sets.get(place, ())),
            tuple(matrix[place].tolist()),
        )
        for place, path in enumerate(layers.paths)
        if matrix[place].any()
    )
    columns = tuple(
        CorrelationColumn(each.class_index, step, each.side, each.count)
        for each, step in zip(found, steps, strict=True)
    )
    return Correlation(classes, columns, rows, layers.left_out_paths())


def _columns(counts: AnomalyCounts, order: NDArray[np.int64], threshold: int) -> list[Anomaly]:
    """The anomaly iterations of the classes that have several, by class in order, then by pass."""
    found = class_iterations(anomalies(counts, threshold))
    by_class: dict[int, list[Anomaly]] = {}
    for each in found:
        by_class.setdefault(each.class_index, []).append(each)
    chosen = [
        each
        for index in order.tolist()
        if len(by_class.get(index, ())) >= CLASS_ITERATIONS_MIN
        for each in by_class[index]
    ]
    if len(chosen) > TRAINING_COLUMNS_MAX:
        raise InvalidRequestError(
            f"With a threshold of {threshold:,} images there are {len(chosen):,} anomalies; at "
            f"most {TRAINING_COLUMNS_MAX:,} are shown. Choose a larger threshold."
        )
    return chosen


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
