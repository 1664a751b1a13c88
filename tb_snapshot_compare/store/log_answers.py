"""What the views ask a log for, from a state of it.

Ranges of steps include both ends; None is the first or the last. Axes of dumps are the steps of the
table within the range.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import LOG_EVENTS_MAX, LOG_TEXT_BYTES_MAX
from tb_snapshot_compare.store.log_columns import codes, column
from tb_snapshot_compare.store.log_listing import Source, State
from tb_snapshot_compare.store.log_matrices import (
    Rows,
    each,
    empty,
    every,
    fill,
    fill_layers,
    targets,
)
from tb_snapshot_compare.store.log_segments import Steps
from tb_snapshot_compare.store.log_tables import (
    BANDS,
    COSINE_DISTANCE,
    COUNTS,
    KINDS,
    MEASURES,
    MOVING,
    STATISTICS,
)

NUMBERS = (*COUNTS, *STATISTICS, "dead", "still")
"""Columns of `layers` that are single numbers."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A quantity by step, ascending: steps int64, times float64 (Unix seconds), values float64."""

    steps: Steps
    times: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `detail` is JSON."""

    step: int
    time: float
    kind: str
    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small PNG of a probe image, and its size in pixels."""

    width: int
    height: int
    png: bytes


def steps_within(state: State, table: str, first: int | None, last: int | None) -> Steps:
    """The steps of a table in a range."""
    steps = state.tables[table].steps
    start = 0 if first is None else int(np.searchsorted(steps, first))
    end = len(steps) if last is None else int(np.searchsorted(steps, last, side="right"))
    return steps[start:end]


def content_of(state: State, table: str) -> str:
    """A short text that tells the rows of a table: of which sessions and steps, and how many."""
    steps: dict[str, list[Steps]] = {}
    rows: dict[str, int] = {}
    for source in state.tables[table].sources:
        segment, part = source.segment, source.part
        steps.setdefault(segment.session, []).append(
            segment.steps() if part.steps is None else part.steps
        )
        rows[segment.session] = rows.get(segment.session, 0) + sum(
            block.rows for block in segment.blocks
        )
    digest = blake2b(digest_size=10)
    for session in sorted(steps):
        digest.update(f"{session} {rows[session]}\n".encode())
        digest.update(np.unique(np.concatenate(steps[session])).tobytes())
    return digest.hexdigest()


def layer_statistics(
    state: State, kind: str, statistics: Sequence[str], units: Sequence[str], steps: Steps
) -> npt.NDArray[np.float64]:
    """Columns of `layers`, float64 [statistics, units, dumps]."""
    check_name("kind", kind, (*KINDS, MOVING))
    for statistic in statistics:
        check_name("statistic", statistic, NUMBERS)
    answer = empty(np.float64, np.nan, len(statistics), len(units), len(steps))

    def put(rows: Rows, columns: Rows, values: Sequence[pa.Array]) -> None:
        for place, array in enumerate(values):
            answer[place, rows, columns] = array.to_numpy(zero_copy_only=False)

    fill_layers(state.tables["layers"], steps, kind, units, statistics, put)
    return answer


def bands(
    state: State,
    kind: str,
    units: Sequence[str],
    steps: Steps,
    starts: Sequence[int] = range(BANDS),
) -> npt.NDArray[np.int64]:
    """Counts by band, int64 [units, dumps, starts]; all 0 where none were recorded.

    Those from each band of `starts` (ascending, the first is 0) to the next are added up.
    """
    check_name("kind", kind, KINDS)
    answer = empty(np.int64, 0, len(units), len(steps), len(starts))

    def put(rows: Rows, columns: Rows, values: Sequence[pa.Array]) -> None:
        (lists,) = values
        lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        known = np.flatnonzero(lengths == BANDS)
        if len(known) < len(lists):
            lists = lists.take(pa.array(known))
        counts = lists.flatten().fill_null(0).to_numpy(zero_copy_only=False).reshape(-1, BANDS)
        answer[rows[known], columns[known]] = np.add.reduceat(counts, starts, axis=1)

    fill_layers(state.tables["layers"], steps, kind, units, ["bands"], put)
    return answer


