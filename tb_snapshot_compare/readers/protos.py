"""The few protocol buffers of tensor bundles and SavedModels, declared at run time.

Field numbers are those of TensorFlow's `core/protobuf/tensor_bundle.proto`,
`trackable_object_graph.proto`, `saved_object_graph.proto`, `meta_graph.proto`, `core/framework/
tensor_shape.proto`, `tensor_slice.proto`, `versions.proto`, `node_def.proto`, `attr_value.proto`,
`function.proto` and `op_def.proto`. Only fields that are read are declared, maps as the repeated
pairs that they are on the wire; the others are skipped by the protobuf library. A pool of our
own keeps the names apart from those that TensorFlow or TensorBoard register in the same process.
"""

from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from tb_snapshot_compare.readers.sstable import TableError, read_varint

PACKAGE = "tb_snapshot_compare.bundle"

_Field = tuple[str, int, str]
_SCALARS = {"int32": 5, "int64": 3, "bool": 8, "string": 9, "bytes": 12, "fixed32": 7}

_MESSAGES: dict[str, tuple[_Field, ...]] = {
    "Version": (("producer", 1, "int32"), ("min_consumer", 2, "int32")),
    "Header": (("num_shards", 1, "int32"), ("endianness", 2, "int32"), ("version", 3, "Version")),
    "Dim": (("size", 1, "int64"),),
    "Shape": (("dim", 2, "*Dim"), ("unknown_rank", 3, "bool")),
    "SliceExtent": (("start", 1, "int64"), ("length", 2, "int64")),
    "Slice": (("extent", 1, "*SliceExtent"),),
    "Entry": (
        ("dtype", 1, "int32"),
        ("shape", 2, "Shape"),
        ("shard_id", 3, "int32"),
        ("offset", 4, "int64"),
        ("size", 5, "int64"),
        ("crc32c", 6, "fixed32"),
        ("slices", 7, "*Slice"),
    ),
    "ObjectReference": (("node_id", 1, "int32"), ("local_name", 2, "string")),
    "SerializedTensor": (
        ("name", 1, "string"),
        ("full_name", 2, "string"),
        ("checkpoint_key", 3, "string"),
    ),
    "SlotVariable": (
        ("original_variable_node_id", 1, "int32"),
        ("slot_name", 2, "string"),
        ("slot_variable_node_id", 3, "int32"),
    ),
    "TrackableObject": (
        ("children", 1, "*ObjectReference"),
        ("attributes", 2, "*SerializedTensor"),
        ("slot_variables", 3, "*SlotVariable"),
    ),
    "TrackableObjectGraph": (("nodes", 1, "*TrackableObject"),),
    "SavedVariable": (("name", 6, "string"),),
    "SavedObject": (("variable", 7, "SavedVariable"),),
    "SavedObjectGraph": (("nodes", 1, "*SavedObject"),),
    "ShapeList": (("shape", 7, "*Shape"),),
    "FunctionName": (("name", 1, "string"),),
    "AttrValue": (("list", 1, "ShapeList"), ("func", 10, "FunctionName")),
    "Attr": (("key", 1, "string"), ("value", 2, "AttrValue")),
    "NodeDef": (
        ("name", 1, "string"),
        ("op", 2, "string"),
        ("input", 3, "*string"),
        ("attr", 5, "*Attr"),
    ),
    "Argument": (("name", 1, "string"),),
    "Signature": (
        ("name", 1, "string"),
        ("input_arg", 2, "*Argument"),
        ("output_arg", 3, "*Argument"),
    ),
    "Return": (("key", 1, "string"), ("value", 2, "string")),
    "TensorName": (("name", 1, "string"),),
    "NamedTensor": (("key", 1, "string"), ("value", 2, "TensorName")),
    "SignatureDef": (("outputs", 2, "*NamedTensor"),),
    "NamedSignature": (("key", 1, "string"), ("value", 2, "SignatureDef")),
    "ConcreteFunction": (("bound_inputs", 2, "*int32"),),
    "NamedFunction": (("key", 1, "string"), ("value", 2, "ConcreteFunction")),
    "MetaInfo": (("tags", 4, "*string"),),
}

_WIRE_VARINT, _WIRE_FIXED64, _WIRE_BYTES, _WIRE_FIXED32 = 0, 1, 2, 5


class ProtoError(ValueError):
    """The bytes are not a message of the expected kind."""


def parse(name: str, data: bytes) -> Any:
    """Parses `data` as the message `name` of this module.

    Raises:
      ProtoError: the bytes are malformed.
    """
    parsed = _CLASSES[name]()
    try:
        parsed.ParseFromString(data)
    except message.DecodeError as error:
        raise ProtoError(f"not a valid {name} message") from error
    return parsed


def new(name: str) -> Any:
    """An empty message `name`."""
    return _CLASSES[name]()


def fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The length-delimited fields of the message in `data[start:end]`, as (number, start, end).

    (https://protobuf.dev/programming-guides/encoding/)

    Raises:
      ProtoError: the bytes are malformed.
    """
    position = start
    while position < end:
        try:
            tag, position = read_varint(data, position)
            wire, length = tag & 7, 0
            if wire == _WIRE_BYTES:
                length, position = read_varint(data, position)
            elif wire == _WIRE_VARINT:
                _, position = read_varint(data, position)
            elif wire in (_WIRE_FIXED64, _WIRE_FIXED32):
                length = 8 if wire == _WIRE_FIXED64 else 4
            else:
                raise ProtoError(f"a field of wire type {wire}")
        except TableError as error:
            raise ProtoError(str(error)) from error
        first, position = position, position + length
        if position > end:
            raise ProtoError("a field reaches outside its message")
        if wire == _WIRE_BYTES:
            yield tag >> 3, first, position


def _declare() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="tb_snapshot_compare/bundle.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        declared = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            field = declared.field.add(name=field_name, number=number)
            field.label = field.LABEL_REPEATED if kind.startswith("*") else field.LABEL_OPTIONAL
            kind = kind.removeprefix("*")
            if kind in _SCALARS:
                field.type = _SCALARS[kind]
            else:
                field.type = field.TYPE_MESSAGE
                field.type_name = f".{PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_CLASSES = _declare()
