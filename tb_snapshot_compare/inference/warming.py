"""A network of a few weights, run once when the child starts. Runs in the child only."""

import keras
import numpy as np

from tb_snapshot_compare.inference.keras_builder import build_from_config, walk
from tb_snapshot_compare.inference.keras_trace import Trace


def run_once() -> None:
    """Builds, traces and runs it, the way every network is."""
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Rescaling(1.0),
            layers.Conv2D(2, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    rebuilt, _ = build_from_config(model.to_json())
    paths = dict(walk(rebuilt))
    trace = Trace(rebuilt, paths, rebuilt.weights, (8, 8, 3))
    weights = [np.zeros(weight.shape, np.float32) for weight in rebuilt.weights]
    trace.run(weights, np.zeros((1, 8, 8, 3), np.float32), [], output=True)
    trace.close()
