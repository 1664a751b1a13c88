"""Writes models in the formats of Keras 2, by Keras 2 itself, and what it calls their weights.

Run as `python -m tests.readers.tf_keras_writer FOLDER`: `tf_keras` and Keras 3 do not go well
together in one process.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers
from tf_keras.src.saving import saving_lib

GENERATOR = np.random.default_rng(5)


def convolutional() -> Any:
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(8, 3, name="conv1")(image)
    x = layers.BatchNormalization(name="norm1")(x)
    x = layers.DepthwiseConv2D(3, name="depth")(x)
    x = layers.SeparableConv2D(6, 3, name="sep")(x)
    x = layers.BatchNormalization(scale=False, name="norm2")(x)
    x = layers.Conv2DTranspose(4, 2, name="up")(x)
    x = layers.LayerNormalization(name="ln")(x)
    x = layers.PReLU(name="prelu")(x)
    x = layers.Flatten()(x)
    return keras.Model(image, layers.Dense(5, use_bias=False, name="out")(x), name="convs")


def nested() -> Any:
    inside = keras.Input((8, 8, 3))
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(inside))
    encoder = keras.Model(inside, y, name="encoder")
    head = keras.Sequential([layers.Conv2D(2, 1, name="proj"), layers.Flatten()], name="head")
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(3, 1, name="stem")(image)
    return keras.Model(image, layers.Dense(2, name="out")(head(encoder(x))), name="outer")


def sequences() -> Any:
    tokens = keras.Input((7,), name="tokens")
    x = layers.Embedding(11, 6, name="embed")(tokens)
    x = layers.MultiHeadAttention(2, 3, name="mha")(x, x)
    x = layers.LSTM(4, return_sequences=True, name="lstm")(x)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True), name="both")(x)
    x = layers.TimeDistributed(layers.Dense(4, name="inner"), name="steps")(x)
    x = layers.SimpleRNN(3, name="rnn")(x)
    return keras.Model(tokens, layers.Dense(2, name="out")(x), name="sequences")


def stack() -> Any:
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5, name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(2, name="out"),
        ],
        name="stack",
    )


MODELS: dict[str, Callable[[], Any]] = {
    "convolutional": convolutional,
    "nested": nested,
    "sequences": sequences,
    "stack": stack,
}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": lambda: keras.optimizers.Adam(),
    "amsgrad": lambda: keras.optimizers.Adam(amsgrad=True),
    "adamw": lambda: keras.optimizers.AdamW(),
    "adamax": lambda: keras.optimizers.Adamax(),
    "nadam": lambda: keras.optimizers.Nadam(),
    "sgd": lambda: keras.optimizers.SGD(),
    "momentum": lambda: keras.optimizers.SGD(momentum=0.9),
    "rmsprop": lambda: keras.optimizers.RMSprop(momentum=0.5, centered=True),
    "adagrad": lambda: keras.optimizers.Adagrad(),
    "adadelta": lambda: keras.optimizers.Adadelta(),
    "ftrl": lambda: keras.optimizers.Ftrl(),
    "lion": lambda: keras.optimizers.Lion(),
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    ),
    "legacy-adam": lambda: keras.optimizers.legacy.Adam(),
    "legacy-sgd": lambda: keras.optimizers.legacy.SGD(momentum=0.9),
    "legacy-rmsprop": lambda: keras.optimizers.legacy.RMSprop(momentum=0.5),
}


def trained(build: Callable[[], Any], optimizer: Any) -> Any:
    """A model and its optimizer as after one step, every variable with values of its own."""
    model = build()
    model.compile(optimizer, "mse", run_eagerly=True)
    is_legacy = isinstance(model.optimizer, keras.optimizers.legacy.Optimizer)
    with tf.name_scope(model.optimizer._name if is_legacy else model.optimizer.name):
        if is_legacy:
            model.optimizer._create_all_weights(model.trainable_variables)
        else:
            model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(1)
    for variable in (*model.weights, *_variables(model.optimizer)):
        if variable.dtype.is_floating:
            variable.assign(GENERATOR.normal(size=variable.shape))
    return model


def batch(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets; with them the model has metrics, which Keras 2 saves too."""
    return (
        np.ones((1, *model.input_shape[1:]), "float32"),
        np.ones((1, *model.output_shape[1:]), "float32"),
    )


def _variables(optimizer: Any) -> list[Any]:
    variables = optimizer.variables
    return list(variables() if callable(variables) else variables)


def keep(path: Path, model: Any) -> None:
    """Weights by the name that Keras 2 gives them, and optimizer variables likewise."""
    values = {f"w|{v.name}": v.numpy() for v in model.weights}
    values |= {f"o|{v.name}": v.numpy() for v in _variables(model.optimizer)}
    np.savez(path, **values)


def main() -> None:
    """Writes all of it into the folder on the command line."""
    folder = Path(sys.argv[1])
    for name, build in MODELS.items():
        model = trained(build, "adam")
        model.evaluate(*batch(model), verbose=0)
        model.save(folder / f"{name}.h5")
        model.save_weights(folder / f"{name}-weights.h5")
        model.save_weights(folder / f"{name}.weights.h5")
        model.save(folder / f"{name}.keras")
        saving_lib.save_model(model, folder / f"{name}-npz.keras", weights_format="npz")
        keep(folder / f"{name}.npz", model)
    for name, make in OPTIMIZERS.items():
        model = trained(stack, make())
        model.save(folder / f"optimizer-{name}.h5")
        model.save(folder / f"optimizer-{name}.keras")
        keep(folder / f"optimizer-{name}.npz", model)


if __name__ == "__main__":
    main()
