"""Every byte of a small bundle flipped, every length cut: an error, or the right content."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.errors import SnapshotCompareError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.snapshot import Format
from tests.hostile.bundle_writer import OLD, BundleWriter

Contents = dict[str, tuple[str, tuple[int, ...], bytes]]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    writer = BundleWriter()
    for number in range(12):
        writer.add(f"layer{number}/kernel", random.normal(size=(3, number)).astype(np.float32))
    writer.add("flags", np.array([True, False]))
    writer.add("step", np.array(12, dtype=np.int64))
    return Path(writer.write(tmp_path / "ckpt"))


def read(prefix: Path) -> Contents:
    """What can be read of the snapshot; tensors that cannot are left out."""
    contents = open_contents(str(prefix), Format.TF_CHECKPOINT)
    found: Contents = {}
    with TensorReader(contents.generation) as reader:
        for tensor in contents.tensors:
            try:
                array: np.ndarray[Any, Any] = reader.read_array(tensor)
            except SnapshotCompareError:
                continue
            found[tensor.key] = (tensor.dtype, tensor.shape, array.tobytes())
    return found


def assert_right_or_refused(prefix: Path, original: Contents) -> int:
    """Returns how many tensors could be read."""
    try:
        found = read(prefix)
    except SnapshotCompareError:
        return 0
    for key, content in found.items():
        assert content == original[key]
    return len(found)


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_no_flipped_byte_of_the_index_gives_a_wrong_tensor(bundle: Path, mask: int) -> None:
    original = read(bundle)
    path = Path(f"{bundle}.index")
    content = path.read_bytes()
    assert len(original) == 14
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= mask
        path.write_bytes(damaged)
        os.utime(path, (OLD, OLD))
        assert_right_or_refused(bundle, original)


def test_no_truncated_index_is_taken_for_a_whole_one(bundle: Path) -> None:
    original = read(bundle)
    path = Path(f"{bundle}.index")
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert assert_right_or_refused(bundle, original) == 0


def test_flipped_byte_of_the_data_costs_one_tensor(bundle: Path) -> None:
    original = read(bundle)
    path = Path(f"{bundle}.data-00000-of-00001")
    content = path.read_bytes()
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        Path(f"{bundle}.index").touch()  # data that are newer than their index are being written
        assert assert_right_or_refused(bundle, original) == len(original) - 1


def test_truncated_data_costs_the_tensors_past_the_end(bundle: Path) -> None:
    original = read(bundle)
    path = Path(f"{bundle}.data-00000-of-00001")
    content = path.read_bytes()
    counts = []
    for length in range(0, len(content), 3):
        path.write_bytes(content[:length])
        Path(f"{bundle}.index").touch()
        counts.append(assert_right_or_refused(bundle, original))
    assert counts == sorted(counts)
    assert counts[-1] < len(original)
