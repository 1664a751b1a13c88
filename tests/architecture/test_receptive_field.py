"""The field of a position is where the gradient of its activation is not zero, computed by Keras.

Weights are made positive and maxima become means, so that no path of the gradient vanishes.
"""

import json
import os
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.architecture.receptive_field import (
    ReceptiveField,
    receptive_field,
)
from tb_snapshot_compare.errors import InvalidRequestError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def k() -> Any:
    import keras

    return keras


def alexnet() -> Any:
    layers = k().layers
    stack = [
        layers.Input((227, 227, 3)),
        layers.Rescaling(1 / 255, name="rescale"),
        layers.Conv2D(4, 11, strides=4, activation="relu", name="conv1"),
        layers.LayerNormalization(name="norm1"),
        layers.MaxPooling2D(3, 2, name="pool1"),
        layers.Conv2D(4, 5, padding="same", activation="relu", name="conv2"),
        layers.MaxPooling2D(3, 2, name="pool2"),
        layers.Conv2D(4, 3, padding="same", activation="relu", name="conv3"),
        layers.Conv2D(4, 3, padding="same", activation="relu", name="conv4"),
        layers.Conv2D(4, 3, padding="same", activation="relu", name="conv5"),
        layers.MaxPooling2D(3, 2, name="pool5"),
        layers.Flatten(name="flatten"),
        layers.Dense(8, activation="relu", name="fc6"),
    ]
    return k().Sequential(stack)


def residual() -> Any:
    layers = k().layers
    inputs = k().Input((None, None, 3), name="image")
    x = layers.ZeroPadding2D(3, name="border")(inputs)
    x = layers.Conv2D(4, 7, strides=2, name="stem")(x)
    x = layers.ZeroPadding2D(((1, 0), (0, 2)), name="uneven")(x)
    x = layers.MaxPooling2D(3, 2, name="pool")(x)
    for number, stride in enumerate((1, 2, 1)):
        y = layers.Conv2D(4, 3, strides=stride, padding="same", name=f"{number}_a")(x)
        y = layers.BatchNormalization(name=f"{number}_norm")(y)
        y = layers.ReLU(name=f"{number}_relu")(y)
        y = layers.DepthwiseConv2D(3, padding="same", name=f"{number}_b")(y)
        short = layers.Conv2D(4, 1, strides=stride, name=f"{number}_short")(x) if stride > 1 else x
        x = layers.Add(name=f"{number}_add")([y, short])
    return k().Model(inputs, x)


def inception() -> Any:
    layers = k().layers
    inputs = k().Input((None, None, 3), name="image")
    x = layers.Conv2D(4, (3, 5), strides=(2, 1), padding="same", name="stem")(inputs)
    towers = [
        layers.Conv2D(4, 1, name="one")(x),
        layers.Conv2D(4, (1, 7), padding="same", name="wide")(
            layers.Conv2D(4, (7, 1), padding="same", name="tall")(x)
        ),
        layers.SeparableConv2D(4, 3, padding="same", dilation_rate=2, name="dilated")(x),
        layers.Conv2D(4, 1, name="after")(layers.AveragePooling2D(3, 1, "same", name="pool")(x)),
    ]
    x = layers.Concatenate(name="mixed")(towers)
    return k().Model(inputs, layers.Conv2D(4, 2, strides=2, padding="same", name="end")(x))


def unet() -> Any:
    layers = k().layers
    inputs = k().Input((64, 48, 3), name="image")
    one = layers.Conv2D(4, 3, padding="same", name="down1")(inputs)
    two = layers.Conv2D(4, 3, padding="same", name="down2")(layers.MaxPooling2D(2)(one))
    x = layers.Conv2D(4, 3, padding="same", name="bottom")(layers.MaxPooling2D(2)(two))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same", name="up2")(x)
    x = layers.Concatenate(name="skip2")([x, two])
    x = layers.UpSampling2D(2, interpolation="bilinear", name="up1")(x)
    x = layers.Concatenate(name="skip1")([x, one])
    x = layers.Cropping2D(((3, 5), (2, 0)), name="crop")(x)
    x = layers.UpSampling2D((2, 3), name="larger")(x)
    x = layers.Conv2DTranspose(4, 4, strides=3, padding="valid", name="valid")(x)
    return k().Model(inputs, layers.Resizing(50, 40, name="resized")(x))


def nested() -> Any:
    layers = k().layers
    inputs = k().Input((40, 40, 3), name="image")
    inner = k().Sequential(
        [k().Input((40, 40, 3)), layers.Conv2D(4, 5, name="a"), layers.Conv2D(4, 3, 2, name="b")],
        name="inner",
    )
    x = inner(layers.Rescaling(1 / 255, name="scale")(inputs))
    return k().Model(inputs, layers.Conv2D(4, 3, name="c")(x))


def resnet50() -> Any:
    return k().applications.ResNet50(weights=None, input_shape=(160, 128, 3), include_top=False)


