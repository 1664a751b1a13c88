"""Mixtures of the weights of a and b equal a Keras model with those weights set."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import A, B, Mixture, MixtureResult, Replacement, Wanted
from tb_snapshot_compare.snapshot import SnapshotContents
from tests.inference.keras_helpers import (
    check_equal,
    images_like,
    keras_outputs,
    randomize,
    request,
    save_pair,
)

LAYER = {
    "conv": ("conv/kernel", "conv/bias"),
    "norm": ("norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"),
}


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, SnapshotContents, SnapshotContents]:
    model = keras.Sequential(
        [
            layers.Input((10, 10, 3)),
            layers.Conv2D(6, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth"),
            layers.Conv2DTranspose(4, 3, name="up"),
            layers.Reshape((-1, 4)),
            layers.LSTM(3, name="lstm"),
            layers.Dense(5, activation="softmax", name="fc"),
        ],
        name="mixing",
    )
    a, b = save_pair(model, tmp_path_factory.mktemp("mixing"))
    return model, a, b


def _expected(
    model: Any, changes: dict[str, tuple[tuple[Any, ...], ...]], images: Any, base: int = 0
) -> list[Any]:
    """Keras's outputs with the other's values put in at the given places of variables."""
    other = [variable.numpy() for variable in _set(model, 1 - base)]
    names = [variable.path for variable in model.weights]
    variables = _set(model, base)
    done = 0
    for name, places in changes.items():
        for path, variable, values in zip(names, variables, other, strict=True):
            if path.endswith(name):
                own = variable.numpy()
                for place in places:
                    own[place] = values[place]
                variable.assign(own)
                done += 1
    assert done == len(changes)
    return keras_outputs(model, ["conv"], images)


def _set(model: Any, seed: int) -> list[Any]:
    randomize(model, seed)
    return list(model.weights)


def _run(
    inference: Inference, pair: tuple[Any, SnapshotContents, SnapshotContents], *mixtures: Mixture
) -> tuple[MixtureResult, ...]:
    model, a, b = pair
    images = images_like(model)
    return inference.run(request(a, b, images, (Wanted("conv"),), mixtures))


WHOLE = ((...,),)


def test_one_layer_swapped_with_its_statistics(inference: Inference, pair: Any) -> None:
    names = LAYER["norm"]
    mixture = Mixture("a", (Replacement(names),))
    results = _run(inference, pair, A, mixture, B, Mixture("b", (Replacement(names),)))
    images = images_like(pair[0])
    check_equal(results[0], _expected(pair[0], {}, images))
    check_equal(results[1], _expected(pair[0], dict.fromkeys(names, WHOLE), images))
    check_equal(results[2], _expected(pair[0], {}, images, base=1))
    check_equal(results[3], _expected(pair[0], dict.fromkeys(names, WHOLE), images, base=1))


def test_all_layers_swapped_are_the_other_snapshot(inference: Inference, pair: Any) -> None:
    names = tuple(tensor.name for tensor in pair[1].tensors if tensor.scope == "weights")
    everything, b = _run(inference, pair, Mixture("a", (Replacement(names),)), B)
    assert everything.predictions is not None
    np.testing.assert_array_equal(everything.predictions, b.predictions)


def test_filters_swap_only_their_output_channels(inference: Inference, pair: Any) -> None:
    mixture = Mixture("a", (Replacement(LAYER["conv"], (1, 4)),))
    (result,) = _run(inference, pair, mixture)
    places = {"conv/kernel": ((..., [1, 4]),), "conv/bias": (([1, 4],),)}
    check_equal(result, _expected(pair[0], places, images_like(pair[0])))


def test_filters_of_depthwise_transposed_and_recurrent_layers(
    inference: Inference, pair: Any
) -> None:
    cases: dict[str, dict[str, tuple[tuple[Any, ...], ...]]] = {
        "depth": {
            "depth/kernel": ((..., 1, 1), (..., 2, 0)),
            "depth/bias": (([3, 4],),),
        },
        "up": {"up/kernel": ((..., [3], slice(None)),), "up/bias": (([3],),)},
        "lstm": {
            "lstm_cell/kernel": ((..., [2, 5, 8, 11]),),
            "lstm_cell/recurrent_kernel": ((..., [2, 5, 8, 11]),),
            "lstm_cell/bias": (([2, 5, 8, 11],),),
        },
    }
    filters = {"depth": (3, 4), "up": (3,), "lstm": (2,)}
    tensors = [tensor.name for tensor in pair[1].tensors if tensor.scope == "weights"]
    for layer, places in cases.items():
        own = tuple(name for name in tensors if name.startswith(layer + "/"))
        (result,) = _run(inference, pair, Mixture("a", (Replacement(own, filters[layer]),)))
        check_equal(result, _expected(pair[0], places, images_like(pair[0])))


def test_several_replacements_add_up(inference: Inference, pair: Any) -> None:
    mixture = Mixture("a", tuple(Replacement(names) for names in LAYER.values()))
    (result,) = _run(inference, pair, mixture)
    changes = dict.fromkeys((*LAYER["conv"], *LAYER["norm"]), WHOLE)
    check_equal(result, _expected(pair[0], changes, images_like(pair[0])))


def test_the_snapshots_stay_as_they_are_after_a_mixture(inference: Inference, pair: Any) -> None:
    before = _run(inference, pair, A, B)
    _run(inference, pair, Mixture("b", (Replacement(LAYER["conv"], (0,)),)))
    after = _run(inference, pair, A, B)
    for one, other in zip(before, after, strict=True):
        assert one.predictions is not None
        np.testing.assert_array_equal(one.predictions, other.predictions)


def test_tensors_and_filters_that_do_not_exist_are_named(inference: Inference, pair: Any) -> None:
    with pytest.raises(InvalidRequestError, match="no tensor 'conv/gamma'"):
        _run(inference, pair, Mixture("a", (Replacement(("conv/gamma",)),)))
    with pytest.raises(InvalidRequestError, match="filters 0 to 5"):
        _run(inference, pair, Mixture("a", (Replacement(LAYER["conv"], (6,)),)))


def test_a_replaced_file_is_noticed(tmp_path: Path, inference: Inference) -> None:
    from tb_snapshot_compare.errors import SnapshotChangedError

    model = keras.Sequential([layers.Input((6, 6, 3)), layers.Conv2D(2, 3, name="conv")])
    a, b = save_pair(model, tmp_path)
    model.save(a.path)
    with pytest.raises(SnapshotChangedError, match="replaced"):
        inference.run(request(a, b, images_like(model)))
