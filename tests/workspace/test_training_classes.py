"""Classes and images of a log against their definitions."""

from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import Probe
from tb_snapshot_compare.workspace import training_classes, training_states
from tb_snapshot_compare.workspace.training_classes import (
    class_counts,
    class_images,
    error_series,
    first_images,
    image_history,
)
from tb_snapshot_compare.workspace.training_states import class_names, image_states
from tests.workspace.made_logs import MadeLog


def written(made: MadeLog, folder: Path) -> Log:
    log = Log(made.write(folder / "snapshot_log"))
    log.refresh()
    return log


@pytest.fixture(scope="module")
def made() -> MadeLog:
    """From the tenth pass on, half of the bees are right that were wrong, and the other way."""
    made = MadeLog.of()
    random = np.random.default_rng(3)
    bees = np.flatnonzero(made.labels == 1)[:10]
    made.predicted[bees, 9:] = np.where(made.predicted[bees, 9:] == 1, 2, 1)
    made.predicted[5] = random.integers(0, 3, made.passes.size)
    return made


@pytest.fixture(scope="module")
def log(made: MadeLog, tmp_path_factory: pytest.TempPathFactory) -> Log:
    return written(made, tmp_path_factory.mktemp("run"))


def brute_counts(correct: np.ndarray, run: int) -> tuple[np.ndarray, np.ndarray]:
    """Left and right counts of one class, by the published definition."""
    passes = correct.shape[1]
    left, right = np.zeros(passes, int), np.zeros(passes, int)
    for states in correct:
        for t in range(run + 1, passes):
            left[t] += all(states[t] != states[t - k] for k in range(1, run + 2))
        for t in range(passes - run - 1):
            right[t + 1] += all(states[t] != states[t + k] for k in range(1, run + 2))
    return left, right


@pytest.mark.parametrize("run_length", [0, 2, 8])
def test_errors_and_counts_are_those_of_the_definitions(
    made: MadeLog, log: Log, run_length: int
) -> None:
    states = image_states(log)
    errors, counts = error_series(states, 2), class_counts(states, run_length)
    correct = made.predicted == made.labels[:, None]
    for index in range(3):
        of_class = correct[made.labels == index]
        np.testing.assert_allclose(errors.classes[index], 1 - of_class.mean(axis=0))
        left, right = brute_counts(of_class, run_length)
        np.testing.assert_array_equal(counts.left[index], left)
        np.testing.assert_array_equal(counts.right[index], right)
    np.testing.assert_allclose(errors.model, 1 - correct.mean(axis=0))
    assert sorted(errors.mds.tolist()) == [0, 1, 2]
    assert set(errors.cluster.tolist()) == {0, 1}
    if run_length == 8:
        assert counts.left[1, 9] >= 9


def test_the_published_run_is_used_unless_another_is_asked_for(log: Log) -> None:
    counts = class_counts(image_states(log), None)
    assert counts.run_length == 30
    assert counts.left.max() == 0


