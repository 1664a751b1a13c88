"""NumPy's archives and files: what is read, what is refused, and why."""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, open_contents, transposing
from tb_snapshot_compare.readers.spool import spool_paths
from tb_snapshot_compare.snapshot import SnapshotContents, TensorInfo
from tests.readers.aging import age

Array = np.ndarray[Any, Any]


def arrays() -> dict[str, Array]:
    random = np.random.default_rng(5)
    return {
        "conv/kernel": random.normal(size=(3, 3, 2, 4)).astype("float32"),
        "conv/bias": random.normal(size=4).astype("float16"),
        "norm/gamma": random.normal(size=(4, 5)).astype(">f8"),
        "codes": random.integers(-9, 9, (2, 3)).astype("int8"),
        "switch": np.array([True, False]),
        "one": np.array(3.5),
        "none": np.zeros((0, 3), "float32"),
        "waves": random.normal(size=(2, 2)) + 1j * random.normal(size=(2, 2)),
        "columns": np.asfortranarray(random.normal(size=(4, 3, 5)).astype("float32")),
        "vector": np.asfortranarray(random.normal(size=(1, 7)).astype(">i4")),
    }


def tensors_of(path: Path) -> dict[str, TensorInfo]:
    age(path.parent)
    return {tensor.key: tensor for tensor in open_contents(str(path)).tensors}


def values_of(contents: SnapshotContents) -> dict[str, Array]:
    with TensorReader(contents.generation) as reader:
        return {tensor.key: reader.read_array(tensor) for tensor in contents.tensors}


def header_of(text: bytes, version: int = 1) -> bytes:
    """A .npy header of this text."""
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


def archive_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def saved(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_array_is_the_one_that_numpy_loads(save: Any, tmp_path: Path) -> None:
    save(tmp_path / "x.npz", **arrays())
    age(tmp_path)
    contents = open_contents(str(tmp_path / "x.npz"))
    found = values_of(contents)
    with np.load(tmp_path / "x.npz") as wanted:
        assert list(found) == wanted.files
        for key, value in found.items():
            np.testing.assert_array_equal(value, wanted[key])
            assert value.dtype == wanted[key].dtype.newbyteorder("=")
            assert value.shape == wanted[key].shape


def test_stored_arrays_are_read_in_place(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{"a/kernel": np.ones((3, 4), "f4")})
    (tensor,) = tensors_of(tmp_path / "x.npz").values()
    (extent,) = tensor.extents
    assert extent.path == str(tmp_path / "x.npz")
    content = (tmp_path / "x.npz").read_bytes()
    assert content[extent.offset : extent.offset + extent.length] == np.ones((3, 4), "f4").tobytes()


def test_a_listing_inflates_nothing(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", **arrays())
    age(tmp_path)
    listed = open_contents(str(tmp_path / "x.npz"), decode=False)
    assert not spool_paths(listed)
    assert {t.key: t.shape for t in listed.tensors} == {k: v.shape for k, v in arrays().items()}
    assert all(tensor.problem is None for tensor in listed.tensors)


def test_paths_are_layers_and_roles_and_other_keys_belong_to_none(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", np.ones(2), **arrays())
    found = {
        key: (tensor.name, tensor.layer, tensor.role)
        for key, tensor in tensors_of(tmp_path / "x.npz").items()
    }
    assert found["conv/kernel"] == ("conv/kernel", "conv", "kernel")
    assert found["codes"] == ("codes", None, "")
    assert found["arr_0"] == ("arr_0", None, "")


def test_a_state_dict_is_named_as_one_of_pytorch(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{"net.0.weight": np.ones((3, 2)), "net.0.bias": np.ones(3)})
    tensor = tensors_of(tmp_path / "x.npz")["net.0.weight"]
    assert (tensor.name, tensor.layer, tensor.layout) == ("net/0/kernel", "net/0", "torch")


def test_a_npy_file_is_one_tensor_called_after_it(tmp_path: Path) -> None:
    for key, array in arrays().items():
        path = tmp_path / f"{key.replace('/', '_')}.npy"
        np.save(path, array)
        age(tmp_path)
        contents = open_contents(str(path))
        (tensor,) = contents.tensors
        assert tensor.name == path.stem
        np.testing.assert_array_equal(values_of(contents)[path.stem], array)


def test_large_arrays_in_fortran_order_are_transposed_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transposing, "TRANSPOSING_BLOCK_BYTES", 1000)
    array = np.asfortranarray(np.random.default_rng(2).normal(size=(30, 7, 11)))
    np.save(tmp_path / "x.npy", array)
    age(tmp_path)
    np.testing.assert_array_equal(values_of(open_contents(str(tmp_path / "x.npy")))["x"], array)


class Attack:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_objects_are_a_pickle_and_never_loaded(tmp_path: Path) -> None:
    evil = np.array([Attack(tmp_path / "ran")], dtype=object)
    np.savez(tmp_path / "x.npz", evil=evil, good=np.ones(2))
    np.save(tmp_path / "y.npy", evil)
    tensors = tensors_of(tmp_path / "x.npz")
    assert "stored as a pickle" in (tensors["evil"].problem or "")
    assert tensors["good"].problem is None
    assert "stored as a pickle" in (tensors_of(tmp_path / "y.npy")["y"].problem or "")
    assert not (tmp_path / "ran").exists()
    pickle.loads(pickle.dumps(evil))
    assert (tmp_path / "ran").exists(), "the attack works where it is let"


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros(2, [("a", "f4"), ("b", "i2")]), "a table with named fields"),
        (np.array(["words"]), "str160, which are not numbers"),
        (np.array([b"bytes"]), "bytes40, which are not numbers"),
        (np.array(["2026-01-01"], "datetime64[D]"), "which are not numbers"),
        (np.ones(3, ml_dtypes.bfloat16), "as NumPy stores bfloat16"),
        (np.ones(3, np.longdouble), "differs from machine to machine"),
    ],
)
def test_what_is_not_numeric_is_listed_with_a_reason(
    array: Array, says: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "x.npz", x=array, good=np.ones(2))
    tensors = tensors_of(tmp_path / "x.npz")
    assert says in (tensors["x"].problem or "")
    assert tensors["x"].shape == array.shape
    assert tensors["x"].extents == ()
    assert tensors["good"].problem is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "does not begin as an array"),
        (b"\x93NUMPY", "cut off"),
        (b"\x93NUMPY\x09\x00\x10\x00", "is not known"),
        (header_of(b"{}"), "does not tell dtype, order and shape"),
        (
            header_of(b"__import__('os').system('touch ran')"),
            "does not tell dtype, order and shape",
        ),
        (header_of(b"[" * 9000), "does not tell dtype, order and shape"),
        (header_of(b"-" * 9000 + b"1"), "does not tell dtype, order and shape"),
        (header_of(b" " * 20_000, version=2), "at most 10,000 are read"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "claims 4,294,967,295 bytes"),
        (
            header_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"),
            "no valid shape",
        ),
        (
            header_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2**70,)}"),
            "does not tell dtype, order and shape",
        ),
        (
            header_of(b"{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}"),
            "does not tell dtype, order and shape",
        ),
        (
            header_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': (%s)}" % (b"1," * 300)),
            "no valid shape",
        ),
        (
            header_of(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}") + bytes(8),
            "stored 8 bytes, shape (3,) of float32 needs 12",
        ),
        (
            header_of(
                b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d)}" % (2**62, 2**62)
            ),
            "needs 85,070",
        ),
    ],
)
def test_a_faulty_array_concerns_itself_only(content: bytes, says: str, tmp_path: Path) -> None:
    path = archive_of(tmp_path / "x.npz", bad=content, good=saved(np.ones(3)))
    tensors = tensors_of(path)
    assert says in (tensors["bad"].problem or "")
    assert str(path) in (tensors["bad"].problem or "")
    assert tensors["good"].problem is None
    (tmp_path / "bad.npy").write_bytes(content)
    age(tmp_path)
    with pytest.raises(UnreadableSnapshotError, match=r"bad\.npy"):
        open_contents(str(tmp_path / "bad.npy"))
    assert not Path("ran").exists()


