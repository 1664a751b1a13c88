"""Predictions and activations are Keras's own, for real architectures and every format."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from demo.layout import SMALL
from demo.train import build_model
from tb_snapshot_compare.errors import InvalidRequestError, ModelUnavailableError
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import A, ModelSource, Wanted
from tb_snapshot_compare.readers import open_contents
from tests.inference.keras_helpers import (
    check_equal,
    images_like,
    keras_outputs,
    randomize,
    request,
    save,
    save_pair,
    source_of,
)

APPLICATIONS = {
    "ResNet50": (64, {}, ["conv1_relu", "conv4_block2_add"]),
    "MobileNetV2": (64, {}, ["block_1_depthwise", "out_relu"]),
    "EfficientNetB0": (64, {}, ["block2a_dwconv", "top_activation"]),
    "DenseNet121": (64, {}, ["conv3_block5_concat", "relu"]),
    "VGG16": (48, {"include_top": False, "pooling": "avg"}, ["block1_conv2", "block5_pool"]),
    "InceptionV3": (96, {}, ["mixed3", "mixed10"]),
}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_runs_as_in_keras(name: str, tmp_path: Path, inference: Inference) -> None:
    size, options, wanted = APPLICATIONS[name]
    keras.utils.clear_session()
    if options.get("include_top", True):
        options = {**options, "classes": 10}
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=(size, size, 3), **options)
    contents = save(model, tmp_path)
    images = images_like(model, 2)

    description = inference.describe(source_of(contents))
    layers_wanted = tuple(Wanted(layer) for layer in wanted)
    (result,) = inference.run(request(contents, contents, images, layers_wanted, (A,)))

    check_equal(result, keras_outputs(model, wanted, images))
    scores = (Wanted(wanted[-1], None, "max"),)  # of patches: a channel's largest activation
    (scored,) = inference.run(request(contents, contents, images, scores, (A,)))
    largest = result.layers[-1].max(axis=(1, 2))
    np.testing.assert_allclose(scored.layers[0], largest, rtol=1e-5, atol=1e-5)
    assert description.final == ("softmax" if name != "VGG16" else "raw")
    assert {layer.name for layer in description.layers} >= set(wanted)
    shapes = {layer.name: layer.shape for layer in description.layers}
    assert all(shapes[layer] == result.layers[i].shape[1:] for i, layer in enumerate(wanted))


def test_the_demo_runs_as_in_keras(tmp_path: Path, inference: Inference) -> None:
    model = build_model(SMALL, 6)
    a, b = save_pair(model, tmp_path)
    images = images_like(model, 3) * 255
    wanted = ["conv1", "norm1", "fc6"]

    description = inference.describe(source_of(a))
    results = inference.run(request(a, b, images, tuple(Wanted(layer) for layer in wanted)))

    check_equal(results[1], keras_outputs(model, wanted, images))
    assert description.preprocessing == ("rescale",)
    assert description.final == "softmax"
    assert description.inputs[0].shape == (SMALL.size, SMALL.size, 3)


def test_every_format_gives_the_same(saved: Any, inference: Inference) -> None:
    source = ModelSource("keras", config=open_contents(saved.b["keras"]).model_config)
    random = np.random.default_rng(0)
    images = random.normal(size=(2, 16, 16, 3)).astype("float32")
    model = keras.models.load_model(saved.b["keras"])
    expected = keras_outputs(model, ["relu1"], images)
    for format_name in ("keras", "weights_h5", "tf_checkpoint"):
        a, b = (open_contents(side[format_name]) for side in (saved.a, saved.b))
        results = inference.run(request(a, b, images, (Wanted("relu1"),), source=source))
        check_equal(results[1], expected)


def test_legacy_h5_gives_the_same(tmp_path: Path, inference: Inference) -> None:
    model = keras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Conv2D(4, 3, name="c"),
            layers.Flatten(),
            layers.Dense(3, activation="sigmoid", name="d"),
        ],
        name="old",
    )
    randomize(model, 4)
    model.save(tmp_path / "old.h5")
    contents = open_contents(str(tmp_path / "old.h5"))
    images = images_like(model)
    (result,) = inference.run(request(contents, contents, images, (Wanted("c"),), (A,)))
    check_equal(result, keras_outputs(model, ["c"], images))
    assert inference.describe(source_of(contents)).final == "sigmoid"


def _nested() -> Any:
    inner = keras.Sequential(
        [layers.Input((16, 16, 4)), layers.Conv2D(5, 3, name="conv"), layers.ReLU(name="act")],
        name="encoder",
    )
    x = inputs = layers.Input((18, 18, 3), name="image")
    x = layers.Conv2D(4, 3, name="conv")(x)
    x = inner(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(3, name="logits")(x)
    return keras.Model(inputs, layers.Activation("softmax", name="final")(x), name="outer")


def test_layers_of_nested_models_are_found_by_path(tmp_path: Path, inference: Inference) -> None:
    model = _nested()
    a, b = save_pair(model, tmp_path)
    images = images_like(model)
    description = inference.describe(source_of(a))

    wanted = (Wanted("conv"), Wanted("encoder/conv"), Wanted("encoder/act"), Wanted("image"))
    results = inference.run(request(a, b, images, wanted))

    inner = model.get_layer("encoder")
    first = np.asarray(model.get_layer("conv")(images))
    within = keras_outputs(inner, ["conv"], first)
    prediction = keras_outputs(model, [], images)[0]
    check_equal(results[1], [prediction, first, within[1], within[0], images])
    names = [layer.name for layer in description.layers]
    assert names == ["image", "conv", "encoder/conv", "encoder/act", "pool", "logits", "final"]
    assert {x.name: x.inputs for x in description.layers}["pool"] == ("encoder/act",)
    assert description.final == "softmax"


def _kinds() -> Any:
    inputs = layers.Input((12, 12, 3), name="image")
    x = layers.Normalization(name="norm")(inputs)
    x = layers.Conv2D(4, 3, name="c", activation=keras.activations.gelu)(x)
    x = x[:, 1:, ::2] * 2.0 + 1.0
    x = keras.ops.concatenate([x, keras.ops.relu(x)], -1)
    x = layers.TimeDistributed(layers.Dense(3, activation="relu", name="inner"), name="td")(x)
    x = layers.Reshape((-1, 3), name="rows")(x)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both")(x)
    x = layers.MultiHeadAttention(2, 3, name="mha")(x, x)
    x = layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)], name="stack")(x)
    x = layers.SpectralNormalization(layers.Dense(4, name="plain"), name="sn")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x), name="kinds")


def test_wrappers_recurrence_attention_and_operations_run(
    tmp_path: Path, inference: Inference
) -> None:
    model = _kinds()
    a, b = save_pair(model, tmp_path)
    images = images_like(model)
    wanted = ["norm", "td", "both", "mha", "stack", "sn"]
    results = inference.run(request(a, b, images, tuple(Wanted(layer) for layer in wanted)))
    check_equal(results[1], keras_outputs(model, wanted, images))
    assert inference.describe(source_of(a)).preprocessing == ("norm",)
    assert inference.describe(source_of(a)).final == "raw"


def test_mixed_precision_runs_in_its_policy(tmp_path: Path, inference: Inference) -> None:
    half = "mixed_bfloat16"
    model = keras.Sequential(
        [
            layers.Input((16, 16, 3), dtype="float32"),
            layers.Conv2D(8, 3, dtype=half, name="c"),
            layers.BatchNormalization(dtype=half, name="n"),
            layers.GlobalAveragePooling2D(dtype=half),
            layers.Dense(3, dtype="float32", name="d"),
        ],
        name="mixed",
    )
    a, b = save_pair(model, tmp_path)
    images = images_like(model)
    results = inference.run(request(a, b, images, (Wanted("c"),)))
    check_equal(results[1], keras_outputs(model, ["c"], images), tolerance=1e-2)


def test_channels_and_their_largest_values_are_chosen_in_the_child(
    tmp_path: Path, inference: Inference
) -> None:
    model = _nested()
    a, b = save_pair(model, tmp_path)
    images = images_like(model)
    wanted = (Wanted("conv", (2, 0)), Wanted("conv", (1,), "max"), Wanted("conv", None, "max"))
    (result,) = inference.run(request(a, b, images, wanted, (A,), predictions=False))
    (whole,) = inference.run(request(a, b, images, (Wanted("conv"),), (A,), predictions=False))
    assert result.predictions is None
    np.testing.assert_array_equal(result.layers[0], whole.layers[0][..., [2, 0]])
    np.testing.assert_array_equal(result.layers[1], whole.layers[0].max((1, 2))[:, [1]])
    np.testing.assert_array_equal(result.layers[2], whole.layers[0].max((1, 2)))


def test_images_of_any_size_run_where_the_network_takes_them(
    tmp_path: Path, inference: Inference
) -> None:
    inputs = layers.Input((None, None, 3))
    x = layers.Conv2D(4, 3, name="c")(inputs)
    model = keras.Model(inputs, layers.GlobalMaxPooling2D()(x), name="free")
    a, b = save_pair(model, tmp_path)
    for size in (8, 21):
        images = np.random.default_rng(size).random((2, size, size, 3)).astype("float32")
        results = inference.run(request(a, b, images, (Wanted("c"),)))
        check_equal(results[1], keras_outputs(model, ["c"], images))


def test_many_images_run_in_batches_with_progress(tmp_path: Path, inference: Inference) -> None:
    model = _nested()
    a, b = save_pair(model, tmp_path)
    images = images_like(model, 70)
    seen: list[tuple[int, int]] = []
    results = inference.run(request(a, b, images), lambda done, total: seen.append((done, total)))
    check_equal(results[1], keras_outputs(model, [], images))
    assert seen[-1] == (140, 140)
    assert len({done for done, _ in seen}) >= 4


def test_no_images_layers_or_channels_that_do_not_exist(
    tmp_path: Path, inference: Inference
) -> None:
    model = _nested()
    a, b = save_pair(model, tmp_path)
    images = images_like(model)
    with pytest.raises(InvalidRequestError, match="no layer 'nothing'"):
        inference.run(request(a, b, images, (Wanted("nothing"),)))
    with pytest.raises(InvalidRequestError, match="channels 0 to 3"):
        inference.run(request(a, b, images, (Wanted("conv", (4,)),)))
    with pytest.raises(InvalidRequestError, match="18 × 18 × 3"):
        inference.run(request(a, b, images[:, 1:]))


def test_a_network_of_two_inputs_is_described_and_not_run(
    tmp_path: Path, inference: Inference
) -> None:
    one, two = layers.Input((8, 8, 3), name="one"), layers.Input((4,), name="two")
    x = layers.Concatenate()([layers.Flatten()(one), two])
    model = keras.Model([one, two], [layers.Dense(2)(x), layers.Dense(3)(x)], name="pairs")
    a, b = save_pair(model, tmp_path)
    description = inference.describe(source_of(a))
    assert [spec.name for spec in description.inputs] == ["one", "two"]
    assert len(description.outputs) == 2
    with pytest.raises(ModelUnavailableError, match="2 inputs \\(one, two\\)"):
        inference.run(request(a, b, np.zeros((1, 8, 8, 3), np.float32)))


def test_missing_and_ill_shaped_tensors_are_named(tmp_path: Path, inference: Inference) -> None:
    model = _nested()
    a, _ = save_pair(model, tmp_path)
    wider = keras.Sequential(
        [layers.Input((18, 18, 3)), layers.Conv2D(7, 3, name="conv")], name="other"
    )
    other, _ = save_pair(wider, tmp_path)
    images = images_like(model)
    with pytest.raises(ModelUnavailableError, match=r"lacks 4 of 6 tensors.*encoder/conv/kernel"):
        inference.run(request(other, other, images, source=source_of(a)))
    with pytest.raises(ModelUnavailableError, match=r"other shapes.*conv/kernel \[3, 3, 3, 4\]"):
        inference.run(request(a, a, images, source=source_of(other)))


def _of_keras_2(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as tf.keras 2 wrote it: no modules, lists for nodes, Policy, axis [3]."""
    chain = []
    for entry in config["config"]["layers"]:
        inner = {key: value for key, value in entry["config"].items() if key != "optional"}
        inner["dtype"] = "float32"
        if "batch_shape" in inner:
            inner["batch_input_shape"] = inner.pop("batch_shape")
        if isinstance(inner.get("axis"), int):
            inner["axis"] = [3]
        for key in [key for key in inner if key.endswith("_initializer")]:
            inner[key] = {"class_name": "GlorotUniform", "config": {"seed": None}}
        nodes = [[[chain[-1]["name"], 0, 0, {}]]] if chain else []
        chain.append(
            {
                "class_name": entry["class_name"],
                "config": inner,
                "name": entry["name"],
                "inbound_nodes": nodes,
            }
        )
    ends = {
        "input_layers": [[chain[0]["name"], 0, 0]],
        "output_layers": [[chain[-1]["name"], 0, 0]],
    }
    return {
        "class_name": "Functional",
        "config": {"name": "old", "layers": chain, **ends},
        "keras_version": "2.12.0",
        "backend": "tensorflow",
    }


def test_a_configuration_of_keras_2_is_rebuilt(tmp_path: Path, inference: Inference) -> None:
    x = inputs = layers.Input((12, 12, 3), name="image")
    x = layers.Conv2D(4, 3, name="conv", use_bias=False)(x)
    x = layers.BatchNormalization(name="norm", axis=3)(x)
    x = layers.DepthwiseConv2D(3, name="depth")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax", name="fc")(x), name="old")
    contents = save(model, tmp_path)
    images = images_like(model)
    config = json.dumps(_of_keras_2(json.loads(model.to_json())))
    source = ModelSource("keras", config=config)
    wanted = (Wanted("norm"), Wanted("depth"))
    (result,) = inference.run(request(contents, contents, images, wanted, (A,), source=source))
    check_equal(result, keras_outputs(model, ["norm", "depth"], images))
