"""Bundles that are wrong on purpose, with right checksums: typed errors, never worse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.errors import BeingWrittenError, UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.object_graph import OBJECT_GRAPH_KEY
from tb_snapshot_compare.snapshot import Format, TensorInfo
from tests.hostile.bundle_writer import (
    BundleWriter,
    block_bytes,
    entry_bytes,
    header_bytes,
    table_bytes,
    varint,
    write_index,
)

Entries = list[tuple[bytes, bytes]]


def writer_of(**arrays: Any) -> BundleWriter:
    writer = BundleWriter()
    for key, array in arrays.items():
        writer.add(key, np.asarray(array))
    return writer


def only(path: str) -> TensorInfo:
    (tensor,) = [t for t in open_contents(path).tensors if t.name == "w"]
    return tensor


def test_our_writer_writes_what_tensorflow_reads(tmp_path: Path) -> None:
    import tensorflow as tf

    writer = writer_of(**{f"layer{i}/kernel": np.arange(i + 1.0) for i in range(40)})
    writer.add_string("text", b"hello")
    checkpoint = tf.train.load_checkpoint(writer.write(tmp_path / "ckpt"))
    assert checkpoint.get_tensor("layer7/kernel").tolist() == list(range(8))
    assert checkpoint.get_tensor("text") == b"hello"


@pytest.mark.parametrize("dtype", ["float32", "int16", "complex64", "bool", "bfloat16"])
def test_big_endian_bundle_is_read(tmp_path: Path, dtype: str) -> None:
    import ml_dtypes

    array = np.arange(6).astype(getattr(ml_dtypes, dtype, dtype)).reshape(2, 3)
    writer = BundleWriter(endianness=1)
    if dtype == "bfloat16":
        writer.add("w", array.view(np.uint16), dtype=14)
    else:
        writer.add("w", array)
    tensor = only(writer.write(tmp_path / "ckpt"))
    assert tensor.byteorder == "big"
    with TensorReader() as reader:
        assert reader.read_array(tensor).tobytes() == array.tobytes()


WRONG_ENTRIES: dict[str, bytes] = {
    "negative dimension": entry_bytes(shape=(-1,)),
    "negative dimensions whose product is positive": entry_bytes(shape=(-1, -1)),
    "overflowing product": entry_bytes(shape=(2**31, 2**31, 4)),
    "product overflowing to the stored size": entry_bytes(shape=(2**32, 2**32), size=0),
    "huge dimension beside an empty one": entry_bytes(shape=(0, 2**62, 2**62), size=0),
    "300 dimensions": entry_bytes(shape=(1,) * 300),
    "unknown rank": entry_bytes(unknown_rank=True),
    "invalid type": entry_bytes(dtype=0),
    "type 999": entry_bytes(dtype=999),
    "reference type": entry_bytes(dtype=101),
    "negative type": entry_bytes(dtype=-1),
    "size less than the shape": entry_bytes(shape=(2,), size=4),
    "size more than the shape": entry_bytes(shape=(2,), size=16),
    "negative size": entry_bytes(size=-4),
    "negative offset": entry_bytes(offset=-4),
    "offset past the end": entry_bytes(offset=2**40),
    "offset and size overflow": entry_bytes(offset=2**63 - 1),
    "claims terabytes": entry_bytes(shape=(2**38,), size=2**40),
    "shard past the last": entry_bytes(shard=7),
    "negative shard": entry_bytes(shard=-1),
    "garbage": b"\xff" * 30,
    "string with garbage length": entry_bytes(dtype=7, size=2**50),
    "slices without their entries": entry_bytes(shape=(4,), slices=[[(0, 4)]]),
    "slice of another rank": entry_bytes(shape=(4,), slices=[[(0, 2), (0, 2)]]),
    "negative slice": entry_bytes(shape=(4,), slices=[[(-1, 2)]]),
    "overflowing slice": entry_bytes(shape=(4,), slices=[[(2**62, 2**62)]]),
}


@pytest.mark.parametrize("case", WRONG_ENTRIES)
def test_wrong_entry_concerns_its_tensor_only(tmp_path: Path, case: str) -> None:
    writer = writer_of(good=[1.0, 2.0])
    writer.entries[b"w"] = WRONG_ENTRIES[case]
    tensors = {t.name: t for t in open_contents(writer.write(tmp_path / "ckpt")).tensors}
    assert tensors["w"].problem
    assert tensors["w"].extents == ()
    assert all(n >= 0 for n in tensors["w"].shape)
    with TensorReader() as reader:
        assert reader.read_array(tensors["good"]).tolist() == [1.0, 2.0]
        with pytest.raises(UnreadableSnapshotError, match="'w'"):
            reader.read_array(tensors["w"])


def good_entries() -> Entries:
    return [(b"", header_bytes()), (b"a", entry_bytes()), (b"b", entry_bytes())]


def nested_handle_bomb() -> bytes:
    """An index block that names one data block a hundred thousand times."""
    from tests.hostile.bundle_writer import masked_crc

    def framed(block: bytes) -> bytes:
        typed = block + b"\0"
        return typed + masked_crc(typed).to_bytes(4, "little")

    block = block_bytes(good_entries())
    index = block_bytes([(b"%06d" % i, varint(0) + varint(len(block))) for i in range(100_000)])
    body = framed(block) + framed(index)
    handle = varint(len(block) + 5) + varint(len(index))
    return body + (varint(0) + varint(len(block)) + handle).ljust(40, b"\0") + table_bytes([])[-8:]


WRONG_INDEXES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty file": (lambda: b"", "too short"),
    "47 bytes": (lambda: b"\0" * 47, "too short"),
    "text": (lambda: b"hello world " * 100, "magic"),
    "wrong magic": (lambda: table_bytes(good_entries(), magic=b"\0" * 8), "magic"),
    "snappy": (lambda: table_bytes(good_entries(), compression=1), "snappy"),
    "unknown compression": (lambda: table_bytes(good_entries(), compression=77), "type 77"),
    "no entries": (lambda: table_bytes([]), "header"),
    "no header": (lambda: table_bytes(good_entries()[1:]), "header"),
    "unsorted keys": (
        lambda: table_bytes([good_entries()[0], (b"b", entry_bytes()), (b"a", entry_bytes())]),
        "not sorted",
    ),
    "repeated keys": (lambda: table_bytes([*good_entries(), good_entries()[-1]]), "repeated"),
    "one block named very often": (nested_handle_bomb, "not sorted"),
    "keys that grow": (
        lambda: table_bytes([(b"", header_bytes())] + [(b"k" * n, b"") for n in (9, 20_000)]),
        "20,000",
    ),
    "garbage header": (lambda: table_bytes([(b"", b"\xff" * 9)]), "Header"),
    "no shards": (lambda: table_bytes([(b"", header_bytes(shards=0))]), "0 data files"),
    "negative shards": (lambda: table_bytes([(b"", header_bytes(shards=-5))]), "-5"),
    "absurd shards": (lambda: table_bytes([(b"", header_bytes(shards=2**31 - 1))]), "data files"),
    "byte order 9": (lambda: table_bytes([(b"", header_bytes(endianness=9))]), "byte order"),
    "newer version": (lambda: table_bytes([(b"", header_bytes(min_consumer=2))]), "version 2"),
}


@pytest.mark.parametrize("case", WRONG_INDEXES)
def test_wrong_index_is_an_error_that_names_file_and_fault(tmp_path: Path, case: str) -> None:
    make, fault = WRONG_INDEXES[case]
    path = write_index(tmp_path / "ckpt", make())
    with pytest.raises(UnreadableSnapshotError, match=fault) as caught:
        open_contents(path, Format.TF_CHECKPOINT)
    assert f"{path}.index" in str(caught.value)
    assert not isinstance(caught.value, BeingWrittenError)


def test_short_index_that_is_fresh_is_being_written(tmp_path: Path) -> None:
    (tmp_path / "ckpt.index").write_bytes(b"\0" * 20)
    with pytest.raises(BeingWrittenError, match="not complete"):
        open_contents(str(tmp_path / "ckpt"))


def partitioned(rows: list[tuple[int, int]], listed: list[tuple[int, int]]) -> BundleWriter:
    from tb_snapshot_compare.readers.bundle_index import slice_key

    writer = BundleWriter()
    for start, length in rows:
        writer.add("w", np.arange(start, start + length, dtype=np.float32))
        writer.entries[slice_key(b"w", [(start, length)])] = writer.entries.pop(b"w")
    writer.entries[b"w"] = entry_bytes(shape=(10,), slices=[[row] for row in listed])
    return writer


def test_partitions_in_any_order_are_joined(tmp_path: Path) -> None:
    tensor = only(partitioned([(4, 6), (0, 4)], [(4, 6), (0, 4)]).write(tmp_path / "ckpt"))
    with TensorReader() as reader:
        assert reader.read_array(tensor).tolist() == list(range(10))


@pytest.mark.parametrize(
    ("listed", "fault"),
    [
        ([(0, 4), (5, 5)], "gap at row 4"),
        ([(0, 4), (3, 7)], "overlap at row 4"),
        ([(0, 4), (4, 5)], "end at row 9 of 10"),
        ([(0, 4), (4, 7)], "end at row 11 of 10"),
        ([(0, 4), (0, 4), (4, 6)], "overlap"),
    ],
)
def test_partitions_that_do_not_cover_the_tensor_are_a_problem(
    tmp_path: Path, listed: list[tuple[int, int]], fault: str
) -> None:
    tensor = only(partitioned(listed, listed).write(tmp_path / "ckpt"))
    assert fault in str(tensor.problem)


def test_tensors_that_share_bytes_are_read(tmp_path: Path) -> None:
    writer = writer_of(a=np.arange(4.0))
    writer.entries[b"w"] = writer.entries[b"a"]
    with TensorReader() as reader:
        assert reader.read_array(only(writer.write(tmp_path / "ckpt"))).tolist() == [0, 1, 2, 3]


def chain(length: int) -> bytes:
    """An object graph in which every object has the next as its child."""
    from tb_snapshot_compare.readers import protos

    graph = protos.new("TrackableObjectGraph")
    for number in range(length):
        node = graph.nodes.add()
        node.children.add(local_name="c", node_id=min(number + 1, length - 1))
        node.attributes.add(name="VARIABLE_VALUE", full_name="", checkpoint_key="w")
    return bytes(graph.SerializeToString())


@pytest.mark.parametrize(
    "graph",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff" * 50, id="garbage"),
        pytest.param(b"\x0a\x04\x0a\x02\x08\x63", id="reference to a missing object"),
        pytest.param(b"\x0a\x0b\x0a\x09\x08" + b"\xff" * 7 + b"\x01", id="negative reference"),
        pytest.param(chain(3), id="cycle"),
        pytest.param(chain(10_000), id="very deep"),
        pytest.param(b"\x0a\x80\x08" + b"\x0a\x00" * 512, id="empty references"),
        pytest.param(b"\x0a\x00" * 5_000_000, id="very many objects"),
    ],
)
def test_wrong_object_graph_costs_names_only(tmp_path: Path, graph: bytes) -> None:
    writer = writer_of(w=[1.0, 2.0])
    writer.add_string(OBJECT_GRAPH_KEY, graph)
    contents = open_contents(writer.write(tmp_path / "ckpt"))
    (tensor,) = [t for t in contents.tensors if t.key == "w"]
    with TensorReader() as reader:
        assert reader.read_array(tensor).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("stored", [b"", b"\x05", b"\xff" * 12, b"\x02\0\0\0\0ab"])
def test_malformed_string_of_the_object_graph_costs_names_only(
    tmp_path: Path, stored: bytes
) -> None:
    writer = writer_of(w=[1.0])
    writer.entries[OBJECT_GRAPH_KEY.encode()] = entry_bytes(
        dtype=7, offset=len(writer.data), size=len(stored)
    )
    writer.data += stored
    assert only(writer.write(tmp_path / "ckpt")).problem is None


def test_hostile_names_stay_data(tmp_path: Path) -> None:
    names = ["../../etc/passwd", "<script>", "a\nb", "é", "%s%n", " ", "w" * 3000]
    writer = writer_of(**{name: [1.0] for name in names})
    writer.entries[b"\xff\xfe"] = entry_bytes()
    tensors = open_contents(writer.write(tmp_path / "ckpt")).tensors
    assert {t.key for t in tensors} == {*names, "\\xff\\xfe"}
    assert len({t.name for t in tensors}) == len(tensors)
