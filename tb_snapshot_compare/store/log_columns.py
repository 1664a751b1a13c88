"""Columns as they are given, made into those of segments: checked, of one type, and rounded."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tb_snapshot_compare.limits import LOG_IMAGES_MAX
from tb_snapshot_compare.store.log_tables import BANDS, STEP_END, STORED, TABLES

REQUIRED = frozenset({"step", "name", "unit", "kind", "layer", "filter", "image"})
"""Columns that cannot be left out, where a table has them."""
_PROBABILITY_BITS = 12
_ENDS = {"step": STEP_END, "filter": LOG_IMAGES_MAX, "image": LOG_IMAGES_MAX}


def stored(table: str, columns: Mapping[str, Any]) -> pa.Table:
    """The rows as a segment keeps them, in the order given.

    Raises:
      ValueError: a column is unknown, missing, or not of the table's type or length.
    """
    if table not in TABLES:
        raise ValueError(f"A log has no table {table!r}; there are {', '.join(TABLES)}.")
    schema = TABLES[table]
    unknown = set(columns) - set(schema.names)
    if unknown:
        raise ValueError(f"Table {table} has no column {', '.join(sorted(unknown))}.")
    missing = (REQUIRED & set(schema.names)) - set(columns)
    if missing:
        raise ValueError(f"Rows of table {table} need column {', '.join(sorted(missing))}.")
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise ValueError(
            f"Columns for table {table} have lengths {sorted(lengths)}: make them one."
        )
    (rows,) = lengths
    made = [_column(table, field, columns.get(field.name), rows) for field in schema]
    return pa.Table.from_arrays(made, schema=STORED[table])


def ranks(labels: Sequence[int], images: int) -> npt.NDArray[np.int64]:
    """The place of each of `images` probe images in order of their labels, then of themselves."""
    known = np.asarray(labels[:images], np.int64)
    places = np.empty(images, np.int64)
    places[np.argsort(known, kind="stable")] = np.arange(len(known))
    places[len(known) :] = np.arange(len(known), images)
    return places


def column(rows: pa.Table, name: str) -> npt.NDArray[Any]:
    """A numeric column of rows as an array; integers that are not known are -1."""
    array = _array(rows.column(name))
    if array.null_count and pa.types.is_integer(array.type):
        array = array.fill_null(-1)
    values: npt.NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values


def codes(rows: pa.Table, name: str) -> tuple[npt.NDArray[np.int32], list[str]]:
    """A column of names: for each row the index of its name, and the names."""
    array = _array(rows.column(name))
    return array.indices.to_numpy(zero_copy_only=False), array.dictionary.to_pylist()


def renumbered(rows: pa.Table) -> pa.Table:
    """The same rows; columns of names hold only those that are used, in their order."""
    for number, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            rows = rows.set_column(number, field, _sorted_names(_array(rows.column(number))))
    return rows


def _array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    return column.combine_chunks()


def _column(table: str, field: pa.Field, values: Any, rows: int) -> pa.Array:
    try:
        if values is None:
            return _unknown(field, rows)
        if field.name == "bands":
            return _bands(values, field.type)
        if pa.types.is_dictionary(field.type):
            return _names(values, field.type)
        array = (values if isinstance(values, pa.Array) else pa.array(values)).cast(field.type)
    except (pa.ArrowException, TypeError, OverflowError, ValueError) as error:
        raise ValueError(f"Column {field.name} of table {table}: {error}.") from error
    if field.name in REQUIRED:
        _check_range(table, field.name, array)
    if field.name == "cosine":
        return _distance(array)
    if pa.types.is_floating(field.type):
        array = array.fill_null(np.nan)
    return _rounded(array) if field.name == "probability" else array


def _unknown(field: pa.Field, rows: int) -> pa.Array:
    if field.name == "cosine":
        return pa.array(np.full(rows, np.nan, np.float32))
    if pa.types.is_floating(field.type):
        return pa.array(np.full(rows, np.nan)).cast(field.type)
    return pa.nulls(rows, field.type)


def _check_range(table: str, name: str, array: pa.Array) -> None:
    if array.null_count:
        raise ValueError(f"Column {name} of table {table} has rows without a value.")
    low, high = pc.min_max(array).values() if len(array) else (pa.scalar(0), pa.scalar(0))
    if low.as_py() < 0 or high.as_py() >= _ENDS[name]:
        raise ValueError(
            f"Column {name} of table {table} goes from {low} to {high}; "
            f"it can have 0 to {_ENDS[name] - 1}."
        )


def _names(values: Any, kind: pa.DataType) -> pa.Array:
    array = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    if not pa.types.is_dictionary(array.type):
        array = array.cast(pa.string()).dictionary_encode()
    if array.null_count:
        raise ValueError("a row has no name")
    return _sorted_names(array).cast(kind)


def _sorted_names(array: pa.Array) -> pa.Array:
    used, indices = np.unique(array.indices.to_numpy(), return_inverse=True)
    names = array.dictionary.take(pa.array(used)).to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    places = np.empty(len(names), np.int32)
    places[order] = np.arange(len(names), dtype=np.int32)
    return pa.DictionaryArray.from_arrays(
        pa.array(places[indices]), pa.array([names[place] for place in order], pa.string())
    )


def _bands(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, np.ndarray):
        if values.ndim != 2 or values.shape[1] != BANDS:
            raise ValueError(f"it has shape {values.shape} instead of [rows, {BANDS}]")
        offsets = np.arange(len(values) + 1, dtype=np.int32) * BANDS
        return pa.ListArray.from_arrays(offsets, values.reshape(-1).astype(np.int64)).cast(kind)
    array = pa.array([None if row is None else list(row) for row in values], kind)
    lengths = set(pc.list_value_length(array).drop_null().to_pylist())
    if not lengths <= {BANDS}:
        raise ValueError(f"a row has {', '.join(map(str, lengths))} counts instead of {BANDS}")
    return array


def _distance(cosine: pa.Array) -> pa.Array:
    exact = cosine.fill_null(np.nan).to_numpy(zero_copy_only=False)
    return pa.array((1.0 - exact).astype(np.float32))


def _rounded(array: pa.Array) -> pa.Array:
    """Numbers of fewer significant bits, rounded half up: the zeros behind take no space."""
    bits = array.to_numpy(zero_copy_only=False).view(np.uint32)
    dropped = 24 - _PROBABILITY_BITS
    rounded = (bits + np.uint32(1 << (dropped - 1))) & ~np.uint32((1 << dropped) - 1)
    finite = np.isfinite(array.to_numpy(zero_copy_only=False))
    return pa.array(np.where(finite, rounded, bits).view(np.float32))
