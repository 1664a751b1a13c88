"""PyTorch's weights through the Keras configuration of the snapshot that they are compared with."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
import torch
from keras import layers
from torch import nn

from tb_snapshot_compare import open_snapshot
from tb_snapshot_compare.inference.client import Inference
from tb_snapshot_compare.inference.values import A, B, Mixture, Replacement, RunRequest
from tb_snapshot_compare.workspace import OpenedSnapshot, match
from tb_snapshot_compare.workspace.model_sources import sources_of

Ported = tuple[OpenedSnapshot, OpenedSnapshot, nn.Module]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Ported:
    folder = tmp_path_factory.mktemp("ported")
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu", name="entry"),
            layers.BatchNormalization(epsilon=1e-5, name="norm"),
            layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(5, activation="softmax", name="head"),
        ]
    )
    model.save(folder / "model.keras")
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3, groups=4),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5), nn.Softmax(1),
    ).eval()  # fmt: skip
    torch.save(module.state_dict(), folder / "port.pt")
    return open_snapshot(folder / "model.keras"), open_snapshot(folder / "port.pt"), module


def images() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(4, 8, 8, 3)).astype(np.float32)


def of_torch(module: nn.Module) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(module(torch.tensor(images().transpose(0, 3, 1, 2))))


def of_keras(snapshot: OpenedSnapshot) -> np.ndarray:
    model = keras.saving.load_model(snapshot.contents.path)
    return np.asarray(model(images()))


@pytest.mark.parametrize("turned", [False, True])
def test_a_port_computes_what_pytorch_does(
    turned: bool, pair: Ported, inference: Inference
) -> None:
    model, port, module = pair
    a, b = (port, model) if turned else (model, port)
    of_a, of_b = sources_of(a, b, None)
    assert of_a.source == of_b.source
    request = RunRequest(of_a.source, of_a.contents, of_b.contents, (A, B), images())
    results = [result.predictions for result in inference.run(request)]
    if turned:
        results.reverse()
    np.testing.assert_allclose(results[0], of_keras(model), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(results[1], of_torch(module), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("turned", [False, True])
def test_layers_are_swapped_under_the_names_of_the_pair(
    turned: bool, pair: Ported, inference: Inference
) -> None:
    model, port, _ = pair
    a, b = (port, model) if turned else (model, port)
    names = tuple(p.name for p in match(a, b).of_scopes(frozenset({"weights"})))
    of_a, of_b = sources_of(a, b, None)
    everything = Mixture("a", (Replacement(names),))
    request = RunRequest(of_a.source, of_a.contents, of_b.contents, (everything, B), images())
    swapped, whole = inference.run(request)
    np.testing.assert_array_equal(swapped.predictions, whole.predictions)
