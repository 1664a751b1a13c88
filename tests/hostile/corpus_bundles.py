"""TensorFlow checkpoints that are wrong on purpose, with every outer checksum right."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tb_snapshot_compare.readers import protos
from tb_snapshot_compare.readers.bundle_index import slice_key
from tb_snapshot_compare.readers.object_graph import OBJECT_GRAPH_KEY
from tb_snapshot_compare.readers.sstable import MAGIC
from tests.hostile.bundle_writer import (
    BundleWriter,
    block_bytes,
    entry_bytes,
    header_bytes,
    masked_crc,
    table_bytes,
    varint,
)
from tests.hostile.corpus import Case, Outcome

Entries = list[tuple[bytes, bytes]]
_FLOATS = np.arange(4, dtype=np.float32)


def good_writer() -> BundleWriter:
    """A bundle of one sound tensor, `good`."""
    writer = BundleWriter()
    writer.add("good", _FLOATS)
    return writer


def _with_entry(entry: bytes) -> Callable[[Path], Path]:
    """A bundle of a sound tensor and of `w` with this entry."""

    def make(folder: Path) -> Path:
        writer = good_writer()
        writer.entries[b"w"] = entry
        return Path(writer.write(folder / "ckpt"))

    return make


def _with_index(index: Callable[[], bytes]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "ckpt.data-00000-of-00001").write_bytes(_FLOATS.tobytes())
        (folder / "ckpt.index").write_bytes(index())
        return folder / "ckpt"

    return make


def _with_graph(graph: bytes) -> Callable[[Path], Path]:
    """A bundle of a sound tensor with this object graph."""

    def make(folder: Path) -> Path:
        writer = good_writer()
        writer.add_string(OBJECT_GRAPH_KEY, graph)
        return Path(writer.write(folder / "ckpt"))

    return make


def _table(*entries: tuple[bytes, bytes], **options: Any) -> Callable[[Path], Path]:
    return _with_index(lambda: table_bytes([(b"", header_bytes()), *entries], **options))


def framed(block: bytes, compression: int = 0) -> bytes:
    """A block with its type and its right checksum."""
    typed = block + bytes([compression])
    return typed + masked_crc(typed).to_bytes(4, "little")


def _by_hand(blocks: Sequence[bytes], index: bytes, *, handles: bytes | None = None) -> bytes:
    """A table of these blocks and this index block, or with these handles in its footer."""
    body = b"".join(framed(block) for block in blocks)
    footer = handles or (varint(0) * 2 + varint(len(body)) + varint(len(index)))
    return body + framed(index) + footer.ljust(40, b"\0")[:40] + MAGIC


def _good_block() -> bytes:
    return block_bytes([(b"", header_bytes()), (b"good", entry_bytes(shape=(4,), size=16))])


def _index_naming(offset: int, size: int) -> Callable[[Path], Path]:
    """A table whose index names one block at these places."""
    handle = varint(offset) + varint(size)
    return _with_index(lambda: _by_hand([_good_block()], block_bytes([(b"z", handle)], 1)))


def _footer_naming(offset: int, size: int) -> Callable[[Path], Path]:
    handles = varint(0) * 2 + varint(offset) + varint(size)
    return _with_index(lambda: _by_hand([_good_block()], b"\0" * 8, handles=handles))


def _raw_block(block: bytes) -> Callable[[Path], Path]:
    """A table whose only block has these bytes, under a right checksum."""
    handle = varint(0) + varint(len(block))
    return _with_index(lambda: _by_hand([block], block_bytes([(b"z", handle)], 1)))


def _block_named_often(count: int) -> bytes:
    block = _good_block()
    handle = varint(0) + varint(len(block))
    return _by_hand([block], block_bytes([(b"%07d" % number, handle) for number in range(count)]))


def _self_naming_index() -> bytes:
    """An index block whose only entry names the index block itself."""
    index = block_bytes([(b"z", varint(0) + varint(22))], 1)
    body = framed(index)
    return body + (varint(0) * 2 + varint(0) + varint(len(index))).ljust(40, b"\0") + MAGIC


def _doubling_keys() -> bytes:
    """Each key is the one before and a little more: small on disk, large when written out."""
    body = bytearray()
    body += varint(0) + varint(0) + varint(len(header_bytes())) + header_bytes()
    length = 0
    for _ in range(3000):
        body += varint(length) + varint(15) + varint(0) + b"k" * 15
        length += 15
    return bytes(body + (0).to_bytes(4, "little") + (1).to_bytes(4, "little"))


def _snappy_bomb() -> bytes:
    """A block that snappy would blow up from a few bytes to four gigabytes."""
    literal = varint(2**32 - 1) + b"\x00a"
    block = literal + b"\xfe\x01\x00" * 4000
    body = framed(block, compression=1)
    index = block_bytes([(b"z", varint(0) + varint(len(block)))], 1)
    handles = varint(0) * 2 + varint(len(body)) + varint(len(index))
    return body + framed(index) + handles.ljust(40, b"\0") + MAGIC


def _partitions(
    listed: Sequence[Sequence[tuple[int, int]]],
    stored: Sequence[Sequence[tuple[int, int]]] | None = None,
    shape: tuple[int, ...] = (10,),
    **changes: Any,
) -> Callable[[Path], Path]:
    """`w` is split into `listed`, of which `stored` are there."""

    def make(folder: Path) -> Path:
        writer = good_writer()
        for bounds in listed if stored is None else stored:
            part = np.ones([max(length, 0) for _, length in bounds], np.float32)
            writer.add("w", part, **changes)
            writer.entries[slice_key(b"w", list(bounds))] = writer.entries.pop(b"w")
        writer.entries[b"w"] = entry_bytes(shape=shape, slices=listed)
        return Path(writer.write(folder / "ckpt"))

    return make


def _graph(build: Callable[[Any], None]) -> bytes:
    graph = protos.new("TrackableObjectGraph")
    build(graph)
    return bytes(graph.SerializeToString())


def _ring(count: int) -> Callable[[Any], None]:
    """Every object is the child of the one before, and the first of the last."""

    def build(graph: Any) -> None:
        for number in range(count):
            node = graph.nodes.add()
            node.children.add(local_name="next", node_id=(number + 1) % count)
            node.attributes.add(name="VARIABLE_VALUE", full_name="", checkpoint_key="good")

    return build


def _clique(graph: Any) -> None:
    """Six hundred objects, each a child of each: 600! paths."""
    for _ in range(600):
        node = graph.nodes.add()
        for child in range(600):
            node.children.add(local_name=f"c{child}", node_id=child)


def _slots_of_themselves(graph: Any) -> None:
    for number in range(50):
        node = graph.nodes.add()
        node.attributes.add(name="VARIABLE_VALUE", full_name="a", checkpoint_key="good")
        node.slot_variables.add(
            original_variable_node_id=number, slot_name="m", slot_variable_node_id=number
        )


def _slots_of_nobody(graph: Any) -> None:
    node = graph.nodes.add()
    node.slot_variables.add(
        original_variable_node_id=2**31 - 1, slot_name="m", slot_variable_node_id=-(2**31)
    )


def _long_names(graph: Any) -> None:
    for number in range(200):
        node = graph.nodes.add()
        node.children.add(local_name="n" * 20_000, node_id=(number + 1) % 200)


def _data_shorter(folder: Path) -> Path:
    writer = good_writer()
    writer.add("w", np.arange(100.0))
    prefix = Path(writer.write(folder / "ckpt"))
    data = Path(f"{prefix}.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:50])
    return prefix


def _data_checksum(folder: Path) -> Path:
    writer = good_writer()
    writer.add("w", _FLOATS, crc32c=0x12345678)
    return Path(writer.write(folder / "ckpt"))


def _flipped_data(folder: Path) -> Path:
    writer = good_writer()
    writer.add("w", _FLOATS)
    writer.data[20] ^= 0x40
    return Path(writer.write(folder / "ckpt"))


def _missing_shard(folder: Path) -> Path:
    writer = good_writer()
    writer.shards = 3
    writer.add("w", _FLOATS, shard=1)
    return Path(writer.write(folder / "ckpt"))


def _no_data(folder: Path) -> Path:
    (folder / "ckpt.index").write_bytes(
        table_bytes([(b"", header_bytes()), (b"w", entry_bytes(shape=(4,), size=16))])
    )
    return folder / "ckpt"


def _string_of_a_lie(folder: Path) -> Path:
    """The object graph claims a length of 2^60 in a string of nine bytes."""
    writer = good_writer()
    stored = varint(2**60)
    writer.entries[OBJECT_GRAPH_KEY.encode()] = entry_bytes(
        dtype=7, offset=len(writer.data), size=len(stored), crc32c=masked_crc(stored)
    )
    writer.data += stored
    return Path(writer.write(folder / "ckpt"))


def _names(*names: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        writer = BundleWriter()
        for name in names:
            writer.add(name, _FLOATS)
        return Path(writer.write(folder / "ckpt"))

    return make


def _many_tensors(folder: Path) -> Path:
    entry = entry_bytes(shape=(4,), size=16, crc32c=masked_crc(_FLOATS.tobytes()))
    entries = [(b"", header_bytes())] + [(b"w%07d" % number, entry) for number in range(500)]
    (folder / "ckpt.data-00000-of-00001").write_bytes(_FLOATS.tobytes())
    (folder / "ckpt.index").write_bytes(table_bytes(entries, entries_per_block=500))
    return folder / "ckpt"


def _shared_bytes(folder: Path) -> Path:
    writer = good_writer()
    writer.entries[b"w"] = writer.entries[b"good"]
    return Path(writer.write(folder / "ckpt"))


_BAD_ENTRIES: tuple[tuple[str, bytes, str], ...] = (
    ("a dimension of minus one", entry_bytes(shape=(-1,)), "dimension"),
    ("two negative dimensions whose product fits", entry_bytes(shape=(-1, -1)), "dimension"),
    ("the smallest int64 as a dimension", entry_bytes(shape=(-(2**63),)), "dimension"),
    ("a product that overflows to zero", entry_bytes(shape=(2**32, 2**32), size=0), "overflows"),
    ("a product that overflows to one float", entry_bytes(shape=(2**31, 2**31, 4)), "overflows"),
    ("a product of 2 to the 63", entry_bytes(shape=(2**62, 2), size=8), "overflows"),
    ("an empty tensor with a huge dimension", entry_bytes(shape=(0, 2**62, 2**62), size=0), ""),
    ("300 dimensions of one", entry_bytes(shape=(1,) * 300), "dimensions"),
    ("255 dimensions of one", entry_bytes(shape=(1,) * 255), "dimensions"),
    ("a million dimensions", entry_bytes(shape=(1,) * 1_000_000), "bytes"),
    ("a shape of unknown rank", entry_bytes(unknown_rank=True), "rank"),
    ("the data type zero", entry_bytes(dtype=0), "type"),
    ("the data type 999", entry_bytes(dtype=999), "type"),
    ("a negative data type", entry_bytes(dtype=-1), "type"),
    ("a reference type", entry_bytes(dtype=101), "type"),
    ("less bytes than the shape needs", entry_bytes(shape=(2,), size=4), "needs"),
    ("more bytes than the shape needs", entry_bytes(shape=(2,), size=16), "needs"),
    ("a negative size", entry_bytes(size=-4), "size"),
    ("a negative offset", entry_bytes(offset=-4), "offset"),
    ("an offset past the end of the data", entry_bytes(offset=2**40), "truncated"),
    ("an offset that overflows with its size", entry_bytes(offset=2**63 - 1), "truncated"),
    ("a tensor that claims a terabyte", entry_bytes(shape=(2**38,), size=2**40), "truncated"),
    ("a tensor that claims eight exabytes", entry_bytes(1, (2**61 - 1,), size=2**63 - 4), "trunc"),
    ("a shard past the last", entry_bytes(shard=7), ""),
    ("a negative shard", entry_bytes(shard=-1), "shard"),
    ("the largest shard number", entry_bytes(shard=2**31 - 1), ""),
    ("an entry of garbage", b"\xff" * 30, ""),
    ("an entry that ends in the middle", entry_bytes(shape=(4,), size=16)[:-3], ""),
    ("an entry nested a thousand deep", b"\x12\x02\x12\x00" * 1000, ""),
    ("a string of 2 to the 50 bytes", entry_bytes(dtype=7, size=2**50), "truncated"),
    ("a slice without its entry", entry_bytes(shape=(4,), slices=[[(0, 4)]]), "missing"),
    ("a slice of another rank", entry_bytes(shape=(4,), slices=[[(0, 2), (0, 2)]]), "fit"),
    ("a slice that begins before the tensor", entry_bytes(shape=(4,), slices=[[(-1, 2)]]), "fit"),
    ("a slice whose end overflows", entry_bytes(shape=(4,), slices=[[(2**62, 2**62)]]), ""),
    ("a slice of negative length", entry_bytes(shape=(4,), slices=[[(0, -2)]]), ""),
    ("a slice of a scalar", entry_bytes(shape=(), slices=[[]]), "missing"),
)  # fmt: skip

_BAD_INDEXES: tuple[tuple[str, Callable[[Path], Path], str], ...] = (
    ("an empty index", _with_index(lambda: b""), "short"),
    ("an index of zeros", _with_index(lambda: b"\0" * 4096), "magic"),
    ("a magic number alone", _with_index(lambda: b"\0" * 40 + MAGIC), ""),
    ("a footer of ones", _with_index(lambda: b"\xff" * 40 + MAGIC), ""),
    ("an index compressed by snappy", _table(compression=1), "snappy"),
    ("a snappy bomb", _with_index(_snappy_bomb), "snappy"),
    ("an unknown compression", _table(compression=77), "type 77"),
    ("keys that are not sorted", _table((b"b", entry_bytes()), (b"a", entry_bytes())), "sorted"),
    ("a key that comes twice", _table((b"a", entry_bytes()), (b"a", entry_bytes())), "repeated"),
    ("a table without entries", _with_index(lambda: table_bytes([])), "header"),
    ("a table without a header", _with_index(lambda: table_bytes([(b"a", b"")])), "header"),
    ("a header of garbage", _with_index(lambda: table_bytes([(b"", b"\xff" * 9)])), "Header"),
    ("no shards", _with_index(lambda: table_bytes([(b"", header_bytes(0))])), "0 data files"),
    ("minus five shards", _with_index(lambda: table_bytes([(b"", header_bytes(-5))])), "-5"),
    ("two billion shards", _with_index(lambda: table_bytes([(b"", header_bytes(2**31 - 1))])), ""),
    ("a byte order of nine", _with_index(lambda: table_bytes([(b"", header_bytes(1, 9))])), ""),
    ("a version of the future",
     _with_index(lambda: table_bytes([(b"", header_bytes(1, 0, 9))])), ""),
    ("an index that names itself", _with_index(_self_naming_index), ""),
    ("one block named a hundred thousand times",
     _with_index(lambda: _block_named_often(100_000)), ""),
    ("keys that grow to a gigabyte", _raw_block(_doubling_keys()), ""),
    ("a block handle of 2 to the 63", _index_naming(2**63, 2**63), "outside"),
    ("a block handle whose end overflows", _index_naming(2**64 - 1, 2**64 - 1), "outside"),
    ("a block handle into the footer", _index_naming(0, 200), ""),
    ("an index handle of 2 to the 62", _footer_naming(2**62, 16), "outside"),
    ("an index handle of no bytes", _footer_naming(0, 0), ""),
    ("a block of two bytes", _raw_block(b"\0\0"), "short"),
    ("a block of four billion restart points", _raw_block(b"\0" * 8 + b"\xff" * 4), "restart"),
    ("an entry that shares more than there is",
     _raw_block(b"\x09\x01\x00a" + b"\0\0\0\0\1\0\0\0"), ""),
    ("an entry longer than its block", _raw_block(b"\x00\xff\x7f\x00a" + b"\0\0\0\0\1\0\0\0"), ""),
    ("a number of eleven bytes", _raw_block(b"\xff" * 11 + b"\0\0\0\0\1\0\0\0"), "64 bits"),
)  # fmt: skip

_ODD_GRAPHS: tuple[tuple[str, bytes], ...] = (
    ("an empty object graph", b""),
    ("an object graph of garbage", b"\xff" * 50),
    ("an object graph in a ring", _graph(_ring(3))),
    ("an object graph ten thousand deep", _graph(_ring(10_000))),
    ("an object graph in which all know all", _graph(_clique)),
    ("a child that does not exist", b"\x0a\x04\x0a\x02\x08\x63"),
    ("a child of a negative number", b"\x0a\x0b\x0a\x09\x08" + b"\xff" * 7 + b"\x01"),
    ("five million objects in ten megabytes", b"\x0a\x00" * 5_000_000),
    ("slots of themselves", _graph(_slots_of_themselves)),
    ("slots of nobody", _graph(_slots_of_nobody)),
    ("names of twenty thousand letters", _graph(_long_names)),
)

_WHOLE: Outcome = "whole"
_OTHERS: tuple[tuple[str, Callable[[Path], Path], Outcome, str], ...] = (
    ("a data file that is too short", _data_shorter, "partly", "truncated"),
    ("a checksum of other values", _data_checksum, "partly", "checksum"),
    ("a flipped bit in the data", _flipped_data, "partly", "checksum"),
    ("a data file that is missing", _missing_shard, "partly", "missing"),
    ("no data file at all", _no_data, "partly", "missing"),
    ("slices with a gap", _partitions([[(0, 4)], [(5, 5)]]), "partly", "gap"),
    ("slices that overlap", _partitions([[(0, 4)], [(3, 7)]]), "partly", "overlap"),
    ("slices that end too early", _partitions([[(0, 4)], [(4, 5)]]), "partly", "end"),
    ("slices that end too late", _partitions([[(0, 4)], [(4, 7)]]), "partly", "end"),
    ("the same slice twice", _partitions([[(0, 4)], [(0, 4)], [(4, 6)]]), "partly", "overlap"),
    ("one of two slices stored",
     _partitions([[(0, 4)], [(4, 6)]], [[(0, 4)]]), "partly", "missing"),
    ("a slice of another type", _partitions([[(0, 4)], [(4, 6)]], dtype=9), "partly", ""),
    ("slices past every shard", _partitions([[(0, 4)], [(4, 6)]], shard=9), "partly", ""),
    ("an object graph of a length that is a lie", _string_of_a_lie, _WHOLE, ""),
    ("names that are paths and markup",
     _names("../../etc/passwd", "/etc/shadow", "<script>"), _WHOLE, ""),
    ("five hundred tensors of the same bytes", _many_tensors, _WHOLE, ""),
    ("two tensors that share their bytes", _shared_bytes, _WHOLE, ""),
)  # fmt: skip

BUNDLES: tuple[Case, ...] = (
    *(Case(story, _with_entry(entry), "partly", reason) for story, entry, reason in _BAD_ENTRIES),
    *(Case(story, make, "refused", reason) for story, make, reason in _BAD_INDEXES),
    *(Case(story, _with_graph(graph), "whole") for story, graph in _ODD_GRAPHS),
    *(Case(story, make, outcome, reason) for story, make, outcome, reason in _OTHERS),
)
