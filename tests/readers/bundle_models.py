"""Small Keras models that between them show every way in which Keras names variables."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers


class Block(layers.Layer):
    """A composite layer whose parts Keras builds inside a traced call."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.first = layers.Conv2D(4, 3, padding="same", name="first_conv")
        self.norm = layers.BatchNormalization(name="norm")

    def call(self, x: Any) -> Any:
        return self.norm(self.first(x))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="sub")
        self.stem = layers.Conv2D(4, 3, name="conv1")
        self.block = Block("block1")
        self.flat = layers.Flatten()
        self.head = layers.Dense(2, name="head")

    def build(self, _: Any) -> None:
        self.scale = self.add_weight(shape=(), name="scale")

    def call(self, x: Any) -> Any:
        return self.head(self.flat(self.block(self.stem(x)))) * self.scale


def plain() -> Any:
    i = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv1")(i)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.SeparableConv2D(4, 3, name="sep")(x)
    x = layers.DepthwiseConv2D(3, name="dw")(x)
    x = layers.GroupNormalization(2, name="gn")(x)
    x = layers.Dropout(0.1, seed=3)(layers.Flatten()(x))
    x = layers.LayerNormalization(name="ln")(x)
    return keras.Model(i, layers.Dense(2, name="fc")(x))


def sequential() -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv1"),
            layers.Flatten(),
            layers.Dense(2, name="fc"),
        ]
    )


def sequence() -> Any:
    i = keras.Input((5,), dtype="int32")
    x = layers.Embedding(10, 4, name="emb")(i)
    x = layers.MultiHeadAttention(2, 4, name="mha")(x, x)
    x = layers.GRU(3, return_sequences=True, name="gru")(x)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="lstm"), name="bi")(x)
    x = layers.TimeDistributed(layers.Dense(3, name="inner"), name="td")(x)
    return keras.Model(i, layers.LSTM(2, name="last")(x))


def shared() -> Any:
    i = keras.Input((8,))
    dense = layers.Dense(8, name="twice")
    return keras.Model(i, layers.Dense(2, name="out")(dense(dense(i))))


def nested() -> Any:
    def encoder(name: str, **options: Any) -> Any:
        i = keras.Input((8, 8, 3))
        return keras.Model(i, layers.Conv2D(4, 3, name="conv1", **options)(i), name=name)

    i = keras.Input((8, 8, 3))
    both = layers.Concatenate()([encoder("left", use_bias=False)(i), encoder("right")(i)])
    tail = keras.Sequential([layers.Conv2D(2, 3, name="conv1"), layers.Flatten()], name="tail")
    return keras.Model(i, layers.Dense(2, name="out")(tail(both)))


def composite() -> Any:
    i = keras.Input((8, 8, 3))
    x = Block("block2")(Block("block1")(i))
    return keras.Model(i, layers.Dense(2, name="fc")(layers.Flatten()(x)))


def subclassed() -> Any:
    model = Subclassed()
    model(np.zeros((1, 8, 8, 3), np.float32))
    return model


_BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def roles(layer: str, *names: str) -> list[str]:
    return [f"{layer}/{name}" for name in names]


def _rnn(layer: str) -> list[str]:
    return roles(layer, "kernel", "recurrent_kernel", "bias")


MODELS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "plain": (
        plain,
        [
            *roles("conv1", "kernel", "bias"),
            *roles("bn", *_BATCH_NORM),
            *roles("sep", "depthwise_kernel", "pointwise_kernel", "bias"),
            *roles("dw", "kernel", "bias"),
            *roles("gn", "gamma", "beta"),
            *roles("ln", "gamma", "beta"),
            *roles("fc", "kernel", "bias"),
        ],
    ),
    "sequential": (sequential, [*roles("conv1", "kernel", "bias"), *roles("fc", "kernel", "bias")]),
    "sequence": (
        sequence,
        [
            "emb/embeddings",
            *(
                f"mha/{part}/{role}"
                for part in ("query", "key", "value", "attention_output")
                for role in ("kernel", "bias")
            ),
            *_rnn("gru/gru_cell"),
            *_rnn("bi/forward_lstm/lstm_cell"),
            *_rnn("bi/backward_lstm/lstm_cell"),
            *roles("td/inner", "kernel", "bias"),
            *_rnn("last/lstm_cell"),
        ],
    ),
    "shared": (shared, [*roles("twice", "kernel", "bias"), *roles("out", "kernel", "bias")]),
    "nested": (
        nested,
        [
            "conv1/kernel",
            *roles("conv1#2", "kernel", "bias"),
            *roles("conv1#3", "kernel", "bias"),
            *roles("out", "kernel", "bias"),
        ],
    ),
    "composite": (
        composite,
        [
            *roles("block1/first_conv", "kernel", "bias"),
            *roles("block1/norm", *_BATCH_NORM),
            *roles("block2/first_conv", "kernel", "bias"),
            *roles("block2/norm", *_BATCH_NORM),
            *roles("fc", "kernel", "bias"),
        ],
    ),
    "subclassed": (
        subclassed,
        [
            "scale",
            *roles("conv1", "kernel", "bias"),
            *roles("block1/first_conv", "kernel", "bias"),
            *roles("block1/norm", *_BATCH_NORM),
            *roles("head", "kernel", "bias"),
        ],
    ),
}


@functools.cache
def saved_model(name: str, root: Path) -> tuple[Any, Path]:
    """Builds and saves the model `name` in every TensorFlow way; once per session."""
    keras.utils.set_random_seed(5)
    model = MODELS[name][0]()
    model.compile(keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    random = np.random.default_rng(1)
    for variable in [*model.variables, *model.optimizer.variables]:
        if "float" in variable.dtype:
            variable.assign(random.normal(size=variable.shape))
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    both = tf.train.Checkpoint(model=model, optimizer=model.optimizer, step=tf.Variable(3))
    both.save(str(folder / "both"))
    tf.train.Checkpoint(model).write(str(folder / "alone"))
    tf.saved_model.save(model, str(folder / "saved"))
    model.export(str(folder / "exported"), verbose=False)
    return model, folder
