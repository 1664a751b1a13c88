"""The forms in which a probe is given: what is read of them, and what is refused in which words."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tb_snapshot_compare import SnapshotCallback
from tb_snapshot_compare.recording.probe_data import ProbeData

Reader = Callable[[Path], Any]
IMAGES = np.random.default_rng(0).normal(size=(70, 8, 8, 3)).astype(np.float32)
LABELS = np.arange(70) % 4
SHAPE = (None, 8, 8, 3)
HALF = {"a": IMAGES[:, :4], "b": IMAGES[:, 4:]}


def dataset(*parts: Any) -> Any:
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])


def read_of(data: Any, shape: Any = SHAPE) -> tuple[list[Any], list[int]]:
    """Shapes of the batches' inputs, and all labels."""
    probe = ProbeData(data, shape=lambda: shape)
    shapes = [
        {name: part.shape for name, part in x.items()} if isinstance(x, dict)
        else [part.shape for part in x] if isinstance(x, list) else x.shape
        for x, _ in probe.batches()
    ]  # fmt: skip
    return shapes, probe.images().labels.tolist()


ONE = [(64, 8, 8, 3), (6, 8, 8, 3)]


@pytest.mark.parametrize("data", [
    (IMAGES, LABELS),
    [IMAGES, LABELS],
    (IMAGES.tolist(), LABELS.tolist()),
    (list(IMAGES), list(LABELS)),
    (IMAGES, LABELS, np.ones(70)),
    (tf.constant(IMAGES), tf.constant(LABELS)),
    [(IMAGES[:64], LABELS[:64]), (IMAGES[64:], LABELS[64:])],
    ((IMAGES[:64], LABELS[:64], np.ones(64)), (IMAGES[64:], LABELS[64:], np.ones(6))),
    dataset(IMAGES, LABELS),
    dataset(IMAGES, keras.utils.to_categorical(LABELS)),
    dataset(IMAGES, LABELS, np.ones(70)),
    dataset(IMAGES, LABELS).batch(64),
])  # fmt: skip
def test_images_with_classes_are_read_in_any_form(data: Any) -> None:
    assert read_of(data) == (ONE, LABELS.tolist())


@pytest.mark.parametrize("data", [
    IMAGES, (IMAGES,), (IMAGES, None), tf.constant(IMAGES), dataset(IMAGES),
    dataset(IMAGES).batch(64), [IMAGES[:64], IMAGES[64:], IMAGES[:1]],
])  # fmt: skip
def test_images_without_classes_are_read_in_any_form(data: Any) -> None:
    shapes, labels = read_of(data)
    assert shapes[:2] == ONE
    assert set(labels) == {-1}


@pytest.mark.parametrize("data", [
    (HALF, LABELS), dataset(HALF, LABELS), dataset(HALF, LABELS).batch(64),
])  # fmt: skip
def test_several_inputs_by_name_stay_apart(data: Any) -> None:
    shapes, labels = read_of(data, None)
    assert shapes == [{"a": (n, 4, 8, 3), "b": (n, 4, 8, 3)} for n in (64, 6)]
    assert labels == LABELS.tolist()


def test_several_inputs_in_a_row_stay_apart() -> None:
    shapes, labels = read_of(([HALF["a"], HALF["b"][:, 0]], LABELS), None)
    assert shapes == [[(n, 4, 8, 3), (n, 8, 3)] for n in (64, 6)]
    assert labels == LABELS.tolist()


def test_a_batch_without_an_axis_that_the_network_adds_is_a_batch() -> None:
    """Keras takes images without channels where it wants one."""
    grey = IMAGES[..., 0]
    assert read_of(dataset(grey, LABELS).batch(64), (None, 8, 8, 1))[0] == [(64, 8, 8), (6, 8, 8)]


def test_single_images_of_several_sizes_are_batches_of_one_size() -> None:
    data = [(np.zeros((size, size, 1)), np.int64(0)) for size in (4, 4, 6, 4)]
    assert read_of(data, (None, None, None, 1))[0] == [(2, 4, 4, 1), (1, 6, 6, 1), (1, 4, 4, 1)]


