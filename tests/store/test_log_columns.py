"""What is given to a writer becomes columns of one type, or is refused."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.limits import LOG_IMAGES_MAX
from tb_snapshot_compare.store.log_columns import ranks, renumbered, stored
from tb_snapshot_compare.store.log_tables import STORED, TABLES
from tests.store.logs import ROWS

FILTERS: dict[str, Any] = {"step": [1, 1], "layer": ["b", "a"], "filter": [0, 1]}


@pytest.mark.parametrize("table", ROWS)
def test_rows_have_the_columns_of_segments(table: str) -> None:
    columns = ROWS[table]([3, 5])
    rows = stored(table, columns)
    assert rows.schema == STORED[table]
    assert rows.column("step").to_pylist() == list(columns["step"])


def test_columns_that_are_left_out_are_not_known() -> None:
    (row,) = stored("layers", {"step": [1], "unit": [""], "kind": ["weight"]}).to_pylist()
    assert (row["count"], row["dead"], row["bands"]) == (None, None, None)
    assert np.isnan([row["mean"], row["q1"]]).all()
    (filters, _) = stored("filters", FILTERS).to_pylist()
    assert np.isnan([filters["cosine_distance"], filters["g_l1"]]).all()
    (event,) = stored("events", {"step": [1], "kind": ["nan"]}).to_pylist()
    assert (event["text"], event["detail"]) == (None, None)


def test_arrays_lists_and_arrow_columns_are_taken() -> None:
    given = [[1.5, None], np.array([1.5, np.nan], np.float32), pa.array([1.5, None])]
    for values in given:
        rows = stored("filters", FILTERS | {"w_l2": values})
        assert np.array_equal(rows["w_l2"].to_numpy(), [1.5, np.nan], equal_nan=True)
    names = pa.array(["b", "a"]).dictionary_encode()
    for layers in (FILTERS["layer"], np.array(FILTERS["layer"]), names, pa.array(["b", "a"])):
        rows = stored("filters", FILTERS | {"layer": layers})
        assert rows["layer"].to_pylist() == ["b", "a"]
        assert rows["layer"].chunk(0).dictionary.to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    ("table", "columns", "reason"),
    [
        ("weights", {}, "no table 'weights'; there are scalars, layers"),
        ("filters", FILTERS | {"colour": [1, 2]}, "no column colour"),
        ("filters", {"step": [1], "filter": [1]}, "need column layer"),
        ("filters", FILTERS | {"w_l2": [1.0]}, r"lengths \[1, 2\]"),
        ("filters", FILTERS | {"w_l2": ["a", "b"]}, "Column w_l2 of table filters"),
        ("filters", FILTERS | {"filter": [0, -1]}, "from -1 to 0; it can have 0 to"),
        ("filters", FILTERS | {"filter": [0, LOG_IMAGES_MAX]}, "it can have 0 to"),
        ("filters", FILTERS | {"filter": [0, 2**40]}, "Column filter of table filters"),
        ("filters", FILTERS | {"filter": [0, None]}, "without a value"),
        ("filters", FILTERS | {"filter": [0.5, 1.0]}, "Column filter of table filters"),
        ("filters", FILTERS | {"step": [1, 10**12]}, "from 1 to 1000000000000"),
        ("filters", FILTERS | {"layer": ["a", None]}, "has no name"),
        (
            "layers",
            {"step": [1], "unit": [""], "kind": ["update"], "bands": np.zeros((1, 56), int)},
            r"shape \(1, 56\) instead of \[rows, 57\]",
        ),
        (
            "layers",
            {"step": [1], "unit": [""], "kind": ["update"], "bands": [[1, 2, 3]]},
            "3 counts instead of 57",
        ),
    ],
)
def test_what_does_not_fit_is_refused(table: str, columns: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        stored(table, columns)


def test_bands_are_taken_as_one_array_or_row_by_row() -> None:
    keys = {"step": [1, 1], "unit": ["a", "b"], "kind": ["update", "update"]}
    counts = np.arange(114).reshape(2, 57)
    for bands in (counts, counts.tolist(), list(counts)):
        rows = stored("layers", keys | {"bands": bands})
        assert rows["bands"].to_pylist() == counts.tolist()
    rows = stored("layers", keys | {"bands": [None, counts[1]]})
    assert rows["bands"].to_pylist() == [None, counts[1].tolist()]


@given(st.lists(st.floats(-1, 1), min_size=1))
def test_the_distance_from_1_is_as_precise_as_a_float32(cosines: list[float]) -> None:
    columns = {"step": [0] * len(cosines), "layer": ["a"] * len(cosines)}
    columns |= {"filter": list(range(len(cosines))), "cosine": cosines}
    distance = stored("filters", columns)["cosine_distance"].to_numpy()
    exact = 1 - np.array(cosines)
    assert (np.abs(distance - exact) <= 2.0**-24 * exact).all()


@given(st.lists(st.floats(0, 1, width=32), min_size=1))
def test_probabilities_have_twelve_significant_bits(values: list[float]) -> None:
    columns = {"step": [0] * len(values), "image": list(range(len(values)))}
    kept = stored("images", columns | {"probability": values})["probability"].to_numpy()
    assert (kept.view(np.uint32) & 0xFFF == 0).all()
    normal = np.array(values) >= np.finfo(np.float32).tiny
    error = np.abs(kept - np.array(values, np.float32))
    assert (error[normal] <= np.array(values)[normal] * 2.0**-12).all()
    assert (kept <= 1).all()
    assert (kept >= 0).all()


def test_a_probability_that_is_not_known_stays_so() -> None:
    rows = stored("images", {"step": [0] * 3, "image": [0, 1, 2], "probability": [np.nan, None, 1]})
    assert np.array_equal(rows["probability"].to_numpy(), [np.nan, np.nan, 1], equal_nan=True)


@given(st.lists(st.integers(-1, 4)), st.integers(0, 9))
def test_images_are_ranked_by_class_and_then_by_themselves(labels: list[int], more: int) -> None:
    images = len(labels) + more
    order = sorted(range(len(labels)), key=lambda image: (labels[image], image))
    order += range(len(labels), images)
    assert np.argsort(ranks(labels, images)).tolist() == order


def test_names_that_are_not_used_any_more_are_dropped() -> None:
    rows = stored("filters", FILTERS).slice(0, 1)
    kept = renumbered(rows)
    assert kept["layer"].chunk(0).dictionary.to_pylist() == ["b"]
    assert kept["layer"].to_pylist() == ["b"]
    assert kept.schema == STORED["filters"]
    assert set(TABLES["filters"].names) - set(kept.schema.names) == {"cosine"}
