"""The checker of SavedModel graphs, on graphs that no TensorFlow would write; it needs none."""

import contextlib
import copy
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.compat.proto import graph_pb2, types_pb2

from tb_snapshot_compare.errors import ModelUnavailableError, SnapshotCompareError
from tb_snapshot_compare.inference import graph_file
from tb_snapshot_compare.inference.graph_check import check_graph, check_saved_model
from tb_snapshot_compare.inference.graph_file import GraphFile, read_graph_file
from tb_snapshot_compare.inference.graph_flatten import FlatGraph, flatten
from tb_snapshot_compare.limits import GRAPH_FILE_MAX_BYTES
from tests.hostile import hostile_saved_models as hostile

ROOT = Path(__file__).resolve().parents[2]

_FOREIGN_WORDS = (
    "_HostRecv _Send _XlaHostComputeMlir AnonymousIteratorV3 AssignVariableOp CollectiveReduceV2 "
    "CudnnRNN DebugIdentity DebugNumericSummaryV2 DecodeJpeg EagerPyFunc FixedLengthRecordReaderV2 "
    "HashTableV2 InitializeTableFromTextFileV2 IteratorGetNext LMDBReader LoadAndRemapMatrix "
    "LookupTableFindV2 MakeIterator MergeV2Checkpoints Placeholder Print PyFunc PyFuncStateless "
    "QueueEnqueueV2 RandomUniform ReadFile RemoteCall RestoreV2 SaveV2 Send ShardedFilename "
    "StatefulStandardNormalV2 StealKeys SymbolicGradient TPUExecute TemporaryVariable VariableV2 "
    "WholeFileReaderV2 WriteFile XlaCustomCallV2 XlaLaunch"
)
FOREIGN = _FOREIGN_WORDS.split()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("harmless")
    return hostile.save(hostile.harmless, folder / "saved", folder / "never")


@pytest.fixture
def file(path: str) -> GraphFile:
    return read_graph_file(path)


def checked(file: GraphFile) -> FlatGraph:
    return flatten(check_graph(file))


def served(file: GraphFile) -> Any:
    """The function that does the work."""
    functions = file.graph.library.function
    (found,) = (f for f in functions if {"Relu", "ReadVariableOp"} <= {n.op for n in f.node_def})
    return found


def node(function: Any, op: str) -> Any:
    return next(each for each in function.node_def if each.op == op)


def add_before_relu(file: GraphFile, op: str, *inputs: str, **attributes: Any) -> Any:
    """Puts an operation between Relu and what it took."""
    function = served(file)
    added = function.node_def.add(name="added", op=op)
    relu = node(function, "Relu")
    added.input.extend(inputs or [relu.input[0]])
    added.attr["T"].type = types_pb2.DT_FLOAT
    for key, value in attributes.items():
        added.attr[key].CopyFrom(value)
    relu.input[0] = "added:output:0"
    return added


def call(file: GraphFile, name: str) -> Any:
    added = add_before_relu(file, "PartitionedCall")
    added.attr["Tin"].list.type.append(types_pb2.DT_FLOAT)
    added.attr["Tout"].list.type.append(types_pb2.DT_FLOAT)
    added.attr["f"].func.name = name
    return added


def function_of(file: GraphFile, name: str, ops: int = 1) -> Any:
    """A new function of one float that passes it through `ops` operations."""
    function = file.graph.library.function.add()
    function.signature.name = name
    function.signature.input_arg.add(name="x", type=types_pb2.DT_FLOAT)
    function.signature.output_arg.add(name="y", type=types_pb2.DT_FLOAT)
    last = "x"
    for index in range(ops):
        each = function.node_def.add(name=f"n{index}", op="Relu", input=[last])
        each.attr["T"].type = types_pb2.DT_FLOAT
        last = f"n{index}:activations:0"
    function.ret["y"] = last
    return function


def call_in(function: Any, name: str, callee: str, source: str) -> str:
    added = function.node_def.add(name=name, op="PartitionedCall", input=[source])
    added.attr["Tin"].list.type.append(types_pb2.DT_FLOAT)
    added.attr["Tout"].list.type.append(types_pb2.DT_FLOAT)
    added.attr["f"].func.name = callee
    return f"{name}:output:0"


