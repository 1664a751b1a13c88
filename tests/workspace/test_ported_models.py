"""A Keras model beside its PyTorch port: one graph, equal maps, and the same outputs."""

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
from keras import layers

from tb_snapshot_compare import compare, open_snapshot
from tb_snapshot_compare.analysis import DistributionAccumulator
from tb_snapshot_compare.analysis.matrix_layout import matrix_layout
from tb_snapshot_compare.analysis.slice_measures import SLICE_QUANTITIES
from tb_snapshot_compare.workspace import OpenedSnapshot, match
from tb_snapshot_compare.workspace.kernel_levels import Places
from tb_snapshot_compare.workspace.kernel_pairs import KernelPair
from tb_snapshot_compare.workspace.kernel_pyramids import build_pyramid
from tb_snapshot_compare.workspace.kernel_slices import (
    area_distribution,
    parse_area,
    slice_values,
)
from tb_snapshot_compare.workspace.kernel_values import KernelValues
from tests.workspace.stored_tensors import Stored, snapshot, torch

Array = np.ndarray[Any, Any]


def network() -> keras.Model:
    given = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="entry")(given)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depth")(x)
    x = layers.Conv2DTranspose(5, 2, name="up")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(given, layers.Dense(7, name="head")(x), name="net")


def ported(model: keras.Model) -> dict[str, Stored | Array]:
    """The model's weights as a port in PyTorch would store them, under names of its own."""
    found: dict[str, Stored | Array] = {}
    place = {"entry": "features/0", "norm": "features/1", "depth": "features/3", "up": "decoder",
             "head": "classifier"}  # fmt: skip
    for variable in model.weights:
        layer, role = variable.path.split("/")
        values = variable.numpy()
        if layer == "depth" and role == "kernel":
            values = values.reshape(3, 3, 8).transpose(2, 0, 1)[:, None]
        elif role == "kernel":
            values = values.T if values.ndim == 2 else values.transpose(3, 2, 0, 1)
        found[f"{place[layer]}/{role}"] = torch(values) if role == "kernel" else values
    return found


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[OpenedSnapshot, Path]:
    folder = tmp_path_factory.mktemp("ported")
    keras.utils.set_random_seed(3)
    model = network()
    for variable in model.weights:
        variable.assign(np.random.default_rng(5).normal(size=variable.shape))
    model.save(folder / "model.keras")
    return open_snapshot(folder / "model.keras"), folder


@pytest.fixture(scope="module")
def port(pair: tuple[OpenedSnapshot, Path]) -> OpenedSnapshot:
    model, folder = pair
    return snapshot(folder / "port", ported(keras.saving.load_model(model.contents.path)))


@pytest.mark.parametrize("turned", [False, True])
def test_they_are_one_graph_with_the_layers_of_the_configuration(
    turned: bool, pair: tuple[OpenedSnapshot, Path], port: OpenedSnapshot
) -> None:
    a, b = (port, pair[0]) if turned else (pair[0], port)
    found = match(a, b)
    graph = found.architecture.graph
    assert set(found.architecture.sides.values()) == {"both"}
    assert [layer.name for layer in graph.layers][1:] == [
        "entry", "norm", "relu", "depth", "up", "pool", "head",
    ]  # fmt: skip
    assert {layer.name: layer.kind for layer in graph.layers}["up"] == "Conv2DTranspose"
    assert len(graph.edges) == 7
    result = compare(a, b)
    assert result.coverage.tensors_compared == result.coverage.tensors_total == 12
    assert result.model.l2 == 0.0
    names = {tensor.name for tensor in result.tensors}
    assert ("head/kernel" if turned else "classifier/kernel") in names
    assert {layer.name for layer in result.layers} == {"entry", "norm", "depth", "up", "head"}


def test_a_depthwise_layer_is_told_by_the_configuration(
    pair: tuple[OpenedSnapshot, Path], port: OpenedSnapshot
) -> None:
    found = {f.layer: f.filters for f in compare(pair[0], port).filters}
    assert found == {"entry": 4, "norm": 4, "depth": 8, "up": 5, "head": 7}


def kernel_pair(a: OpenedSnapshot, b: OpenedSnapshot, name: str, kind: str) -> KernelPair:
    found = next(pair for pair in match(a, b).pairs if pair.name == name)
    assert found.a is not None
    assert found.b is not None
    return KernelPair(
        found.name, "x", kind, found.a, found.b, a.contents.generation, b.contents.generation,
        matrix_layout(name, "kernel", kind, found.b.shape, None, found.b.layout), (found,),
    )  # fmt: skip


LAYERS = [
    ("features/0", "entry", "Conv2D"), ("features/3", "depth", "DepthwiseConv2D"),
    ("decoder", "up", "Conv2DTranspose"), ("classifier", "head", "Dense"),
]  # fmt: skip


@pytest.mark.parametrize(("of_torch", "of_keras", "kind"), LAYERS)
@pytest.mark.parametrize("whole", [0, 1 << 20], ids=["from the file", "in memory"])
def test_the_map_of_two_ports_is_that_of_the_two_keras_models(
    of_torch: str, of_keras: str, kind: str, whole: int, tmp_path: Path
) -> None:
    """Levels, slices and areas; values are quarters, so that sums are exact in every order."""
    model = network()
    twins: list[list[OpenedSnapshot]] = [[], []]
    for number in (1, 2):
        random = np.random.default_rng(number)
        for variable in model.weights:
            variable.assign(random.integers(-20, 20, size=variable.shape) / 4)
        plain = {variable.path: variable.numpy() for variable in model.weights}
        twins[0].append(snapshot(tmp_path / f"k{number}", plain))
        twins[1].append(snapshot(tmp_path / f"t{number}", ported(model)))
    keras_pair = kernel_pair(*twins[0], f"{of_keras}/kernel", kind)
    torch_pair = kernel_pair(*twins[1], f"{of_torch}/kernel", kind)
    assert torch_pair.b.layout == "torch"
    values, places = KernelValues(whole), Places(None, None)
    one, other = (build_pyramid(values, each, places) for each in (keras_pair, torch_pair))
    for quantity in SLICE_QUANTITIES:
        for x, y in zip(one.levels[quantity], other.levels[quantity], strict=True):
            np.testing.assert_array_equal(y, x, err_msg=quantity)
        assert one.scales[quantity] == other.scales[quantity]
    row, column = keras_pair.layout.rows - 1, keras_pair.layout.columns // 2
    x, y = (slice_values(values, each, row, column) for each in (keras_pair, torch_pair))
    np.testing.assert_array_equal(y.difference, x.difference)
    counts = []
    for each in (keras_pair, torch_pair):
        area = parse_area(f"0-{row}", f"1-{column}", each)
        accumulator = DistributionAccumulator(-10.0, 10.0, 9, 3)
        counts.append(area_distribution(values, each, places, area, accumulator).counts)
    np.testing.assert_array_equal(*counts)
