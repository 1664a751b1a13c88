"""Errors of classes are shares of what is known."""

import numpy as np
import pytest

from tb_snapshot_compare.analysis.class_errors import class_errors


@pytest.mark.parametrize("masked", [False, True])
def test_errors_are_the_mean_of_what_is_wrong(masked: bool) -> None:
    random = np.random.default_rng(2)
    correct = random.random((60, 20)) < 0.6
    labels = random.integers(-1, 5, 60)
    known = random.random((60, 20)) < 0.7 if masked else None
    wrong = np.where(known, ~correct, np.nan) if known is not None else (~correct).astype(float)
    found = class_errors(correct.astype(np.uint8), labels, 6, known)
    for index in range(5):
        np.testing.assert_allclose(found.classes[index], np.nanmean(wrong[labels == index], axis=0))
    np.testing.assert_allclose(found.model, np.nanmean(wrong[labels >= 0], axis=0))
    assert np.isnan(found.classes[5]).all()


def test_passes_without_a_known_image_are_unknown() -> None:
    known = np.array([[True, False, True], [True, False, False]])
    found = class_errors(np.array([[1, 0, 0], [0, 0, 0]]), np.array([0, 1]), 2, known)
    np.testing.assert_array_equal(found.classes, [[0, np.nan, 1], [1, np.nan, np.nan]])
    np.testing.assert_array_equal(found.model, [0.5, np.nan, 1])


def test_no_images_have_no_error() -> None:
    found = class_errors(np.zeros((0, 3), bool), np.zeros(0, int), 2)
    assert np.isnan(found.classes).all()
    assert found.model.shape == (3,)


def test_a_label_without_a_class_is_named() -> None:
    with pytest.raises(ValueError, match="label 4: want less than 4"):
        class_errors(np.zeros((1, 3), bool), np.array([4]), 4)
