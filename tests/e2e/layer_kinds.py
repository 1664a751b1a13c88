"""Small networks that hold layers of every kind, each saved at two epochs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def pictures() -> Any:
    """Convolutions of every kind, on pictures."""
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 3), name="picture")
    x = layers.Conv2D(8, 3, strides=4, name="conv2d")(inputs)
    x = layers.Conv2D(8, 3, groups=2, name="grouped")(x)
    x = layers.BatchNormalization(name="batch_norm")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.SeparableConv2D(6, 3, name="separable")(x)
    x = layers.Conv2DTranspose(4, 3, name="transposed")(x)
    x = layers.Reshape((8, 8, 1, 4), name="volume")(x)
    x = layers.Conv3D(5, (3, 3, 1), name="conv3d")(x)
    x = layers.Reshape((36, 5), name="sequence")(x)
    x = layers.Conv1D(6, 3, name="conv1d")(x)
    x = layers.LayerNormalization(name="layer_norm")(x)
    x = layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = layers.LSTM(7, name="lstm")(x)
    outputs = layers.Dense(17, activation="softmax", name="dense")(x)
    return keras.Model(inputs, outputs, name="pictures")


def words() -> Any:
    """Layers of texts: their input is tokens and no picture."""
    import keras
    from keras import layers

    inputs = keras.Input((12,), dtype="int32", name="tokens")
    x = layers.Embedding(40, 8, name="embedding")(inputs)
    x = layers.Bidirectional(layers.GRU(5, return_sequences=True), name="both_ways")(x)
    x = layers.SimpleRNN(4, name="recurrent")(x)
    return keras.Model(inputs, layers.Dense(3, name="dense")(x), name="words")


def own_code() -> Any:
    """A layer of Python code, which is not run from a file."""
    import keras
    from keras import layers

    inputs = keras.Input((48, 48, 3), name="picture")
    x = layers.Conv2D(4, 3, strides=4, name="conv")(inputs)
    x = layers.Lambda(lambda y: y * 2, name="double")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(17, activation="softmax", name="dense")(x))


MODELS: dict[str, Callable[[], Any]] = {
    "own_code": own_code,
    "pictures": pictures,
    "words": words,
}


def save_two_epochs(run: Path, build: Callable[[], Any]) -> None:
    """Saves a network as `epoch-01.keras` and, with every weight changed, as `epoch-02.keras`."""
    import keras

    keras.utils.set_random_seed(3)
    random = np.random.default_rng(3)
    run.mkdir(parents=True)
    model = build()
    for epoch in (1, 2):
        for variable in model.weights:
            if np.issubdtype(variable.numpy().dtype, np.floating):
                noise = random.normal(scale=0.2, size=variable.shape)
                variable.assign(np.abs(variable.numpy() + noise))  # variances stay variances
        model.save(run / f"epoch-{epoch:02d}.keras")