def filter_measure(state: State, layer: str, measure: str, steps: Steps) -> npt.NDArray[Any]:
    """A measure of a layer's filters, [filters, dumps], float32 (float64 for the cosine)."""
    check_name("measure", measure, MEASURES)
    table = state.tables["filters"]
    found = targets(table.sources, steps, lambda grid: every(grid) if grid.group == layer else None)
    height = max((int(target.rows.max()) + 1 for part in found for target in part), default=0)
    answer = empty(np.float32, np.nan, height, len(steps))
    fill(table, found, {_stored(measure): answer})
    values: npt.NDArray[Any] = _shown(measure, answer)
    return values


@dataclass(frozen=True, slots=True, eq=False)
class FilterRows:
    """Filters at some dumps: `layers[codes[i]]` is the layer of row i, `filters[i]` its number.

    `values` are measures by name, `[rows, dumps]`, NaN where unknown.
    """

    layers: tuple[str, ...]
    codes: npt.NDArray[np.int32]
    filters: npt.NDArray[np.int32]
    values: Mapping[str, npt.NDArray[Any]]

    def table(self) -> pa.Table:
        """Those of the first dump, as columns."""
        names = pa.array(self.layers, pa.string())
        columns = {name: values[:, 0] for name, values in self.values.items()}
        layer = pa.DictionaryArray.from_arrays(self.codes, names)
        return pa.table({"layer": layer, "filter": self.filters, **columns})


def filters_at(
    state: State,
    steps: Steps,
    measures: Sequence[str],
    layers: Sequence[str],
    only: Collection[str] | None = None,
) -> FilterRows:
    """All filters that there are at any of some dumps; of the layers in `only` where it is given.

    Layers are in the order of `layers`, others behind.
    """
    for measure in measures:
        check_name("measure", measure, MEASURES)
    table = state.tables["filters"]
    found = targets(
        table.sources,
        steps,
        lambda grid: every(grid) if only is None or grid.group in only else None,
    )
    heights: dict[str, int] = {}
    for target in (target for part in found for target in part):
        heights[target.group] = max(heights.get(target.group, 0), int(target.rows.max()) + 1)
    order = {name: number for number, name in enumerate(layers)}
    names = sorted(heights, key=lambda name: (order.get(name, len(order)), name))
    offsets = dict(zip(names, np.cumsum([0, *(heights[name] for name in names)]), strict=False))
    count = sum(heights.values())
    known = np.zeros(count, bool)
    for target in (target for part in found for target in part):
        known[offsets[target.group] + target.rows] = True
    answers = {
        _stored(measure): empty(np.float32, np.nan, count, len(steps)) for measure in measures
    }
    moved = [[target.moved(int(offsets[target.group])) for target in part] for part in found]
    fill(table, moved, answers)
    codes_of = np.repeat(np.arange(len(names), dtype=np.int32), [heights[name] for name in names])
    filters = np.arange(count, dtype=np.int32) - np.repeat(
        np.array([offsets[name] for name in names], np.int32), [heights[name] for name in names]
    )
    return FilterRows(
        tuple(names),
        codes_of[known],
        filters[known],
        {measure: _shown(measure, answers[_stored(measure)][known]) for measure in measures},
    )