@pytest.mark.parametrize(("data", "message"), [
    ((IMAGES, LABELS[:50]), r"70 images of shape \(70, 8, 8, 3\) and 50 labels: want a label for"),
    (({"a": IMAGES, "b": IMAGES[:9]}, LABELS), "shapes .*'b': .9, .* want as many images of each"),
    (([IMAGES, IMAGES[:9]], LABELS), "inputs of several shapes: want arrays"),
    ((IMAGES, LABELS + 0.5), r"labels such as 0\.5: want classes as whole numbers \[images\]"),
    ((IMAGES, LABELS * np.nan), "labels such as nan: want classes"),
    ((IMAGES, np.zeros((70, 8, 8), int)), r"labels of shape \(70, 8, 8\): want classes"),
    ((IMAGES, {"a": LABELS}), "has labels of the type dict: want classes"),
    ((IMAGES, LABELS.astype(str)), "has labels of the dtype <U21: want classes"),
    ((IMAGES[:0], LABELS[:0]), "probe_data has no images: want arrays"),
    (np.float32(3), r"gives inputs of shape \(\): want arrays"),
    (dataset(IMAGES, LABELS).batch(8).repeat(), r"more than 100,000 images: .* without repeat\(\)"),
])  # fmt: skip
def test_what_does_not_fit_together_is_refused_at_once(
    data: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        SnapshotCallback(tmp_path, probe_data=data)


@pytest.mark.parametrize("data", [7, "images/validation", b"", object()])
def test_what_gives_no_batches_is_refused_at_once(data: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"probe_data is a \w+: want arrays \(x, y\)"):
        SnapshotCallback(tmp_path, probe_data=data)


def classifier() -> Any:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax", name="head"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def fit(model: Any, folder: Path, probe: Any, x: Any = IMAGES, **options: Any) -> None:
    callback = SnapshotCallback(folder, probe_data=probe, every=4, **options)
    model.fit(x, LABELS, batch_size=8, verbose=0, callbacks=[callback])
    assert not callback.is_off
    assert callback.recorder.lost == {}


@pytest.mark.parametrize(("data", "message"), [
    (
        (IMAGES[:, :, :, :2], LABELS),
        "the network does not take probe_data's inputs of shape (64, 8, 8, 2): ",
    ),
    (iter([(IMAGES[:4], LABELS[:3])]), "probe_data gives 4 images of shape (4, 8, 8, 3) and 3"),
    (iter(["a", "b"]), "probe_data has inputs of the type str: want arrays (x, y), x being a dict"),
    (iter([]), "probe_data is empty"),
    ((IMAGES, LABELS - 7), "labels from -7 to -4: want classes from 0 to 99999, and -1 for none"),
])  # fmt: skip
def test_a_probe_that_turns_out_not_to_fit_is_told_and_noted(
    data: Any, message: str, tmp_path: Path, read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    fit(classifier(), tmp_path, data)
    found = read(tmp_path)
    ((step, text),) = found.events("probe")
    assert step == 0
    assert text.startswith(f"The probe is not recorded: {message}")
    assert "\x1b" not in text
    assert [each.message for each in caplog.records if "probe" in each.message] == [text]
    assert found.steps("images") == []
    assert found.steps("layers") == [0, 4, 8, 9]


@pytest.mark.parametrize("form", [dict, list])
def test_a_network_of_several_inputs_is_asked(form: type, tmp_path: Path, read: Reader) -> None:
    given = {name: keras.Input((4, 8, 3), name=name) for name in HALF}
    joined = layers.Concatenate(axis=1)(list(given.values()))
    outputs = layers.Dense(4, activation="softmax")(layers.Flatten()(joined))
    model = keras.Model(given if form is dict else list(given.values()), outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = HALF if form is dict else list(HALF.values())
    fit(model, tmp_path, (x, LABELS), x)
    found = read(tmp_path)
    assert found.steps("images") == [0, 9] or found.steps("images")[0] == 0
    predicted, _ = found.log.images()
    outputs = model.predict(x, verbose=0)
    np.testing.assert_array_equal(predicted[:, -1], outputs.argmax(axis=1))


def test_an_unbatched_data_set_is_asked_in_batches(tmp_path: Path, read: Reader) -> None:
    fit(classifier(), tmp_path, dataset(IMAGES, LABELS))
    found = read(tmp_path)
    assert found.log.probe.labels == tuple(LABELS.tolist())
    assert found.log.thumbnail(69).png.startswith(b"\x89PNG")
