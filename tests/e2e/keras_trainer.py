"""A training with Keras that records itself: `python -m tests.e2e.keras_trainer LOGDIR RUN`.

Trains until its standard input ends, as slowly as larger networks do, and then tells how many steps
it has behind it.
"""

import os
import sys
import threading
import time
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

import keras
import numpy as np

from tb_snapshot_compare import SnapshotCallback

EVERY = 5
CLASS_NAMES = ("left", "right")
LAYERS = ("first", "second", "third")
_STEP_SECONDS = 0.05
_EPOCHS = 100_000


class UntilInputEnds(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training once nothing can come from standard input any more."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """After each step."""
        time.sleep(_STEP_SECONDS)
        self.model.stop_training = self.ended.is_set()

    def _wait(self) -> None:
        sys.stdin.read()
        self.ended.set()


def main(logdir: Path, run: str) -> None:
    """Trains."""
    keras.utils.set_random_seed(3)
    sizes = zip(LAYERS, (16, 16, len(CLASS_NAMES)), ("relu", "relu", "softmax"), strict=True)
    layers = [keras.layers.Dense(size, activation, name=name) for name, size, activation in sizes]
    model = keras.Sequential([keras.Input((8,)), *layers])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(3).normal(size=(64, 8)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(np.int32)
    records = SnapshotCallback(
        logdir, run=run, probe_data=(x, y), class_names=CLASS_NAMES, every=EVERY, probe_every=EVERY
    )
    model.fit(x, y, batch_size=32, epochs=_EPOCHS, verbose=0, callbacks=[records, UntilInputEnds()])
    print(int(model.optimizer.iterations.numpy()), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
