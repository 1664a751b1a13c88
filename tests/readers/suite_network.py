"""One seeded network for the reader suite, in Keras and as its PyTorch port.

It has a convolution, a depthwise convolution, batch normalization, an embedding, an LSTM,
attention and two dense layers; every variable has values of its own.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")

import keras  # TensorFlow comes before PyTorch: the other way round they clash
import ml_dtypes
import numpy as np
import torch
from keras import layers

Array = np.ndarray[Any, Any]
Values = dict[str, Array]

VARIANTS = ("float32", "float16", "bfloat16", "int8")
TOKENS, FEATURES, HEADS = 11, 6, 2


@cache
def keras_network(variant: str) -> keras.Model:
    """The one network with its variables in `variant`, which nobody changes."""
    return new_keras_network(variant)


def new_keras_network(variant: str) -> keras.Model:
    """The network with its variables in `variant`; int8 means Keras's own quantization."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if variant == "int8" else variant)
    try:
        model = _built()
    finally:
        keras.config.set_dtype_policy(previous)
    generator = np.random.default_rng(20)
    for variable in model.weights:
        if keras.backend.is_float_dtype(variable.dtype):
            values = generator.normal(size=variable.shape)
            variable.assign(abs(values) if variable.path == "norm/moving_variance" else values)
    if variant == "int8":
        for layer in ("embed", "hidden", "out"):
            model.get_layer(layer).quantize("int8")
    return model


def _built() -> keras.Model:
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    words = keras.Input((5,), dtype="int32", name="words")
    y = layers.Embedding(TOKENS, FEATURES, name="embed")(words)
    lstm = layers.LSTM(  # no orthogonal matrices in bfloat16
        FEATURES, return_sequences=True, recurrent_initializer="glorot_uniform", name="lstm"
    )
    y = lstm(y)
    y = layers.MultiHeadAttention(HEADS, FEATURES // HEADS, name="attention")(y, y)
    y = layers.GlobalAveragePooling1D(name="mean")(y)
    z = layers.Concatenate(name="both")([x, y])
    z = layers.Dense(9, activation="relu", name="hidden")(z)
    return keras.Model([image, words], layers.Dense(4, name="out")(z), name="suite")


class TorchNetwork(torch.nn.Module):
    """The port: layers have the names that they have in Keras."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.depthwise = torch.nn.Conv2d(4, 8, 3, groups=4)
        self.norm = torch.nn.BatchNorm2d(8, eps=1e-3, momentum=0.01)
        self.embed = torch.nn.Embedding(TOKENS, FEATURES)
        self.lstm = torch.nn.LSTM(FEATURES, FEATURES, batch_first=True)
        self.attention = torch.nn.MultiheadAttention(FEATURES, HEADS, batch_first=True)
        self.hidden = torch.nn.Linear(14, 9)
        self.out = torch.nn.Linear(9, 4)

    def forward(self, image: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Outputs for images (n, 3, h, w) and words (n, length)."""
        x = torch.relu(self.conv(image))
        x = self.norm(self.depthwise(x)).mean((2, 3))
        y, _ = self.lstm(self.embed(words))
        y, _ = self.attention(y, y, y, need_weights=False)
        z = torch.cat([x, y.mean(1)], 1)
        result: torch.Tensor = self.out(torch.relu(self.hidden(z)))
        return result


@cache
def torch_network(variant: str) -> TorchNetwork:
    """The port with the weights of `keras_network`; not for int8, which it has no layers for."""
    values = keras_values(keras_network("float32" if variant == "int8" else variant))
    network = TorchNetwork().to(getattr(torch, variant)).eval()
    with torch.no_grad():
        for name, target in network.state_dict().items():
            if (source := _PORTED.get(name)) is not None:
                target.copy_(as_torch(source(values)))
    return network


def state_dict(variant: str) -> dict[str, torch.Tensor]:
    """The state dict of the port; for int8 with its values scaled and rounded."""
    if variant != "int8":
        return dict(torch_network(variant).state_dict())
    return {
        name: (value * 30).round().clamp(-127, 127).to(torch.int8)
        if value.is_floating_point()
        else value
        for name, value in torch_network("float32").state_dict().items()
    }


def _dense(layer: str) -> dict[str, Callable[[Values], Array]]:
    return {
        f"{layer}.weight": lambda values: values[f"{layer}/kernel"].T,
        f"{layer}.bias": lambda values: values[f"{layer}/bias"],
    }


def _projected(values: Values, part: str) -> Array:
    return values[f"attention/{part}/kernel"].reshape(FEATURES, FEATURES).T


_PROJECTIONS = ("query", "key", "value")
_PORTED: dict[str, Callable[[Values], Array]] = {
    "conv.weight": lambda values: values["conv/kernel"].transpose(3, 2, 0, 1),
    "conv.bias": lambda values: values["conv/bias"],
    "depthwise.weight": lambda values: (
        values["depthwise/kernel"].transpose(2, 3, 0, 1).reshape(8, 1, 3, 3)
    ),
    "depthwise.bias": lambda values: values["depthwise/bias"],
    "norm.weight": lambda values: values["norm/gamma"],
    "norm.bias": lambda values: values["norm/beta"],
    "norm.running_mean": lambda values: values["norm/moving_mean"],
    "norm.running_var": lambda values: values["norm/moving_variance"],
    "embed.weight": lambda values: values["embed/embeddings"],
    "lstm.weight_ih_l0": lambda values: values["lstm/lstm_cell/kernel"].T,
    "lstm.weight_hh_l0": lambda values: values["lstm/lstm_cell/recurrent_kernel"].T,
    "lstm.bias_ih_l0": lambda values: values["lstm/lstm_cell/bias"],
    "lstm.bias_hh_l0": lambda values: np.zeros_like(values["lstm/lstm_cell/bias"]),
    "attention.in_proj_weight": lambda values: np.concatenate(
        [_projected(values, part) for part in _PROJECTIONS]
    ),
    "attention.in_proj_bias": lambda values: np.concatenate(
        [values[f"attention/{part}/bias"].reshape(FEATURES) for part in _PROJECTIONS]
    ),
    "attention.out_proj.weight": lambda values: (
        values["attention/attention_output/kernel"].reshape(FEATURES, FEATURES).T
    ),
    "attention.out_proj.bias": lambda values: values["attention/attention_output/bias"],
    **_dense("hidden"),
    **_dense("out"),
}
"""Each parameter of the port from the variables of Keras."""


def keras_values(model: keras.Model) -> Values:
    """The variables by Keras's own path, bit for bit."""
    return {variable.path: np.asarray(variable.value) for variable in model.weights}


def as_torch(values: Array) -> torch.Tensor:
    """A tensor of the same bits; PyTorch does not take NumPy's bfloat16 itself."""
    if values.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(np.array(values).view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(np.array(values))


def as_numpy(values: torch.Tensor) -> Array:
    """An array of the same bits."""
    values = values.detach().contiguous()
    if values.dtype is torch.bfloat16:
        return values.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    found: Array = values.numpy()
    return found
