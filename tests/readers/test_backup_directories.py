"""Directories of BackupAndRestore, before, while and after a training writes them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers import TensorReader, check_generation, detect_format, open_contents
from tb_snapshot_compare.snapshot import Format, State
from tb_snapshot_compare.workspace import list_snapshots

READ_SECONDS = 4.0
STEPS = 4

TRAINING = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
folder, steps = sys.argv[1], int(sys.argv[2])
model = keras.Sequential(
    [keras.Input((8,)), keras.layers.Dense(300, name="fc1"), keras.layers.Dense(1, name="fc2")]
)
model.compile(keras.optimizers.Adam(), "mse")


class Mark(keras.callbacks.Callback):
    '''Makes every weight the number of steps, so that a mixture of two saves shows.'''

    def on_train_batch_end(self, batch, logs=None):
        value = float(self.model.optimizer.iterations.numpy())
        for variable in self.model.trainable_variables:
            variable.assign(tf.fill(variable.shape, value))


backup = keras.callbacks.BackupAndRestore(folder, double_checkpoint=True)
x, y = np.zeros((2 * steps, 8), "f4"), np.zeros((2 * steps, 1), "f4")
model.fit(x, y, batch_size=2, epochs=1_000_000, verbose=0, callbacks=[Mark(), backup])
"""


@contextmanager
def training(folder: Path) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", TRAINING, str(folder), str(STEPS)])
    try:
        deadline = time.monotonic() + 90
        while not (folder / "training_metadata.json.bkp").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def consistent(path: str) -> int:
    """Reads everything and returns the number of steps that all of it agrees on."""
    contents = open_contents(path, Format.WEIGHTS_H5)
    weights = [tensor for tensor in contents.tensors if tensor.scope == "weights"]
    with TensorReader(contents.generation) as reader:
        values = {float(v) for tensor in weights for v in np.unique(reader.read_array(tensor))}
    check_generation(contents.generation)
    position = contents.position
    assert len(weights) == 4
    assert values == {position.step}
    assert position.step is not None
    assert position.epoch in (None, position.step // STEPS)
    assert position.step % STEPS == 0
    return position.step


def test_no_read_during_a_training_mixes_two_saves(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    names = ("latest.weights.h5", "latest.weights.h5.bkp")
    steps: dict[str, set[int]] = {name: set() for name in names}
    refused = listed = 0
    with training(folder):
        end = time.monotonic() + READ_SECONDS
        while time.monotonic() < end:
            for name in names:
                try:
                    steps[name].add(consistent(str(folder / name)))
                except SnapshotCompareError:
                    refused += 1
            for run in list_snapshots(tmp_path).runs:
                for snapshot in run.snapshots:
                    assert snapshot.name in ("latest", "latest.weights.h5.bkp")
                    assert snapshot.state is not State.BROKEN, snapshot.reason
                    listed += 1
    assert listed
    assert sum(map(len, steps.values()))
    # The last save may have been cut off; the one before is whole.
    whole = 0
    for name in names:
        try:
            whole += consistent(str(folder / name)) > 0
        except SnapshotCompareError:
            continue
    assert whole


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup directory of two saves, as one finds it after a crash."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="fc")])
    model.compile("adam", "mse")
    folder = tmp_path / "backup"
    callback = keras.callbacks.BackupAndRestore(str(folder), double_checkpoint=True)

    class Crash(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            if epoch == 2:
                raise InterruptedError

    x, y = np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)
    with pytest.raises(InterruptedError):
        model.fit(x, y, batch_size=2, epochs=5, verbose=0, callbacks=[callback, Crash()])
    return folder


def test_directory_means_its_latest_weights(backup: Path) -> None:
    assert detect_format(str(backup)) is Format.WEIGHTS_H5
    contents = open_contents(str(backup))
    assert contents.path == f"{backup}/latest.weights.h5"
    assert (contents.position.step, contents.position.epoch) == (4, 2)
    assert contents.position.epoch_source == "training_metadata.json"
    assert {t.name for t in contents.tensors if t.scope == "weights"} == {"fc/kernel", "fc/bias"}


def test_the_twin_is_the_save_before(backup: Path) -> None:
    contents = open_contents(str(backup / "latest.weights.h5.bkp"))
    assert (contents.position.step, contents.position.epoch) == (2, 1)
    (backup / "latest.weights.h5").unlink()
    assert open_contents(str(backup)).path.endswith("latest.weights.h5.bkp")


def test_both_saves_are_listed_with_their_epochs(backup: Path) -> None:
    (run,) = list_snapshots(backup).runs
    found = {each.name: (each.position.step, each.position.epoch) for each in run.snapshots}
    assert found == {"latest": (4, 2), "latest.weights.h5.bkp": (2, 1)}


def test_metadata_older_than_the_weights_tell_no_epoch(backup: Path) -> None:
    metadata = backup / "training_metadata.json"
    weights = os.stat(backup / "latest.weights.h5")
    os.utime(metadata, ns=(weights.st_atime_ns, weights.st_mtime_ns - 1))
    assert open_contents(str(backup)).position.epoch is None


@pytest.mark.parametrize("text", ["", "[]", '{"epoch": true}', '{"epoch": "3"}', "[" * 100_000])
def test_metadata_of_any_content_are_read_or_left(backup: Path, text: str) -> None:
    (backup / "training_metadata.json").write_text(text)
    position = open_contents(str(backup)).position
    assert (position.step, position.epoch) == (4, None)


def test_other_directories_with_such_metadata_are_none(tmp_path: Path) -> None:
    (tmp_path / "training_metadata.json").write_text(json.dumps({"epoch": 1}))
    assert detect_format(str(tmp_path)) is None


def test_backup_of_tf_keras_2_is_a_checkpoint_that_counts_epochs(tmp_path: Path) -> None:
    # As WorkerTrainingState of tf.keras 2 saves (keras/distribute/worker_training_state.py).
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="fc")])
    epoch = tf.Variable(-1, dtype=tf.int64, name="ckpt_saved_epoch")
    batch = tf.Variable(-1, dtype=tf.int64, name="ckpt_saved_batch")
    checkpoint = tf.train.Checkpoint(model=model, ckpt_saved_epoch=epoch, ckpt_saved_batch=batch)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path / "chief"), max_to_keep=1)
    manager.save()
    assert open_contents(str(tmp_path / "chief")).position.epoch_source == "save_counter"
    for number in range(3):
        epoch.assign(number)
        manager.save()
    contents = open_contents(str(tmp_path / "chief"))
    assert contents.path == f"{tmp_path}/chief/ckpt-4"
    assert (contents.position.epoch, contents.position.epoch_source) == (3, "ckpt_saved_epoch")
    assert {t.name for t in contents.tensors if t.scope == "weights"} == {"fc/kernel", "fc/bias"}
    (run,) = list_snapshots(tmp_path).runs
    assert (run.name, [each.position.epoch for each in run.snapshots]) == ("chief", [3])
