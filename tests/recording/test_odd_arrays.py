"""What a training loop may well hand to a recorder."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tb_snapshot_compare import ProbeImages, Recorder
from tb_snapshot_compare.recording.host_arrays import copied

Reader = Callable[[Path], Any]
WEIGHTS = {"conv/kernel": np.ones((3, 4), np.float32), "conv/bias": np.ones(4, np.float32)}


def test_nothing_waits_before_the_first_item(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        assert recorder.flush(0)


def test_a_parameter_without_a_gradient_has_none(tmp_path: Path, read: Reader) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    network[0].requires_grad_(False)
    network(torch.ones(1, 3)).sum().backward()
    weights = dict(network.named_parameters())
    with Recorder(tmp_path) as recorder:
        assert recorder.dump(0, weights, {name: each.grad for name, each in weights.items()})
    counts = read(tmp_path).log.layer_statistic("gradient", "count", ["", "0", "1"])[:, 0]
    assert counts[0] == counts[2] == 10
    assert np.isnan(counts[1])


def test_predictions_and_labels_are_taken_from_a_framework(tmp_path: Path, read: Reader) -> None:
    network = torch.nn.Linear(3, 2)
    probabilities = network(torch.zeros(4, 3)).softmax(1)
    with Recorder(tmp_path, probe=ProbeImages(torch.tensor([0, 1, 0, -1]))) as recorder:
        assert recorder.validated(0, probabilities)
        assert recorder.validated(1, probabilities.argmax(1))
    predicted, probability = read(tmp_path).log.images()
    wanted = probabilities.detach().numpy()
    assert (predicted == wanted.argmax(1)[:, None]).all()
    np.testing.assert_allclose(probability[:3, 0], wanted[[0, 1, 2], [0, 1, 0]], rtol=1e-3)


def test_tensors_that_numpy_does_not_have_are_recorded(tmp_path: Path, read: Reader) -> None:
    dense = torch.tensor([[0.0, 0.5], [1.5, 0.0]])
    weights = {
        "sparse.weight": dense.to_sparse(),
        "small.weight": dense.to(torch.float8_e4m3fn),
        "half.weight": dense.to(torch.bfloat16),
    }
    with Recorder(tmp_path) as recorder:
        assert recorder.dump(0, weights)
    units = ["sparse", "small", "half"]
    sums = read(tmp_path).log.layer_statistic("weight", "sum", units)[:, 0]
    assert sums.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("step", [-1, 10**12])
def test_a_step_that_no_log_can_have_is_refused_at_once(step: int, tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        for record in (
            lambda: recorder.step(step, loss=1.0),
            lambda: recorder.dump(step, WEIGHTS),
            lambda: recorder.validated(step, np.zeros(3, int)),
        ):
            with pytest.raises(ValueError, match=f"step={step}: want a whole number from 0"):
                record()
    assert list(tmp_path.iterdir()) == []


def test_a_dump_without_weights_is_refused(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder, pytest.raises(ValueError, match="no weights; want"):
        recorder.dump(0, {})


@pytest.mark.parametrize("labels", [[0, 100_000], [-2, 0]])
def test_classes_that_no_log_can_have_are_refused(labels: list[int]) -> None:
    with pytest.raises(ValueError, match=f"labels from {min(labels)} to {max(labels)}: want"):
        ProbeImages(labels)


def test_pictures_with_their_channels_first_are_refused() -> None:
    with pytest.raises(ValueError, match=r"want .images, height, width, channels. with 1, 3 or 4"):
        ProbeImages([0, 1], pictures=np.zeros((2, 3, 8, 8)))


def test_predictions_of_another_shape_are_refused_without_a_probe(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder, pytest.raises(ValueError, match="of shape"):
        recorder.validated(0, np.zeros((4, 2, 2)))


def test_rows_that_cannot_be_written_are_counted_and_harm_no_others(
    tmp_path: Path, read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    with Recorder(tmp_path) as recorder:
        recorder.validated(0, np.array([2**40, 1]))
        recorder.step(1, loss=1.0)
        assert recorder.flush()
        assert recorder.lost == {"passes": 1}
    assert read(tmp_path).steps("scalars") == [1]
    assert [each.levelno for each in caplog.records] == [logging.WARNING]


def test_a_path_that_another_weight_has_is_refused(tmp_path: Path) -> None:
    ones = np.ones((2, 2))
    with Recorder(tmp_path, units={"a": "b"}) as recorder:
        with pytest.raises(ValueError, match="units: 'a' has the path 'b', as another weight has"):
            recorder.dump(0, {"a": ones, "b": ones})
        assert recorder.dump(0, {"a": ones})
    with Recorder(tmp_path, units={"a": "b", "b": "a"}) as recorder:
        assert recorder.dump(1, {"a": ones, "b": ones})


@pytest.mark.parametrize("given", [object(), "weights", [None]])
def test_what_is_no_array_of_numbers_is_named(given: Any, tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        with pytest.raises(TypeError, match=r"tensor 'b' is a .*: want an array of numbers"):
            recorder.dump(0, {"a": np.ones(2), "b": given})
        with pytest.raises(TypeError, match="tensor 'a' is a"):
            recorder.dump(0, {"a": np.ones(2)}, {"a": given})


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_sparse_tensors_of_tensorflow_become_dense(dtype: str) -> None:
    tf = pytest.importorskip("tensorflow")
    values = tf.cast([[1.0, 2.0], [3.0, 4.0], [0.5, 0.5]], dtype)
    slices = tf.IndexedSlices(values, tf.constant([3, 1, 3]), tf.constant([4, 2]))
    cells = tf.SparseTensor([[0, 1], [2, 0]], tf.cast([5.0, 6.0], dtype), [3, 2])
    found = copied({"slices": slices, "cells": cells})
    assert found["slices"].astype(float).tolist() == [[0, 0], [3, 4], [0, 0], [1.5, 2.5]]
    assert found["cells"].astype(float).tolist() == [[0, 5], [0, 0], [6, 0]]
    assert found["slices"].dtype.name == dtype


def test_the_gradient_of_an_embedding_is_recorded(tmp_path: Path, read: Reader) -> None:
    tf = pytest.importorskip("tensorflow")
    table = tf.Variable(tf.ones((5, 3)), name="table")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table, [1, 1, 4]))
    with Recorder(tmp_path) as recorder:
        assert recorder.dump(0, {"table": table.numpy()}, {"table": tape.gradient(loss, table)})
    sums = read(tmp_path).log.layer_statistic("gradient", "sum", [""])
    assert sums.tolist() == [[9.0]]
