"""What Keras 1 and 2 call weights, in the words of Keras 3.

Legacy files and checkpoints name variables as the framework did when it made them:

- Keras 1: `conv1_W`, `norm1_running_mean` (`keras/engine/topology.py`, 1.2).
- Keras 2 without TensorFlow's: `dense_1_1/kernel:0` for `dense_1` of a model built twice.
- Before TensorFlow 2.2 a recurrent layer's weights were its own: `lstm/kernel`, now of a layer
  inside, `lstm/lstm_cell/kernel`; those of TimeDistributed still were in the last Keras 2.
- `depthwise_kernel` of DepthwiseConv is `kernel` in Keras 3, that of SeparableConv is not.
"""

import re
from collections.abc import Mapping

from tb_snapshot_compare.readers.layer_roles import Config, class_from_name, snake_case

_KERAS_1 = {
    "W": "kernel",
    "b": "bias",
    "U": "recurrent_kernel",
    "gamma": "gamma",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
    "alphas": "alpha",
}
"""`running_std` held the variance (`keras/layers/normalization.py`, 1.2)."""
_RECURRENT = ("kernel", "recurrent_kernel", "bias")
_CELLS = {"lstm": "lstm_cell", "gru": "gru_cell", "simple_rnn": "simple_rnn_cell"}
_DEPTH_MAX = 64


def layer_configs(config: Config | None) -> dict[str, Config]:
    """The configuration of each layer of a model by its name, with those of nested models."""
    found: dict[str, Config] = {}
    pending = [(config, 0)]
    while pending:
        current, depth = pending.pop()
        inner = current.get("config") if isinstance(current, Mapping) else None
        layers = inner.get("layers") if isinstance(inner, Mapping) else inner
        for layer in layers if isinstance(layers, list) and depth <= _DEPTH_MAX else ():
            settings = layer.get("config") if isinstance(layer, Mapping) else None
            name = settings.get("name") if isinstance(settings, Mapping) else None
            if isinstance(name, str):
                found.setdefault(name, layer)
            pending.append((layer, depth + 1))
    return found


def in_words_of_keras_3(
    path: list[str], group: str, layers: Mapping[str, Config], *, is_separable: bool
) -> list[str]:
    """The path of a weight, layer first and role last.

    Args:
      path: as stored, without the models around the layer.
      group: the group of the file that holds the weight: its layer, or a model around that.
      layers: from `layer_configs`.
      is_separable: whether its layer has a `pointwise_kernel` too.
    """
    if len(path) == 1:
        return _of_keras_1(path[0], group, layers)
    if re.fullmatch(rf"{re.escape(group)}_\d+", path[0]) and path[0] not in layers:
        path = [group, *path[1:]]
    layer, *inside = path
    layer_class = _class_of(layer, layers)
    if len(inside) == 1 and inside[0] in _RECURRENT and layer_class in _CELLS:
        inside = [_CELLS[layer_class], *inside]
    if len(inside) == 1 and layer_class == "time_distributed":
        name = _wrapped_name(layers.get(layer))
        inside = [name, *inside] if name is not None else inside
    if inside[-1] == "depthwise_kernel" and not is_separable:
        inside = [*inside[:-1], "kernel"]
    return [layer, *inside]


def _of_keras_1(name: str, group: str, layers: Mapping[str, Config]) -> list[str]:
    word = name.removeprefix(f"{group}_")
    role = _KERAS_1.get(word, name)
    if word == "W" and _class_of(group, layers) == "embedding":
        role = "embeddings"
    return [group, role]


def _class_of(layer: str, layers: Mapping[str, Config]) -> str | None:
    name = layers[layer].get("class_name") if layer in layers else None
    return snake_case(name) if isinstance(name, str) else class_from_name(layer)


def _wrapped_name(config: Config | None) -> str | None:
    """The name of the layer in a wrapper's configuration."""
    for key in ("config", "layer", "config", "name"):
        value = config.get(key) if isinstance(config, Mapping) else None
        if key == "name":
            return value if isinstance(value, str) else None
        config = value if isinstance(value, Mapping) else None
    return None
