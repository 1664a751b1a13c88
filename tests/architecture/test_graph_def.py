"""Layers and connections from computation graphs of TensorFlow."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.architecture import Architecture, from_keras_config, from_operations
from tb_snapshot_compare.readers import open_contents, read_graph, variable_keys
from tb_snapshot_compare.snapshot import Operation, OperationGraph, TensorInfo
from tests.readers.bundle_models import MODELS
from tests.readers.tf1_models import conv, dense, saved, session, text_graph, trained, v1


def architecture_of(prefix: str, graph: str | None = None) -> Architecture:
    tensors = open_contents(prefix).tensors
    names = {tensor.key: tensor.name for tensor in tensors}
    return from_operations(read_graph(graph or f"{prefix}.meta", {}), names, tensors)


def kinds(architecture: Architecture) -> dict[str, str]:
    return {layer.name: layer.kind for layer in architecture.layers if not layer.is_group}


def edges(architecture: Architecture) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in architecture.edges}


def chain(*names: str) -> set[tuple[str, str]]:
    return set(pairwise(names))


def built(folder: Path, network: Callable[[Any], Any]) -> Architecture:
    """The architecture of a network that was trained for a step and saved."""
    with session() as opened:
        trained(opened, network)
        return architecture_of(saved(opened, folder))


def test_training_program_becomes_its_network(tmp_path: Path) -> None:
    with session() as opened:
        trained(opened)
        prefix = saved(opened, tmp_path)
        text = text_graph(opened, tmp_path)
    found = architecture_of(prefix)
    assert kinds(found) == {
        "images": "InputLayer",
        "stem": "Conv2D",
        "block1/conv1": "Conv2D",
        "block1/bn": "BatchNormalization",
        "block1/conv2": "Conv2D",
        "block1/add": "Add",
        "pool": "MaxPooling2D",
        "sep": "SeparableConv2D",
        "flat": "Flatten",
        "fc1": "Dense",
        "Relu": "ReLU",
        "logits": "Dense",
        "probabilities": "Softmax",
    }
    assert edges(found) == chain(
        "images", "stem", "block1/conv1", "block1/bn", "block1/conv2", "block1/add", "pool", "sep",
        "flat", "fc1", "Relu", "logits", "probabilities",
    ) | {("stem", "block1/add")}  # fmt: skip
    shapes = {layer.name: layer.output_shape for layer in found.layers}
    assert shapes["stem"] == (None, 8, 8, 4)
    assert shapes["sep"] == (None, 4, 4, 6)
    assert shapes["logits"] == (None, 3)
    groups = [layer for layer in found.layers if layer.is_group]
    assert [(group.name, group.parameters) for group in groups] == [("block1", 148 + 16 + 148)]
    assert found.source == "graph"
    assert "model.ckpt-1.meta" in found.note
    by_text = architecture_of(prefix, str(text))
    assert (by_text.layers, by_text.edges) == (found.layers, found.edges)


def test_every_weight_has_its_layer_and_slots_have_none(tmp_path: Path) -> None:
    with session() as opened:
        trained(opened)
        prefix = saved(opened, tmp_path)
    tensors = open_contents(prefix).tensors
    owners = {
        name: layer.name for layer in architecture_of(prefix).layers for name in layer.tensors
    }
    assert owners == {t.name: t.layer for t in tensors if t.scope == "weights"}


def test_layer_that_is_called_twice_is_one_layer(tmp_path: Path) -> None:
    def network(x: Any) -> Any:
        first = dense(tf.reshape(x, (-1, 192)), 6, "in")
        with v1.variable_scope("twice", reuse=v1.AUTO_REUSE):
            kernel = v1.get_variable("kernel", (6, 6))
            second = tf.nn.relu(tf.matmul(tf.matmul(first, kernel), kernel), name="last")
        return dense(second, 3, "out")

    found = built(tmp_path, network)
    assert kinds(found)["twice"] == "Dense"
    assert {("in", "twice"), ("twice", "out")} <= edges(found)


def test_reused_scope_with_its_operations_elsewhere_is_the_same_layer(tmp_path: Path) -> None:
    def tower(x: Any, name: str) -> Any:
        with tf.name_scope(name), v1.variable_scope("shared", reuse=v1.AUTO_REUSE):
            return conv(x, 4, "conv")

    def network(x: Any) -> Any:
        joined = tf.concat([tower(x, "left"), tower(x + 1.0, "right")], 3, name="both")
        return dense(tf.reshape(joined, (-1, 512)), 3, "out")

    found = built(tmp_path, network)
    assert kinds(found)["shared/conv"] == "Conv2D"
    assert ("shared/conv", "both") in edges(found)
    assert kinds(found)["both"] == "Concatenate"


def test_variables_without_scope_are_layers_of_their_operations(tmp_path: Path) -> None:
    def network(x: Any) -> Any:
        kernel = v1.get_variable("W", (3, 3, 3, 4))
        bias = v1.get_variable("b", (4,))
        out = v1.get_variable("Wout", (256, 3))
        y = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias)
        return tf.matmul(tf.reshape(y, (-1, 256)), out)

    found = built(tmp_path, network)
    assert {"W": "Conv2D", "Wout": "Dense"}.items() <= kinds(found).items()
    assert {("images", "W"), ("W", "b")} <= edges(found)


def test_transposed_depthwise_and_one_dimensional_convolutions_have_their_kinds(
    tmp_path: Path,
) -> None:
    def network(x: Any) -> Any:
        with v1.variable_scope("dw"):
            kernel = v1.get_variable("depthwise_weights", (3, 3, 3, 2))
            x = tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "SAME")
        with v1.variable_scope("up"):
            kernel = v1.get_variable("kernel", (3, 3, 4, 6))
            x = tf.nn.conv2d_transpose(x, kernel, (5, 16, 16, 4), 2)
        with v1.variable_scope("line"):
            kernel = v1.get_variable("kernel", (3, 4, 2))
            y = tf.nn.conv1d(tf.reshape(x, (5, 256, 4)), kernel, 1, "SAME")
        with v1.variable_scope("words"):
            table = v1.get_variable("embedding_weights", (7, 2))
            indices = tf.cast(tf.argmax(y, 2), tf.int32)
            z = tf.nn.embedding_lookup(table, indices)
        return dense(tf.reduce_mean(z, 1, name="mean"), 3, "out")

    found = kinds(built(tmp_path, network))
    assert found["dw"] == "DepthwiseConv2D"
    assert found["up"] == "Conv2DTranspose"
    assert found["line"] == "Conv1D"
    assert found["words"] == "Embedding"
    assert found["mean"] == "GlobalAveragePooling1D"


def test_loop_is_one_layer_and_its_back_edges_are_not_drawn(tmp_path: Path) -> None:
    def network(x: Any) -> Any:
        steps = tf.reshape(x, (-1, 8, 24))
        with v1.variable_scope("rnn/basic_lstm_cell"):
            kernel = v1.get_variable("kernel", (24 + 5, 20))
            bias = v1.get_variable("bias", (20,))

        def step(number: Any, state: Any) -> Any:
            with tf.name_scope("basic_lstm_cell"):
                gates = tf.matmul(tf.concat([steps[:, number], state], 1), kernel) + bias
            return number + 1, tf.tanh(gates[:, :5]) * tf.sigmoid(gates[:, 5:10])

        with tf.name_scope("rnn"):
            start = (tf.constant(0), tf.zeros((5, 5)))
            last = tf.while_loop(lambda number, _: number < 8, step, start)[1]
        return dense(last, 3, "out")

    found = built(tmp_path, network)
    assert kinds(found)["rnn/basic_lstm_cell"] == "LSTM"
    assert ("rnn/basic_lstm_cell", "out") in edges(found)
    assert "images" in {edge.source for edge in found.edges}


def test_network_that_starts_at_noise_is_found(tmp_path: Path) -> None:
    with session() as opened:
        v1.train.get_or_create_global_step()
        noise = tf.random.normal((4, 6), name="noise")
        out = dense(tf.nn.relu(dense(noise, 5, "fc1")), 3, "fc2")
        loss = tf.reduce_sum(out**2)
        train = v1.train.GradientDescentOptimizer(0.1).minimize(loss)
        opened.run(v1.global_variables_initializer())
        opened.run(train)
        found = architecture_of(saved(opened, tmp_path))
    assert chain("fc1", "Relu", "fc2") <= edges(found)


def test_graph_of_another_network_is_not_used(tmp_path: Path) -> None:
    with session() as opened:
        trained(opened)
        prefix = saved(opened, tmp_path / "one")
    with session() as opened:
        trained(opened, lambda x: dense(tf.reshape(x, (-1, 192)), 3, "other"))
        other = saved(opened, tmp_path / "other")
    found = architecture_of(prefix, f"{other}.meta")
    assert found.source == "names"
    assert "not that of these weights" in found.note
    assert "sep" in kinds(found)


def test_weights_that_the_graph_does_not_use_are_listed(tmp_path: Path) -> None:
    with session() as opened:
        v1.get_variable("unused/kernel", (2, 2))
        trained(opened)
        found = architecture_of(saved(opened, tmp_path))
    assert found.source == "graph"
    assert "1 tensor that the graph does not use is listed by name" in found.note
    assert [layer.tensors for layer in found.layers if layer.name == "unused"] == [
        ("unused/kernel",)
    ]


@pytest.mark.parametrize("stored_by", ["saved", "exported"])
@pytest.mark.parametrize("name", ["plain", "sequential", "sequence", "nested", "composite"])
def test_saved_models_graph_agrees_with_the_configuration(
    tmp_path: Path, name: str, stored_by: str
) -> None:
    model = MODELS[name][0]()
    path = str(tmp_path / "m")
    if stored_by == "saved":
        tf.saved_model.save(model, path)
    else:
        model.export(path, verbose=False)
    tensors = open_contents(path).tensors
    names = {tensor.key: tensor.name for tensor in tensors}
    graph = read_graph(f"{path}/saved_model.pb", variable_keys(path))
    found = from_operations(graph, names, tensors)
    assert found.source == "graph"
    assert "not use" not in found.note
    expected = from_keras_config(model.to_json(), tensors, "keras_config")
    of_config = {t: layer for layer in expected.layers for t in layer.tensors}
    of_graph = {t: layer for layer in found.layers for t in layer.tensors}
    assert of_graph.keys() == of_config.keys()
    inside = {layer.name: of_config[t].name for t, layer in of_graph.items()}
    for tensor, layer in of_graph.items():
        own = of_config[tensor]
        name = layer.name.partition("#")[0]
        assert f"/{own.name}".endswith(f"/{name}") or name.startswith(f"{own.name}/"), tensor
        if layer.name == own.name and own.kind not in ("Block", "GroupNormalization"):
            assert layer.kind == own.kind
            assert layer.output_shape == own.output_shape
    reached = reach(edges(found), set(inside))
    wanted = reach(edges(expected), {layer.name for layer in of_config.values()})
    between = {(inside[a], inside[b]) for a, b in reached if inside[a] != inside[b]}
    assert between == {(a, b) for a, b in wanted if a != b}


def reach(pairs: set[tuple[str, str]], ends: set[str]) -> set[tuple[str, str]]:
    """Which of `ends` lead to which others, over whatever lies between."""
    after: dict[str, set[str]] = {}
    for source, target in pairs:
        after.setdefault(source, set()).add(target)
    found = set()
    for start in ends:
        pending, seen = [start], {start}
        while pending:
            for target in after.get(pending.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    pending.append(target)
        found |= {(start, end) for end in seen & ends if end != start}
    return found


def tensor(name: str) -> TensorInfo:
    layer, _, role = name.rpartition("/")
    return TensorInfo(name, name, "float32", (3, 3), (), layer or None, role)


def test_crafted_graph_is_walked_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from tb_snapshot_compare.architecture import network_part

    monkeypatch.setattr(network_part, "STEPS_MAX", 20_000)
    count = 600
    operations = [Operation("x", "Placeholder", ())]
    for number in range(count):
        operations.append(Operation(f"v{number}", "VariableV2", (), None, f"v{number}"))
        inputs = tuple(f"{kind}{other}:0" for other in range(number) for kind in "av"[:1])
        operations.append(Operation(f"a{number}", "Identity", (f"v{number}:0", *inputs)))
    operations.append(Operation("y", "Add", ("x:0", f"a{count - 1}:0")))
    graph = OperationGraph(tuple(operations), (), "crafted.meta")
    tensors = [tensor(f"v{number}") for number in range(count)]
    found = from_operations(graph, {t.key: t.name for t in tensors}, tensors)
    assert found.source == "names"
    assert "too many ways" in found.note


@pytest.mark.parametrize(
    "operations",
    [
        (),
        (Operation("fc/kernel", "VariableV2", (), None, "fc/kernel"),),
        (
            Operation("x", "Placeholder", ("fc/MatMul:0",)),
            Operation("fc/kernel", "VariableV2", ("fc/MatMul:0",), None, "fc/kernel"),
            Operation("fc/MatMul", "MatMul", ("x:0", "fc/kernel:0", "nowhere:0")),
        ),
        (
            Operation("/", "Placeholder", ()),
            Operation("//", "VariableV2", (), None, "fc/kernel"),
            Operation("///", "MatMul", ("/:0", "//:0")),
            Operation("", "Relu", ("///:0",)),
        ),
    ],
)
def test_any_graph_gives_an_architecture(operations: tuple[Operation, ...]) -> None:
    tensors = [tensor("fc/kernel")]
    graph = OperationGraph(operations, (), "odd.meta")
    found = from_operations(graph, {"fc/kernel": "fc/kernel"}, tensors)
    assert sum(layer.tensors == ("fc/kernel",) for layer in found.layers) == 1
    assert np.prod([layer.parameters for layer in found.layers if layer.tensors]) == 9


def test_custom_layer_of_keras_is_called_by_its_weights(tmp_path: Path) -> None:
    class Scale(keras.layers.Layer):
        def build(self, _: Any) -> None:
            self.factor = self.add_weight(shape=(), name="factor")

        def call(self, x: Any) -> Any:
            return x * self.factor

    model = keras.Sequential([keras.Input((4,)), Scale(name="scale"), keras.layers.Dense(2)])
    model.export(str(tmp_path / "m"), verbose=False)
    tensors = open_contents(str(tmp_path / "m")).tensors
    names = {t.key: t.name for t in tensors}
    graph = read_graph(f"{tmp_path}/m/saved_model.pb", variable_keys(str(tmp_path / "m")))
    assert kinds(from_operations(graph, names, tensors))["scale"] == "Unknown"
