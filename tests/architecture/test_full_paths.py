"""Tensors whose names spell the nested models around their layers."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from keras import layers

from tb_snapshot_compare.architecture import from_keras_config
from tb_snapshot_compare.snapshot import TensorInfo


def test_a_layer_outside_of_the_models_keeps_its_own_tensors() -> None:
    inner = keras.Sequential([keras.Input((8,)), layers.Dense(3, name="fc")], name="encoder")
    given = keras.Input((8,))
    config = keras.Model(given, layers.Dense(4, name="fc")(inner(given))).to_json()
    shapes = {"encoder/fc": (8, 3), "fc": (3, 4)}
    for names in (("encoder/fc", "fc"), ("fc", "encoder/fc")):
        keys = {name: f"{name}/kernel" for name in names}
        tensors = [
            TensorInfo(key, key, "float32", shapes[name], (), name, "kernel")
            for name, key in keys.items()
        ]
        found = from_keras_config(config, tensors, "keras_config")
        own = {layer.name: layer.tensors for layer in found.layers if layer.tensors}
        assert own == {"encoder/fc": ("encoder/fc/kernel",), "fc": ("fc/kernel",)}
