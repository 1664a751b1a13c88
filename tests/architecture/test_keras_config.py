import json
from typing import Any

import pytest

from tb_snapshot_compare.architecture import (
    Architecture,
    Edge,
    Layer,
    from_keras_config,
    layer_of,
)
from tb_snapshot_compare.snapshot import TensorInfo


def _read(specimen: Any) -> Architecture:
    return from_keras_config(specimen.config, specimen.tensors, "keras_config")


def _pairs(architecture: Architecture) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in architecture.edges}


def _leaves(architecture: Architecture) -> dict[str, Layer]:
    return {layer.name: layer for layer in architecture.layers if not layer.is_group}


def _groups(architecture: Architecture) -> dict[str, Layer]:
    return {layer.name: layer for layer in architecture.layers if layer.is_group}


# --- every model against Keras's own node graph


def test_edges_are_those_of_the_models_real_node_graph(specimen: Any) -> None:
    architecture = _read(specimen)
    cut = {("again", "again"), ("relu", "again")} if specimen.name == "own_output" else set()
    assert _pairs(architecture) == specimen.edges - cut
    assert len(architecture.edges) == len(_pairs(architecture))


def test_layers_are_in_topological_order_and_groups_before_their_layers(specimen: Any) -> None:
    architecture = _read(specimen)
    rank = {layer.name: number for number, layer in enumerate(architecture.layers)}
    assert len(rank) == len(architecture.layers)
    assert all(rank[edge.source] < rank[edge.target] for edge in architecture.edges)
    for layer in architecture.layers:
        if layer.parent is not None:
            assert rank[layer.parent] < rank[layer.name]
            assert architecture.layers[rank[layer.parent]].is_group


def test_edges_end_at_layers_never_at_groups(specimen: Any) -> None:
    architecture = _read(specimen)
    leaves = _leaves(architecture)
    assert all(e.source in leaves and e.target in leaves for e in architecture.edges)


def test_every_tensor_belongs_to_one_layer_and_parameters_add_up(specimen: Any) -> None:
    architecture = _read(specimen)
    tensors = [name for layer in architecture.layers for name in layer.tensors]
    assert sorted(tensors) == sorted(tensor.name for tensor in specimen.tensors)
    leaves = _leaves(architecture)
    assert sum(layer.parameters for layer in leaves.values()) == specimen.count_params
    assert all(layer.kind != "Unknown" for layer in leaves.values())
    assert all(not layer.tensors for layer in _groups(architecture).values())


def test_a_groups_parameters_are_those_of_its_layers(specimen: Any) -> None:
    architecture = _read(specimen)
    leaves = _leaves(architecture)
    for name, group in _groups(architecture).items():
        inside = [la.parameters for path, la in leaves.items() if path.startswith(f"{name}/")]
        assert group.parameters == sum(inside)


def test_output_shapes_are_those_that_keras_computed(specimen: Any) -> None:
    leaves = _leaves(_read(specimen))
    told = {name: la.output_shape for name, la in leaves.items() if la.output_shape is not None}
    assert told == {name: specimen.shapes[name] for name in told}
    untold = set(leaves) - set(told)
    assert untold == ({"get_item", "matmul"} & untold if specimen.name == "operators" else set())


def test_shapes_are_computed_where_none_are_recorded(specimen: Any) -> None:
    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                history = value["config"]["keras_history"]
                return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}
            return {key: stripped(item) for key, item in value.items() if key != "build_config"}
        return [stripped(item) for item in value] if isinstance(value, list) else value

    text = json.dumps(stripped(json.loads(specimen.config)))
    leaves = _leaves(from_keras_config(text, specimen.tensors, "keras_config"))
    told = {name: la.output_shape for name, la in leaves.items() if la.output_shape is not None}
    assert told == {name: specimen.shapes[name] for name in told}
    if specimen.name in {
        "sequential",
        "residual",
        "inception",
        "resnet50",
        "mobilenet",
    }:
        assert set(told) == set(leaves)


def test_layer_of_knows_every_tensor_by_its_full_layer(specimen: Any) -> None:
    architecture = _read(specimen)
    layers = layer_of(architecture)
    assert set(layers) == {tensor.name for tensor in specimen.tensors}
    assert set(layers.values()) <= set(_leaves(architecture))


# --- single constructions


def test_equal_leaf_names_in_nested_models_get_their_own_tensors(specimens: Any) -> None:
    specimen = specimens["nested"]
    layers = layer_of(_read(specimen))
    shapes = {tensor.name: tensor.shape for tensor in specimen.tensors}
    assert {layers[name]: shapes[name] for name in shapes if name.endswith("kernel")} == {
        "first": (6, 6),
        "middle/dense": (6, 6),
        "middle/inner/dense": (6, 6),
        "dense": (6, 2),
    }


