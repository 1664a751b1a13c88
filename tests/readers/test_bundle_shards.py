"""Checkpoints in several files, tensors in slices, big-endian checkpoints, what has no numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers.bundle_index import parse_bundle_index, slice_key
from tb_snapshot_compare.readers.bundle_slices import cover_problem
from tb_snapshot_compare.readers.crc32c import combined
from tb_snapshot_compare.readers.sstable import table_entries
from tb_snapshot_compare.snapshot import TensorInfo
from tests.hostile.bundle_writer import BundleWriter, entry_bytes, masked_crc, write_index
from tests.hostile.bundle_writer import table_bytes as written_table
from tests.readers.bundle_models import MODELS
from tests.readers.tf1_models import saved, session, trained, v1

OLD_TIME = 1_600_000_000


def by_key(prefix: str) -> dict[str, TensorInfo]:
    return {tensor.key: tensor for tensor in open_contents(prefix).tensors}


def values(prefix: str, key: str) -> Any:
    contents = open_contents(prefix)
    tensor = next(tensor for tensor in contents.tensors if tensor.key == key)
    with TensorReader(contents.generation) as reader:
        return reader.read_array(tensor)


def assert_bit_exact(prefix: str) -> int:
    """Compares every numeric tensor with what TensorFlow reads; returns how many there are."""
    contents = open_contents(prefix)
    expected = tf.train.load_checkpoint(prefix)
    assert {tensor.key for tensor in contents.tensors} == set(expected.get_variable_to_shape_map())
    count = 0
    with TensorReader(contents.generation) as reader:
        for tensor in contents.tensors:
            if tensor.dtype != "string":
                stored = np.asarray(expected.get_tensor(tensor.key))
                assert reader.read_array(tensor).tobytes() == stored.tobytes()
                assert (tensor.dtype, tensor.shape) == (stored.dtype.name, stored.shape)
                count += 1
    return count


def save_slices(prefix: Path, whole: Any, slices: Sequence[Sequence[tuple[int, int]]]) -> str:
    """Writes a tensor in slices, as a Saver does with those of a partitioned variable."""
    shape = " ".join(map(str, whole.shape))
    specs = [":".join(f"{start},{size}" for start, size in bounds) for bounds in slices]
    parts = [whole[tuple(slice(s, s + n) for s, n in bounds)] for bounds in slices]
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=["emb"] * len(slices),
        shape_and_slices=[f"{shape} {spec}" for spec in specs],
        tensors=[tf.constant(part) for part in parts],
    )
    return str(prefix)


def test_sharded_saver_and_partitioned_variables(tmp_path: Path) -> None:
    with session() as opened:
        for number in range(3):
            with tf.device(f"/cpu:{number}"):
                v1.get_variable(f"fc{number}/kernel", (4, 5))
        v1.train.get_or_create_global_step()
        opened.run(v1.global_variables_initializer())
        prefix = saved(opened, tmp_path, sharded=True)
    assert assert_bit_exact(prefix) == 4


def test_checkpoint_in_shards_of_a_maximum_size(tmp_path: Path) -> None:
    model = MODELS["plain"][0]()
    policy = tf.train.experimental.MaxShardSizePolicy(max_shard_size=400)
    options = tf.train.CheckpointOptions(experimental_sharding_callback=policy)
    prefix = tf.train.Checkpoint(model=model).write(str(tmp_path / "ckpt"), options=options)
    shards = list(tmp_path.glob("ckpt.data-*"))
    assert len(shards) > 3
    contents = open_contents(prefix)
    assert len(contents.generation.stamps) == 1 + len(shards)
    assert any(len(tensor.extents) > 1 for tensor in contents.tensors)
    names = {tensor.name for tensor in contents.tensors if tensor.scope == "weights"}
    assert names == set(MODELS["plain"][1])
    assert assert_bit_exact(prefix) >= len(names)


def test_merged_checkpoints_are_one(tmp_path: Path) -> None:
    parts, arrays = [], {}
    for number in range(4):
        own = {f"fc{number}/kernel": np.full((2, 3), number, np.float32)}
        arrays |= own
        parts.append(str(tmp_path / f"part{number}"))
        tf.raw_ops.SaveV2(
            prefix=parts[-1],
            tensor_names=list(own),
            shape_and_slices=[""],
            tensors=[tf.constant(array) for array in own.values()],
        )
    prefix = str(tmp_path / "merged")
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=prefix)
    assert len(list(tmp_path.glob("merged.data-*-of-00004"))) == 4
    assert assert_bit_exact(prefix) == 4


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_partitioned_variables_are_whole_again(tmp_path: Path, axis: int) -> None:
    parts = [1, 1, 1]
    parts[axis] = 3
    with session() as opened:
        partitioner = v1.fixed_size_partitioner(3, axis=axis)
        with v1.variable_scope("emb", partitioner=partitioner):
            v1.get_variable("embeddings", (7, 6, 5))
        v1.train.get_or_create_global_step()
        opened.run(v1.global_variables_initializer())
        prefix = saved(opened, tmp_path)
    tensor = by_key(prefix)["emb/embeddings"]
    assert (tensor.name, tensor.layer, tensor.shape) == ("emb/embeddings", "emb", (7, 6, 5))
    assert len(tensor.extents) == (3 if axis == 0 else 1)
    assert assert_bit_exact(prefix) == 2


def test_slices_along_two_axes_are_put_together(tmp_path: Path) -> None:
    whole = np.random.default_rng(2).normal(size=(6, 5, 4)).astype(np.float32)
    tiles = [
        ((0, 2), (0, 5), (0, 4)),
        ((2, 4), (0, 3), (0, 1)),
        ((2, 4), (0, 3), (1, 3)),
        ((2, 4), (3, 2), (0, 4)),
    ]
    prefix = save_slices(tmp_path / "ckpt", whole, tiles)
    assert values(prefix, "emb").tobytes() == whole.tobytes()
    assert_bit_exact(prefix)


def test_large_slices_are_put_together_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tb_snapshot_compare.readers import bundle_slices

    whole = np.random.default_rng(2).normal(size=(9, 8, 10)).astype(np.float64)
    halves = [((0, 9), (0, 8), (0, 3)), ((0, 9), (0, 8), (3, 7))]
    prefix = save_slices(tmp_path / "ckpt", whole, halves)
    for block in (8, 100, 800, 5000):
        monkeypatch.setattr(bundle_slices, "_BLOCK_BYTES", block)
        assert values(prefix, "emb").tobytes() == whole.tobytes()


@pytest.mark.parametrize("axis", [0, 1])
def test_flipped_byte_in_a_slice_is_noticed(tmp_path: Path, axis: int) -> None:
    whole = np.arange(48, dtype=np.float32).reshape(6, 8)
    halves = (
        [((0, 3), (0, 8)), ((3, 3), (0, 8))]
        if axis == 0
        else [
            ((0, 6), (0, 4)),
            ((0, 6), (4, 4)),
        ]
    )
    prefix = save_slices(tmp_path / "ckpt", whole, halves)
    data = Path(f"{prefix}.data-00000-of-00001")
    content = data.read_bytes()
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 0x20
        data.write_bytes(damaged)
        Path(f"{prefix}.index").touch()
        with pytest.raises(UnreadableSnapshotError, match="checksum"):
            values(prefix, "emb")


def sliced_bundle(folder: Path, listed: Sequence[Any], present: Sequence[Any], shape: Any) -> str:
    """A bundle whose tensor lists some slices, of which some have entries, with 4-byte values."""
    writer = BundleWriter()
    writer.add("other", np.arange(3.0))
    for bounds in present:
        count = int(np.prod([size for _, size in bounds]))
        content = bytes(4 * count)
        writer.entries[slice_key(b"emb", list(bounds))] = entry_bytes(
            shape=[size for _, size in bounds],
            offset=len(writer.data),
            size=len(content),
            crc32c=masked_crc(content),
        )
        writer.data += content
    writer.entries[b"emb"] = entry_bytes(shape=shape, slices=listed)
    return writer.write(folder / "ckpt")


ROWS = [((0, 2), (0, 4)), ((2, 2), (0, 4))]
WRONG = {
    "a missing entry": (ROWS, ROWS[:1], "missing from the index"),
    "a gap": ([ROWS[0], ((3, 1), (0, 4))], None, "leave a gap"),
    "an overlap": ([ROWS[0], ((1, 3), (0, 4))], None, "overlap"),
    "an early end": (ROWS[:1], None, "end at row 2 of 4"),
    "a gap in columns": ([((0, 4), (0, 1)), ((0, 4), (2, 2))], None, "some are missing"),
    "an overlap in columns": ([((0, 4), (0, 3)), ((0, 4), (2, 2))], None, "overlaps"),
    "one outside": ([((0, 4), (0, 3)), ((0, 4), (3, 2))], None, "outside"),
    "a negative start": ([((-1, 4), (0, 4))], (), "does not fit"),
    "a wrong rank": ([((0, 4),)], (), "does not fit"),
}


@pytest.mark.parametrize("story", WRONG)
def test_wrong_slices_are_a_problem_of_their_tensor(tmp_path: Path, story: str) -> None:
    listed, present, words = WRONG[story]
    given = listed if present is None else present
    prefix = sliced_bundle(tmp_path, listed, given, (4, 4))
    tensors = by_key(prefix)
    assert words in str(tensors["emb"].problem)
    assert tensors["emb"].extents == ()
    assert tensors["other"].problem is None
    with TensorReader() as reader:
        assert reader.read_array(tensors["other"]).tolist() == [0, 1, 2]
        with pytest.raises(UnreadableSnapshotError, match="emb"):
            reader.read_array(tensors["emb"])


def test_too_many_slices_across_the_rows_are_refused() -> None:
    columns = [((0, 2), (start, 1)) for start in range(5000)]
    assert "more than the 4,096" in str(cover_problem(columns, (2, 5000)))


def test_many_slices_are_checked_quickly() -> None:
    columns = [((0, 2), (start, 1)) for start in range(4096)]
    assert cover_problem(columns, (2, 4096)) is None
    assert "overlaps" in str(cover_problem([*columns[:-1], columns[0]], (2, 4096)))


@given(st.lists(st.binary(max_size=300), max_size=6))
@settings(max_examples=200, deadline=None)
def test_checksums_of_pieces_combine_to_that_of_the_whole(pieces: list[bytes]) -> None:
    parts = [(google_crc32c.value(piece), len(piece)) for piece in pieces]
    assert combined(parts) == google_crc32c.value(b"".join(pieces))


def big_endian(prefix: str, to: Path) -> str:
    """A bundle as a big-endian machine would have written it, from a real one."""
    writer = BundleWriter(endianness=1)
    index = parse_bundle_index(Path(f"{prefix}.index").read_bytes())
    checkpoint = tf.train.load_checkpoint(prefix)
    for tensor in index.tensors:
        if tensor.dtype == "string":
            writer.add_string(tensor.key, checkpoint.get_tensor(tensor.key))
        else:
            writer.add(tensor.key, np.asarray(checkpoint.get_tensor(tensor.key)))
    return writer.write(to)


def test_big_endian_checkpoint_has_the_same_values_and_names(tmp_path: Path) -> None:
    model = MODELS["plain"][0]()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    odd = tf.Variable([1 + 2j, 3 - 4j], dtype=tf.complex64)
    checkpoint = tf.train.Checkpoint(model=model, odd=odd, small=tf.Variable([1, 2], tf.int16))
    prefix = checkpoint.write(str(tmp_path / "little"))
    swapped = big_endian(prefix, tmp_path / "big")
    little, big = open_contents(prefix), open_contents(swapped)
    assert [tensor.name for tensor in big.tensors] == [tensor.name for tensor in little.tensors]
    assert {tensor.byteorder for tensor in big.tensors} == {"big"}
    assert big.position == little.position
    with TensorReader(little.generation) as one, TensorReader(big.generation) as other:
        for a, b in zip(little.tensors, big.tensors, strict=True):
            if a.dtype != "string":
                assert one.read_array(a).tobytes() == other.read_array(b).tobytes()


def test_strings_resources_and_variants_are_listed_and_never_decoded(tmp_path: Path) -> None:
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([0, 1], tf.int64)), 1
    )
    mutable = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    mutable.insert(["x"], tf.constant([7], tf.int64))
    iterator = iter(tf.data.Dataset.range(5))
    next(iterator)
    checkpoint = tf.train.Checkpoint(
        w=tf.Variable([1.0]),
        words=tf.Variable(["rose", "tulip"]),
        mutable=mutable,
        table=table,
        data=iterator,
    )
    prefix = checkpoint.write(str(tmp_path / "ckpt"))
    contents = open_contents(prefix)
    stored = {
        k: d.name for k, d in tf.train.load_checkpoint(prefix).get_variable_to_dtype_map().items()
    }
    assert {tensor.key: tensor.dtype for tensor in contents.tensors} == stored
    others = [tensor for tensor in contents.tensors if tensor.dtype in ("string", "variant")]
    assert {tensor.dtype for tensor in others} == {"string", "variant"}
    assert all(tensor.extents == () and tensor.problem is None for tensor in others)
    with TensorReader() as reader:
        for tensor in others:
            with pytest.raises(UnreadableSnapshotError, match="not numbers"):
                reader.read_array(tensor)


@pytest.mark.parametrize("without_names", [False, True])
def test_names_are_canonical_with_and_without_full_names(
    tmp_path: Path, without_names: bool
) -> None:
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    from tb_snapshot_compare.readers.object_graph import OBJECT_GRAPH_KEY

    class Block(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = tf.Variable(tf.ones((2, 3)), name="block/kernel")
            self.bias = tf.Variable(tf.zeros(3), name="block/bias")

    prefix = tf.train.Checkpoint(block=Block()).write(str(tmp_path / "ckpt"))
    if without_names:
        entries = dict(table_entries(Path(f"{prefix}.index").read_bytes()))
        reader = tf.train.load_checkpoint(prefix)
        graph = trackable_object_graph_pb2.TrackableObjectGraph()
        graph.ParseFromString(reader.get_tensor(OBJECT_GRAPH_KEY))
        for node in graph.nodes:
            for attribute in node.attributes:
                attribute.full_name = ""
        writer = BundleWriter()
        for key in entries:
            if key and key != OBJECT_GRAPH_KEY.encode():
                writer.add(key.decode(), reader.get_tensor(key.decode()))
        writer.add_string(OBJECT_GRAPH_KEY, graph.SerializeToString())
        writer.write(Path(prefix))
    names = {t.name for t in open_contents(prefix).tensors if t.scope == "weights"}
    assert names == {"block/kernel", "block/bias"}


def test_index_of_other_shards_than_there_are_is_named(tmp_path: Path) -> None:
    with session() as opened:
        trained(opened)
        prefix = saved(opened, tmp_path)
    entries = dict(table_entries(Path(f"{prefix}.index").read_bytes()))
    header = bytearray(entries[b""])
    assert header[:2] == b"\x08\x01"
    header[1] = 2
    write_index(Path(prefix), written_table(sorted((entries | {b"": bytes(header)}).items())))
    tensors = open_contents(prefix).tensors
    assert all("data-00000-of-00002" in str(tensor.problem) for tensor in tensors)
