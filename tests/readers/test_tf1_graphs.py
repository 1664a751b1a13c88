"""Computation graphs: `.meta`, `graph.pbtxt` and `saved_model.pb`, read without TensorFlow."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.errors import SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.readers import graph_file, open_contents, read_graph, variable_keys
from tb_snapshot_compare.readers.graph_calls import Function, StoredNode, written_out
from tb_snapshot_compare.readers.graph_text import text_nodes
from tb_snapshot_compare.readers.protos import ProtoError
from tb_snapshot_compare.snapshot import Operation, OperationGraph
from tests.readers.tf1_models import saved, session, text_graph, trained, v1


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("tf1")
    with session() as opened:
        trained(opened)
        text_graph(opened, folder)
        return saved(opened, folder)


def by_name(graph: OperationGraph) -> dict[str, Operation]:
    return {operation.name: operation for operation in graph.operations}


def test_meta_and_text_graph_are_the_same_graph(prefix: str) -> None:
    binary = read_graph(f"{prefix}.meta", {})
    text = read_graph(str(Path(prefix).with_name("graph.pbtxt")), {})
    assert (binary.origin, text.origin) == ("model.ckpt-1.meta", "graph.pbtxt")
    assert by_name(text).items() <= by_name(binary).items()
    assert len(text.operations) > 300


def test_operations_are_those_that_tensorflow_reads(prefix: str) -> None:
    meta = v1.MetaGraphDef()
    meta.ParseFromString(Path(f"{prefix}.meta").read_bytes())
    found = read_graph(f"{prefix}.meta", {}).operations
    assert [(o.name, o.op) for o in found] == [(n.name, n.op) for n in meta.graph_def.node]
    for operation, node in zip(found, meta.graph_def.node, strict=True):
        inputs = [text for text in node.input if not text.startswith("^")]
        assert [tensor.removesuffix(":0") for tensor in operation.inputs] == inputs
        shapes = node.attr["_output_shapes"].list.shape
        expected = (
            tf.TensorShape(shapes[0]).as_list() if shapes and not (shapes[0].unknown_rank) else None
        )
        assert (None if operation.shape is None else list(operation.shape)) == expected


def test_variables_bear_the_keys_of_the_checkpoint(prefix: str) -> None:
    graph = read_graph(f"{prefix}.meta", {})
    keys = {operation.variable for operation in graph.operations} - {None}
    stored = {name for name, _ in tf.train.list_variables(prefix)}
    assert stored <= keys


def test_parts_of_a_partitioned_variable_bear_its_key(tmp_path: Path) -> None:
    with session() as opened:
        with v1.variable_scope("emb", partitioner=v1.fixed_size_partitioner(3)):
            v1.get_variable("embeddings", (7, 2))
        v1.train.get_or_create_global_step()
        opened.run(v1.global_variables_initializer())
        path = saved(opened, tmp_path)
    operations = read_graph(f"{path}.meta", {}).operations
    assert sum(operation.variable == "emb/embeddings" for operation in operations) == 3


def test_the_graph_of_a_checkpoint_is_its_meta_or_the_text_graph_beside_it(
    prefix: str, tmp_path: Path
) -> None:
    contents = open_contents(prefix)
    assert graph_file(contents) == f"{prefix}.meta"
    with session() as opened:
        trained(opened)
        other = saved(opened, tmp_path)
        Path(f"{other}.meta").unlink()
        assert graph_file(open_contents(other)) is None
        text_graph(opened, tmp_path)
    assert graph_file(open_contents(other)) == str(tmp_path / "graph.pbtxt")


def test_constants_are_not_kept(tmp_path: Path) -> None:
    with session() as opened:
        v1.get_variable("w", (2,))
        tf.constant(bytes(4_000_000), name="large")
        v1.train.get_or_create_global_step()
        opened.run(v1.global_variables_initializer())
        path = saved(opened, tmp_path)
    assert Path(f"{path}.meta").stat().st_size > 4_000_000
    assert len(repr(read_graph(f"{path}.meta", {}))) < 100_000


def test_exported_model_is_written_out_with_the_keys_of_its_variables(tmp_path: Path) -> None:
    i = keras.Input((8,))
    x = keras.layers.Dense(4, name="fc1")(i)
    model = keras.Model(i, keras.layers.Dense(2, name="fc2")(x))
    for name, save in (
        ("saved", lambda path: tf.saved_model.save(model, path)),
        ("exported", lambda path: model.export(path, verbose=False)),
    ):
        path = str(tmp_path / name)
        save(path)
        keys = variable_keys(path)
        graph = read_graph(f"{path}/saved_model.pb", keys)
        shown = {tensor.key: tensor.name for tensor in open_contents(path).tensors}
        used = {shown[o.variable] for o in graph.operations if o.variable in shown}
        assert used == {"fc1/kernel", "fc1/bias", "fc2/kernel", "fc2/bias"}
        assert sum(operation.op == "MatMul" for operation in graph.operations) >= 2
        names = by_name(graph)
        assert set(graph.outputs) <= names.keys()
        for operation in graph.operations:
            assert all(tensor.partition(":")[0] in names for tensor in operation.inputs)


DAMAGED = {
    "empty": b"",
    "cut off": b"\x12\xff\xff\xff\x7f",
    "wire type 7": b"\x0f",
    "endless number": b"\xff" * 20,
    "two graphs": b"\x12\x00\x12\x00",
    "node of garbage": b"\x12\x06\x0a\x04\xff\xff\xff\xff",
    "text in a binary file": b"node { name: 'x' }",
}


@pytest.mark.parametrize("story", DAMAGED)
@pytest.mark.parametrize("name", ["model.meta", "saved_model.pb"])
def test_damaged_graph_says_so(tmp_path: Path, story: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(DAMAGED[story])
    with pytest.raises(UnreadableSnapshotError, match="cannot be used"):
        read_graph(str(path), {})


TEXTS = {
    "an open block": "node { name: 'x'",
    "a close too many": "node { } }",
    "a block without name": "{ }",
    "a foreign character": "node { name: \x01 }",
    "an open string": "node { name: 'x }",
    "a number for a name": "node { name: 7 }",
    "a huge size": "node { attr { key: '_output_shapes' value { list { shape { dim { size: "
    + "9" * 30
    + " } } } } } }",
    "deep nesting": "node {" * 100_000,
}


@pytest.mark.parametrize("story", TEXTS)
def test_malformed_text_graph_says_so(tmp_path: Path, story: str) -> None:
    path = tmp_path / "graph.pbtxt"
    path.write_text(TEXTS[story])
    started = time.monotonic()
    with pytest.raises(UnreadableSnapshotError, match="cannot be used"):
        read_graph(str(path), {})
    assert time.monotonic() - started < 5


def test_text_in_every_spelling() -> None:
    text = """
    # A comment.
    versions { producer: 1 }
    node: < name: "a\\057b" ; op: 'Add', input: ["x", 'y:1'] input: "^z" >
    node { name: "c" op: "Const" attr { key: "value" value { tensor { float_val: [1.5, -inf]
      tensor_content: "\\377{" } } } attr: { key: '_output_shapes' value: { list: {
      shape: { dim: { size: -1 } dim { size: 3 } } } } } }
    library { function { node_def { name: "inner" } } }
    """
    first, second = text_nodes(text)
    assert (first.name, first.op, list(first.input)) == ("a/b", "Add", ["x", "y:1", "^z"])
    assert [dim.size for dim in second.attr[1].value.list.shape[0].dim] == [-1, 3]


@given(st.text(alphabet="{}<>[]:;,\"' \nnodeatrvluishp1_\\#", max_size=120))
@settings(max_examples=500, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ProtoError):
        list(text_nodes(text))


def test_any_flipped_byte_is_read_or_refused(prefix: str, tmp_path: Path) -> None:
    content = Path(f"{prefix}.meta").read_bytes()
    path = tmp_path / "m.meta"
    for position in range(0, len(content), len(content) // 150):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            read_graph(str(path), {})
        except UnreadableSnapshotError as error:
            assert "cannot be used" in str(error)  # noqa: PT017


def test_file_that_is_gone_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SnapshotGoneError):
        read_graph(str(tmp_path / "none.meta"), {})


def node(name: str, op: str, *inputs: str, function: str = "") -> StoredNode:
    return StoredNode(name, op, inputs, None, function)


def call(name: str, function: str, *inputs: str) -> StoredNode:
    return node(name, "PartitionedCall", *inputs, function=function)


def test_calls_are_written_out_with_their_arguments_and_results() -> None:
    inner = Function("inner", ("a", "b"), ("both:z:0", "b"), (node("both", "Add", "a", "b"),))
    outer = Function(
        "outer",
        ("x",),
        ("half:y:0",),
        (call("call", "inner", "x", "x", "^x"), node("half", "Mul", "call:output:0", "call:1")),
    )
    flat, outputs = written_out(
        [node("x", "Placeholder"), call("net/one", "outer", "x"), node("y", "Relu", "net/one")],
        {"inner": inner, "outer": outer},
        ["net/one:0"],
    )
    assert {each.name: each.inputs for each in flat} == {
        "x": (),
        "y": ("net/half:y:0",),
        "net/half": ("net/both:z:0", "x:0"),
        "net/both": ("x:0", "x:0"),
    }
    assert outputs == ("net/half",)


def wide(depth: int) -> dict[str, Function]:
    return {
        f"f{level}": Function(
            f"f{level}", (), ("a:0",), (call("a", f"f{level + 1}"), call("b", f"f{level + 1}"))
        )
        for level in range(depth)
    }


CIRCLES: dict[str, tuple[list[StoredNode], dict[str, Function]]] = {
    "a function that calls itself": (
        [call("c", "f0")],
        {"f0": Function("f0", (), (), (call("again", "f0"),))},
    ),
    "functions that double at each level": ([call("c", "f0")], wide(40)),
    "a call that takes its own result": (
        [call("c", "f", "c:0"), node("y", "Relu", "c:0")],
        {"f": Function("f", ("a",), ("a",), ())},
    ),
    "a result that is none": (
        [call("c", "f"), node("y", "Relu", "c:7")],
        {"f": Function("f", (), (), ())},
    ),
    "names that grow with every call": (
        [call("s" * 100 + "/c", "f0")],
        {
            f"f{level}": Function(
                f"f{level}",
                (),
                (),
                tuple(call(f"{'s' * 100_000}/{side}", f"f{level + 1}") for side in "ab"),
            )
            for level in range(60)
        },
    ),
    "a result of many digits": (
        [call("c", "f"), node("y", "Relu", "c:" + "9" * 10_000)],
        {"f": Function("f", (), (), ())},
    ),
}


@pytest.mark.parametrize("story", CIRCLES)
def test_calls_that_lead_nowhere_are_refused(story: str, monkeypatch: Any) -> None:
    from tb_snapshot_compare.readers import graph_calls

    monkeypatch.setattr(graph_calls, "GRAPH_NODES_MAX", 20_000)
    nodes, functions = CIRCLES[story]
    with pytest.raises(ProtoError):
        written_out(nodes, functions)


def test_too_many_operations_are_refused_before_they_take_memory(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tb_snapshot_compare.readers import graph_text

    monkeypatch.setattr(sys.modules[read_graph.__module__], "GRAPH_NODES_MAX", 50)
    monkeypatch.setattr(graph_text, "GRAPH_NODES_MAX", 50)
    for path in (f"{prefix}.meta", str(Path(prefix).with_name("graph.pbtxt"))):
        with pytest.raises(UnreadableSnapshotError, match="more than 50 operations"):
            read_graph(path, {})


def test_reading_a_graph_imports_no_framework(prefix: str) -> None:
    code = f"""
import sys
from tb_snapshot_compare.readers import read_graph
assert read_graph({prefix + ".meta"!r}, {{}}).operations
heavy = {{"tensorflow", "keras", "h5py", "numba", "scipy", "tensorboard"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
