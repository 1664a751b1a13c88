"""A network of every layer kind that has weights, saved twice, and its kernels as matrices."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
from keras import layers

from tests.readers.keras_models import canonical

Array = np.ndarray[Any, Any]
Fold = Callable[[Array], Array]


def dense(array: Array) -> Array:
    """(in, out)"""
    return array[:, :, None, None]


def vector(array: Array) -> Array:
    return array.reshape(1, -1, 1, 1)


def table(array: Array) -> Array:
    return array.reshape(-1, array.shape[-1], 1, 1)


def conv1d(array: Array) -> Array:
    """(k, in, out)"""
    return np.einsum("kio->iok", array)[:, :, None, :]


def conv2d(array: Array) -> Array:
    return np.einsum("hwio->iohw", array)


def conv3d(array: Array) -> Array:
    moved = np.einsum("dhwio->iodhw", array)
    i, o, d, h, w = moved.shape
    return moved.reshape(i, o, d * h, w)


def transposed1d(array: Array) -> Array:
    """(k, out, in)"""
    return np.einsum("koi->iok", array)[:, :, None, :]


def transposed2d(array: Array) -> Array:
    return np.einsum("hwoi->iohw", array)


def transposed3d(array: Array) -> Array:
    return conv3d(np.einsum("dhwoi->dhwio", array))


def depthwise1d(array: Array) -> Array:
    """(k, in, multiplier)"""
    return array.reshape(len(array), -1).T[None, :, None, :]


def depthwise2d(array: Array) -> Array:
    height, width = array.shape[:2]
    return np.moveaxis(array.reshape(height, width, -1), 2, 0)[None]


def swapped(array: Array) -> Array:
    """(out, in)"""
    return array.T[:, :, None, None]


def heads_out(array: Array) -> Array:
    """(in, heads, key)"""
    return array.reshape(len(array), -1)[:, :, None, None]


FOLDS: dict[str, Fold] = {
    "conv1d/kernel": conv1d,
    "conv2d/kernel": conv2d,
    "grouped/kernel": conv2d,
    "conv3d/kernel": conv3d,
    "transposed1d/kernel": transposed1d,
    "transposed2d/kernel": transposed2d,
    "transposed3d/kernel": transposed3d,
    "depthwise1d/kernel": depthwise1d,
    "depthwise2d/kernel": depthwise2d,
    "separable1d/depthwise_kernel": depthwise1d,
    "separable1d/pointwise_kernel": conv1d,
    "separable2d/depthwise_kernel": depthwise2d,
    "separable2d/pointwise_kernel": conv2d,
    "dense/kernel": dense,
    "embedding/embeddings": dense,
    "einsum/kernel": dense,
    "einsum_swapped/kernel": swapped,
    "einsum_heads/kernel": heads_out,
    "timed/each/kernel": dense,
    "prelu/alpha": table,
    "layer_norm/gamma": table,
    "layer_norm/beta": table,
    "mha/query/kernel": heads_out,
    "mha/key/kernel": heads_out,
    "mha/value/kernel": heads_out,
    "mha/attention_output/kernel": table,
    "lstm/lstm_cell/kernel": dense,
    "lstm/lstm_cell/recurrent_kernel": dense,
    "gru/gru_cell/kernel": dense,
    "gru/gru_cell/recurrent_kernel": dense,
    "gru/gru_cell/bias": table,
    "rnn/simple_rnn_cell/kernel": dense,
    "rnn/simple_rnn_cell/recurrent_kernel": dense,
    "conv_lstm/conv_lstm_cell/kernel": conv2d,
    "conv_lstm/conv_lstm_cell/recurrent_kernel": conv2d,
}
"""Every tensor of more than one axis that is not named here is a vector in the tests."""


def fold_of(name: str) -> Fold:
    if name in FOLDS:
        return FOLDS[name]
    if name.startswith("both/"):
        return table if name.endswith("bias") else dense
    return vector


def build() -> keras.Model:
    image = keras.Input((8, 8, 4), name="image")
    series = keras.Input((9, 5), name="series")
    volume = keras.Input((4, 4, 4, 3), name="volume")
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    flat = keras.Input((262,), name="flat")
    outputs = [
        layers.Conv1D(7, 3, name="conv1d")(series),
        layers.Conv2D(6, (3, 2), name="conv2d")(image),
        layers.Conv2D(6, 3, groups=2, name="grouped")(image),
        layers.Conv3D(5, (2, 3, 2), name="conv3d")(volume),
        layers.Conv1DTranspose(4, 3, name="transposed1d")(series),
        layers.Conv2DTranspose(9, (2, 3), name="transposed2d")(image),
        layers.Conv3DTranspose(2, 2, name="transposed3d")(volume),
        layers.DepthwiseConv1D(3, depth_multiplier=2, name="depthwise1d")(series),
        layers.DepthwiseConv2D((2, 3), depth_multiplier=3, name="depthwise2d")(image),
        layers.SeparableConv1D(4, 3, depth_multiplier=2, name="separable1d")(series),
        layers.SeparableConv2D(5, 3, name="separable2d")(image),
        layers.Dense(259, name="dense")(flat),
        layers.Embedding(600, 7, name="embedding")(tokens),
        layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d", name="einsum")(series),
        layers.EinsumDense("abc,dc->abd", (None, 4), name="einsum_swapped")(series),
        layers.EinsumDense("abc,cde->abde", (None, 2, 3), name="einsum_heads")(series),
        layers.TimeDistributed(layers.Dense(3, name="each"), name="timed")(series),
        layers.PReLU(name="prelu")(image),
        layers.LayerNormalization(axis=[1, 2, 3], name="layer_norm")(image),
        layers.BatchNormalization(name="batch_norm")(flat),
        layers.GroupNormalization(2, name="group_norm")(image),
        layers.MultiHeadAttention(2, 3, name="mha")(series, series),
        layers.LSTM(4, name="lstm")(series),
        layers.GRU(3, name="gru")(series),
        layers.SimpleRNN(3, name="rnn")(series),
        layers.Bidirectional(layers.GRU(2), name="both")(series),
        layers.ConvLSTM2D(3, 2, name="conv_lstm")(volume),
    ]
    return keras.Model([image, series, volume, tokens, flat], outputs, name="kinds")


@dataclass(frozen=True)
class Saved:
    """Two snapshots `a` and `b` of one model in a folder, and their weights by canonical name."""

    folder: Path
    a: dict[str, Array]
    b: dict[str, Array]

    def matrices(self, name: str) -> tuple[Array, Array]:
        """A tensor of a and of b as float64 `[rows, columns, cell_rows, cell_columns]`."""
        fold = fold_of(name)
        x, y = (fold(np.asarray(side[name])) for side in (self.a, self.b))
        return x.astype(np.float64), y.astype(np.float64)


def save(folder: Path, odd: bool) -> Saved:
    """Writes the model twice; `odd` puts NaN and infinities into every kernel."""
    model = build()
    generator = np.random.default_rng(5)
    sides = []
    for number in (1, 2):
        for variable in _floats(model):
            values = variable.numpy() if number == 2 else generator.normal(size=variable.shape)
            change = 0.3 * generator.normal(size=variable.shape) * (number == 2)
            change *= generator.random(variable.shape) < 0.8
            values = np.asarray(values + change, np.float32)
            if odd:
                _spoil(values, generator)
            variable.assign(values)
        model.save(folder / f"epoch-{number}.keras")
        sides.append(canonical(model))
    for path in folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return Saved(folder, sides[0], sides[1])


def _floats(model: keras.Model) -> Iterator[Any]:
    return (w for w in model.weights if keras.backend.is_float_dtype(w.dtype))


def _spoil(values: Array, generator: np.random.Generator) -> None:
    flat = values.reshape(-1)
    for odd in (np.nan, np.inf, -np.inf, 0.0):
        flat[generator.integers(flat.size, size=max(flat.size // 50, 1))] = odd
