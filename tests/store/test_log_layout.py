"""Rows lie where the layout says, for any rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tb_snapshot_compare.store import log_layout
from tb_snapshot_compare.store.log_columns import column, stored
from tb_snapshot_compare.store.log_layout import Piece, pieces, rectangles
from tests.store.logs import LAYERS, ROWS, filter_rows, image_rows, layer_rows


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1), st.booleans())
def test_rectangles_tell_the_member_and_step_of_every_row(
    rows: list[tuple[int, int]], ranked: bool
) -> None:
    members = np.array([row[0] for row in rows], np.int32)
    steps = np.array([row[1] for row in rows], np.int64)
    ranks = np.array([3, 1, 4, 0, 5, 2]) if ranked else None
    order, found = rectangles(members, steps, ranks)
    assert sorted(order.tolist()) == list(range(len(rows)))
    told = [(member, step) for part, axis in found for member in part for step in axis]
    assert told == [rows[place] for place in order]
    again: dict[tuple[int, int], int] = {}
    for place in order:  # rows that are given twice stay in their order
        assert again.get(rows[place], -1) < place
        again[rows[place]] = int(place)


@pytest.mark.parametrize("ranks", [None, np.array([2, 0, 3, 1])])
def test_a_full_grid_is_one_rectangle(ranks: np.ndarray | None) -> None:
    members = np.tile(np.arange(4, dtype=np.int32), 3)
    steps = np.repeat(np.array([7, 5, 9]), 4)
    _, ((order, axis),) = rectangles(members, steps, ranks)
    assert axis.tolist() == [5, 7, 9]
    assert order.tolist() == ([0, 1, 2, 3] if ranks is None else [1, 3, 0, 2])


def told(table: str, parts: list[Piece]) -> list[tuple[str, int, int]]:
    """Group, member and step of every row, as the rectangles tell."""
    return [
        (rectangle.group, int(member), int(step))
        for piece in parts
        for rectangle in piece.rectangles
        for member in rectangle.members
        for step in rectangle.steps
    ]


def test_filters_lie_layer_by_layer() -> None:
    rows = stored("filters", filter_rows([2, 1, 3]))
    parts = list(pieces("filters", rows))
    assert len(parts) == 1
    kept = parts[0].rows
    layers, filters = kept["layer"].to_pylist(), column(kept, "filter").tolist()
    assert told("filters", parts) == list(
        zip(layers, filters, column(kept, "step").tolist(), strict=True)
    )
    assert [each.group for each in parts[0].rectangles] == sorted(LAYERS)
    assert sorted(map(str, kept.to_pylist())) == sorted(map(str, rows.to_pylist()))


def test_many_filters_are_several_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_layout, "_BLOCK_ROWS", 5)
    parts = list(pieces("filters", stored("filters", filter_rows([1]))))
    assert [len(part.rows) for part in parts] == [3, 5]
    assert [part.rows["layer"].to_pylist()[0] for part in parts] == ["conv1", "stage/conv2"]


def test_images_lie_in_chunks_of_one_class_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_layout, "_IMAGES_ROWS", 6)
    ranks = np.array([6, 0, 2, 1, 3, 5, 4])
    parts = list(pieces("images", stored("images", image_rows([1, 2, 3])), ranks=ranks))
    assert [part.rectangles[0].members.tolist() for part in parts] == [[1, 3], [2, 4], [6, 5], [0]]
    for part in parts:
        images = column(part.rows, "image").tolist()
        assert told("images", [part]) == [
            ("", image, step)
            for image, step in zip(images, column(part.rows, "step").tolist(), strict=True)
        ]


def test_images_of_one_pass_lie_in_their_own_order() -> None:
    ranks = np.array([6, 0, 2, 1, 3, 5, 4])
    (part,) = pieces("images", stored("images", image_rows([4])), ranks=ranks)
    assert column(part.rows, "image").tolist() == list(range(7))


def test_thumbnails_lie_in_small_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_layout, "_THUMBNAILS", 2)
    columns = {"image": [4, 0, 2], "png": [b"four", b"none", b"two"]}
    parts = list(pieces("thumbnails", stored("thumbnails", columns)))
    assert [part.rows["png"].to_pylist() for part in parts] == [[b"none", b"two"], [b"four"]]
    assert told("thumbnails", parts) == [("", 0, 0), ("", 2, 0), ("", 4, 0)]


@pytest.mark.parametrize("table", ["scalars", "layers", "events"])
def test_other_rows_are_sorted(table: str) -> None:
    rows = stored(table, ROWS[table]([9, 3, 5]))
    (part,) = pieces(table, rows, "key")
    assert part.key == "key"
    assert sorted(map(str, part.rows.to_pylist())) == sorted(map(str, rows.to_pylist()))
    orders = {
        "scalars": ("name", "step"),
        "layers": ("kind", "unit", "step"),
        "events": ("step", "time"),
    }
    keys = [tuple(row[name] for name in orders[table]) for row in part.rows.to_pylist()]
    assert keys == sorted(keys)


def test_layers_keep_their_bands_beside_their_kind() -> None:
    (part,) = pieces("layers", stored("layers", layer_rows([2, 1])))
    assert {row["kind"] for row in part.rows.to_pylist() if row["bands"]} == {"update"}
