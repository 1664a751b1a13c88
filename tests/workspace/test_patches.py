import numpy as np
import pytest

from tb_snapshot_compare.workspace.patches import (
    Box,
    best_patches,
    field_patches,
    in_image,
    overlap,
    shows_image,
)

BOXES: list[Box] = [(0, 0, 10, 10), (1, 1, 10, 10), (20, 20, 30, 30), (0, 20, 10, 30)]


def test_the_best_patches_do_not_show_the_same_thing_twice() -> None:
    scores = np.array([1, 3, 2, np.nan], dtype=np.float32)
    found = best_patches(BOXES, scores, 5)
    assert [(patch.box, patch.score) for patch in found] == [(BOXES[1], 3.0), (BOXES[2], 2.0)]
    assert len(best_patches(BOXES, scores, 1)) == 1


def test_field_patches_lie_where_the_activation_is_largest() -> None:
    activation = np.zeros((3, 4), dtype=np.float32)
    activation[2, 1], activation[0, 3] = 5, 4
    found = field_patches(activation, lambda row, column: (column, row, column + 1, row + 1), 2)
    assert [patch.box for patch in found] == [(1, 2, 2, 3), (3, 0, 4, 1)]
    assert [patch.score for patch in found] == [5, 4]


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 15, 10)) == 0


@pytest.mark.parametrize(
    ("resize", "want"),
    [
        ("stretch", (0, 0, 100, 50)),
        ("crop", (50, 0, 100, 50)),
        ("pad", (0, 0, 100, 50)),
    ],
)
def test_boxes_of_the_input_lie_on_the_image(resize: str, want: Box) -> None:
    # An image 200 wide and 100 high, made an input of 50 x 50; its upper left quarter.
    got = in_image((0, 0, 25, 25), (50, 50), (100, 200), resize)  # type: ignore[arg-type]
    assert got == want


def test_a_box_on_the_padding_still_shows_a_pixel_of_the_image() -> None:
    left, top, right, bottom = in_image((0, 0, 5, 5), (50, 50), (100, 200), "pad")
    assert 0 <= left < right <= 200
    assert 0 <= top < bottom <= 100


@pytest.mark.parametrize(
    ("box", "want"),
    [
        ((0, 0, 10, 10), False),  # in the border
        ((0, 5, 10, 15), False),  # a sliver of the image
        ((0, 8, 10, 18), True),  # more than half on the image
        ((0, 0, 50, 50), True),  # all of it
    ],
)
def test_fields_in_the_padding_do_not_show_the_image(box: Box, want: bool) -> None:
    # An image 200 wide and 100 high lies in rows 12.5 to 37.5 of an input of 50 x 50.
    assert shows_image(box, (50, 50), (100, 200), "pad") is want
    assert shows_image(box, (50, 50), (100, 200), "stretch")


def test_positions_that_show_too_little_give_no_patch() -> None:
    activation = np.arange(4, dtype=np.float32).reshape(1, 4)
    found = field_patches(activation, lambda _, x: None if x == 3 else (x, 0, x + 1, 1), 2)
    assert [patch.score for patch in found] == [2, 1]