def refused(file: GraphFile, words: str) -> None:
    with pytest.raises(ModelUnavailableError, match=words):
        checked(file)


def test_what_is_harmless_passes(file: GraphFile) -> None:
    flat = checked(file)
    assert {each.op for each in flat.graph.node}.isdisjoint({"VarHandleOp", "ReadVariableOp"})
    assert all(not each.device for each in flat.graph.node)
    assert not any("^" in text for each in flat.graph.node for text in each.input)


@pytest.mark.parametrize("op", FOREIGN)
def test_no_foreign_operation_passes(file: GraphFile, op: str) -> None:
    add_before_relu(file, op)
    refused(file, f"uses the operation '{op}', which is not allowed: 'added' in the function")


@pytest.mark.parametrize("op", FOREIGN)
def test_nor_one_that_only_orders_others(file: GraphFile, op: str) -> None:
    function = served(file)
    function.node_def.add(name="added", op=op)
    node(function, "Relu").input.append("^added")
    refused(file, f"uses the operation '{op}'")


@pytest.mark.parametrize("op", FOREIGN)
def test_nor_one_in_the_main_graph(file: GraphFile, op: str) -> None:
    file.graph.node.add(name="added", op=op)
    output = next(each for each in file.graph.node if each.op == "StatefulPartitionedCall")
    output.input.append("^added")
    refused(file, "uses the operation|which is no input of its signature")


def test_the_saver_is_there_and_not_reached(file: GraphFile) -> None:
    ops = {each.op for f in file.graph.library.function for each in f.node_def}
    assert {"SaveV2", "RestoreV2", "MergeV2Checkpoints"} <= ops
    reached = check_graph(file)
    used = {each.op for f in reached.functions.values() for each in f.node_def}
    assert used.isdisjoint({"SaveV2", "RestoreV2", "MergeV2Checkpoints"})


def test_a_function_in_an_unknown_attribute_is_reached(file: GraphFile) -> None:
    function_of(file, "hidden").node_def.add(name="w", op="WriteFile")
    node(served(file), "Relu").attr["_forward"].func.name = "hidden"
    refused(file, "gives a function to|'WriteFile'")


def test_a_function_in_the_arguments_of_a_function_is_reached(file: GraphFile) -> None:
    function_of(file, "hidden").node_def.add(name="w", op="WriteFile")
    function_of(file, "outer")
    added = call(file, "outer")
    added.attr["f"].func.attr["g"].list.func.add(name="hidden")
    refused(file, "'WriteFile'")


def test_a_gradient_of_a_reached_function_is_reached(file: GraphFile) -> None:
    function_of(file, "hidden").node_def.add(name="w", op="WriteFile")
    name = served(file).signature.name
    file.graph.library.gradient.add(function_name=name, gradient_func="hidden")
    refused(file, "'WriteFile'")


def test_a_function_called_like_an_operation_does_not_take_its_place(file: GraphFile) -> None:
    function_of(file, "Relu").node_def.add(name="w", op="WriteFile")
    refused(file, "uses the operation 'Relu'")


def test_an_operation_that_is_a_function_of_the_library_is_no_operation(file: GraphFile) -> None:
    function_of(file, "mine")
    add_before_relu(file, "mine")
    refused(file, "uses the operation 'mine'")


def test_recursion_is_refused(file: GraphFile) -> None:
    function = function_of(file, "again")
    function.ret["y"] = call_in(function, "c", "again", "x")
    call(file, "again")
    refused(file, "'again', which calls itself")


def test_deep_nesting_is_refused(file: GraphFile) -> None:
    for level in range(200):
        function = function_of(file, f"f{level}")
        if level:
            function.ret["y"] = call_in(function, "c", f"f{level - 1}", "x")
    call(file, "f199")
    refused(file, "nested more than 64 deep")


def test_calls_that_multiply_are_refused_before_they_are_written_out(file: GraphFile) -> None:
    for level in range(40):
        function = function_of(file, f"f{level}")
        if level:
            first = call_in(function, "c", f"f{level - 1}", "x")
            function.ret["y"] = call_in(function, "d", f"f{level - 1}", first)
    call(file, "f39")
    refused(file, "more than 500,000 operations with every call written out")