def mobilenet() -> Any:
    return k().applications.MobileNetV2(weights=None, input_shape=(96, 128, 3), include_top=False)


def inception_v3() -> Any:
    return k().applications.InceptionV3(weights=None, input_shape=(139, 155, 3), include_top=False)


SIZE = {"alexnet": (227, 227), "residual": (101, 78), "inception": (60, 71), "unet": (64, 48),
        "nested": (40, 40), "resnet50": (160, 128), "mobilenet": (96, 128),
        "inception_v3": (139, 155)}  # fmt: skip
CASES = [
    (alexnet, ["rescale", "conv1", "norm1", "pool1", "conv2", "pool2", "conv5", "pool5"]),
    (residual, ["stem", "pool", "0_b", "0_add", "1_short", "1_add", "2_relu", "2_add"]),
    (inception, ["stem", "tall", "wide", "dilated", "after", "mixed", "end"]),
    (unet, ["bottom", "up2", "skip2", "up1", "skip1", "crop", "larger", "valid", "resized"]),
    (nested, ["inner/a", "inner/b", "c"]),
    (resnet50, ["conv1_relu", "conv2_block3_out", "conv3_block4_out"]),
    (mobilenet, ["block_1_project", "block_6_expand_relu"]),
    (inception_v3, ["mixed0", "mixed3"]),
]


class Gradients:
    """A model whose every gradient path counts, and the support of its positions' gradients."""

    def __init__(self, build: Any) -> None:
        keras = k()
        keras.backend.clear_session()
        keras.utils.set_random_seed(5)
        self.size = SIZE[build.__name__]
        self.config = build().to_json()
        model = build()
        text = model.to_json().replace("MaxPooling2D", "AveragePooling2D")
        text = text.replace('"activation": "relu"', '"activation": "linear"')
        self.model = keras.models.model_from_json(_without_norms(text))
        random = np.random.default_rng(5)
        for variable in self.model.weights:
            shape = variable.shape
            count = int(np.prod(shape[:-1])) or 1
            variable.assign(random.uniform(0.5, 1.5, shape) / count)

    def support(self, layer: str, places: list[tuple[int, int]]) -> list[tuple[int, ...]]:
        """The box around what is not zero in the gradient of each position."""
        import tensorflow as tf

        model: Any = self.model
        *groups, name = layer.split("/")
        for group in groups:
            model = model.get_layer(group)
        output = model.get_layer(name).output
        until = k().Model(model.inputs, output)
        image = tf.ones((1, *self.size, 3))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(image)
            given = image / 255 if groups else image
            result = until(given, training=False)
            sums = [tf.reduce_sum(result[0, row, column]) for row, column in places]
        self.map_size = tuple(result.shape[1:3])
        found = []
        for total in sums:
            gradient = tape.gradient(total, image).numpy()[0].sum(axis=2)
            rows, columns = np.nonzero(gradient)
            found.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
        return found


def _without_norms(text: str) -> str:
    """Layer normalization passes its input on: its gradient cancels where all is positive."""
    value = json.loads(text)
    for layer in value["config"]["layers"]:
        if layer["class_name"] == "LayerNormalization":
            name = layer["config"]["name"]
            layer["class_name"] = "Identity"
            layer["config"] = {"name": name}
    return json.dumps(value)


