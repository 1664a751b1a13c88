"""The probe: its inputs in one order, what outputs say, when passes take place, its pictures."""

import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tb_snapshot_compare import ProbeImages, Recorder
from tb_snapshot_compare.recording import probe_data, thumbnails
from tb_snapshot_compare.recording.probe_data import ProbeData, padded, probabilities
from tb_snapshot_compare.recording.probing import Probing
from tb_snapshot_compare.recording.thumbnails import thumbnail_rows

Reader = Callable[[Path], Any]


def labels_of(data: ProbeData) -> list[int]:
    return [int(label) for _, y in data.batches() for label in (y if y is not None else [])]


@pytest.mark.parametrize("y", [
    np.arange(100) % 5,
    (np.arange(100) % 5)[:, None],
    np.eye(5)[np.arange(100) % 5],
    (np.arange(100) % 5).astype(np.float32),
])  # fmt: skip
def test_classes_may_be_numbers_or_one_hot(y: Any) -> None:
    data = ProbeData((np.zeros((100, 4)), y), ["a"])
    assert labels_of(data) == [k % 5 for k in range(100)]
    assert data.images().classes == ("a",)
    assert data.images().labels.tolist() == labels_of(data)


def test_inputs_without_classes_are_a_probe_too() -> None:
    data = ProbeData(np.zeros((70, 8, 8, 3), np.uint8))
    assert [len(x) for x, _ in data.batches()] == [64, 6]
    assert data.images().labels.tolist() == [-1] * 70
    pictures = data.images().pictures
    assert pictures is not None
    assert pictures.shape == (70, 8, 8, 3)


def test_a_data_set_is_read_once_if_it_is_small_and_else_for_every_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Batches:
        class_names = ("x", "y")
        read = 0

        def __iter__(self) -> Any:
            self.read += 1
            return iter([(np.zeros((3, 2)), np.array([0, 1, 0]))] * 2)

    small, large = Batches(), Batches()
    for each, limit in ((small, 1000), (large, 10)):
        monkeypatch.setattr(probe_data, "RECORDING_PROBE_BYTES", limit)
        data = ProbeData(each)
        assert labels_of(data) == labels_of(data) == [0, 1, 0] * 2
        assert data.images().classes == ("x", "y")
    assert (small.read, large.read) == (1, 2)


def test_another_order_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_data, "RECORDING_PROBE_BYTES", 0)
    orders = iter(([0, 1], [1, 0]))

    class Shuffled:
        def __iter__(self) -> Any:
            return iter([(np.zeros((2, 2)), np.array(next(orders)))])

    data = ProbeData(Shuffled())
    labels_of(data)
    with pytest.raises(ValueError, match="another order than before: want the same at every"):
        labels_of(data)


def test_outputs_are_probabilities_logits_or_one_number() -> None:
    given = np.array([[0.2, 0.8], [1.0, 0.0]])
    assert probabilities(given).tolist() == given.tolist()
    logits = np.array([[3.0, -1.0], [0.0, 0.0]])
    powers = np.exp(logits)
    np.testing.assert_allclose(probabilities(logits), powers / powers.sum(axis=1, keepdims=True))
    assert probabilities(np.array([[0.25], [1.0]])).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    np.testing.assert_allclose(
        probabilities(np.array([2.0, -3.0]))[:, 1], 1 / (1 + np.exp([-2, 3]))
    )
    broken = probabilities(np.array([[0.5, 0.5], [np.nan, 0.2]]))
    assert broken[0].tolist() == [0.5, 0.5]
    assert np.isnan(broken[1]).any()
    with pytest.raises(ValueError, match=r"outputs of shape \(2, 3, 3, 4\): a probe wants"):
        probabilities(np.zeros((2, 3, 3, 4)))


