"""Pixels become a model's input as Keras and TensorFlow make it."""

import importlib
import os
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.images import Preprocessing, prepare, suggest
from tb_snapshot_compare.images.preparing import AS_IT_IS, CAFFE, SIGNED, TORCH, UNIT

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZES = [(227, 227), (64, 64), (96, 31), (300, 500), (1, 1)]
GIVEN = [(224, 224), (64, 64), (97, 211), (400, 33), (1, 1), (2, 700)]


def image(height: int, width: int) -> Any:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("size", SIZES)
def test_stretching_equals_tf_image_resize(given: tuple[int, int], size: tuple[int, int]) -> None:
    import tensorflow as tf

    pixels = image(*given)
    expected = tf.image.resize(pixels, size, method="bilinear", antialias=False).numpy()
    np.testing.assert_allclose(prepare(pixels, (*size, 3), AS_IT_IS), expected, atol=1e-5 * 255)
    np.testing.assert_allclose(prepare(pixels, (*size, 3), UNIT), expected / 255, atol=1e-5)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("size", SIZES)
def test_cropping_equals_smart_resize(given: tuple[int, int], size: tuple[int, int]) -> None:
    import keras

    pixels = image(*given)
    expected = np.asarray(keras.preprocessing.image.smart_resize(pixels.astype("float32"), size))
    mine = prepare(pixels, (*size, 3), Preprocessing(resize="crop", scale="unit"))
    np.testing.assert_allclose(mine, expected / 255, atol=1e-5)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("size", SIZES)
def test_padding_equals_the_layer_resizing(given: tuple[int, int], size: tuple[int, int]) -> None:
    import keras

    pixels = image(*given)
    layer = keras.layers.Resizing(*size, pad_to_aspect_ratio=True)
    expected = np.asarray(layer(pixels.astype("float32")))
    mine = prepare(pixels, (*size, 3), Preprocessing(resize="pad", scale="unit"))
    np.testing.assert_allclose(mine, expected / 255, atol=1e-5)


def test_files_are_read_as_keras_reads_them(tmp_path: Any) -> None:
    import keras
    from PIL import Image

    from tb_snapshot_compare.images.decoding import decode

    path = tmp_path / "a" / "image.png"
    path.parent.mkdir()
    Image.fromarray(image(53, 80)).save(path)
    dataset = keras.utils.image_dataset_from_directory(
        tmp_path, image_size=(40, 60), batch_size=1, verbose=False
    )
    expected = next(iter(dataset))[0].numpy()[0]
    mine = prepare(decode(path.read_bytes(), "image"), (40, 60, 3), UNIT)
    np.testing.assert_allclose(mine, expected / 255, atol=1e-5)
    loaded = keras.utils.img_to_array(keras.utils.load_img(path))
    np.testing.assert_array_equal(decode(path.read_bytes(), "image"), loaded)


FAMILIES = {
    "vgg16": CAFFE,
    "vgg19": CAFFE,
    "resnet50": CAFFE,
    "resnet152": CAFFE,
    "resnet50v2": SIGNED,
    "densenet121": TORCH,
    "mobilenet_1.00_224": SIGNED,
    "mobilenetv2_1.00_224": SIGNED,
    "MobileNetV3Small": AS_IT_IS,
    "inception_v3": SIGNED,
    "inception_resnet_v2": SIGNED,
    "xception": SIGNED,
    "nasnet_mobile": SIGNED,
    "efficientnetb0": AS_IT_IS,
    "efficientnetv2-b0": AS_IT_IS,
    "convnext_tiny": AS_IT_IS,
}
MODULES = {
    "vgg16": "vgg16", "vgg19": "vgg19", "resnet50": "resnet", "resnet152": "resnet",
    "resnet50v2": "resnet_v2", "densenet121": "densenet", "mobilenet_1.00_224": "mobilenet",
    "mobilenetv2_1.00_224": "mobilenet_v2", "MobileNetV3Small": "mobilenet_v3",
    "inception_v3": "inception_v3", "inception_resnet_v2": "inception_resnet_v2",
    "xception": "xception", "nasnet_mobile": "nasnet", "efficientnetb0": "efficientnet",
    "efficientnetv2-b0": "efficientnet_v2", "convnext_tiny": "convnext",
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_the_suggestion_for_a_family_equals_its_preprocess_input(name: str) -> None:
    module = importlib.import_module(f"keras.applications.{MODULES[name]}")
    pixels = image(20, 30)
    suggested, sentence = suggest((), name)
    assert suggested == FAMILIES[name]
    assert name in sentence
    expected = np.asarray(module.preprocess_input(pixels.astype("float32")))
    np.testing.assert_allclose(prepare(pixels, (20, 30, 3), suggested), expected, atol=1e-4)


def test_the_suggestion_leaves_pixels_to_a_model_that_prepares_them() -> None:
    suggested, sentence = suggest(("rescale",), "vgg16")
    assert suggested == AS_IT_IS
    assert "rescale" in sentence


def test_the_suggestion_for_an_unknown_model_says_that_it_is_a_guess() -> None:
    suggested, sentence = suggest((), "alexnet")
    assert suggested == UNIT
    assert "Choose" in sentence


def test_one_channel_is_luma_and_the_fourth_is_opaque() -> None:
    import tensorflow as tf

    pixels = image(12, 14)
    grey = prepare(pixels, (12, 14, 1), AS_IT_IS)
    expected = tf.image.rgb_to_grayscale(pixels.astype("float32")).numpy()
    np.testing.assert_allclose(grey, expected, atol=1e-4)
    four = prepare(pixels, (12, 14, 4), Preprocessing(order="bgr", scale="unit"))
    np.testing.assert_allclose(four[..., 2::-1] * 255, pixels, atol=1e-4)
    assert (four[..., 3] == 1).all()


def test_an_image_of_extreme_shape_costs_no_memory() -> None:
    import tracemalloc

    pixels = np.zeros((16_000_000 // 3, 1, 3), np.uint8)
    tracemalloc.start()
    prepare(pixels, (224, 224, 3), Preprocessing(resize="pad"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20


@pytest.mark.parametrize(
    ("size", "preprocessing", "words"),
    [
        ((8, 8, 2), Preprocessing(), "2 channels"),
        ((0, 8, 3), Preprocessing(), "0 x 8"),
        ((8, 10**6, 3), Preprocessing(), "1000000"),
        ((8, 8, 3), Preprocessing(mean=(1.0,)), "mean has 1 values"),
        ((8, 8, 1), Preprocessing(std=(1.0, 2.0, 3.0)), "std has 3 values"),
        ((8, 8, 3), Preprocessing(std=(1.0, 0.0, 1.0)), "std must not be 0"),
        ((8, 8, 3), Preprocessing(mean=(1.0, float("nan"), 1.0)), "mean must be numbers"),
    ],
)
def test_what_cannot_be_prepared_says_why(
    size: tuple[int, int, int], preprocessing: Preprocessing, words: str
) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        prepare(image(8, 8), size, preprocessing)
