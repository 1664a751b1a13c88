"""Runs two snapshots of ResNet50 on one image, and times it: `python -m benchmarks.forward_pair`.

The networks have random weights. A plain script that uses Keras itself, in a process that has
TensorFlow imported and both models built, stands beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from rich.console import Console
from rich.table import Table

from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import A, B, ModelSource, RunRequest, Wanted
from tb_snapshot_compare.workspace import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

LAYER = "conv4_block6_out"


def main() -> None:
    """Prints a table of medians and ranges in seconds."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = save_pair(Path(folder))
        measured = measure(Path(folder), models, options.repeats)
    table = Table("ResNet50, one image of 224 x 224, a and b", "median", "range")
    for name, seconds in measured.items():
        spread = f"{min(seconds):.3f}-{max(seconds):.3f} s"
        table.add_row(name, f"{statistics.median(seconds):.3f} s", spread)
    Console().print(table)


def save_pair(folder: Path) -> list[object]:
    """Two snapshots of ResNet50 with different random weights; the models of both."""
    import keras

    models = []
    for seed, name in ((1, "a"), (2, "b")):
        keras.utils.set_random_seed(seed)
        models.append(keras.applications.ResNet50(weights=None))
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
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(repeats + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    child.close()
    return seconds


if __name__ == "__main__":
    main()