def test_the_last_batch_has_the_shape_of_the_others() -> None:
    assert padded(np.arange(3), 5).tolist() == [0, 1, 2, 2, 2]
    assert padded(np.arange(5), 5).tolist() == [0, 1, 2, 3, 4]
    assert padded({"a": 1}, 5) == {"a": 1}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def passes(tmp_path: Path, steps: range, cost: float, every: int | None) -> list[int]:
    clock, taken = Clock(), []

    def predict(x: Any) -> Any:
        clock.now += cost if clock.now else 100.0  # the first call compiles
        return np.full((len(x), 2), 0.5)

    data = ProbeData((np.zeros((192, 2)), np.zeros(192, int)))
    probing = Probing(data, predict, every, clock)
    with Recorder(tmp_path) as recorder:
        recorder.validated = lambda step, found: taken.append(step)  # type: ignore[method-assign,assign]
        for step in steps:
            probing.look(recorder, step)
            clock.now += 10.0
        probing.look(recorder, steps[-1] + 5, is_last=True)
    return taken


def test_passes_take_a_hundredth_of_the_time(tmp_path: Path) -> None:
    """Of three batches of 0.195 s each: 58 s, which are six dumps."""
    assert passes(tmp_path, range(0, 2000, 100), 0.195, None) == [0, 600, 1200, 1800, 1905]


def test_passes_take_place_as_often_as_was_asked_for(tmp_path: Path) -> None:
    assert passes(tmp_path, range(0, 1000, 100), 50.0, 300) == [0, 300, 600, 900, 905]


def test_a_probe_that_cannot_be_run_is_left_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    probing = Probing(ProbeData((np.zeros((2, 2)), None)), lambda x: [1, 2], 1)
    with caplog.at_level(logging.WARNING), Recorder(tmp_path) as recorder:
        for step in range(3):
            probing.look(recorder, step)
    assert [record.message for record in caplog.records] == [
        "The probe is not recorded: the network has several outputs; a probe wants one, of classes"
    ]


@pytest.mark.parametrize(("pictures", "want"), [
    (np.array([[[[0], [255]]]], np.uint8), [0, 255]),
    (np.array([[[[0.0], [1.0]]]]), [0, 255]),
    (np.array([[[[-1.0], [1.0]]]], np.float32), [0, 255]),
    (np.array([[[[0.0], [255.0]]]]), [0, 255]),
    (np.array([[[[-2.5], [7.5], [2.5], [np.nan]]]]), [0, 255, 128, 0]),
    (np.array([[[[0.5], [0.5]]]], np.float16), [128, 128]),
])  # fmt: skip
def test_pictures_of_any_range_are_shown_from_black_to_white(
    pictures: Any, want: list[int]
) -> None:
    (png,) = thumbnail_rows(pictures)["png"]
    assert np.asarray(Image.open(io.BytesIO(png))).reshape(-1).tolist() == want


def test_thumbnails_are_small_and_keep_the_form(tmp_path: Path, read: Reader) -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (3, 200, 100, 3), np.uint8)
    with Recorder(tmp_path, probe=ProbeImages(np.zeros(3, int), pictures=pictures)) as recorder:
        recorder.validated(0, np.zeros(3, int))
    found = read(tmp_path).log.thumbnail(2)
    assert (found.width, found.height) == (32, 64)
    assert Image.open(io.BytesIO(found.png)).size == (32, 64)


def test_too_many_thumbnails_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "RECORDING_THUMBNAILS_BYTES", 200)
    assert thumbnail_rows(np.zeros((2, 4, 4, 3), np.uint8))["image"] == [0, 1]
    assert thumbnail_rows(np.zeros((9, 4, 4, 3), np.uint8)) == {}


@pytest.mark.parametrize(("arguments", "message"), [
    ({"labels": np.zeros((2, 2), int)}, "want whole numbers"),
    ({"labels": np.zeros(2)}, "want whole numbers"),
    ({"labels": np.zeros(2, int), "names": ("a",)}, "1 names of 2 probe images"),
    ({"labels": np.zeros(2, int), "pictures": np.zeros((2, 4, 4))}, "of 2 probe images"),
    ({"labels": np.zeros(2, int), "pictures": np.zeros((3, 4, 4, 1))}, "of 2 probe images"),
])  # fmt: skip
def test_what_is_of_another_number_of_images_is_refused(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ProbeImages(**arguments)
