import numpy as np
import pytest

from tb_snapshot_compare.workspace.forward import as_probabilities
from tb_snapshot_compare.workspace.outcomes import image_outcomes, set_outcome

A = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
B = np.array([[0.1, 0.6, 0.3], [0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])


def test_each_image_has_both_predictions_and_the_probability_of_its_truth() -> None:
    first, second, third = image_outcomes(["x", "y", "z"], [0, 1, None], A, B)
    assert (first.predicted_a, first.predicted_b) == (0, 1)
    assert (first.truth_a, first.truth_b) == (0.7, 0.1)
    assert (second.truth_a, second.truth_b) == (0.8, 0.7)
    assert (third.label, third.truth_a, third.truth_b) == (None, None, None)


def test_a_label_that_the_network_does_not_know_is_none() -> None:
    (outcome,) = image_outcomes(["x"], [3], A[:1], B[:1])
    assert outcome.label is None
    assert outcome.truth_a is None
    assert set_outcome([outcome], []).labelled == 0


def test_accuracy_rests_on_labelled_images_only() -> None:
    found = set_outcome(image_outcomes(["x", "y", "z"], [0, 1, None], A, B), ["broken.png"])
    assert found.labelled == 2
    assert (found.accuracy_a, found.accuracy_b) == (1.0, 0.5)
    assert found.failed == ("broken.png",)
    assert set_outcome([], []).accuracy_a is None


def test_nan_is_never_the_predicted_class() -> None:
    broken = np.array([[np.nan, 0.2, 0.1]])
    (outcome,) = image_outcomes(["x"], [0], broken, broken)
    assert outcome.predicted_a == 1


def test_raw_outputs_become_probabilities_by_softmax() -> None:
    outputs = np.array([[1000.0, 1000.0 + np.log(3)]], dtype=np.float32)
    got = as_probabilities(outputs, "softmax")
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, [[0.25, 0.75]], rtol=1e-3)


def test_a_single_output_becomes_two_classes() -> None:
    got = as_probabilities(np.array([[0.25]], dtype=np.float32), "model")
    np.testing.assert_array_equal(got, [[0.75, 0.25]])
    got = as_probabilities(np.array([[0.0], [-1000.0]], dtype=np.float32), "sigmoid")
    np.testing.assert_allclose(got, [[0.5, 0.5], [1.0, 0.0]])


@pytest.mark.parametrize("kind", ["model", "softmax", "sigmoid"])
def test_probabilities_keep_their_shape(kind: str) -> None:
    assert as_probabilities(A.astype(np.float32), kind).shape == A.shape  # type: ignore[arg-type]
