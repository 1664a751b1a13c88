"""Copies single operations of a checked graph into the graph that TensorFlow is given.

A copy has a name, an operation, inputs by data and its own attributes. What a runtime reads
beside them is left behind: devices, control inputs, debugging information and attributes that
begin with `_` (compilation, placement, custom gradients). Types must be numbers, constants small,
and sizes that are constants small as well.
"""

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tensorboard.compat.proto import node_def_pb2, types_pb2

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.inference.graph_check import PURE_ONLY, refuse, shown
from tb_snapshot_compare.inference.graph_ops import CONTROL_FLOW, LISTS, SIZED_BY
from tb_snapshot_compare.limits import RANK_MAX, RUN_CONSTANT_BYTES_MAX, RUN_TENSOR_BYTES_MAX

ITEM_BYTES: dict[int, int] = {
    types_pb2.DT_FLOAT: 4,
    types_pb2.DT_DOUBLE: 8,
    types_pb2.DT_INT32: 4,
    types_pb2.DT_UINT8: 1,
    types_pb2.DT_INT16: 2,
    types_pb2.DT_INT8: 1,
    types_pb2.DT_COMPLEX64: 8,
    types_pb2.DT_INT64: 8,
    types_pb2.DT_BOOL: 1,
    types_pb2.DT_BFLOAT16: 2,
    types_pb2.DT_UINT16: 2,
    types_pb2.DT_COMPLEX128: 16,
    types_pb2.DT_HALF: 2,
    types_pb2.DT_UINT32: 4,
    types_pb2.DT_UINT64: 8,
}
"""The types that tensors may have, and the bytes of an element."""

Constants = Callable[[str], tuple[float, ...] | None]
"""The values of a tensor that is a small constant, by its reference."""

_WITH_LISTS = LISTS | CONTROL_FLOW.keys() | {"Identity", "PartitionedCall", "ZerosLike"}
_SMALL = 64
_PACKED = {types_pb2.DT_INT32: "i", types_pb2.DT_INT64: "q", types_pb2.DT_FLOAT: "f"}
_FIELDS = {
    types_pb2.DT_INT32: "int_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_FLOAT: "float_val",
}


def copy_node(node: Any, name: str, inputs: Sequence[str], constants: Constants) -> Any:
    """A copy of a pure operation. `constants` is asked by the references in `inputs`.

    Raises:
      ModelUnavailableError: a type is not a number, a constant or a size exceeds its limit.
    """
    copy = node_def_pb2.NodeDef(name=name, op=node.op, input=inputs)
    for key, value in node.attr.items():
        if not key.startswith("_"):
            _check_attribute(node, value)
            copy.attr[key].CopyFrom(value)
    _check_size(node, inputs, constants)
    return copy


def new_node(name: str, op: str, inputs: Sequence[str], **types: int) -> Any:
    """An operation of ours, whose attributes are types."""
    node = node_def_pb2.NodeDef(name=name, op=op, input=inputs)
    for key, dtype in types.items():
        node.attr[key].type = dtype
    return node


def check_types(dtypes: Iterable[int], op: str, name: str) -> None:
    """Refuses what is not a number, nor a list of tensors where `op` may take one.

    Raises:
      ModelUnavailableError: naming the type and the operation.
    """
    for dtype in dtypes:
        if dtype in ITEM_BYTES or (dtype == types_pb2.DT_VARIANT and op in _WITH_LISTS):
            continue
        known = dtype in types_pb2.DataType.values()
        text = types_pb2.DataType.Name(dtype)[3:].lower() if known else f"type {dtype}"
        raise ModelUnavailableError(
            f"The SavedModel has a tensor of {text} at {shown(name)} ({op}), and only numbers "
            "are allowed.",
            PURE_ONLY,
        )


def constant_values(node: Any) -> tuple[float, ...] | None:
    """The values of a `Const` of at most 64 numbers, in C order; None for any other node."""
    value = node.attr.get("value") if node.op == "Const" else None
    if value is None or value.tensor.dtype not in _PACKED:
        return None
    tensor = value.tensor
    sizes = [dim.size for dim in tensor.tensor_shape.dim]
    if len(sizes) > RANK_MAX or not all(0 <= size <= _SMALL for size in sizes):
        return None
    count = math.prod(sizes)
    if count > _SMALL:
        return None
    if tensor.tensor_content:
        layout = f"<{count}{_PACKED[tensor.dtype]}"
        if struct.calcsize(layout) != len(tensor.tensor_content):
            return None
        unpacked: tuple[float, ...] = struct.unpack(layout, tensor.tensor_content)
        return unpacked
    given: tuple[float, ...] = tuple(getattr(tensor, _FIELDS[tensor.dtype])[:count])
    last = given[-1] if given else 0.0
    return (*given, *(last for _ in range(count - len(given))))


def constant_bytes(node: Any) -> int:
    """What the tensor of a `Const` takes in memory, whatever it takes in the file."""
    value = node.attr.get("value")
    if value is None:
        raise refuse(f"has the constant {shown(node.name)} without a value")
    tensor = value.tensor
    sizes = [dim.size for dim in tensor.tensor_shape.dim]
    if tensor.tensor_shape.unknown_rank or len(sizes) > RANK_MAX or any(size < 0 for size in sizes):
        raise refuse(f"has the constant {shown(node.name)} of no known size")
    size: int = math.prod(sizes) * ITEM_BYTES.get(tensor.dtype, 1)
    return size


def _check_attribute(node: Any, value: Any) -> None:
    kind = value.WhichOneof("value")
    if kind == "type":
        check_types((value.type,), node.op, node.name)
    elif kind == "list":
        check_types(value.list.type, node.op, node.name)
        if value.list.func or value.list.tensor:
            raise refuse(f"has an attribute of {shown(node.name)} ({node.op}) of a strange kind")
    elif kind == "tensor" and node.op == "Const":
        check_types((value.tensor.dtype,), node.op, node.name)
        size = constant_bytes(node)
        if size > RUN_CONSTANT_BYTES_MAX:
            raise refuse(f"has the constant {shown(node.name)} of {size:,} bytes, too many")
    elif kind in ("func", "placeholder", "tensor"):
        raise refuse(f"has an attribute of {shown(node.name)} ({node.op}) of a strange kind")


def _check_size(node: Any, inputs: Sequence[str], constants: Constants) -> None:
    rule, places = SIZED_BY.get(node.op, ("product", ()))
    known = [constants(inputs[place]) for place in places if place < len(inputs)]
    values = [value for each in known if each is not None for value in each]
    if not values:
        return
    if rule == "product":
        elements = math.prod(max(abs(value), 1) for value in values)
    elif rule == "largest":
        elements = max(abs(value) for value in values)
    elif len(values) == len(places) == 3 and values[2]:
        elements = abs((values[1] - values[0]) / values[2])
    else:
        return
    if not elements * 4 <= RUN_TENSOR_BYTES_MAX:
        raise refuse(
            f"makes a tensor of {min(elements, 1e18):,.0f} elements or more at "
            f"{shown(node.name)} ({node.op}), too many"
        )
