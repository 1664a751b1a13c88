"""Trains AlexNet's layout on flowers: ordinary Keras code that knows of no plugin.

Keras's own callbacks leave a snapshot of the model after every epoch, and the curves and the
network's configuration for TensorBoard, in one run directory.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from demo.dataset import Dataset, load
from demo.flowers import generate
from demo.layout import FULL, SMALL, Layout

EPOCHS = 45
BATCH_SIZE = 32
SEED = 17


def build_model(layout: Layout, classes: int) -> keras.Model:
    """AlexNet, with layer normalization over channels for its local response normalization.

    Pooling comes before normalization, as in CaffeNet: the same accuracy for less work.
    """
    filters, kernels = layout.filters, layout.kernels
    stack: list[Any] = [
        layers.Input((layout.size, layout.size, 3), name="image"),
        layers.Rescaling(1 / 127.5, offset=-1, name="rescale"),
    ]
    for i in range(5):
        stride = layout.first_stride if i == 0 else 1
        stack.append(
            layers.Conv2D(
                filters[i],
                kernels[i],
                strides=stride,
                padding=layout.padding if i == 0 else "same",
                activation="relu",
                name=f"conv{i + 1}",
            )
        )
        if i in (0, 1, 4):
            stack.append(layers.MaxPooling2D(3, 2, name=f"pool{i + 1}"))
        if i < 2:
            stack.append(layers.LayerNormalization(name=f"norm{i + 1}"))
    stack.append(layers.Flatten(name="flatten"))
    for i in (6, 7):
        stack.append(layers.Dense(layout.units, activation="relu", name=f"fc{i}"))
        stack.append(layers.Dropout(layout.dropout, seed=SEED + i, name=f"drop{i}"))
    stack.append(layers.Dense(classes, activation="softmax", name="fc8"))
    return keras.Sequential(stack, name="alexnet")


def train(
    dataset: Dataset, run: Path, layout: Layout = SMALL, epochs: int = EPOCHS
) -> dict[str, list[float]]:
    """Trains a network and leaves its snapshots and curves in `run`.

    Args:
        dataset: images of the layout's size.
        run: directory that is written to: `epoch-01.keras` and so on, `train`, `validation`.
        layout: of the network.
        epochs: how long to train.

    Returns:
        The loss and the accuracy of each epoch, in training (`loss`, `accuracy`) and on the
        validation part (`val_loss`, `val_accuracy`).
    """
    keras.utils.set_random_seed(SEED)
    model = build_model(layout, len(dataset.names))
    steps = epochs * math.ceil(len(dataset.train.labels) / BATCH_SIZE)
    learning_rate = keras.optimizers.schedules.CosineDecay(layout.learning_rate, steps, alpha=0.05)
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate, momentum=0.9),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    run.mkdir(parents=True, exist_ok=True)
    history = model.fit(
        dataset.train.images,
        dataset.train.labels,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=(dataset.validation.images, dataset.validation.labels),
        validation_batch_size=128,
        verbose=0,
        callbacks=[
            keras.callbacks.ModelCheckpoint(str(run / "epoch-{epoch:02d}.keras")),
            keras.callbacks.TensorBoard(str(run)),
            ProgressLine(epochs),
        ],
    )
    return {name: [float(x) for x in values] for name, values in history.history.items()}


def train_demo(
    logdir: Path, epochs: int = 2, images_per_class: int = 4, size: int = 48
) -> dict[str, list[float]]:
    """A training of a few seconds, for tests; `logdir/alexnet` becomes a run like the demo's."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), images_per_class, size=max(size, 48))
        layout = replace(SMALL, size=size, filters=(8, 16, 24, 24, 16), units=32)
        return train(load(Path(folder), size), logdir / "alexnet", layout, epochs)


class ProgressLine(keras.callbacks.Callback):  # type: ignore[misc]
    """One line on a terminal that shows the epoch and both accuracies; elsewhere every tenth."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs
        self._progress = Progress(
            TextColumn("  Training "),
            BarColumn(24),
            MofNCompleteColumn(),
            TextColumn("epochs {task.fields[accuracies]}"),
            TimeRemainingColumn(),
            console=Console(highlight=False),
        )
        self._task = self._progress.add_task("train", total=epochs, accuracies="")

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Shows the bar."""
        if self._progress.console.is_terminal:
            self._progress.start()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Moves the bar."""
        logs = logs or {}
        text = f"train {logs['accuracy']:.1%}  validation {logs['val_accuracy']:.1%}"
        self._progress.update(self._task, completed=epoch + 1, accuracies=text)
        last = epoch + 1 == self._epochs
        if not self._progress.console.is_terminal and (last or (epoch + 1) % 10 == 0):
            self._progress.console.print(f"  Training   epoch {epoch + 1}/{self._epochs}  {text}")

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Leaves the finished bar on the terminal."""
        self._progress.stop()


def main() -> None:
    """Trains on a folder of photographs; see `python -m demo.train --help`."""
    parser = argparse.ArgumentParser(prog="python -m demo.train", description=main.__doc__)
    parser.add_argument("data", type=Path, help="folder with one folder of images per category")
    parser.add_argument("run", type=Path, help="directory for the snapshots and the curves")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--full", action="store_true", help="AlexNet's original width and input")
    options = parser.parse_args()
    layout = FULL if options.full else SMALL
    train(load(options.data, layout.size), options.run, layout, options.epochs)


if __name__ == "__main__":
    main()