def test_loops_of_operations_are_refused(file: GraphFile) -> None:
    function = served(file)
    relu = node(function, "Relu")
    relu.input[0] = f"{relu.name}:activations:0"
    refused(file, "depends on itself")


def constant(size: int, dtype: int = types_pb2.DT_FLOAT) -> Any:
    value = graph_pb2.GraphDef().node.add().attr["value"]
    value.tensor.dtype = dtype
    value.tensor.tensor_shape.dim.add(size=size)
    value.tensor.float_val.append(1.0)
    return value


@pytest.mark.parametrize("size", [2**40, 2**62, 2**63 - 1])
def test_a_constant_larger_than_its_file_is_refused(file: GraphFile, size: int) -> None:
    added = add_before_relu(file, "Const", value=constant(size))
    del added.input[:]
    refused(file, f"the constant '.*added' of {size * 4:,} bytes, too many|'added' of {size * 4:,}")


def test_many_constants_are_counted_together(file: GraphFile) -> None:
    function = served(file)
    names = []
    for index in range(20):
        added = function.node_def.add(name=f"k{index}", op="Const")
        added.attr["dtype"].type = types_pb2.DT_FLOAT
        added.attr["value"].CopyFrom(constant(2**20))
        names.append(f"k{index}:output:0")
    add_before_relu(file, "AddN", *names)
    refused(file, "constants of more than 67,108,864 bytes")


@pytest.mark.parametrize("size", [-5, -(2**63)])
def test_a_constant_of_negative_size_is_refused(file: GraphFile, size: int) -> None:
    added = add_before_relu(file, "Const", value=constant(size))
    del added.input[:]
    refused(file, "of no known size")


@pytest.mark.parametrize("dtype", ["DT_STRING", "DT_RESOURCE", "DT_VARIANT", "DT_QINT8"])
def test_only_numbers_pass(file: GraphFile, dtype: str) -> None:
    added = add_before_relu(file, "OnesLike")
    added.attr["T"].type = types_pb2.DataType.Value(dtype)
    refused(file, f"a tensor of {dtype[3:].lower()} at 'added'")


def test_the_path_of_an_asset_is_not_taken(file: GraphFile) -> None:
    output = next(each for each in file.graph.node if each.op == "StatefulPartitionedCall")
    added = file.graph.node.add(name="asset", op="Const")
    added.attr["dtype"].type = types_pb2.DT_STRING
    added.attr["value"].tensor.dtype = types_pb2.DT_STRING
    added.attr["value"].tensor.string_val.append(b"../../../../etc/passwd")
    output.input.append("^asset")
    with_asset = GraphFile(file.graph, file.signatures, frozenset({"asset"}), file.captures)
    refused(with_asset, "reads an asset file: 'asset'")


def test_what_a_runtime_reads_beside_operations_is_left_behind(file: GraphFile) -> None:
    function = served(file)
    for each in (function, node(function, "Relu")):
        each.attr["_XlaMustCompile"].b = True
        each.attr["_gradient_op_type"].s = b"CustomGradient-1"
    node(function, "Relu").device = "/job:worker/task:7/device:GPU:0"
    call_node = next(e for e in file.graph.node if e.op == "StatefulPartitionedCall")
    call_node.attr["config_proto"].s = b"\x32\x02J\x00"
    flat = checked(file)
    text = str(flat.graph)
    assert not any(word in text for word in ("_Xla", "_gradient", "worker", "config_proto"))
    assert not any(each.op.startswith("Stateful") for each in flat.graph.node)
    relu = next(each for each in flat.graph.node if each.op == "Relu")
    assert list(relu.attr) == ["T"]


def test_a_variable_is_not_taken_as_such(file: GraphFile) -> None:
    function = served(file)
    read = node(function, "ReadVariableOp")
    node(function, "Relu").input[0] = read.input[0]
    refused(file, "uses a variable as such")


def test_a_variable_in_a_function_is_refused(file: GraphFile) -> None:
    add_before_relu(file, "VarHandleOp")
    refused(file, "makes a variable")