def scalars(state: State, names: Sequence[str] | None) -> Mapping[str, Scalar]:
    """Quantities by name; all when no names are given."""
    wanted = None if names is None else set(names)

    def read(source: Source) -> list[tuple[str, Scalar]]:
        blocks = [
            number
            for number, block in enumerate(source.segment.blocks)
            if wanted is None or block.key is None or block.key in wanted
        ]
        if not blocks:
            return []
        rows = source.rows.read(["step", "time", "name", "value"], blocks)
        numbers, known = codes(rows, "name")
        steps, times, values = (column(rows, name) for name in ("step", "time", "value"))
        counts = np.ones(len(steps), bool)
        if source.part.steps is not None:
            counts = np.isin(steps, source.part.steps)
        return [
            (name, Scalar(steps[chosen], times[chosen], values[chosen]))
            for number, name in enumerate(known)
            if wanted is None or name in wanted
            for chosen in [np.flatnonzero((numbers == number) & counts)]
        ]

    parts: dict[str, list[Scalar]] = {}
    for found in each(read, state.tables["scalars"].sources):
        for name, part in found:
            if len(part.steps):
                parts.setdefault(name, []).append(part)
    return {name: _joined(parts[name]) for name in sorted(parts)}


def scalar_names(state: State) -> tuple[str, ...]:
    """The names of all quantities, sorted; rows are read only where several share a row group."""
    names: set[str] = set()
    for source in state.tables["scalars"].sources:
        mixed = []
        for number, block in enumerate(source.segment.blocks):
            if block.key is None:
                mixed.append(number)
            else:
                names.add(block.key)
        if mixed:
            names.update(codes(source.rows.read(["name"], mixed), "name")[1])
    return tuple(sorted(names))


def _joined(parts: Sequence[Scalar]) -> Scalar:
    steps = np.concatenate([part.steps for part in parts])
    times = np.concatenate([part.times for part in parts])
    values = np.concatenate([part.values for part in parts])
    order = np.lexsort((times, steps))
    return Scalar(steps[order], times[order], values[order])


def events(state: State) -> tuple[Event, ...]:
    """By step, then time; the newest `LOG_EVENTS_MAX`."""
    found: list[Event] = []
    size = 0
    newest_first = sorted(
        state.tables["events"].sources, key=lambda source: source.segment.name.last, reverse=True
    )
    for source in newest_first:
        rows = source.rows.read(["step", "time", "kind", "text", "detail"])
        if source.part.steps is not None:
            rows = rows.filter(pa.array(np.isin(column(rows, "step"), source.part.steps)))
        size += rows.nbytes
        if size > LOG_TEXT_BYTES_MAX:
            break
        found.extend(
            Event(row["step"], row["time"], row["kind"], row["text"] or "", row["detail"] or "")
            for row in rows.to_pylist()
        )
        if len(found) >= LOG_EVENTS_MAX:
            break
    found.sort(key=lambda event: (event.step, event.time))
    return tuple(found[-LOG_EVENTS_MAX:])


def thumbnail(state: State, image: int) -> Thumbnail | None:
    """That of a probe image, if there is one: the one written last."""
    for source in reversed(state.tables["thumbnails"].sources):
        for number, block in reversed(list(enumerate(source.segment.blocks))):
            if not any(image in grid.indices() for grid in block.grids):
                continue
            rows = source.rows.read(["image", "width", "height", "png"], [number])
            found = np.flatnonzero(column(rows, "image") == image)
            if len(found):
                row = rows.slice(int(found[-1]), 1).to_pylist()[0]
                return Thumbnail(row["width"] or 0, row["height"] or 0, row["png"] or b"")
    return None


def pictured(state: State) -> npt.NDArray[np.int64]:
    """The probe images that have a thumbnail, ascending; no rows are read."""
    found = [
        grid.indices()
        for source in state.tables["thumbnails"].sources
        for block in source.segment.blocks
        for grid in block.grids
    ]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))


def check_name(what: str, name: str, known: Sequence[str]) -> None:
    """Says which names there are.

    Raises:
      InvalidRequestError: this is none of them.
    """
    if name not in known:
        raise InvalidRequestError(f"There is no {what} {name[:80]!r}, but {', '.join(known)}.")


def _stored(measure: str) -> str:
    return COSINE_DISTANCE if measure == "cosine" else measure


def _shown(measure: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return 1.0 - values.astype(np.float64) if measure == "cosine" else values