def places_of(rows: int, columns: int) -> list[tuple[int, int]]:
    random = np.random.default_rng(rows * columns)
    corners = [(0, 0), (0, columns - 1), (rows - 1, 0), (rows - 1, columns - 1)]
    middle = [(rows // 2, columns // 2)]
    return corners + middle + [tuple(random.integers((rows, columns))) for _ in range(5)]


@pytest.mark.parametrize(("build", "layers"), CASES, ids=[build.__name__ for build, _ in CASES])
def test_the_box_is_the_support_of_the_gradient(build: Any, layers: list[str]) -> None:
    gradients = Gradients(build)
    for layer in layers:
        field = found(gradients.config, layer)
        places = places_of(*field.map_size(*gradients.size))
        expected = gradients.support(layer, places)
        assert field.map_size(*gradients.size) == gradients.map_size, layer
        for place, support in zip(places, expected, strict=True):
            assert field.box(*place, *gradients.size) == support, (layer, place)
        assert not field.whole
        assert not field.gated


def found(config: str, layer: str) -> ReceptiveField:
    field = receptive_field(config, layer)
    assert field is not None, layer
    return field


def test_alexnets_fields_have_the_known_sizes() -> None:
    config = alexnet().to_json()
    known = {
        "conv1": (11, 4),
        "pool1": (19, 8),
        "conv2": (51, 8),
        "pool2": (67, 16),
        "conv3": (99, 16),
        "conv4": (131, 16),
        "conv5": (163, 16),
        "pool5": (195, 32),
    }
    for layer, (size, stride) in known.items():
        field = found(config, layer)
        rows, columns = (count // 2 for count in field.map_size(1027, 1027))
        left, top, right, bottom = field.box(rows, columns, 1027, 1027)
        assert (right - left, bottom - top) == (size, size), layer
        after = field.box(rows + 1, columns + 1, 1027, 1027)
        assert after == (left + stride, top + stride, right + stride, bottom + stride), layer
    assert found(config, "conv1").box(0, 0, 227, 227) == (0, 0, 11, 11)


def test_behind_flattening_and_pooling_everything_is_seen() -> None:
    config = alexnet().to_json()
    for layer in ("flatten", "fc6"):
        field = found(config, layer)
        assert field.whole
        assert field.box(0, 0, 227, 227) == (0, 0, 227, 227)
    model = k().applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=4)
    assert found(model.to_json(), "predictions").whole


def squeezed(gate: bool) -> Any:
    layers = k().layers
    inputs = k().Input((32, 32, 3))
    x = layers.Conv2D(4, 3, padding="same", name="a")(inputs)
    if gate:
        weight = layers.GlobalAveragePooling2D(name="squeeze")(x)
        weight = layers.Reshape((1, 1, 4), name="shape")(weight)
        weight = layers.Conv2D(4, 1, activation="sigmoid", name="excite")(weight)
        x = layers.Multiply(name="gate")([x, weight])
    return k().Model(inputs, layers.Conv2D(4, 3, name="b")(x))


def test_a_gate_that_pools_everything_is_told_and_not_counted() -> None:
    with_gate = found(squeezed(True).to_json(), "b")
    without = found(squeezed(False).to_json(), "b")
    assert (with_gate.gated, without.gated) == (True, False)
    assert not with_gate.whole
    assert with_gate.box(10, 7, 32, 32) == without.box(10, 7, 32, 32)
    assert found(squeezed(True).to_json(), "excite").whole
    efficient = k().applications.EfficientNetB0(weights=None, input_shape=(64, 64, 3), classes=4)
    assert found(efficient.to_json(), "block3a_expand_activation").gated


@pytest.mark.parametrize("kind", ["LayerNormalization", "GroupNormalization"])
def test_normalization_over_positions_sees_everything(kind: str) -> None:
    layers = k().layers
    options = {"axis": [1, 2, 3]} if kind == "LayerNormalization" else {"groups": 2}
    stack = [
        k().Input((16, 16, 3)),
        layers.Conv2D(4, 3, name="a"),
        getattr(layers, kind)(**options, name="norm"),
        layers.Conv2D(4, 3, name="b"),
    ]
    field = found(k().Sequential(stack).to_json(), "b")
    assert field.whole
    assert field.map_size(16, 16) == (12, 12)


def test_what_cannot_be_told_is_none() -> None:
    layers = k().layers
    image, numbers = k().Input((8, 8, 3), name="image"), k().Input((4,), name="numbers")
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    twice = shared(shared(image))
    both = layers.Concatenate(name="both")([layers.Flatten()(twice), numbers])
    config = k().Model([image, numbers], [layers.Dense(2, name="end")(both)]).to_json()
    for layer in ("nothing", "image", "numbers", "shared", "both", "end"):
        assert receptive_field(config, layer) is None, layer
    words = k().Sequential([k().Input((9,)), layers.Embedding(5, 3, name="words")]).to_json()
    assert receptive_field(words, "words") is None
    for text in ("", "{}", "[]", '{"class_name": "Mine", "config": {}}', "[" * 9_999):
        assert receptive_field(text, "a") is None


@pytest.mark.parametrize(
    "change",
    [{"kernel_size": "x"}, {"kernel_size": [3]}, {"strides": [0, 0]}, {"padding": "causal"},
     {"dilation_rate": [10**12, 1]}, {"kernel_size": None}, {"strides": {}}],
)  # fmt: skip
def test_nonsense_in_a_configuration_is_none(change: dict[str, Any]) -> None:
    value = json.loads(nested().to_json())
    layer = next(entry for entry in value["config"]["layers"] if entry["config"]["name"] == "c")
    layer["config"] |= change
    assert receptive_field(json.dumps(value), "c") is None
    assert receptive_field(json.dumps(value), "inner/a") is not None


def test_a_position_that_is_none_and_an_input_too_small_are_refused() -> None:
    field = found(alexnet().to_json(), "conv5")
    for place in ((13, 0), (0, 13), (-1, 0)):
        with pytest.raises(InvalidRequestError, match="13 x 13"):
            field.box(*place, 227, 227)
    with pytest.raises(InvalidRequestError, match="too small for conv5"):
        field.map_size(20, 20)


def test_many_positions_of_a_deep_network_are_fast() -> None:
    import time

    field = found(resnet50().to_json(), "conv4_block6_out")
    started = time.thread_time()
    for row in range(10):
        for column in range(8):
            field.box(row, column, 160, 128)
    assert time.thread_time() - started < 2
