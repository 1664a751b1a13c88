"""Trainings without Keras: plain NumPy and PyTorch."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from loops import Network

from tb_snapshot_compare import ProbeImages, Recorder
from tb_snapshot_compare.recording.host_arrays import copied

ReadLog = Any
Reader = Callable[[Path], ReadLog]


def train(recorder: Recorder, network: Network, steps: range) -> dict[int, dict[str, Any]]:
    """Trains and records; the weights at the dumps."""
    dumped = {}
    gradients: dict[str, Any] = {}
    for step in steps:
        if recorder.wants_dump(step):
            taken = recorder.dump(step, network.weights, gradients, {"moment1": network.moments})
            assert taken
            recorder.validated(step, network.probabilities())
            dumped[step] = {name: values.copy() for name, values in network.weights.items()}
        loss, gradients = network.step()
        recorder.step(step + 1, loss=loss, learning_rate=0.05, **{"seconds/forward": 0.5})
    return dumped


def test_a_numpy_loop_is_recorded(tmp_path: Path, read: Reader) -> None:
    network = Network()
    probe = ProbeImages(network.labels, ("a", "b", "c"))
    with Recorder(tmp_path, run="runs/plain", every=10, probe=probe) as recorder:
        dumped = train(recorder, network, range(35))
    assert recorder.lost == {}
    assert recorder.folder == tmp_path / "runs" / "plain"
    found = read(recorder.folder)
    assert (
        found.steps("layers") == found.steps("images") == found.steps("filters") == [0, 10, 20, 30]
    )
    assert [unit.path for unit in found.log.units] == ["", "block1", "block1/fc1", "head"]
    joined = {
        step: np.concatenate([w.reshape(-1) for w in weights.values()]).astype(np.float64)
        for step, weights in dumped.items()
    }
    updates = found.log.layer_statistic("update", "l2", [""], None, None)[0]
    assert np.isnan(updates[0])
    assert updates[2] == pytest.approx(np.linalg.norm(joined[20] - joined[10]), rel=1e-9)
    medians = found.log.layer_statistic("weight", "median", [""], None, None)[0]
    assert medians[3] == pytest.approx(np.median(joined[30]), rel=1e-9)
    for kind in ("gradient", "moment1"):
        norms = found.log.layer_statistic(kind, "l2", ["", "block1"], None, None)
        assert (norms[:, 1:] > 0).all(), kind
    kernels = [dumped[step]["head/kernel"].astype(np.float64) for step in (10, 20)]
    moved = found.log.filter_measure("head", "euclidean", 20, 20)[:, 0]
    np.testing.assert_allclose(moved, np.linalg.norm(kernels[1] - kernels[0], axis=0), rtol=1e-6)
    losses = found.log.scalars(["loss"])["loss"]
    assert losses.steps.tolist() == list(range(1, 36))
    assert losses.values[-1] < losses.values[0]
    assert set(found.log.scalars()) == {"loss", "learning_rate", "seconds/forward"}
    predicted, probability = found.log.images()
    assert predicted.shape == (60, 4)
    assert ((predicted == network.labels[:, None]) == (probability > 1 / 3)).mean() > 0.9
    assert found.log.probe.classes == ("a", "b", "c")


def test_a_pytorch_loop_is_recorded(tmp_path: Path, read: Reader) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3),
        torch.nn.BatchNorm2d(6),
        torch.nn.Flatten(),
        torch.nn.Linear(216, 4),
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    images, labels = torch.randn(16, 3, 8, 8), torch.arange(16) % 4
    with Recorder(tmp_path, every=2) as recorder:
        for step in range(7):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            recorder.step(step, loss=loss.item())
            if recorder.wants_dump(step):
                named = dict(model.named_parameters())
                states = {name: optimizer.state[each] for name, each in named.items()}
                recorder.dump(
                    step,
                    model.state_dict(),
                    {name: each.grad for name, each in named.items()},
                    {"moment1": {name: state["exp_avg"] for name, state in states.items()},
                     "moment2": {name: state["exp_avg_sq"] for name, state in states.items()}},
                )  # fmt: skip
    assert recorder.lost == {}
    found = read(recorder.folder)
    assert found.steps("layers") == [0, 2, 4, 6]
    assert [unit.path for unit in found.log.units] == ["", "0", "1", "3"]
    for kind in ("weight", "gradient", "moment1", "moment2"):
        assert (found.log.layer_statistic(kind, "l2", ["", "0"]) > 0).all()
    last = found.log.layer_statistic("weight", "l2", ["3"], 6, 6)[0, 0]
    own = [each.detach().double().reshape(-1) for each in model[3].parameters()]
    assert last == pytest.approx(float(torch.cat(own).norm()), rel=1e-9)
    assert found.log.filter_measure("0", "g_l2", 6, 6).shape == (6, 1)


def test_copies_are_of_any_framework() -> None:
    tensor = torch.arange(6, dtype=torch.float32).reshape(2, 3).requires_grad_()
    half = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
    array = np.arange(6.0)[::2]
    found = copied({"a": tensor, "b": tensor.T, "c": half, "d": array, "e": 2.5})
    assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["b"].shape == (3, 2)
    assert found["b"].flags["C_CONTIGUOUS"]
    assert found["c"].dtype == ml_dtypes.bfloat16
    assert found["c"].astype(float).tolist() == [1.5, -2.0]
    assert found["e"].shape == ()
    array[:] = 7
    with torch.no_grad():
        tensor.zero_()
    assert found["d"].tolist() == [0, 2, 4]
    assert found["a"][1, 2] == 5


def test_what_changes_after_a_dump_does_not_change_the_dump(tmp_path: Path, read: Reader) -> None:
    weights = {"fc/kernel": np.ones((4, 2), np.float32)}
    with Recorder(tmp_path) as recorder:
        recorder.dump(0, weights)
        weights["fc/kernel"][:] = 9
    found = read(tmp_path)
    assert found.log.layer_statistic("weight", "maximum", [""]).tolist() == [[1.0]]


def test_resumed_training_goes_on_in_the_same_log(tmp_path: Path, read: Reader) -> None:
    for steps in (range(26), range(15, 31)):
        with Recorder(tmp_path, every=5) as recorder:
            train(recorder, Network(), steps)
    found = read(tmp_path)
    assert found.steps("layers") == [0, 5, 10, 15, 20, 25, 30]
    assert [session.first_step for session in found.log.sessions] == [0, 16]
    assert found.events("resumed") == [(16, "Training goes on with step 16.")]
    updates = found.log.layer_statistic("update", "l2", [""])[0]
    assert np.isnan(updates).tolist() == [True, False, False, False, False, False, False]
    assert found.log.scalars(["loss"])["loss"].steps.tolist() == list(range(1, 32))


def test_a_training_that_goes_on_between_dumps_records_the_next(
    tmp_path: Path, read: Reader
) -> None:
    """What the first recorded of that step is of a training that has been given up."""
    with Recorder(tmp_path, every=5) as recorder:
        train(recorder, Network(), range(26))
    with Recorder(tmp_path, every=5) as recorder:
        recorder.step(13, loss=1.0)
        network = Network()
        recorder.dump(15, network.weights)
        recorder.dump(20, network.weights)
    found = read(tmp_path)
    assert found.steps("layers") == [0, 5, 10, 15, 20]
    assert found.steps("filters") == [0, 5, 10, 15, 20]


WRITER = """
import sys
sys.path[:0] = sys.argv[4:]
from loops import Network
from tb_snapshot_compare import Recorder
start, stop = int(sys.argv[2]), int(sys.argv[3])
with Recorder(sys.argv[1], every=5) as recorder:
    network = Network(seed=start)
    recorder.step(start, loss=1.0)
    print("begun", flush=True)
    sys.stdin.readline()
    for step in range(start, stop):
        if recorder.wants_dump(step):
            recorder.dump(step, network.weights)
        loss, _ = network.step()
        recorder.step(step, loss=loss)
