"""Bundles written by TensorFlow, compared bit for bit with what TensorFlow reads back."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.errors import BeingWrittenError, SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo

NUMERIC = [
    *("float32", "float64", "float16", "bfloat16", "complex64", "complex128", "bool"),
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float8_e4m3fn", "float8_e5m2"),
]


def bits(array: Any) -> tuple[Any, ...]:
    array = np.asarray(array)
    return (array.dtype.name, array.shape, array.tobytes())


def by_name(contents: SnapshotContents) -> dict[str, TensorInfo]:
    return {tensor.name: tensor for tensor in contents.tensors}


def random_array(dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    raw = np.random.default_rng(3).integers(0, 256, int(np.prod(shape)) * kind.itemsize)
    if kind == np.bool_:
        return (raw % 2).astype(bool).reshape(shape)
    return raw.astype(np.uint8).view(kind).reshape(shape)


def save_v2(prefix: Path, tensors: dict[str, Any]) -> str:
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )
    return str(prefix)


@pytest.mark.parametrize("dtype", NUMERIC)
def test_every_dtype_is_read_bit_for_bit(tmp_path: Path, dtype: str) -> None:
    arrays = {
        "matrix": random_array(dtype, (7, 5)),
        "scalar": random_array(dtype, ()),
        "empty": random_array(dtype, (0, 4)),
    }
    prefix = save_v2(tmp_path / "ckpt", arrays)
    contents = open_contents(prefix)
    expected = tf.train.load_checkpoint(prefix)
    with TensorReader(contents.generation) as reader:
        for name, array in arrays.items():
            tensor = by_name(contents)[name]
            assert (tensor.dtype, tensor.shape) == (dtype, array.shape)
            assert bits(reader.read_array(tensor)) == bits(array)
            assert bits(reader.read_array(tensor)) == bits(expected.get_tensor(name))


def test_string_tensor_is_listed_but_not_decoded(tmp_path: Path) -> None:
    prefix = save_v2(tmp_path / "ckpt", {"labels": ["rose", "tulip"], "w": [1.0]})
    labels = by_name(open_contents(prefix))["labels"]
    assert (labels.dtype, labels.shape, labels.extents) == ("string", (2,), ())
    with TensorReader() as reader, pytest.raises(UnreadableSnapshotError, match="not numbers"):
        reader.read_array(labels)


@pytest.fixture
def two_shards(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    arrays = {"a/kernel": np.arange(6, dtype=np.float32), "b/kernel": np.arange(4) * 1.5}
    parts = [save_v2(tmp_path / f"part-{i}", {k: v}) for i, (k, v) in enumerate(arrays.items())]
    prefix = str(tmp_path / "merged")
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=prefix)
    return prefix, arrays


def test_tensors_of_two_shards_are_read(two_shards: tuple[str, dict[str, Any]]) -> None:
    prefix, arrays = two_shards
    contents = open_contents(prefix)
    assert len(contents.generation.stamps) == 3
    with TensorReader(contents.generation) as reader:
        for name, array in arrays.items():
            assert bits(reader.read_array(by_name(contents)[name])) == bits(array)


def test_missing_second_shard_is_reported_by_name(two_shards: tuple[str, dict[str, Any]]) -> None:
    prefix, arrays = two_shards
    missing = Path(f"{prefix}.data-00001-of-00002")
    missing.unlink()
    tensors = by_name(open_contents(prefix))
    problems = {name: tensor.problem for name, tensor in tensors.items()}
    assert problems["a/kernel"] is None
    assert missing.name in str(problems["b/kernel"])
    assert "2 of 2" in str(problems["b/kernel"])
    with TensorReader() as reader:
        assert bits(reader.read_array(tensors["a/kernel"])) == bits(arrays["a/kernel"])
        with pytest.raises(UnreadableSnapshotError, match="b/kernel"):
            reader.read_array(tensors["b/kernel"])


def test_truncated_data_file_concerns_its_last_tensor_only(tmp_path: Path) -> None:
    prefix = save_v2(tmp_path / "ckpt", {"a": np.arange(8.0), "b": np.arange(8.0)})
    data = Path(f"{prefix}.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:100])
    Path(f"{prefix}.index").touch()
    tensors = by_name(open_contents(prefix))
    assert tensors["a"].problem is None
    assert "truncated" in str(tensors["b"].problem)


def test_partitions_along_the_first_axis_are_joined(tmp_path: Path) -> None:
    whole = np.arange(300, dtype=np.float32).reshape(100, 3)
    bounds = [(0, 10), (10, 70), (80, 20)]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "ckpt"),
        tensor_names=["emb"] * 3,
        shape_and_slices=[f"100 3 {start},{length}:-" for start, length in bounds],
        tensors=[tf.constant(whole[start : start + length]) for start, length in bounds],
    )
    tensor = by_name(open_contents(str(tmp_path / "ckpt")))["emb"]
    assert len(tensor.extents) == 3
    with TensorReader() as reader:
        assert bits(reader.read_array(tensor)) == bits(whole)


def test_partitions_along_another_axis_are_interleaved(tmp_path: Path) -> None:
    whole = np.arange(12, dtype=np.float32).reshape(3, 4)
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "ckpt"),
        tensor_names=["emb"] * 2,
        shape_and_slices=["3 4 -:0,2", "3 4 -:2,2"],
        tensors=[tf.constant(whole[:, :2]), tf.constant(whole[:, 2:])],
    )
    tensor = by_name(open_contents(str(tmp_path / "ckpt")))["emb"]
    assert tensor.shape == (3, 4)
    with TensorReader() as reader:
        assert bits(reader.read_array(tensor)) == bits(whole)


@pytest.mark.parametrize("sources", [("global_step", "epoch"), ("save_counter",) * 2, (None,) * 2])
def test_position_names_its_source(tmp_path: Path, sources: tuple[str | None, str | None]) -> None:
    variables = {"global_step": 1200, "epoch": 4} if sources[0] == "global_step" else {}
    checkpoint = tf.train.Checkpoint(
        w=tf.Variable([1.0]),
        **{name: tf.Variable(value, dtype=tf.int64) for name, value in variables.items()},
    )
    save = checkpoint.write if sources[0] is None else checkpoint.save
    position = open_contents(save(str(tmp_path / "ckpt"))).position
    if sources[0] == "global_step":
        assert (position.step, position.step_source) == (1200, "global_step")
        assert (position.epoch, position.epoch_source) == (4, "epoch variable")
    elif sources[0] == "save_counter":
        assert (position.step, position.epoch) == (1, 1)
        assert position.step_source == position.epoch_source == "save_counter"
    else:
        assert (position.step, position.epoch) == (None, None)


def test_index_missing_beside_fresh_data_means_being_written(tmp_path: Path) -> None:
    prefix = save_v2(tmp_path / "ckpt", {"a": [1.0]})
    Path(f"{prefix}.index").unlink()
    with pytest.raises(BeingWrittenError, match=r"ckpt\.index"):
        open_contents(prefix)


def test_index_missing_beside_old_data_is_an_unfinished_save(tmp_path: Path) -> None:
    import os

    prefix = save_v2(tmp_path / "ckpt", {"a": [1.0]})
    Path(f"{prefix}.index").unlink()
    os.utime(f"{prefix}.data-00000-of-00001", (1, 1))
    with pytest.raises(UnreadableSnapshotError, match="did not finish") as caught:
        open_contents(prefix)
    assert not isinstance(caught.value, BeingWrittenError)


def test_deleted_checkpoint_is_gone(tmp_path: Path) -> None:
    from tb_snapshot_compare.snapshot import Format

    with pytest.raises(SnapshotGoneError, match="ckpt-9"):
        open_contents(str(tmp_path / "ckpt-9"), Format.TF_CHECKPOINT)


def test_reading_a_bundle_imports_no_framework(tmp_path: Path) -> None:
    prefix = str(tf.train.Checkpoint(w=tf.Variable([1.0, 2.0])).save(str(tmp_path / "ckpt")))
    code = f"""
import sys
from tb_snapshot_compare.readers import TensorReader, open_contents
contents = open_contents({prefix!r})
with TensorReader(contents.generation) as reader:
    assert reader.read_array(contents.tensors[0]).tolist() == [1.0, 2.0]
heavy = {{"tensorflow", "keras", "h5py", "numba", "scipy", "tensorboard"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
