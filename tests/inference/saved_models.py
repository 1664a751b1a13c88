"""Networks exported by TensorFlow and Keras, and what they make of images themselves."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tb_snapshot_compare.inference.saved_model_runner import GraphModel
from tb_snapshot_compare.readers import TensorReader, open_contents
from tests.inference.keras_helpers import keras_outputs, randomize

Array = np.ndarray[Any, Any]


def alexnet() -> Any:
    from dataclasses import replace

    from demo.layout import SMALL
    from demo.train import build_model

    return build_model(replace(SMALL, size=48, filters=(8, 16, 24, 24, 16), units=32), 6)


def mobilenet() -> Any:
    return keras.applications.MobileNetV2((64, 64, 3), alpha=0.35, weights=None, classes=7)


def nested() -> Any:
    """Models within a model that hold layers of the same names."""

    def block(name: str, filters: int) -> Any:
        return keras.Sequential(
            [
                layers.Conv2D(filters, 3, padding="same", activation="relu", name="conv"),
                layers.BatchNormalization(name="norm"),
                layers.MaxPooling2D(name="pool"),
            ],
            name=name,
        )

    inputs = keras.Input((16, 16, 3), name="image")
    x = block("lower", 6)(inputs)
    x = block("upper", 8)(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    outputs = layers.Dense(1, activation="sigmoid", name="head")(x)
    return keras.Model(inputs, outputs, name="nested")


def recurrent() -> Any:
    """Rows of an image as steps: its graph has loops."""
    inputs = keras.Input((8, 6, 3), name="image")
    x = layers.Reshape((8, 18), name="rows")(inputs)
    x = layers.LSTM(5, return_sequences=True, name="lstm")(x)
    x = layers.GRU(4, name="gru")(x)
    return keras.Model(inputs, layers.Dense(3, name="head")(x), name="recurrent")


class Module(tf.Module):
    """A network without Keras: variables, functions within a function, a branch and a loop."""

    def __init__(self) -> None:
        super().__init__()
        random = np.random.default_rng(4)
        self.w = tf.Variable(random.normal(size=(3, 3, 3, 4)).astype("float32"), name="w")
        self.d = tf.Variable(random.normal(size=(4, 5)).astype("float32"), name="d")
        self.steps = tf.Variable(3, name="steps")

    @tf.function
    def convolved(self, x: Any) -> Any:
        with tf.name_scope("conv"):
            return tf.nn.relu(tf.nn.conv2d(x, self.w, 1, "SAME"))

    @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.float32)])
    def __call__(self, x: Any) -> Any:
        y = self.convolved(x)
        with tf.name_scope("head"):
            y = tf.reduce_mean(y, [1, 2])
            y = tf.cond(tf.reduce_sum(y) > 0, lambda: y @ self.d, lambda: y @ (2 * self.d))
        y = tf.while_loop(
            lambda i, _: i < self.steps, lambda i, v: (i + 1, v * 0.5 + self.d[0]), (0, y)
        )[1]
        return tf.nn.softmax(y)


def images(*shape: int, seed: int = 5) -> Array:
    return np.random.default_rng(seed).uniform(0, 1, shape).astype("float32")


def saved(model: Any, path: Path, seed: int = 1) -> str:
    randomize(model, seed)
    model.export(str(path), verbose=False)
    return str(path)


def stored(path: str) -> dict[str, Array]:
    """The weights of a snapshot by canonical name."""
    contents = open_contents(path)
    with TensorReader(contents.generation) as reader:
        return {t.name: reader.read_array(t) for t in contents.tensors if t.scope == "weights"}


def opened(path: str) -> GraphModel:
    """The network of a SavedModel with its own weights."""
    model = GraphModel(path)
    model.set_weights(stored(path))
    return model


def served(path: str, batch: Array) -> Array:
    """What TensorFlow itself makes of the SavedModel."""
    signature = tf.saved_model.load(path).signatures["serving_default"]
    (key,) = signature.structured_input_signature[1]
    (output,) = signature(**{key: tf.constant(batch)}).values()
    result: Array = output.numpy()
    return result


def layer_outputs(model: Any, names: list[str], batch: Array) -> list[Array]:
    """Outputs of layers by Keras's own forward pass; `block/conv` is in the model `block`."""
    if not any("/" in name for name in names):
        return keras_outputs(model, names, batch)[1:]
    values = []
    for name in names:
        held, given = model, batch
        *outer, last = name.split("/")
        for part in outer:
            before = keras.Model(held.inputs[0], held.get_layer(part).input)
            given, held = before(given, training=False), held.get_layer(part)
        output = keras.Model(held.inputs[0], held.get_layer(last).output)(given, training=False)
        values.append(np.asarray(keras.ops.convert_to_numpy(output)))
    return values


def largest_difference(a: Array, b: Array) -> float:
    assert a.shape == b.shape
    return float(np.abs(a - b).max() / max(1.0, float(np.abs(b).max())))