def test_nested_models_are_groups_with_kind_shape_and_parent(specimens: Any) -> None:
    groups = _groups(_read(specimens["nested"]))
    assert {g.name: (g.kind, g.parent, g.output_shape) for g in groups.values()} == {
        "middle": ("Sequential", None, (None, 6)),
        "middle/inner": ("Functional", "middle", (None, 6)),
    }


def test_a_layer_called_on_its_own_result_is_drawn_once_and_said(specimens: Any) -> None:
    architecture = _read(specimens["own_output"])
    assert _pairs(architecture) == {("x", "again"), ("again", "relu"), ("again", "end")}
    assert "again is called on what came of it: 2 connections back to it are not drawn." in (
        architecture.note
    )


def test_a_wrapper_is_one_layer_with_the_tensors_of_what_it_wraps(specimens: Any) -> None:
    leaves = _leaves(_read(specimens["recurrent"]))
    assert leaves["both_ways"].kind == "Bidirectional"
    assert len(leaves["both_ways"].tensors) == 6
    assert leaves["each"].tensors == ("per_step/kernel", "per_step/bias")
    of_legacy = _tensor("steps/per_step/kernel", (8, 5))
    layers = layer_of(from_keras_config(specimens["recurrent"].config, [of_legacy], "event_file"))
    assert layers == {"steps/per_step/kernel": "each"}


def test_a_composite_layer_has_the_tensors_of_its_parts(specimens: Any) -> None:
    mha = _leaves(_read(specimens["attention"]))["mha"]
    assert {tensor.split("/")[1] for tensor in mha.tensors} == {
        "query", "key", "value", "attention_output",
    }  # fmt: skip


def test_the_source_and_a_note_for_the_page_are_given(specimens: Any) -> None:
    specimen = specimens["residual"]
    of_event = from_keras_config(specimen.config, specimen.tensors, "event_file")
    assert (of_event.source, _read(specimen).source) == ("event_file", "keras_config")
    assert "event file" in of_event.note


def test_tensors_that_no_layer_owns_are_layers_of_their_own(specimens: Any) -> None:
    specimen = specimens["residual"]
    strangers = [
        _tensor("elsewhere/conv/kernel", (3, 4)), _tensor("temperature", (), layer=None),
        _tensor("pool", (2,), layer=None), _tensor("adam/m", (9,), scope="optimizer"),
    ]  # fmt: skip
    architecture = from_keras_config(
        specimen.config, [*specimen.tensors, *strangers], "keras_config"
    )
    leaves = _leaves(architecture)
    assert (leaves["elsewhere/conv"].kind, leaves["elsewhere/conv"].parameters) == ("Unknown", 12)
    assert leaves["elsewhere/conv"].parent == "elsewhere"
    assert leaves["temperature"].parameters == 1
    assert leaves["pool#2"].tensors == ("pool",)
    assert "adam/m" not in layer_of(architecture)
    assert "3 tensors of no layer of the configuration are listed" in architecture.note


def test_a_configuration_without_the_snapshots_tensors_still_gives_the_graph(
    specimens: Any,
) -> None:
    architecture = from_keras_config(specimens["residual"].config, [], "event_file")
    assert len(architecture.edges) == len(specimens["residual"].edges)
    assert all(layer.parameters == 0 for layer in architecture.layers)


def test_a_subclassed_model_is_listed_by_names_and_said_to_be() -> None:
    text = '{"module": null, "class_name": "MyNet", "config": {}, "build_config": {}}'
    architecture = from_keras_config(text, [_tensor("block/conv/kernel", (2, 2))], "keras_config")
    assert architecture.source == "names"
    assert "class MyNet" in architecture.note
    assert [layer.name for layer in architecture.layers] == ["block", "block/conv"]


def test_a_subclassed_layer_inside_a_graph_keeps_its_parts() -> None:
    import keras

    class Block(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="block")
            self.inner = keras.layers.Dense(2, name="inner")

        def call(self, x: Any) -> Any:
            return self.inner(x)

    x = keras.Input((3,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, name="end")(Block()(x)))
    tensors = [
        _tensor("block/inner/kernel", (3, 2)), _tensor("block/inner/bias", (2,)),
        _tensor("end/kernel", (2, 1)), _tensor("end/bias", (1,)),
    ]  # fmt: skip
    leaves = _leaves(from_keras_config(model.to_json(), tensors, "keras_config"))
    assert {name: la.parameters for name, la in leaves.items()} == {"x": 0, "block": 8, "end": 3}


