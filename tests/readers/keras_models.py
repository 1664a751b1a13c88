"""Models and comparisons that the tests of the Keras readers share."""

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
from keras import layers

from tb_snapshot_compare.readers import TensorReader
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo


def alexnet_like() -> keras.Model:
    image = keras.Input((35, 35, 3), name="image")
    x = layers.Conv2D(8, 5, strides=2, activation="relu", name="conv1")(image)
    x = layers.BatchNormalization(name="norm1")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.BatchNormalization(scale=False, name="norm2")(x)
    x = layers.Conv2D(12, 3, padding="same", activation="relu", name="conv3")(x)
    x = layers.Flatten()(x)
    x = layers.Dense(16, activation="relu", name="fc6")(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(image, layers.Dense(4, name="fc8")(x), name="alexnet")


def nested() -> keras.Model:
    inside = keras.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, name="conv1")(inside)
    encoder = keras.Model(inside, layers.BatchNormalization(name="norm")(y), name="encoder")
    head = keras.Sequential(
        [keras.Input((6, 6, 4)), layers.Conv2D(2, 1, name="conv1"), layers.Flatten()], name="head"
    )
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(3, 1, name="stem")(image)
    return keras.Model(image, layers.Dense(2, name="out")(head(encoder(x))), name="outer")


def attention_and_recurrence() -> keras.Model:
    series = keras.Input((6, 5), name="series")
    x = layers.MultiHeadAttention(2, 3, dropout=0.1, name="mha")(series, series)
    x = layers.LayerNormalization(name="ln")(x)
    x = layers.Bidirectional(layers.GRU(3), name="both")(x)
    x = layers.Dense(2, name="out")(x)
    return keras.Model(series, x, name="sequence")


def sequential() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5, name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(2, use_bias=False, name="out"),
        ],
        name="stack",
    )


class Subclassed(keras.Model):
    """Layers as attributes and in a list; no configuration of them is saved."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first = layers.Dense(3, name="first")
        self.blocks = [layers.Dense(4, name="block_a"), layers.Dense(5, name="block_b")]
        self.last = layers.Dense(2)

    def call(self, x: Any) -> Any:
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.last(x)


def subclassed() -> keras.Model:
    model = Subclassed(name="custom")
    model(np.zeros((1, 4), "float32"))
    return model


BUILDERS: dict[str, Callable[[], keras.Model]] = {
    "alexnet_like": alexnet_like,
    "nested": nested,
    "attention_and_recurrence": attention_and_recurrence,
    "sequential": sequential,
    "subclassed": subclassed,
}


def trained(build: Callable[[], keras.Model], optimizer: Any = "adam") -> keras.Model:
    """A model and its optimizer at step 2, every variable with values of its own."""
    model = build()
    model.compile(optimizer, "mse")
    model.optimizer.build(model.trainable_variables)
    generator = np.random.default_rng(7)
    for variable in (*model.weights, *model.optimizer.variables):
        if keras.backend.is_float_dtype(variable.dtype):
            variable.assign(generator.normal(size=variable.shape))
        else:
            variable.assign(np.full(variable.shape, 2))
    return model


def canonical(model: keras.Model) -> dict[str, np.ndarray]:
    """The live model's weights by canonical name: `Variable.path` without model names."""
    models = {layer.name for layer in model._flatten_layers() if isinstance(layer, keras.Model)}
    seen: dict[str, list[Any]] = {}
    values = {}
    for variable in model.weights:
        parts = variable.path.split("/")
        while len(parts) > 2 and parts[0] in models:
            parts = parts[1:]
        layer = "/".join(parts[:-1])
        prefix = variable.path.rpartition("/")[0]
        owners = seen.setdefault(layer, [])
        if prefix not in owners:
            owners.append(prefix)
        number = owners.index(prefix) + 1
        layer = layer if number == 1 else f"{layer}#{number}"
        values[f"{layer}/{parts[-1]}"] = variable.numpy()
    return values


def weights_of(contents: SnapshotContents) -> dict[str, TensorInfo]:
    return {tensor.name: tensor for tensor in contents.tensors if tensor.scope == "weights"}


def values_of(contents: SnapshotContents, scope: str = "weights") -> dict[str, np.ndarray]:
    chosen = [tensor for tensor in contents.tensors if tensor.scope == scope]
    with TensorReader(contents.generation) as reader:
        return {tensor.name: reader.read_array(tensor) for tensor in chosen}


def assert_same_values(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert list(found) == list(wanted) or sorted(found) == sorted(wanted)
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
