"""The demonstration's second run: recorded by one line, with three accidents planted in it.

A layer is left frozen from fine-tuning, for three steps the learning rate is twelve times too
high, and three batches later on come with wrong labels. `demo/training_story.md` finds them.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from demo.dataset import Dataset, Examples, load
from demo.layout import SMALL, Layout
from demo.train import BATCH_SIZE, SEED, ProgressLine, build_model
from tb_snapshot_compare import SnapshotCallback

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCHS = 16
DUMP_EVERY, PROBE_EVERY, SNAPSHOT_EVERY = 8, 8, 64
_RATE_TIMES = 12


@dataclass(frozen=True, slots=True)
class Accidents:
    """What goes wrong: steps count from 1, and both ends belong to a range.

    Attributes:
        frozen: the layer that never trains.
        rate: steps of a learning rate that is twelve times too high.
        labels: steps whose batches have the labels of other images.
    """

    frozen: str = "conv4"
    rate: range = range(194, 197)
    labels: range = range(395, 398)


def batches(examples: Examples, wrong: range) -> Iterator[tuple[Any, Any]]:
    """Batches of images `[n, size, size, 3]` and labels `[n]` for ever, one for each step.

    Every epoch has an order of its own. Labels are those of the next category at steps in `wrong`.
    """
    step = 0
    for epoch in itertools.count():
        order = np.random.default_rng([SEED, epoch]).permutation(examples.labels.size)
        for start in range(0, order.size, BATCH_SIZE):
            chosen = order[start : start + BATCH_SIZE]
            labels = examples.labels[chosen]
            step += 1
            if step in wrong:
                labels = (labels + 1) % (int(examples.labels.max()) + 1)
            yield examples.images[chosen], labels


class WrongRate(keras.callbacks.Callback):  # type: ignore[misc]
    """Trains some steps with a learning rate that is far too high."""

    def __init__(self, steps: range) -> None:
        super().__init__()
        self._steps = steps

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        """Sets the rate of the step that begins."""
        step = int(self.model.optimizer.iterations.numpy()) + 1
        if step == self._steps.start:
            self._rate = float(self.model.optimizer.learning_rate.numpy())
            self.model.optimizer.learning_rate = _RATE_TIMES * self._rate
        elif step == self._steps.stop:
            self.model.optimizer.learning_rate = self._rate


def train(
    dataset: Dataset,
    run: Path,
    layout: Layout = SMALL,
    epochs: int = EPOCHS,
    accidents: Accidents | None = None,
) -> None:
    """Trains a network and records it in `run`: the log, snapshots and curves.

    Args:
        dataset: images of the layout's size.
        run: directory that is written to.
        layout: of the network.
        epochs: how long to train.
        accidents: what goes wrong, by default as in the demonstration.
    """
    accidents = accidents or Accidents()
    keras.utils.set_random_seed(SEED)
    model = build_model(layout, len(dataset.names))
    model.get_layer(accidents.frozen).trainable = False
    model.compile(
        optimizer=keras.optimizers.SGD(layout.learning_rate / 2, momentum=0.9, clipnorm=1.0),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    run.mkdir(parents=True, exist_ok=True)
    validation = (dataset.validation.images, dataset.validation.labels)
    model.fit(
        batches(dataset.train, accidents.labels),
        steps_per_epoch=math.ceil(dataset.train.labels.size / BATCH_SIZE),
        epochs=epochs,
        shuffle=False,
        validation_data=validation,
        validation_batch_size=128,
        verbose=0,
        callbacks=[
            keras.callbacks.TensorBoard(str(run)),
            WrongRate(accidents.rate),
            SnapshotCallback(
                run,
                probe_data=validation,
                class_names=dataset.names,
                every=DUMP_EVERY,
                probe_every=PROBE_EVERY,
                snapshot_every=SNAPSHOT_EVERY,
            ),
            ProgressLine(epochs),
        ],
    )


def main() -> None:
    """Trains on a folder of photographs; see `python -m demo.incident --help`."""
    parser = argparse.ArgumentParser(prog="python -m demo.incident", description=main.__doc__)
    parser.add_argument("data", type=Path, help="folder with one folder of images per category")
    parser.add_argument("run", type=Path, help="directory for the log, the snapshots, the curves")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    train(load(options.data, SMALL.size), options.run, SMALL, options.epochs)


if __name__ == "__main__":
    main()
