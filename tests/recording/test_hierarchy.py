"""Units from names and shapes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tb_snapshot_compare import open_snapshot
from tb_snapshot_compare.analysis import FilterAxis
from tb_snapshot_compare.recording.hierarchy import Hierarchy, hierarchy_of
from tb_snapshot_compare.recording.snapshot_files import write_snapshot
from tb_snapshot_compare.recording.values import Dump
from tb_snapshot_compare.workspace.opening import architecture_of

Arrays = dict[str, np.ndarray[Any, Any]]


def zeros(shapes: dict[str, tuple[int, ...]], dtype: str = "float32") -> Arrays:
    return {name: np.zeros(shape, dtype) for name, shape in shapes.items()}


KERAS = {
    "stage1/conv1/kernel": (3, 3, 3, 8),
    "stage1/conv1/bias": (8,),
    "stage1/norm1/gamma": (8,),
    "stage2/block1/conv1/kernel": (3, 3, 8, 12),
    "stage2/block1/up/kernel": (3, 3, 5, 12),
    "stage2/block1/up/bias": (5,),
    "fc/kernel": (20, 4),
}


def parents(found: Hierarchy) -> dict[str, str | None]:
    return {unit.path: unit.parent for unit in found.units}


def test_paths_are_units_and_parents_come_first() -> None:
    found = hierarchy_of(zeros(KERAS))
    assert parents(found) == {
        "": None, "stage1": "", "stage1/conv1": "stage1", "stage1/norm1": "stage1", "stage2": "",
        "stage2/block1": "stage2", "stage2/block1/conv1": "stage2/block1",
        "stage2/block1/up": "stage2/block1", "fc": "",
    }  # fmt: skip
    assert all(parent < unit for unit, parent in enumerate(found.parents))
    assert [unit.order for unit in found.units] == list(range(9))


@pytest.mark.parametrize(
    ("names", "buffers"),
    [
        (("n/gamma", "n/beta", "n/moving_mean", "n/moving_variance"), 2),
        (("n.weight", "n.bias", "n.running_mean", "n.running_var"), 2),
        (("n/kernel", "n/bias"), 0),
    ],
)
def test_what_no_optimizer_trains_is_told_apart(names: tuple[str, ...], buffers: int) -> None:
    places = hierarchy_of(zeros(dict.fromkeys(names, (8,)))).places
    assert [places[name].is_buffer for name in names] == [
        place >= len(names) - buffers for place in range(len(names))
    ]


def test_parameters_and_filters_of_groups_are_those_in_them() -> None:
    found = {unit.path: unit for unit in hierarchy_of(zeros(KERAS)).units}
    assert found["stage1/conv1"].parameters == 3 * 3 * 3 * 8 + 8
    assert found["stage2"].parameters == 3 * 3 * 8 * 12 + 3 * 3 * 5 * 12 + 5
    assert found[""].parameters == sum(int(np.prod(shape)) for shape in KERAS.values())
    assert (found["stage1"].filters, found["stage2"].filters, found[""].filters) == (8, 17, 29)
    assert found["stage1/norm1"].filters == 0


def test_only_kernels_have_filters_along_the_axis_of_their_layer() -> None:
    found = hierarchy_of(zeros(KERAS))
    assert found.kernels == {
        "stage1/conv1/kernel": ("stage1/conv1", FilterAxis(8, 1)),
        "stage2/block1/conv1/kernel": ("stage2/block1/conv1", FilterAxis(12, 1)),
        "stage2/block1/up/kernel": ("stage2/block1/up", FilterAxis(5, 12)),
        "fc/kernel": ("fc", FilterAxis(4, 1)),
    }


def test_a_layers_filters_are_those_of_its_largest_kernel() -> None:
    shapes = {"lstm/kernel": (7, 24), "lstm/recurrent_kernel": (6, 24), "lstm/bias": (24,)}
    assert hierarchy_of(zeros(shapes)).kernels == {"lstm/kernel": ("lstm", FilterAxis(24, 1))}


def test_a_state_dict_of_pytorch_is_units_too() -> None:
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3),
        torch.nn.BatchNorm2d(6),
        torch.nn.Sequential(torch.nn.Conv2d(6, 4, 3), torch.nn.Linear(9, 2)),
    )
    arrays = {name: each.numpy() for name, each in model.state_dict().items()}
    found = hierarchy_of(arrays)
    assert parents(found) == {"": None, "0": "", "1": "", "2": "", "2/0": "2", "2/1": "2"}
    assert found.kernels["2.0.weight"] == ("2/0", FilterAxis(4, 54))
    assert "1.num_batches_tracked" not in found.places
    assert found.units[found.places["1.running_mean"].unit].path == "1"


def test_other_names_can_be_given() -> None:
    shapes = {"w0": (3, 3, 3, 8), "b0": (8,), "w1": (40, 5)}
    paths = {"w0": "stage1/conv/kernel", "b0": "stage1/conv/bias", "w1": "head/kernel"}
    found = hierarchy_of(zeros(shapes), paths=paths)
    assert parents(found) == {"": None, "stage1": "", "stage1/conv": "stage1", "head": ""}
    assert found.kernels["w1"] == ("head", FilterAxis(5, 1))


def test_flat_names_are_grouped_by_stage_and_block() -> None:
    names = ("conv1_conv", "conv1_bn", "conv2_block1_1_conv", "conv2_block1_2_conv", "fc")
    found = hierarchy_of(zeros({f"{name}/kernel": (2, 3) for name in names}))
    assert parents(found)["conv2_block1_2_conv"] == "conv2_block1"
    assert parents(found)["conv1_bn"] == "conv1"


def test_a_keras_configuration_tells_classes_and_order() -> None:
    import keras

    given = keras.Input((8, 8, 3))
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2DTranspose(5, 2, name="up")], name="encoder"
    )
    x = keras.layers.DepthwiseConv2D(3, name="depth")(inner(given))
    x = keras.layers.Flatten(name="flatten")(x)
    model = keras.Model(given, keras.layers.Dense(2, name="head")(x), name="net")
    arrays = {variable.path: variable.numpy() for variable in reversed(model.weights)}
    found = hierarchy_of(arrays, keras_config=model.to_json())
    assert [(unit.path, unit.kind) for unit in found.units] == [
        ("", "Model"), ("encoder", "Sequential"), ("encoder/up", "Conv2DTranspose"),
        ("depth", "DepthwiseConv2D"), ("head", "Dense"),
    ]  # fmt: skip
    assert found.kernels["encoder/up/kernel"] == ("encoder/up", FilterAxis(5, 3))
    assert found.kernels["depth/kernel"] == ("depth", FilterAxis(5, 1))


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_layers_are_called_as_in_a_snapshot_of_the_same_arrays(
    framework: str, tmp_path: Path
) -> None:
    if framework == "keras":
        arrays = zeros(KERAS)
    else:
        module = torch.nn.ModuleDict(
            {"features": torch.nn.Conv2d(3, 4, 3), "rnn": torch.nn.GRU(3, 2)}
        )
        arrays = {name: each.numpy() for name, each in module.state_dict().items()}
    opened = open_snapshot(write_snapshot(tmp_path, Dump(7, 0.0, arrays), {}, "w"))
    layers = [layer for layer in architecture_of(opened, opened).layers if not layer.is_group]
    found = hierarchy_of(arrays)
    leaves = {unit.path for unit in found.units} - {unit.parent for unit in found.units}
    assert leaves == {layer.name for layer in layers}
    assert {name: (unit, axis.count) for name, (unit, axis) in found.kernels.items()}.keys() <= {
        tensor.key for tensor in opened.contents.tensors
    }


def test_other_shapes_are_another_network() -> None:
    found = hierarchy_of(zeros(KERAS))
    assert found.has(zeros(KERAS))
    assert found.has(zeros(KERAS) | {"counter": np.array("text")})
    assert not found.has(zeros(KERAS | {"fc/kernel": (20, 5)}))
    assert not found.has(zeros({name: shape for name, shape in KERAS.items() if name[0] == "s"}))


@pytest.mark.parametrize("name", ["", "/", "."])
def test_a_tensor_without_a_name_belongs_to_a_layer_all_the_same(name: str) -> None:
    hierarchy = hierarchy_of({name: np.zeros((3, 4)), "dense/kernel": np.zeros((4, 2))})
    assert next(unit.path for unit in hierarchy.units) == ""
    assert all(parent < place for place, parent in enumerate(hierarchy.parents))
    assert {hierarchy.places[each].unit for each in (name, "dense/kernel")} == {1, 2}
