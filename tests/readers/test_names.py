"""Every built-in layer with weights: our layer and role are those of Keras itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.readers.hdf5 import read_hdf5
from tb_snapshot_compare.readers.keras_archive import read_keras_archive
from tb_snapshot_compare.readers.names import UniqueNames
from tb_snapshot_compare.snapshot import Format
from tests.readers.keras_models import canonical, keras, layers, values_of, weights_of

Self = "self"
"""How an attention layer is called: with its input as query and value."""


def adapted() -> Any:
    layer = layers.Normalization()
    layer.adapt(np.arange(12.0).reshape(3, 4))
    return layer


CASES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "dense": (lambda: layers.Dense(3), (4,)),
    "dense_named": (lambda: layers.Dense(3, name="embedding_of_sorts"), (4,)),
    "dense_no_bias": (lambda: layers.Dense(3, use_bias=False), (4,)),
    "einsum_dense": (lambda: layers.EinsumDense("ab,bc->ac", 5, bias_axes="c"), (4,)),
    "einsum_dense_no_bias": (lambda: layers.EinsumDense("ab,bc->ac", 5), (4,)),
    "embedding": (lambda: layers.Embedding(5, 2), (4,)),
    "embedding_named": (lambda: layers.Embedding(5, 2, name="words"), (4,)),
    "reversible": (lambda: layers.ReversibleEmbedding(5, 2), (4,)),
    "reversible_untied": (lambda: layers.ReversibleEmbedding(5, 2, tie_weights=False), (4,)),
    "conv1d": (lambda: layers.Conv1D(2, 2), (6, 3)),
    "conv2d": (lambda: layers.Conv2D(2, 2), (6, 6, 3)),
    "conv2d_groups": (lambda: layers.Conv2D(4, 2, groups=2), (6, 6, 4)),
    "conv3d": (lambda: layers.Conv3D(2, 2, use_bias=False), (6, 6, 6, 3)),
    "conv1d_transpose": (lambda: layers.Conv1DTranspose(2, 2), (6, 3)),
    "conv2d_transpose": (lambda: layers.Conv2DTranspose(2, 2), (6, 6, 3)),
    "conv3d_transpose": (lambda: layers.Conv3DTranspose(2, 2), (6, 6, 6, 3)),
    "depthwise1d": (lambda: layers.DepthwiseConv1D(2), (6, 3)),
    "depthwise2d": (lambda: layers.DepthwiseConv2D(2, use_bias=False), (6, 6, 3)),
    "separable1d": (lambda: layers.SeparableConv1D(2, 2), (6, 3)),
    "separable2d": (lambda: layers.SeparableConv2D(2, 2), (6, 6, 3)),
    "separable_no_bias": (lambda: layers.SeparableConv2D(2, 2, use_bias=False), (6, 6, 3)),
    "batch_norm": (lambda: layers.BatchNormalization(), (4,)),
    "batch_norm_no_scale": (lambda: layers.BatchNormalization(scale=False), (4,)),
    "batch_norm_bare": (lambda: layers.BatchNormalization(scale=False, center=False), (4,)),
    "batch_norm_renorm": (lambda: layers.BatchNormalization(renorm=True), (4,)),
    "layer_norm": (lambda: layers.LayerNormalization(), (4,)),
    "layer_norm_no_center": (lambda: layers.LayerNormalization(center=False), (4,)),
    "group_norm": (lambda: layers.GroupNormalization(2), (4,)),
    "rms_norm": (lambda: layers.RMSNormalization(), (4,)),
    "unit_norm": (lambda: layers.UnitNormalization(), (4,)),
    "spectral_conv": (
        lambda: layers.SpectralNormalization(layers.Conv2D(2, 3, name="inner")),
        (8, 8, 3),
    ),
    "spectral_dense": (lambda: layers.SpectralNormalization(layers.Dense(2)), (4,)),
    "prelu": (lambda: layers.PReLU(), (4,)),
    "attention": (lambda: layers.Attention(use_scale=True), (Self, 4, 2)),
    "attention_concat": (
        lambda: layers.Attention(use_scale=True, score_mode="concat"),
        (Self, 4, 2),
    ),
    "additive_attention": (lambda: layers.AdditiveAttention(), (Self, 4, 2)),
    "mha": (lambda: layers.MultiHeadAttention(2, 3, name="mha"), (Self, 4, 2)),
    "mha_gate": (lambda: layers.MultiHeadAttention(2, 3, use_gate=True), (Self, 4, 2)),
    "mha_no_bias": (lambda: layers.MultiHeadAttention(2, 3, use_bias=False), (Self, 4, 2)),
    "gqa": (lambda: layers.GroupQueryAttention(2, 4, 2, dropout=0.1), (Self, 4, 2)),
    "gqa_gate": (lambda: layers.GroupQueryAttention(2, 4, 2, use_gate=True), (Self, 4, 2)),
    "simple_rnn": (lambda: layers.SimpleRNN(3), (4, 2)),
    "lstm": (lambda: layers.LSTM(3, dropout=0.1), (4, 2)),
    "gru": (lambda: layers.GRU(3), (4, 2)),
    "gru_before": (lambda: layers.GRU(3, reset_after=False), (4, 2)),
    "gru_no_bias": (lambda: layers.GRU(3, use_bias=False, name="again"), (4, 2)),
    "rnn_cell": (lambda: layers.RNN(layers.LSTMCell(3, name="mine")), (4, 2)),
    "rnn_stack": (lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]), (4, 2)),
    "rnn_same_cells": (
        lambda: layers.RNN([layers.GRUCell(3), layers.GRUCell(2, name="last")]),
        (4, 2),
    ),
    "conv_lstm1d": (lambda: layers.ConvLSTM1D(3, 2), (4, 6, 2)),
    "conv_lstm2d": (lambda: layers.ConvLSTM2D(3, 2), (4, 6, 6, 2)),
    "conv_lstm3d": (lambda: layers.ConvLSTM3D(2, 2), (3, 4, 4, 4, 2)),
    "bidirectional": (lambda: layers.Bidirectional(layers.LSTM(3)), (4, 2)),
    "bidirectional_named": (
        lambda: layers.Bidirectional(layers.GRU(3, name="core"), name="both"),
        (4, 2),
    ),
    "time_distributed": (lambda: layers.TimeDistributed(layers.Dense(3, name="td")), (4, 2)),
    "time_distributed_norm": (
        lambda: layers.TimeDistributed(layers.BatchNormalization()),
        (4, 2),
    ),
    "normalization": (adapted, (4,)),
    "spectrogram": (lambda: layers.STFTSpectrogram(trainable=True), (400, 1)),
    "dropout": (lambda: layers.Dropout(0.5), (4,)),
}


def model_of(case: str) -> keras.Model:
    make, shape = CASES[case]
    calls_self = shape[0] == Self
    layer = make()
    given = keras.Input(shape[1:] if calls_self else shape, name="given")
    if calls_self and isinstance(layer, layers.Attention | layers.AdditiveAttention):
        return keras.Model(given, layer([given, given]))
    return keras.Model(given, layer(given, given) if calls_self else layer(given))


@pytest.mark.parametrize("case", CASES)
def test_layer_and_role_are_those_of_keras(case: str, tmp_path: Path) -> None:
    model = model_of(case)
    wanted = canonical(model)
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    archive = read_keras_archive(str(tmp_path / "m.keras"))
    weights = read_hdf5(str(tmp_path / "m.weights.h5"), Format.WEIGHTS_H5)

    assert list(weights_of(archive)) == list(wanted)
    found = values_of(archive)
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    for tensor in archive.tensors:
        assert tensor.name == f"{tensor.layer}/{tensor.role}"
    assert list(weights_of(weights)) == list(wanted)


def test_quantized_dense_has_its_scale_named(tmp_path: Path) -> None:
    given = keras.Input((8,))
    model = keras.Model(given, layers.Dense(4, name="q")(given))
    model.layers[1].quantize("int8")
    model.save(tmp_path / "q.keras")
    contents = read_keras_archive(str(tmp_path / "q.keras"))
    kinds = {tensor.name: tensor.dtype for tensor in contents.tensors}
    assert kinds == {"q/kernel": "int8", "q/bias": "float32", "q/kernel_scale": "float32"}


def test_lookup_weights_keep_their_own_word(tmp_path: Path) -> None:
    layer = layers.IntegerLookup(output_mode="tf_idf", name="look")
    layer.adapt(np.arange(12))
    given = keras.Input((4,), dtype="int64")
    keras.Model(given, layer(given)).save(tmp_path / "l.keras")
    contents = read_keras_archive(str(tmp_path / "l.keras"))
    assert [tensor.name for tensor in contents.tensors] == ["look/idf_weights"]


def test_the_second_owner_of_a_name_is_numbered() -> None:
    names = UniqueNames()
    assert names.of("conv1", "a") == "conv1"
    assert names.of("conv1", "b") == "conv1#2"
    assert names.of("conv1", "a") == "conv1"
    assert names.of("conv1", "c") == "conv1#3"


class Block(keras.layers.Layer):
    """A custom layer with attributes, a list called `layers`, a dictionary and a model."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.z = layers.Dense(2, name="z")
        self.layers = [layers.Dense(2, name="one"), layers.Dense(2, name="two")]
        self.by_name = {"key": layers.Dense(2, name="dict")}
        self.nested = [[layers.Dense(2, name="deep")]]

    def build(self, shape: Any) -> None:
        for layer in (self.z, *self.layers, self.by_name["key"], self.nested[0][0]):
            layer.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        for layer in (self.z, *self.layers, self.by_name["key"], self.nested[0][0]):
            x = layer(x)
        return x


def test_layers_inside_a_custom_layer_keep_its_name(tmp_path: Path) -> None:
    given = keras.Input((2,))
    keras.Model(given, Block(name="block")(given)).save_weights(tmp_path / "b.weights.h5")
    contents = read_hdf5(str(tmp_path / "b.weights.h5"), Format.WEIGHTS_H5)
    found = {tensor.layer for tensor in contents.tensors}
    assert found == {"block/z", "block/one", "block/two", "block/dict", "block/deep"}
    assert {tensor.role for tensor in contents.tensors} == {"kernel", "bias"}
