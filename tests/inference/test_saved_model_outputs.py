"""A SavedModel's graph gives what Keras and TensorFlow give, with any snapshot's weights."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.errors import InvalidRequestError, ModelUnavailableError
from tb_snapshot_compare.inference.saved_model_runner import GraphModel
from tb_snapshot_compare.inference.values import Wanted
from tests.inference import saved_models as made
from tests.inference.keras_helpers import randomize

TOLERANCE = 1e-5


def names_of(model: GraphModel) -> list[str]:
    return [layer.name for layer in model.describe().layers]


@pytest.mark.parametrize(
    ("build", "shape"), [(made.alexnet, (3, 48, 48, 3)), (made.mobilenet, (2, 64, 64, 3))]
)
def test_predictions_and_every_layer_equal_those_of_keras(
    build: Any, shape: tuple[int, ...], tmp_path: Path
) -> None:
    network = build()
    path = made.saved(network, tmp_path / "exported")
    model, batch = made.opened(path), made.images(*shape) * 255
    names = names_of(model)
    silent = (keras.layers.InputLayer, keras.layers.Dropout)
    assert set(names) == {each.name for each in network.layers if not isinstance(each, silent)}
    result = model.run(batch, [Wanted(name) for name in names], predictions=True)
    expected = np.asarray(network(batch, training=False))
    assert result.predictions is not None
    assert made.largest_difference(result.predictions, expected) < TOLERANCE
    for name, given, own in zip(
        names, result.layers, made.layer_outputs(network, names, batch), strict=True
    ):
        assert made.largest_difference(given, own) < TOLERANCE, name


def test_alexnet_is_described(tmp_path: Path) -> None:
    description = GraphModel(made.saved(made.alexnet(), tmp_path / "exported")).describe()
    assert description.inputs[0].name == "image"
    assert description.inputs[0].shape == (48, 48, 3)
    assert description.outputs[0].shape == (6,)
    assert description.final == "softmax"
    assert description.preprocessing == ("rescale",)
    layers = {layer.name: layer for layer in description.layers}
    assert layers["conv1"].kind == "Conv2D"
    assert layers["conv1"].shape == (24, 24, 8)
    assert layers["pool1"].inputs == ("conv1",)
    assert layers["fc6"].inputs == ("flatten",)
    assert list(layers)[:4] == ["rescale", "conv1", "pool1", "norm1"]


def test_a_model_saved_by_tensorflow_runs(tmp_path: Path) -> None:
    network = made.alexnet()
    randomize(network, 2)
    tf.saved_model.save(network, str(tmp_path / "saved"))
    model, batch = made.opened(str(tmp_path / "saved")), made.images(2, 48, 48, 3) * 255
    result = model.run(batch, [Wanted("conv3")], predictions=True)
    assert result.predictions is not None
    expected = np.asarray(network(batch, training=False))
    assert made.largest_difference(result.predictions, expected) < TOLERANCE
    own = made.layer_outputs(network, ["conv3"], batch)[0]
    assert made.largest_difference(result.layers[0], own) < TOLERANCE


def test_layers_of_one_name_in_nested_models_are_told_apart(tmp_path: Path) -> None:
    network = made.nested()
    path = made.saved(network, tmp_path / "exported")
    model, batch = made.opened(path), made.images(2, 16, 16, 3)
    paths = ["lower/conv", "lower/norm", "lower/pool", "upper/conv", "upper/norm", "mean", "head"]
    result = model.run(batch, [Wanted(name) for name in paths], predictions=True)
    own = made.layer_outputs(network, paths, batch)
    for name, given, expected in zip(paths, result.layers, own, strict=True):
        assert made.largest_difference(given, expected) < TOLERANCE, name
    assert model.describe().final == "sigmoid"
    with pytest.raises(InvalidRequestError, match="several layers that end so"):
        model.layer("pool")


def test_loops_and_branches_run_with_weights_as_values(tmp_path: Path) -> None:
    network = made.recurrent()
    path = made.saved(network, tmp_path / "exported")
    model, batch = made.opened(path), made.images(3, 8, 6, 3)
    result = model.run(batch, [Wanted("lstm"), Wanted("gru")], predictions=True)
    expected = np.asarray(network(batch, training=False))
    assert result.predictions is not None
    assert made.largest_difference(result.predictions, expected) < TOLERANCE
    own = made.layer_outputs(network, ["lstm", "gru"], batch)
    for given, wanted in zip(result.layers, own, strict=True):
        assert made.largest_difference(given, wanted) < TOLERANCE
    assert model.describe().final == "raw"


def test_a_module_without_keras_runs(tmp_path: Path) -> None:
    module = made.Module()
    path = str(tmp_path / "module")
    tf.saved_model.save(module, path, signatures={"serving_default": module.__call__})
    model, batch = GraphModel(path), made.images(4, 8, 8, 3)
    model.set_weights({v.name.partition(":")[0]: v.numpy() for v in module.variables})
    result = model.run(batch, [Wanted("w")], predictions=True)
    assert result.predictions is not None
    assert made.largest_difference(result.predictions, module(batch).numpy()) < TOLERANCE
    convolved = np.asarray(module.convolved(batch))
    assert made.largest_difference(result.layers[0], convolved) < TOLERANCE


def test_other_weights_can_be_set(tmp_path: Path) -> None:
    network = made.nested()
    path = made.saved(network, tmp_path / "a", seed=1)
    model, batch = made.opened(path), made.images(2, 16, 16, 3)
    before = model.run(batch, [], predictions=True).predictions
    model.set_weights(made.stored(made.saved(network, tmp_path / "b", seed=9)))
    after = model.run(batch, [], predictions=True).predictions
    assert before is not None
    assert after is not None
    expected = np.asarray(network(batch, training=False))
    assert made.largest_difference(after, expected) < TOLERANCE
    assert np.abs(after - before).max() > 1e-3


def test_channels_and_their_maximum_are_taken(tmp_path: Path) -> None:
    path = made.saved(made.nested(), tmp_path / "exported")
    model, batch = made.opened(path), made.images(2, 16, 16, 3)
    wanted = [Wanted("upper/conv"), Wanted("upper/conv", (5, 1), "max")]
    whole, largest = model.run(batch, wanted, predictions=False).layers
    assert whole.shape == (2, 8, 8, 8)
    assert np.array_equal(largest, whole.max(axis=(1, 2))[:, [5, 1]])
    with pytest.raises(InvalidRequestError, match="channels 0 to 7"):
        model.run(batch, [Wanted("upper/conv", (8,))], predictions=False)


def test_many_images_run_in_batches(tmp_path: Path) -> None:
    path = made.saved(made.nested(), tmp_path / "exported")
    model, batch = made.opened(path), made.images(70, 16, 16, 3)
    assert len(model.batches(70)) > 1
    result = model.run(batch, [Wanted("head")], predictions=True)
    one = model.run(batch[69:], [Wanted("head")], predictions=True)
    assert result.predictions is not None
    assert one.predictions is not None
    assert result.predictions.shape == (70, 1)
    assert result.layers[0].shape == (70, 1)
    np.testing.assert_allclose(result.predictions[69:], one.predictions, rtol=1e-5)


def test_a_fixed_batch_of_bytes_is_filled_up(tmp_path: Path) -> None:
    class Mean(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((4, 2, 2, 3), tf.uint8)])
        def __call__(self, x: Any) -> Any:
            return tf.reduce_mean(tf.cast(x, tf.float32), [1, 2]) * self.scale

    module = Mean()
    module.scale = tf.Variable([1.0, 2.0, 3.0], name="scale")
    path = str(tmp_path / "mean")
    tf.saved_model.save(module, path, signatures={"serving_default": module.__call__})
    model = made.opened(path)
    batch = np.round(made.images(6, 2, 2, 3) * 255)
    result = model.run(batch, [], predictions=True)
    assert result.predictions is not None
    expected = batch.mean(axis=(1, 2)) * [1, 2, 3]
    np.testing.assert_allclose(result.predictions, expected, rtol=1e-5)


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    path = made.saved(made.nested(), tmp_path / "exported")
    model = GraphModel(path)
    with pytest.raises(ModelUnavailableError, match="no weights yet"):
        model.run(made.images(1, 16, 16, 3), [], predictions=True)
    weights = made.stored(path)
    kept = weights.pop("head/kernel")
    with pytest.raises(ModelUnavailableError, match=r"1 of 14 tensors .*: head/kernel\."):
        model.set_weights(weights)
    with pytest.raises(ModelUnavailableError, match=r"'head/kernel' has the shape \[1, 8\]"):
        model.set_weights(weights | {"head/kernel": kept.T})
    model.set_weights(weights | {"head/kernel": kept})
    with pytest.raises(InvalidRequestError, match="Resize them"):
        model.run(made.images(1, 16, 17, 3), [], predictions=True)
    with pytest.raises(InvalidRequestError, match="'lower/drop' was not found"):
        model.run(made.images(1, 16, 16, 3), [Wanted("lower/drop")], predictions=True)


def test_several_inputs_are_refused_with_what_to_do(tmp_path: Path) -> None:
    a, b = keras.Input((4, 4, 3), name="first"), keras.Input((4, 4, 3), name="second")
    flat = keras.layers.Flatten()(a + b)
    network = keras.Model([a, b], keras.layers.Dense(2)(flat))
    path = made.saved(network, tmp_path / "exported")
    with pytest.raises(ModelUnavailableError, match="takes 2 inputs") as caught:
        GraphModel(path)
    assert "signature that takes one batch of images" in caught.value.remedy