# --- tf.keras 2


def _keras2_layer(kind: str, name: str, inbound: Any, **config: Any) -> dict[str, Any]:
    return {
        "class_name": kind, "config": {"name": name, **config}, "name": name,
        "inbound_nodes": inbound,
    }  # fmt: skip


def test_the_lists_of_keras_2_are_read() -> None:
    text = json.dumps(
        {
            "class_name": "Functional",
            "config": {
                "name": "model",
                "layers": [
                    _keras2_layer("InputLayer", "in", [], batch_input_shape=[None, 8, 8, 3]),
                    _keras2_layer(
                        "Conv2D", "conv", [[["in", 0, 0, {}]]], filters=4, kernel_size=[3, 3],
                        strides=[1, 1], padding="valid", dilation_rate=[1, 1],
                        data_format="channels_last",
                    ),
                    _keras2_layer("Add", "add", [[["conv", 0, 0, {}], ["conv", 0, 0, {}]]]),
                    _keras2_layer(
                        "TFOpLambda", "tf.math.multiply",
                        [["add", 0, 0, {"y": ["conv", 0, 0], "name": None}]],
                        function="math.multiply",
                    ),
                    _keras2_layer("Flatten", "flat", [[["tf.math.multiply", 0, 0, {}]]]),
                    _keras2_layer("Dense", "dense", [[["flat", 0, 0, {}]]], units=5),
                ],
                "input_layers": [["in", 0, 0]],
                "output_layers": [["dense", 0, 0]],
            },
            "keras_version": "2.9.0",
            "backend": "tensorflow",
        }
    )  # fmt: skip
    architecture = from_keras_config(text, [_tensor("conv/kernel", (3, 3, 3, 4))], "keras_config")
    assert _pairs(architecture) == {
        ("in", "conv"), ("conv", "add"), ("add", "tf.math.multiply"),
        ("conv", "tf.math.multiply"), ("tf.math.multiply", "flat"), ("flat", "dense"),
    }  # fmt: skip
    leaves = _leaves(architecture)
    assert leaves["conv"].output_shape == leaves["add"].output_shape == (None, 6, 6, 4)
    assert leaves["conv"].parameters == 108


@pytest.mark.parametrize("bare", [False, True])
def test_a_sequential_model_of_keras_2_needs_no_input_layer(bare: bool) -> None:
    layers = [
        {
            "class_name": "Dense",
            "config": {"name": "a", "units": 5, "batch_input_shape": [None, 3]},
        },
        {"class_name": "Activation", "config": {"name": "b"}},
        {"class_name": "Dense", "config": {"name": "c", "units": 2}},
    ]
    config = layers if bare else {"name": "sequential", "layers": layers}
    text = json.dumps({"class_name": "Sequential", "config": config})
    architecture = from_keras_config(text, [], "keras_config")
    assert architecture.edges == (Edge("a", "b"), Edge("b", "c"))
    assert [layer.output_shape for layer in architecture.layers] == [
        (None, 5),
        (None, 5),
        (None, 2),
    ]


# --- configurations that describe no graph


def _two(first: Any, second: Any, **config: Any) -> str:
    layers = [
        {"class_name": "Dense", "name": "p", "config": {}, "inbound_nodes": first},
        {"class_name": "Dense", "name": "q", "config": {}, "inbound_nodes": second},
    ]
    io = {"input_layers": [["p", 0, 0]], "output_layers": [["q", 0, 0]]}
    return json.dumps({"class_name": "Functional", "config": {"layers": layers, **io, **config}})


def _tensor_of(layer: str, **more: Any) -> dict[str, Any]:
    config = {"keras_history": [layer, 0, 0], **more}
    return {"args": [{"class_name": "__keras_tensor__", "config": config}], "kwargs": {}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "is a JSON list"),
        ("null", "is a JSON NoneType"),
        ("{}", "no class_name"),
        ('{"class_name": 3}', "no class_name"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        (_two([], [_tensor_of("nowhere")]), "'nowhere', which does not exist"),
        (_two([], [{"args": [{"class_name": "__keras_tensor__"}]}]), "no keras_history"),
        (_two([], 7), "inbound_nodes of q is not a list"),
        (_two([], [], output_layers=[["r", 0, 0]]), "'r' is an input or output"),
        (
            json.dumps({"class_name": "Sequential", "config": {"layers": [
                {"class_name": "Dense", "config": {"name": "d"}}] * 2}}),
            "2 layers of one model are called 'd'",
        ),
    ],
)  # fmt: skip
def test_what_describes_no_graph_falls_back_to_names_and_says_why(text: str, reason: str) -> None:
    architecture = from_keras_config(text, [_tensor("d/kernel", (2, 3))], "keras_config")
    assert architecture.source == "names"
    assert reason in architecture.note
    assert [(layer.name, layer.parameters) for layer in architecture.layers] == [("d", 6)]


