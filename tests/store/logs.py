"""Small logs for tests, and what they should hold, found the long way."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import MEASURES, STORED, Probe, Session, Unit
from tb_snapshot_compare.store.log_writer import LogWriter

LAYERS = {"conv1": 3, "stage/conv2": 5}
LABELS = (2, 0, 1, 0, 2, -1, 1)
IMAGES = len(LABELS)
UNITS = ("", "conv1", "stage", "stage/conv2")


def session(name: str = "first", **changes: Any) -> Session:
    values: dict[str, Any] = {
        "id": name,
        "started": time.time(),
        "first_step": 0,
        "origin": "recorded",
        "writer": "tests 1",
        "units": tuple(
            Unit(path, None if not path else path.rpartition("/")[0], "conv", 3, 10, order)
            for order, path in enumerate(UNITS)
        ),
        "probe": Probe(tuple(f"{number}.png" for number in range(IMAGES)), LABELS, ("a", "b", "c")),
    }
    return Session(**(values | changes))


def filter_rows(steps: Sequence[int], seed: int = 0) -> dict[str, Any]:
    """All filters of all layers at some steps, in a random order; every number is another one."""
    random = np.random.default_rng([seed, *steps])
    rows = [
        (step, layer, number)
        for step in steps
        for layer, count in LAYERS.items()
        for number in range(count)
    ]
    rows = [rows[place] for place in random.permutation(len(rows))]
    columns: dict[str, Any] = {
        "step": [row[0] for row in rows],
        "layer": [row[1] for row in rows],
        "filter": [row[2] for row in rows],
    }
    for measure in MEASURES:
        columns[measure] = random.normal(size=len(rows))
    columns["cosine"] = 1 - 10.0 ** random.uniform(-9, 0, len(rows))
    return columns


def image_rows(steps: Sequence[int], seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng([seed, *steps])
    rows = [(step, image) for step in steps for image in range(IMAGES)]
    rows = [rows[place] for place in random.permutation(len(rows))]
    return {
        "step": [row[0] for row in rows],
        "image": [row[1] for row in rows],
        "predicted": random.integers(0, 3, len(rows)),
        "probability": random.random(len(rows)),
    }


def layer_rows(steps: Sequence[int], seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng([seed, *steps])
    rows = [(step, unit, kind) for step in steps for unit in UNITS for kind in ("weight", "update")]
    return {
        "step": [row[0] for row in rows],
        "unit": [row[1] for row in rows],
        "kind": [row[2] for row in rows],
        "count": random.integers(1, 1000, len(rows)),
        "mean": random.normal(size=len(rows)),
        "bands": [random.integers(0, 9, 57) if kind == "update" else None for _, _, kind in rows],
    }


def scalar_rows(steps: Sequence[int], seed: int = 0) -> dict[str, Any]:
    random = np.random.default_rng([seed, *steps])
    rows = [(step, name) for step in steps for name in ("loss", "rate")]
    return {
        "step": [row[0] for row in rows],
        "time": [float(row[0]) for row in rows],
        "name": [row[1] for row in rows],
        "value": random.normal(size=len(rows)),
    }


def event_rows(steps: Sequence[int], seed: int = 0) -> dict[str, Any]:
    return {
        "step": list(steps),
        "time": [float(step) for step in steps],
        "kind": ["nan"] * len(steps),
        "text": [f"event {seed} of {step}" for step in steps],
        "detail": ["{}"] * len(steps),
    }


ROWS = {
    "scalars": scalar_rows,
    "layers": layer_rows,
    "filters": filter_rows,
    "images": image_rows,
    "events": event_rows,
}
KEYS = {
    "scalars": ("step", "name"),
    "layers": ("step", "unit", "kind"),
    "filters": ("step", "layer", "filter"),
    "images": ("step", "image"),
    "events": ("step", "text"),
}


def write_all(writer: LogWriter, steps: Sequence[int], seed: int = 0) -> None:
    """A segment of each table for each step."""
    for step in steps:
        for table, rows in ROWS.items():
            writer.write(table, rows([step], seed))


def cells(columns: Mapping[str, Any], keys: Sequence[str], value: str) -> dict[Any, Any]:
    """Values by key; a key twice is an error."""
    found = {}
    for number, entry in enumerate(columns[value]):
        key = tuple(_plain(columns[name][number]) for name in keys)
        assert key not in found, f"{key} is there twice"
        found[key] = _plain(entry)
    return found


def shown(log: Log, table: str, value: str) -> dict[Any, Any]:
    """Values by key as a query gives them."""
    keys = KEYS[table]
    names = ", ".join(dict.fromkeys((*keys, value)))
    return cells(log.query(f"SELECT {names} FROM {table}").to_pydict(), keys, value)


def on_disk(directory: Path, table: str) -> list[dict[str, Any]]:
    """All rows of all segments, whether they count or not."""
    return [
        row
        for path in sorted((directory / table).glob("*.parquet"))
        for row in pq.read_table(path, schema=STORED[table]).to_pylist()
    ]


def flip(path: Path, column: str) -> None:
    """Damages the last values of a column, in the first row group."""
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    (chunk,) = (each for each in columns if each.path_in_schema.partition(".")[0] == column)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content = bytearray(path.read_bytes())
    content[start + chunk.total_compressed_size - 3] ^= 4
    path.write_bytes(content)


def opened(directory: Path) -> Log:
    log = Log(directory)
    log.refresh()
    return log


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
