"""One small network saved at two steps in every format, by the real frameworks."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from tb_snapshot_compare.sources import Watcher
from tb_snapshot_compare.workspace import compiling
from tb_snapshot_compare.workspace.deriving import Deriving
from tb_snapshot_compare.workspace.training_logs import TrainingLogs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=25)
settings.register_profile("search", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("fixed")  # `--hypothesis-profile=search` looks for new examples


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fuzz-seconds",
        type=int,
        default=15,
        help="how long each parser is fuzzed (default: %(default)s)",
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Compiles the kernels once, where several processes would each do it."""
    if getattr(session.config.option, "numprocesses", None):
        command = (sys.executable, "-m", "tb_snapshot_compare.analysis.warming", *COMPILED)
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


COMPILED = ("float32", "float64", "float16", "bfloat16")
FORMATS = ("keras", "weights_h5", "tf_checkpoint", "saved_model")


@pytest.fixture(scope="session", autouse=True)
def no_compiling_beside() -> Iterator[None]:
    """No service starts a thread for the kernels, which are compiled; test_compiling tests that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "enable", lambda directory: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def scans_end() -> Iterator[None]:
    """No module leaves a thread behind that would meet what the next one puts in its way."""
    started: dict[int, Watcher | Deriving | TrainingLogs] = {}
    with pytest.MonkeyPatch.context() as patch:
        for kind, start in ((Watcher, "start"), (Deriving, "start"), (TrainingLogs, "watch")):
            patch.setattr(kind, start, _remembered(getattr(kind, start), started))
        yield
    for each in started.values():
        each.close()


def _remembered(start: Any, started: dict[int, Any]) -> Any:
    def remembered(each: Any) -> None:
        started[id(each)] = each
        start(each)

    return remembered


@dataclass(frozen=True)
class SavedPair:
    """Paths by format of snapshots a and b, and the weights they hold by canonical name."""

    folder: Path
    a: dict[str, str]
    b: dict[str, str]
    weights_a: dict[str, np.ndarray[Any, Any]]
    weights_b: dict[str, np.ndarray[Any, Any]]


def build() -> Any:
    import keras

    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, name="conv1")(inputs)
    x = keras.layers.BatchNormalization(name="norm1")(x)
    x = keras.layers.ReLU(name="relu1")(x)
    x = keras.layers.Conv2D(12, 3, name="conv2")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dropout(0.5, name="drop")(x)
    model = keras.Model(inputs, keras.layers.Dense(5, name="fc")(x), name="net")
    model.compile(optimizer=keras.optimizers.Adam(1e-2), loss="mse")
    return model


def save(model: Any, folder: Path, stem: str) -> dict[str, str]:
    import tensorflow as tf

    model.save(folder / f"{stem}.keras")
    model.save_weights(folder / f"{stem}.weights.h5")
    checkpoint = tf.train.Checkpoint(model=model, optimizer=model.optimizer)
    checkpoint.write(str(folder / f"{stem}-tf"))
    model.export(str(folder / f"{stem}-export"), verbose=False)
    return {
        "keras": str(folder / f"{stem}.keras"),
        "weights_h5": str(folder / f"{stem}.weights.h5"),
        "tf_checkpoint": str(folder / f"{stem}-tf"),
        "saved_model": str(folder / f"{stem}-export"),
    }


def weights(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    return {variable.path: variable.numpy() for variable in model.weights}


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedPair:
    import keras

    folder = tmp_path_factory.mktemp("saved")
    keras.utils.set_random_seed(7)
    model = build()
    random = np.random.default_rng(7)
    images = random.normal(size=(32, 16, 16, 3)).astype("float32")
    targets = random.normal(size=(32, 5)).astype("float32")
    model.fit(images, targets, verbose=0)
    a, weights_a = save(model, folder, "epoch-1"), weights(model)
    model.fit(images, targets, epochs=3, verbose=0)
    b, weights_b = save(model, folder, "epoch-4"), weights(model)
    return SavedPair(folder, a, b, weights_a, weights_b)
