"""Runs two snapshots of ResNet50 on one image, and times it: `python -m benchmarks.forward_pair`.

The networks have random weights. A plain script that uses Keras itself, in a process that has
TensorFlow imported and both models built, stands beside it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.measuring import interleaved, timed
from benchmarks.report import main, spreads
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import A, B, ModelSource, RunRequest, Wanted
from tb_snapshot_compare.workspace import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.report import Table

_ROUNDS = 9
LAYER = "conv4_block6_out"


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table."""
    with tempfile.TemporaryDirectory() as folder:
        models = save_pair(Path(folder), small if tiny else resnet50)
        measured = measure(Path(folder), models, 1 if tiny else _ROUNDS)
    heads = ("ResNet50, one image of 224 x 224, a and b", "seconds")
    yield spreads("Running two snapshots", heads, measured)


def resnet50() -> object:
    """ResNet50 with random weights."""
    import keras

    return keras.applications.ResNet50(weights=None)


def small() -> object:
    """One convolution and a classifier."""
    import keras

    inputs = keras.Input((224, 224, 3))
    maps = keras.layers.Conv2D(4, 7, strides=4, name=LAYER)(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax", name="classes")(pooled))


def save_pair(folder: Path, build: Callable[[], Any]) -> list[object]:
    """Two snapshots of a network with different random weights; the models of both."""
    import keras

    models = []
    for seed, name in ((1, "a"), (2, "b")):
        keras.utils.set_random_seed(seed)
        models.append(build())
        models[-1].save(folder / f"{name}.keras")
    return models


def measure(folder: Path, models: list[object], repeats: int) -> dict[str, list[float]]:
    """Seconds of each repeat; the three are interleaved, after one round that is not counted."""
    a, b = open_snapshot(folder / "a.keras"), open_snapshot(folder / "b.keras")
    image = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    source = ModelSource("keras", config=a.config)
    child = Inference()
    works: dict[str, Callable[[], object]] = {
        "predictions": lambda: child.run(RunRequest(source, a.contents, b.contents, (A, B), image)),
        "predictions and a layer's maps": lambda: child.run(
            RunRequest(source, a.contents, b.contents, (A, B), image, (Wanted(LAYER),))
        ),
        "Keras, both models in this process": lambda: [
            model.predict(image, verbose=0)  # type: ignore[attr-defined]
            for model in models
        ],
    }
    seconds = interleaved({name: timed(work) for name, work in works.items()}, repeats, uncounted=1)
    child.close()
    return seconds


if __name__ == "__main__":
    main(sys.modules[__name__], __doc__)
