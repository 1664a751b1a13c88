"""Inputs that fuzzing and the failing calls found once: each stays an error of ours, or is read."""

import io
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from tb_snapshot_compare.errors import SnapshotCompareError, UnreadableSnapshotError
from tb_snapshot_compare.readers import open_contents
from tests.hostile.corpus import OLD
from tests.hostile.corpus_bombs import zip_bytes
from tests.hostile.corpus_code import npy_bytes
from tests.hostile.sound_snapshots import torch_bytes, write_sound

VALUES = np.arange(3, dtype=np.float32)


def settled(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    os.utime(path, (OLD, OLD))
    return os.fspath(path)


def array_bytes() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, VALUES)
    return buffer.getvalue()


def test_a_member_without_a_name(tmp_path: Path) -> None:
    members = {"": b"x", "kernel.npy": array_bytes(), "sound/data.pkl": b"\x80\x02}."}
    arrays = open_contents(settled(tmp_path / "w.npz", zip_bytes(members))).tensors
    assert [tensor.key for tensor in arrays if tensor.problem is None] == ["kernel"]
    with pytest.raises(UnreadableSnapshotError, match="holds no tensors"):
        open_contents(settled(tmp_path / "w.pt", zip_bytes(members)))


def test_a_state_file_with_a_zero_byte_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_bytes(b'model_checkpoint_path: "\xff\0\xfe"\n')
    with pytest.raises(SnapshotCompareError, match=str(tmp_path)):
        open_contents(os.fspath(tmp_path))


def test_a_configuration_whose_compressed_bytes_are_damaged(tmp_path: Path) -> None:
    sound = write_sound(tmp_path, apart=True)["keras_deflated"]
    content = bytearray(sound.read_bytes())
    start = content.index(b"config.json") + len(b"config.json")
    for position in range(start, start + 40):
        damaged = content.copy()
        damaged[position] ^= 0xFF
        with pytest.raises(UnreadableSnapshotError, match="damaged\\.keras"):
            open_contents(settled(tmp_path / "damaged.keras", damaged))


def test_a_length_in_the_directory_that_hides_the_next_member(tmp_path: Path) -> None:
    content = zip_bytes({"kernel.npy": array_bytes(), "bias.npy": array_bytes()})
    first = content.index(b"PK\1\2")
    damaged = bytearray(content)
    damaged[first + 32] = 46 + len("bias.npy")
    with pytest.raises(UnreadableSnapshotError, match="1 entries of 2"):
        open_contents(settled(tmp_path / "w.npz", damaged))


def test_a_member_whose_name_was_damaged_is_not_left_out(tmp_path: Path) -> None:
    content = zip_bytes({"kernel.npy": array_bytes(), "bias.npy": array_bytes()})
    damaged = bytearray(content)
    damaged[content.rindex(b"bias.npy") + 7] ^= 1
    tensors = open_contents(settled(tmp_path / "w.npz", damaged)).tensors
    assert [tensor.problem is None for tensor in tensors] == [True, False]


def test_a_stored_member_with_a_wrong_byte_fails_its_checksum(tmp_path: Path) -> None:
    from tb_snapshot_compare.readers import TensorReader

    content = bytearray(zip_bytes({"kernel.npy": array_bytes()}))
    content[content.index(VALUES.tobytes()) + 5] ^= 1
    contents = open_contents(settled(tmp_path / "w.npz", content))
    with (
        TensorReader(contents.generation) as reader,
        pytest.raises(UnreadableSnapshotError, match="checksum"),
    ):
        reader.read_array(contents.tensors[0])


def test_a_torch_storage_that_begins_past_the_end(tmp_path: Path) -> None:
    content = torch_bytes({"a": VALUES, "b": VALUES}, past_the_end="b")
    tensors = open_contents(settled(tmp_path / "w.pt", content)).tensors
    assert [tensor.problem is None for tensor in tensors] == [True, False]


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (3 2), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (" + b"9" * 5_000 + b",), }",
        b"{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
        b"-" * 9_000 + b"1",
    ],
)
def test_a_header_that_python_would_stumble_over(header: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnreadableSnapshotError, match="its header"):
        open_contents(settled(tmp_path / "w.npy", npy_bytes(header, VALUES.tobytes())))


def test_one_name_twice_in_a_group(tmp_path: Path) -> None:
    """A damaged table of symbols gives one name to two datasets; both keep a name of their own."""
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group["aaaa"], group["aaab"] = VALUES, VALUES
    content = path.read_bytes().replace(b"aaab", b"aaaa")
    tensors = open_contents(settled(path, content)).tensors
    assert len({tensor.name for tensor in tensors}) == len(tensors) == 2