def test_a_descr_that_is_no_dtype_is_a_reason(tmp_path: Path) -> None:
    text = b"{'descr': 'no such type', 'fortran_order': False, 'shape': (1,)}"
    tensors = tensors_of(archive_of(tmp_path / "x.npz", bad=header_of(text) + bytes(4)))
    assert "is not one of NumPy's" in (tensors["bad"].problem or "")


def test_headers_of_python_2_are_read(tmp_path: Path) -> None:
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }"
    path = archive_of(tmp_path / "x.npz", old=header_of(text) + np.arange(2, dtype="f4").tobytes())
    age(tmp_path)
    assert values_of(open_contents(str(path)))["old"].tolist() == [[0.0], [1.0]]


def test_a_bomb_is_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DECODED_FLOOR_BYTES", 1 << 20)
    monkeypatch.setattr(limits, "DECODED_EXPANSION_MAX", 100)
    bomb, good = np.zeros(8 << 20, "u1"), np.ones(3, "f4")
    np.savez_compressed(tmp_path / "x.npz", good=good, bomb=bomb)
    age(tmp_path)
    contents = open_contents(str(tmp_path / "x.npz"))
    tensors = {tensor.key: tensor for tensor in contents.tensors}
    assert "far more than" in (tensors["bomb"].problem or "")
    assert sum(os.path.getsize(path) for path in spool_paths(contents)) < 1 << 20
    with TensorReader(contents.generation) as reader:
        np.testing.assert_array_equal(reader.read_array(tensors["good"]), good)


def test_damage_in_a_compressed_array_concerns_itself_only(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=500)
    path = tmp_path / "x.npz"
    np.savez_compressed(path, first=values, second=values + 1)
    content = bytearray(path.read_bytes())
    content[1500] ^= 0xFF
    path.write_bytes(content)
    tensors = tensors_of(path)
    assert tensors["first"].problem is not None
    assert str(path) in tensors["first"].problem
    assert tensors["second"].problem is None


def test_an_archive_that_has_an_array_twice_tells_so(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", saved(np.ones(2)))
        archive.writestr("b.npy", saved(np.zeros(2)))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.npy", saved(np.zeros(2)))
    tensors = tensors_of(path)
    assert "holds a.npy 2 times" in (tensors["a"].problem or "")
    assert tensors["b"].problem is None


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "complete zip"), (b"PK\x03\x04 and no more", "complete zip"), (b"\x93NUMPY", "zip")],
)
def test_what_is_no_archive_is_an_error_that_names_it(
    content: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    age(tmp_path)
    with pytest.raises(UnreadableSnapshotError, match=says) as raised:
        open_contents(str(tmp_path / "x.npz"))
    assert str(tmp_path / "x.npz") in str(raised.value)


def test_an_archive_without_arrays_is_an_error(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    age(tmp_path)
    with pytest.raises(UnreadableSnapshotError, match="holds no arrays"):
        open_contents(str(tmp_path / "x.npz"))