@pytest.mark.parametrize("at_once", [1, 7, 25, 45])
def test_a_few_classes_at_a_time_give_the_same(
    log: Log, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    states = image_states(log)
    want, counts = error_series(states), class_counts(states, 1)
    monkeypatch.setattr(training_states, "_IMAGES_AT_ONCE", at_once)
    assert sum(images.size for _, images in states.parts()) == 60
    found = error_series(states)
    np.testing.assert_array_equal(found.classes, want.classes)
    np.testing.assert_array_equal(found.model, want.model)
    np.testing.assert_array_equal(class_counts(states, 1).left, counts.left)


def test_the_first_image_with_a_picture_stands_for_a_class(log: Log) -> None:
    labels = np.array([1, 0, -1, 1, 0, 2])
    for pictured, first in (
        ([], [-1, -1, -1, -1]),
        ([0, 1, 2, 3, 4, 5, 6], [1, 0, 5, -1]),
        ([2, 3, 4], [4, 3, -1, -1]),
    ):
        found = first_images(labels, 4, np.array(pictured, np.int64))
        assert (found.dtype, found.tolist()) == (np.int32, first)
    assert log.pictured().tolist() == [0, 3]
    found = first_images(np.array(log.probe.labels if log.probe else ()), 3, log.pictured())
    assert found.tolist() == [0, -1, -1]


def test_images_of_a_class_come_with_their_names_and_in_order(made: MadeLog, log: Log) -> None:
    found = class_images(log, 2)
    images = np.flatnonzero(made.labels == 2)
    assert found.images.tolist() == images.tolist()
    assert found.names == tuple(f"image-{image}.png" for image in images)
    np.testing.assert_array_equal(found.predicted, made.predicted[images])
    np.testing.assert_allclose(found.probability, made.probability[images], rtol=1e-3)
    assert found.left_out == 0
    right = (found.predicted == 2).mean(axis=1)[found.order]
    steady = right[(right == 0) | (right == 1)]
    assert sorted(steady.tolist()) in (steady.tolist(), steady[::-1].tolist())


def test_a_class_of_too_many_images_is_shown_in_part(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_classes, "TRAINING_CELLS_MAX", 60)
    found = class_images(log, 0)
    assert (found.images.size, found.left_out) == (5, 15)


@pytest.mark.parametrize("index", [-1, 3, 99])
def test_a_class_that_is_not_there_is_not_found(log: Log, index: int) -> None:
    with pytest.raises(NotFoundError, match=f"class {index}"):
        class_images(log, index)


def test_a_class_without_images_is_empty(tmp_path: Path) -> None:
    made = MadeLog.of(dumps=2, passes=6, images=9)
    made.labels = np.array([0, 0, 2, 2, 0, 0, 2, 2, 0])
    found = class_images(written(made, tmp_path), 1)
    assert (found.images.size, found.names, found.order.size, found.left_out) == (0, (), 0, 0)
    assert found.predicted.shape == found.probability.shape == (0, 6)


def test_the_history_of_an_image(made: MadeLog, log: Log) -> None:
    found = image_history(log, 5)
    assert (found.name, found.label, found.has_thumbnail) == ("image-5.png", 2, False)
    assert found.predicted == tuple(made.predicted[5].tolist())
    np.testing.assert_allclose(np.array(found.probability), made.probability[5], rtol=1e-3)
    assert image_history(log, 3).has_thumbnail
    for image in (-1, 60):
        with pytest.raises(NotFoundError, match=f"no probe image {image}"):
            image_history(log, image)


def test_images_without_a_label_belong_to_no_class(made: MadeLog, tmp_path: Path) -> None:
    other = MadeLog.of(dumps=2, passes=6, images=9)
    other.labels = np.array([0, 1, -1, -1, 0, 1, 2, 2, -1])
    log = written(other, tmp_path)
    found = error_series(image_states(log), 2)
    correct = other.predicted == other.labels[:, None]
    np.testing.assert_allclose(found.model, 1 - correct[other.labels >= 0].mean(axis=0))
    unlabelled = class_images(log, -1)
    assert unlabelled.images.tolist() == [2, 3, 8]
    assert image_history(log, 2).label is None


def test_passes_with_few_images_count_those(tmp_path: Path) -> None:
    made = MadeLog.of(dumps=2, passes=6, images=12)
    log = written(made, tmp_path)
    assert made.writer is not None
    made.writer.write(
        "images",
        {"step": [70, 70], "image": [0, 3], "predicted": [0, 1], "probability": [0.5, 0.5]},
    )
    log.refresh()
    states = image_states(log)
    known = states.known()
    assert known is not None
    assert np.flatnonzero(known[:, 6]).tolist() == [0, 3]
    assert known[:, :6].all()
    found = error_series(states, 2)
    assert found.classes[0, 6] == 0.5
    assert np.isnan(found.classes[1, 6])
    assert image_history(log, 1).predicted[6] is None
    assert image_history(log, 1).probability[6] is None


def test_a_log_without_passes_has_no_classes(tmp_path: Path) -> None:
    log = written(MadeLog.of(passes=0), tmp_path)
    with pytest.raises(NotFoundError, match="No validation passes"):
        image_states(log)


def test_classes_without_a_name_are_called_by_their_number() -> None:
    assert class_names(Probe(("a", "b"), (0, 3), ("cat",))) == ("cat", "1", "2", "3")
    assert class_names(Probe((), (), ("cat",))) == ("cat",)