assert recorder.lost == {}, recorder.lost
"""


def writer(folder: Path, start: int, stop: int) -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", WRITER, str(folder), str(start), str(stop), here]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )


def test_two_processes_write_the_same_run(tmp_path: Path, read: Reader) -> None:
    processes = [writer(tmp_path, 0, 50), writer(tmp_path, 1000, 1050)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
    for process in processes:
        process.communicate("go\n", timeout=120)
        assert process.returncode == 0
    found = read(tmp_path)
    assert len(found.log.sessions) == 2
    assert found.steps("layers") == [*range(0, 50, 5), *range(1000, 1050, 5)]


def test_a_dump_is_due_at_the_first_step_and_in_every_interval(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, every=10)
    wanted = []
    for step in (3, 4, 9, 10, 11, 19, 25, 27, 30, 2):
        if recorder.wants_dump(step):
            wanted.append(step)
            recorder.dump(step, {"fc/kernel": np.ones((2, 2))})
    recorder.close()
    assert wanted == [3, 10, 25, 30, 2]


@pytest.mark.parametrize(("options", "message"), [
    ({"every": 0}, "every=0: want a number of steps from 1 up, a whole one, or None"),
    ({"every": 2.5}, "every=2.5: want a number of steps from 1 up, a whole one, or None"),
    ({"every": "9"}, "every=9: want a number of steps"),
    ({"snapshot_every": -5}, "snapshot_every=-5"),
    ({"keep_snapshots": -1}, "keep_snapshots=-1: want 0 or more"),
    ({"keep_snapshots": 1.5}, "keep_snapshots=1.5: want 0 or more, a whole number"),
    ({"run": "../elsewhere"}, "run='../elsewhere': want a directory below the logdir"),
    ({"run": "/elsewhere"}, "want a directory below the logdir"),
    ({"units": {"w0": "fc/kernel", "w1": "fc/kernel"}}, "units: two tensors have the same path"),
])  # fmt: skip
def test_options_that_cannot_be_are_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Recorder(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_no_place_for_a_log() -> None:
    with pytest.raises(ValueError, match="logdir='gs://bucket/logs': want a directory of this"):
        Recorder("gs://bucket/logs")


def test_gradients_and_moments_have_the_names_and_shapes_of_weights(tmp_path: Path) -> None:
    weights = {"fc/kernel": np.ones((2, 3))}
    recorder = Recorder(tmp_path)
    with pytest.raises(ValueError, match=r"gradient of 'fc/kernel' with shape \(3, 2\) beside a"):
        recorder.dump(0, weights, {"fc/kernel": np.ones((3, 2))})
    with pytest.raises(ValueError, match=r"moment1 of 'kernel' with shape \(2, 3\) beside no such"):
        recorder.dump(0, weights, None, {"moment1": {"kernel": np.ones((2, 3))}})
    with pytest.raises(ValueError, match=r"moments \['exp_avg'\]: want moment1 and moment2"):
        recorder.dump(0, weights, None, {"exp_avg": weights})
    recorder.close()


@pytest.mark.parametrize("predictions", [
    np.zeros(3, np.int64), np.zeros(4), np.zeros((4, 2, 2)), np.zeros((3, 2)),
    np.zeros((4, 2), int),
])  # fmt: skip
def test_predictions_of_another_form_are_refused(predictions: Any, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, probe=ProbeImages(np.zeros(4, np.int64)))
    with pytest.raises(ValueError, match=r"want classes as whole numbers \[4\], or probabilities"):
        recorder.validated(0, predictions)
    recorder.close()


@pytest.mark.parametrize("scores", [
    [[3.5, -1.0], [0.0, 0.5]],
    [[np.nan, np.nan], [-0.5, -1.5]],
    [[0.5, 0.5], [np.inf, 0.0]],
])  # fmt: skip
def test_scores_are_no_probabilities(scores: Any, tmp_path: Path) -> None:
    with Recorder(tmp_path, probe=ProbeImages(np.zeros(2, np.int64))) as recorder:
        with pytest.raises(ValueError, match="from 0 to 1, NaN for none; apply softmax to logits"):
            recorder.validated(7, np.array(scores))
        assert recorder.validated(8, np.array([[1.001, -0.001], [0.0, 1.0]], np.float16))
    assert recorder.lost == {}


def test_a_probe_of_arrays_is_refused_with_the_remedy(tmp_path: Path) -> None:
    arrays: Any = (np.zeros((4, 8)), np.zeros(4))
    with pytest.raises(TypeError, match=r"the probe is a tuple: want .*ProbeImages\(labels"):
        Recorder(tmp_path, probe=arrays)
    with Recorder(tmp_path) as recorder, pytest.raises(TypeError, match=r"SnapshotCallback\(probe"):
        recorder.describe_probe(arrays)


def test_predictions_may_be_classes_and_may_be_unknown(tmp_path: Path, read: Reader) -> None:
    probe = ProbeImages(np.array([1, -1, 0]))
    with Recorder(tmp_path, probe=probe) as recorder:
        recorder.validated(1, [1, 0, 0])
        recorder.validated(2, [[0.25, 0.75], [0.5, 0.5], [np.nan, 0.1]])
    predicted, probability = read(tmp_path).log.images()
    assert predicted.tolist() == [[1, 1], [0, 0], [0, -1]]
    np.testing.assert_array_equal(probability[:, 1], np.array([0.75, np.nan, np.nan], np.float32))
    assert np.isnan(probability[:, 0]).all()


def test_a_network_that_grows_begins_anew(tmp_path: Path, read: Reader) -> None:
    with Recorder(tmp_path, every=1) as recorder:
        recorder.dump(0, {"a/kernel": np.ones((2, 2))})
        recorder.dump(1, {"a/kernel": np.ones((2, 2))})
        recorder.dump(2, {"a/kernel": np.ones((2, 2)), "b/kernel": np.ones((2, 4))})
    found = read(tmp_path)
    assert [unit.path for unit in found.log.units] == ["", "a", "b"]
    updates = found.log.layer_statistic("update", "l2", ["", "b"])
    np.testing.assert_array_equal(updates, [[np.nan, 0, np.nan], [np.nan] * 3])


def test_a_forked_process_records_nothing_and_ends(tmp_path: Path, read: Reader) -> None:
    with Recorder(tmp_path, every=1) as recorder:
        recorder.dump(0, {"fc/kernel": np.ones((2, 2))})
        child = os.fork()
        if child == 0:
            taken = recorder.dump(1, {"fc/kernel": np.ones((2, 2))})
            done = recorder.close()
            os._exit(0 if done and not taken else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert read(tmp_path).steps("layers") == [0]


ENDS = """
import sys
import numpy as np
from tb_snapshot_compare import Recorder
recorder = Recorder(sys.argv[1], every=1)
for step in range(5):
    recorder.dump(step, {"fc/kernel": np.full((4, 2), step, np.float32)})
    recorder.step(step, loss=1.0)
"""


def test_what_waits_when_a_program_ends_is_written(tmp_path: Path, read: Reader) -> None:
    subprocess.run([sys.executable, "-c", ENDS, str(tmp_path)], check=True, timeout=120)
    found = read(tmp_path)
    assert found.steps("layers") == [0, 1, 2, 3, 4]
    assert found.log.scalars(["loss"])["loss"].steps.tolist() == [0, 1, 2, 3, 4]


def test_a_program_that_does_not_record_loads_nothing_of_it() -> None:
    code = "import sys, json, tb_snapshot_compare; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"numpy", "keras", "pyarrow", "tb_snapshot_compare.recording"}