def test_a_cycle_that_nothing_enters_still_gives_every_layer() -> None:
    architecture = from_keras_config(_two([_tensor_of("q")], [_tensor_of("p")]), [], "keras_config")
    assert [layer.name for layer in architecture.layers] == ["p", "q"]
    assert architecture.edges == (Edge("p", "q"),)


def test_models_nested_beyond_any_use_fall_back() -> None:
    config: dict[str, Any] = {"class_name": "Dense", "config": {"name": "d"}}
    for _ in range(70):
        config = {"class_name": "Sequential", "config": {"name": "m", "layers": [config]}}
    architecture = from_keras_config(json.dumps(config), [], "keras_config")
    assert "nested more than 64 deep" in architecture.note


def test_a_text_longer_than_any_configuration_is_not_parsed() -> None:
    architecture = from_keras_config(" " * (17 * 1024 * 1024), [], "keras_config")
    assert "17,825,792 characters, more than" in architecture.note


def test_a_small_text_cannot_multiply_its_connections_through_nested_inputs() -> None:
    """400 layers feed one nested input that feeds 400 layers: 160,000 edges from 800."""
    numbers = range(400)
    inner = {
        "name": "m",
        "layers": [
            _keras2_layer("InputLayer", "i", []),
            *(_keras2_layer("ReLU", f"r{n}", [[["i", 0, 0, {}]]]) for n in numbers),
        ],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["r0", 0, 0]],
    }
    calls = [[[f"l{n}", 0, 0, {}]] for n in numbers]
    layers = [
        *(_keras2_layer("InputLayer", f"l{n}", []) for n in numbers),
        {"class_name": "Functional", "config": inner, "name": "m", "inbound_nodes": calls},
    ]
    config = {"layers": layers, "input_layers": [["l0", 0, 0]], "output_layers": [["m", 0, 0]]}
    text = json.dumps({"class_name": "Functional", "config": config})
    assert "more than 100,000 connections" in from_keras_config(text, [], "keras_config").note


def test_a_configuration_that_multiplies_its_edges_falls_back() -> None:
    """Five hundred layers, each of which takes the output of all before it."""
    layers = [
        {
            "class_name": "Add", "name": f"l{number}", "config": {},
            "inbound_nodes": [[[f"l{before}", 0, 0, {}] for before in range(number)]],
        }
        for number in range(500)
    ]  # fmt: skip
    text = json.dumps(
        {"class_name": "Functional", "config": {
            "layers": layers, "input_layers": [["l0", 0, 0]], "output_layers": [["l0", 0, 0]]}}
    )  # fmt: skip
    assert "more than 100,000 connections" in from_keras_config(text, [], "keras_config").note


@pytest.mark.parametrize(
    "nonsense",
    [
        {"filters": "4"}, {"kernel_size": [0, 0]}, {"strides": [0, 0]}, {"padding": None},
        {"kernel_size": [1] * 9}, {"filters": -1}, {"filters": 2**80}, {"data_format": 5},
        {"kernel_size": {}}, {"dilation_rate": [True, True]},
    ],
)  # fmt: skip
def test_nonsense_in_a_layers_configuration_costs_its_shape_only(nonsense: Any) -> None:
    conv = {
        "name": "conv", "filters": 4, "kernel_size": [3, 3], "strides": [1, 1],
        "padding": "valid", "batch_input_shape": [None, 8, 8, 3], **nonsense,
    }  # fmt: skip
    text = json.dumps(
        {"class_name": "Sequential", "config": [{"class_name": "Conv2D", "config": conv}]}
    )
    (layer,) = from_keras_config(text, [], "keras_config").layers
    assert layer.name == "conv"
    assert layer.output_shape in (None, (None, 6, 6, 4))


def _tensor(
    name: str, shape: tuple[int, ...], scope: Any = "weights", layer: str | None = ""
) -> TensorInfo:
    owner = name.rpartition("/")[0] if layer == "" else layer
    return TensorInfo(name, name, "float32", shape, (), layer=owner or None, scope=scope)
