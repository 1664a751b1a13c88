"""What is matched means the same: PyTorch's weights, as they are compared, run in Keras's layers.

Each PyTorch module is saved by PyTorch, read and matched with a Keras model of other weights; what
is compared is put into that model, which must then compute what PyTorch's module does.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from tb_snapshot_compare import open_snapshot
from tb_snapshot_compare.readers import TensorReader
from tb_snapshot_compare.workspace import match

Array = np.ndarray[Any, Any]
TOLERANCE = 2e-5


def sequence(layer: keras.layers.Layer) -> keras.Model:
    given = keras.Input((5, 6))
    return keras.Model(given, layer(given))


def images(*parts: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((6, 6, 4)), *parts])


def attention() -> keras.Model:
    given = keras.Input((5, 6))
    return keras.Model(given, layers.MultiHeadAttention(2, 3, name="mha")(given, given))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attn(x, x, x)[0]


class Recurrent(nn.Module):
    """The output of every step."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.rnn = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


def channels_first(model: nn.Module) -> Callable[[Array], Array]:
    def run(x: Array) -> Array:
        return model(torch.tensor(x.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)

    return run


def as_it_is(model: nn.Module) -> Callable[[Array], Array]:
    return lambda x: model(torch.tensor(x)).numpy()


CASES: dict[str, tuple[Callable[[], keras.Model], Callable[[], nn.Module], Any]] = {
    "lstm": (
        lambda: sequence(layers.LSTM(4, return_sequences=True)),
        lambda: Recurrent(nn.LSTM(6, 4, batch_first=True)),
        as_it_is,
    ),
    "gru": (
        lambda: sequence(layers.GRU(4, return_sequences=True)),
        lambda: Recurrent(nn.GRU(6, 4, batch_first=True)),
        as_it_is,
    ),
    "rnn": (
        lambda: sequence(layers.SimpleRNN(4, return_sequences=True)),
        lambda: Recurrent(nn.RNN(6, 4, batch_first=True)),
        as_it_is,
    ),
    "two lstms": (
        lambda: keras.Sequential(
            [keras.Input((5, 6)), *(layers.LSTM(4, return_sequences=True) for _ in range(2))]
        ),
        lambda: Recurrent(nn.LSTM(6, 4, num_layers=2, batch_first=True)),
        as_it_is,
    ),
    "both directions": (
        lambda: sequence(layers.Bidirectional(layers.LSTM(4, return_sequences=True))),
        lambda: Recurrent(nn.LSTM(6, 4, bidirectional=True, batch_first=True)),
        as_it_is,
    ),
    "attention": (attention, Attention, as_it_is),
    "convolutions": (
        lambda: images(
            layers.Conv2D(5, 3),
            layers.BatchNormalization(epsilon=1e-5),
            layers.DepthwiseConv2D(2, depth_multiplier=2),
            layers.Conv2DTranspose(3, 2),
        ),
        lambda: nn.Sequential(
            nn.Conv2d(4, 5, 3),
            nn.BatchNorm2d(5),
            nn.Conv2d(5, 10, 2, groups=5),
            nn.ConvTranspose2d(10, 3, 2),
        ),
        channels_first,
    ),
    "grouped": (
        lambda: images(layers.Conv2D(6, 3, groups=2)),
        lambda: nn.Sequential(nn.Conv2d(4, 6, 3, groups=2)),
        channels_first,
    ),
    "dense and norm": (
        lambda: keras.Sequential(
            [keras.Input((5, 6)), layers.Dense(6), layers.LayerNormalization(epsilon=1e-5)]
        ),
        lambda: nn.Sequential(nn.Linear(6, 6), nn.LayerNorm(6)),
        as_it_is,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_matched_weights_compute_the_same_in_keras(name: str, tmp_path: Path) -> None:
    make, port, running = CASES[name]
    keras.utils.clear_session()
    torch.manual_seed(1)
    model, module = make(), port().eval()
    with torch.no_grad():
        for parameter in (*module.parameters(), *module.buffers()):
            if parameter.dtype.is_floating_point:
                parameter.uniform_(0.1, 0.9)
    model.save(tmp_path / "model.keras")
    torch.save(module.state_dict(), tmp_path / "port.pt")
    a, b = open_snapshot(tmp_path / "model.keras"), open_snapshot(tmp_path / "port.pt")
    found = match(a, b)
    assert [each.entry.name for each in (*found.unmatched_a, *found.unmatched_b)] == []
    arrays: dict[str, list[Array]] = {}
    with TensorReader(b.contents.generation) as reader:
        for pair in found.of_scopes(frozenset({"weights"})):
            assert pair.status == "compared", pair.name
            assert pair.b is not None
            assert pair.stored_a is not None
            arrays.setdefault(pair.stored_a.key, []).append(reader.read_array(pair.b))
    stored = {tensor.key: tensor for tensor in a.contents.tensors}
    values = iter(
        np.stack(arrays[key]).reshape(stored[key].shape) for key in _in_order(model, stored)
    )
    for variable in model.weights:
        if "seed" not in variable.path:
            variable.assign(next(values))
    shape = (2, *model.input_shape[1:])
    x = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    with torch.no_grad():
        expected = running(module)(x)
    np.testing.assert_allclose(np.asarray(model(x)), expected, rtol=TOLERANCE, atol=TOLERANCE)


def _in_order(model: keras.Model, stored: dict[str, Any]) -> list[str]:
    """The key of each variable: canonical names end as the paths of variables do."""
    left = {tensor.name: key for key, tensor in stored.items() if tensor.scope == "weights"}
    keys = []
    for variable in model.weights:
        if "seed" in variable.path:
            continue
        parts = variable.path.split("/")
        name = next(
            name
            for count in range(len(parts), 0, -1)
            for name in left
            if name.split("/")[-count:] == parts[-count:]
        )
        keys.append(left.pop(name))
    return keys