def test_missing_parts_are_named(file: GraphFile) -> None:
    call(file, "nowhere")
    refused(file, "calls 'nowhere', which it does not hold")


def test_a_signature_is_needed(file: GraphFile) -> None:
    refused(GraphFile(file.graph, {}, frozenset(), {}), "no signature that takes an input")


DAMAGES: list[tuple[str, Callable[[Any], None]]] = [
    ("several outputs of one", lambda f: f.ret.update({k: f"{v}9" for k, v in f.ret.items()})),
    ("an argument that is none", lambda f: f.node_def[-1].input.append("nobody")),
    ("an output that is none", lambda f: f.ret.update(dict.fromkeys(f.ret, "Relu:nothing:x"))),
    ("no results", lambda f: f.ret.clear()),
    ("no arguments", lambda f: f.signature.ClearField("input_arg")),
    ("any type", lambda f: setattr(f.signature.input_arg[0], "type_attr", "T")),
    ("two of one name", lambda f: f.node_def.append(copy.deepcopy(f.node_def[0]))),
    ("no inputs", lambda f: [n.ClearField("input") for n in f.node_def] and None),
    ("no attributes", lambda f: [n.ClearField("attr") for n in f.node_def] and None),
]


@pytest.mark.parametrize(("what", "damage"), DAMAGES, ids=[what for what, _ in DAMAGES])
def test_graphs_that_contradict_themselves_end_in_our_own_errors(
    file: GraphFile, what: str, damage: Callable[[Any], None]
) -> None:
    for function in [each for each in file.graph.library.function if "traced" not in str(each)]:
        damage(function)
    with contextlib.suppress(ModelUnavailableError):
        checked(file)


def write(path: str, folder: Path, data: bytes) -> str:
    target = folder / "damaged"
    target.mkdir(exist_ok=True)
    (target / "saved_model.pb").write_bytes(data)
    return str(target)


def test_truncated_and_flipped_files_end_in_our_own_errors(path: str, tmp_path: Path) -> None:
    whole = Path(path, "saved_model.pb").read_bytes()
    generator = random.Random(20261121)
    damaged = [whole[:length] for length in range(0, len(whole), max(1, len(whole) // 150))]
    for _ in range(300):
        flipped = bytearray(whole)
        for _ in range(generator.randrange(1, 8)):
            flipped[generator.randrange(len(flipped))] = generator.randrange(256)
        damaged.append(bytes(flipped))
    for data in damaged:
        with contextlib.suppress(SnapshotCompareError):
            flatten(check_saved_model(write(path, tmp_path, data)))


def test_a_file_of_empty_operations_is_counted_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_file, "GRAPH_NODES_MAX", 10_000)
    nodes = b"\x0a\x00" * 20_000
    graph = b"\x12" + _varint(len(nodes)) + nodes
    data = b"\x08\x01\x12" + _varint(len(graph)) + graph
    with pytest.raises(ModelUnavailableError, match="more than 10,000 operations"):
        check_saved_model(write("", tmp_path, data))


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    target = tmp_path / "large"
    target.mkdir()
    with open(target / "saved_model.pb", "wb") as large:
        large.truncate(GRAPH_FILE_MAX_BYTES + 1)
    with pytest.raises(ModelUnavailableError, match="more than the 67,108,864"):
        check_saved_model(str(target))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    target = tmp_path / "pipe"
    target.mkdir()
    os.mkfifo(target / "saved_model.pb")
    with pytest.raises(ModelUnavailableError, match="not a regular file"):
        check_saved_model(str(target))


def test_the_checker_needs_no_tensorflow(path: str) -> None:
    program = f"""
        import sys
        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("tensorflow", "keras", "h5py"):
                    raise ImportError(name)
        sys.meta_path.insert(0, Refuse())
        from tb_snapshot_compare.inference.graph_check import check_saved_model
        from tb_snapshot_compare.inference.graph_flatten import flatten
        from tb_snapshot_compare.inference import graph_layers
        print(len(flatten(check_saved_model({path!r})).graph.node))
    """
    shown = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert shown.returncode == 0, shown.stderr
    assert int(shown.stdout) > 5


def _varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
