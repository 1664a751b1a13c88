"""The child is warm, can be stopped, and whatever ends it leaves the next request well."""

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import CancelledError, ModelProcessError, ModelUnavailableError
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import A, ModelSource, Wanted
from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.readers import open_contents
from tests.inference.keras_helpers import (
    check_equal,
    images_like,
    keras_outputs,
    request,
    save,
    save_pair,
    source_of,
)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A network that takes about 20 ms for an image."""
    inputs = x = layers.Input((128, 128, 3))
    for _ in range(4):
        x = layers.Conv2D(48, 3, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x), name="slow")
    return model, *save_pair(model, tmp_path_factory.mktemp("slow"))


def _works(inference: Inference, slow: Any) -> None:
    model, a, b = slow
    (result,) = inference.run(request(a, b, images_like(model, 1), mixtures=(A,)))
    assert result.predictions is not None
    assert result.predictions.sum() == pytest.approx(1.0, abs=1e-5)


def _until(inference: Inference, slow: Any, act: Any, images: int = 2_000) -> None:
    """Runs many images; calls `act` once after the first batch."""
    model, a, b = slow
    acted = threading.Event()

    def watch(done: int, total: int) -> None:
        if done and not acted.is_set():
            acted.set()
            act()

    inference.run(request(a, b, np.resize(images_like(model, 8), (images, 128, 128, 3))), watch)


def test_the_server_does_not_import_tensorflow() -> None:
    code = (
        "import sys, tb_snapshot_compare.inference.client; "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras', 'h5py')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_child_serves_all_requests(inference: Inference, slow: Any) -> None:
    _works(inference, slow)
    pid = inference.pid
    _works(inference, slow)
    inference.describe(source_of(slow[1]))
    assert inference.pid == pid


def test_a_run_is_cancelled_between_batches_and_the_child_stays(
    inference: Inference, slow: Any
) -> None:
    _works(inference, slow)
    pid = inference.pid
    moments: list[float] = []

    def cancel() -> None:
        moments.append(time.monotonic())
        raise CancelledError("enough")

    with pytest.raises(CancelledError, match="enough"):
        _until(inference, slow, cancel)
    assert time.monotonic() - moments[0] < 15.0
    _works(inference, slow)
    assert inference.pid == pid


def test_a_child_that_does_not_react_to_cancelling_is_replaced(
    inference: Inference, slow: Any
) -> None:
    _works(inference, slow)
    pid = inference.pid
    assert pid is not None

    def freeze_and_cancel() -> None:
        os.kill(pid, signal.SIGSTOP)
        raise CancelledError("enough")

    started = time.monotonic()
    with pytest.raises(CancelledError):
        _until(inference, slow, freeze_and_cancel)
    assert time.monotonic() - started < 10.0
    _works(inference, slow)
    assert inference.pid != pid


def test_a_killed_child_is_reported_and_the_next_request_works(
    inference: Inference, slow: Any
) -> None:
    _works(inference, slow)
    pid = inference.pid
    assert pid is not None
    with pytest.raises(ModelProcessError, match=r"ended by SIGKILL.*a new one is started"):
        _until(inference, slow, lambda: os.kill(pid, signal.SIGKILL))
    _works(inference, slow)
    assert inference.pid not in (None, pid)


def test_a_child_that_grows_too_large_is_ended(slow: Any) -> None:
    small = Inference(memory_bytes=100 * MIB, threads=2)
    try:
        with pytest.raises(ModelProcessError, match="more than the 100 MiB"):
            small.describe(source_of(slow[1]))
        assert small.pid is None
    finally:
        small.close()


def test_a_step_that_takes_too_long_ends_the_child(
    inference: Inference, slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _works(inference, slow)
    pid = inference.pid
    assert pid is not None
    monkeypatch.setattr(limits, "INFERENCE_STEP_SECONDS", 0.5)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ModelProcessError, match="took longer"):
        _works(inference, slow)
    monkeypatch.undo()
    _works(inference, slow)


def test_an_idle_child_is_ended_and_the_next_request_starts_another(
    inference: Inference, slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "INFERENCE_IDLE_SECONDS", 0.2)
    _works(inference, slow)
    deadline = time.monotonic() + 5
    while inference.pid is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert inference.pid is None
    monkeypatch.undo()
    _works(inference, slow)


def test_requests_of_several_threads_are_answered_in_turn(inference: Inference, slow: Any) -> None:
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            _works(inference, slow)
        except BaseException as error:  # reported by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_saved_model_runs_in_the_same_confined_child(
    inference: Inference, slow: Any, saved: Any
) -> None:
    _works(inference, slow)
    pid = inference.pid
    contents = open_contents(saved.b["saved_model"])
    source = ModelSource("saved_model", path=saved.b["saved_model"])
    images = np.random.default_rng(1).normal(size=(2, 16, 16, 3)).astype("float32")
    (result,) = inference.run(request(contents, contents, images, (), (A,), source=source))
    model = keras.models.load_model(saved.b["keras"])
    check_equal(result, keras_outputs(model, [], images))
    assert inference.pid == pid
    assert inference.blocked == ()


FACTORY = """
import keras

@keras.saving.register_keras_serializable("tests")
class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x

def make():
    return keras.Sequential(
        [keras.Input((6, 6, 3)), Twice(name="twice"), keras.layers.Conv2D(2, 3, name="conv")]
    )
"""


def test_code_that_the_user_names_runs_in_a_child_of_its_own(
    inference: Inference, slow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "named_networks.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(str(tmp_path))
    _works(inference, slow)
    pid = inference.pid
    model = importlib.import_module("named_networks").make()
    contents = save(model, tmp_path)
    source = ModelSource("code", factory="named_networks:make")
    images = images_like(model)
    wanted = (Wanted("twice"),)
    (result,) = inference.run(request(contents, contents, images, wanted, (A,), source=source))
    check_equal(result, keras_outputs(model, ["twice"], images))
    assert inference.pid != pid
    with pytest.raises(ModelUnavailableError, match="Layer 'twice': the class 'Twice'"):
        inference.describe(source_of(contents))
