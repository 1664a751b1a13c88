"""`.keras` archives whose weights are a pickle (`weights_format="npz"`): interpreted, never run."""

import io
import os
import pickle
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from keras.src.saving import saving_lib

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.snapshot import Format, SnapshotContents, TensorInfo
from tests.readers.keras_models import (
    BUILDERS,
    assert_same_values,
    canonical,
    keras,
    layers,
    sequential,
    trained,
    values_of,
)

MEMBER = "model.weights.npz"


def saved(model: keras.Model, path: Path) -> Path:
    saving_lib.save_model(model, path, weights_format="npz")
    return path


def archive_of(path: Path, arrays: dict[str, object], **options: Any) -> Path:
    """An archive with the configuration of `sequential` and these arrays as its weights."""
    weights = io.BytesIO()
    np.savez(weights, **{key: as_object(value) for key, value in arrays.items()})
    return archive_with(path, weights.getvalue(), **options)


def archive_with(path: Path, weights: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    whole = path.with_name("config.keras")
    sequential().save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w", compression) as target:
        target.writestr("config.json", source.read("config.json"))
        target.writestr("metadata.json", source.read("metadata.json"))
        target.writestr(MEMBER, weights)
    os.utime(path, (time.time() - 60,) * 2)
    return path


def as_object(value: object) -> np.ndarray:
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def tensors(contents: SnapshotContents) -> dict[str, TensorInfo]:
    return {tensor.name: tensor for tensor in contents.tensors}


def read(tensor: TensorInfo) -> np.ndarray:
    with TensorReader() as reader:
        return reader.read_array(tensor)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_weight_has_keras_name_and_value(name: str, tmp_path: Path) -> None:
    model = trained(BUILDERS[name])
    contents = open_contents(str(saved(model, tmp_path / "m.keras")))
    assert contents.format is Format.KERAS
    wanted = canonical(model)
    assert_same_values(values_of(contents), wanted)


@pytest.mark.parametrize("name", ["alexnet_like", "nested", "sequential"])
def test_it_reads_as_the_same_model_with_its_weights_in_hdf5(name: str, tmp_path: Path) -> None:
    model = trained(BUILDERS[name])
    pickled = open_contents(str(saved(model, tmp_path / "pickled.keras")))
    model.save(tmp_path / "h5.keras")
    plain = open_contents(str(tmp_path / "h5.keras"))
    assert tensors(pickled).keys() == tensors(plain).keys()
    for key, tensor in tensors(plain).items():
        found = tensors(pickled)[key]
        assert (found.key, found.layer, found.role, found.slot_of, found.shape, found.dtype) == (
            tensor.key, tensor.layer, tensor.role, tensor.slot_of, tensor.shape, tensor.dtype
        )  # fmt: skip
    assert_same_values(values_of(pickled, "optimizer"), values_of(plain, "optimizer"))
    assert pickled.position == plain.position
    assert pickled.model_config is not None


def test_values_are_read_in_place(tmp_path: Path) -> None:
    path = saved(trained(sequential), tmp_path / "m.keras")
    content = path.read_bytes()
    kernel = tensors(open_contents(str(path)))["hidden/kernel"]
    (extent,) = kernel.extents
    assert extent.path == str(path)
    assert content[extent.offset :][: extent.length] == read(kernel).tobytes()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_layers_of_other_types_are_read(tmp_path: Path, dtype: str) -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, dtype=dtype, name="dense")])
    contents = open_contents(str(saved(model, tmp_path / "m.keras")))
    kernel = tensors(contents)["dense/kernel"]
    assert kernel.dtype == dtype
    assert read(kernel).tobytes() == np.asarray(model.layers[0].kernel).tobytes()


@pytest.mark.parametrize(
    "value",
    [
        np.arange(20, dtype=">f4").reshape(4, 5),
        np.arange(20).astype(ml_dtypes.bfloat16).reshape(4, 5),
        np.arange(20).astype(ml_dtypes.float8_e4m3fn).reshape(4, 5),
        np.arange(20, dtype="int8").reshape(4, 5),
        np.arange(20, dtype="complex64").reshape(4, 5),
        np.zeros((0, 5), "float32"),
        np.float32(7),
        np.arange(20000, dtype="float64").reshape(40, 500),
    ],
    ids=lambda value: f"{value.dtype}-{value.shape}",
)
def test_plain_arrays_of_keras_2_are_read(tmp_path: Path, value: np.ndarray) -> None:
    path = archive_of(tmp_path / "m.keras", {"layers/dense": {"0": value}})
    kernel = tensors(open_contents(str(path)))["hidden/kernel"]
    assert (kernel.dtype, kernel.shape) == (value.dtype.newbyteorder("=").name, value.shape)
    found = read(kernel)
    assert found.tobytes() == value.astype(value.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_every_protocol_that_keeps_bytes_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    dump = pickle.dump
    monkeypatch.setattr(pickle, "dump", lambda value, file, **_: dump(value, file, protocol))
    value = np.arange(6, dtype="float32").reshape(2, 3)
    path = archive_of(tmp_path / "m.keras", {"layers/dense": {"0": value}})
    np.testing.assert_array_equal(read(tensors(open_contents(str(path)))["hidden/kernel"]), value)


@pytest.mark.parametrize("outside", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("inside", [np.savez, np.savez_compressed])
def test_compressed_archives_are_inflated(tmp_path: Path, outside: int, inside: Any) -> None:
    value = np.arange(6, dtype="float32").reshape(2, 3)
    weights = io.BytesIO()
    inside(weights, **{"layers/dense": as_object({"0": value, "1": value[0]})})
    path = archive_with(tmp_path / "m.keras", weights.getvalue(), outside)
    contents = open_contents(str(path))
    np.testing.assert_array_equal(read(tensors(contents)["hidden/kernel"]), value)
    np.testing.assert_array_equal(read(tensors(contents)["hidden/bias"]), value[0])
    listed = open_contents(str(path), decode=False)
    assert tensors(listed).keys() == tensors(contents).keys()


# --- damaged and hostile


class Attack:
    """Runs a program when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.marker}",)


def test_nothing_in_the_pickle_is_executed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    value = np.arange(6, dtype="float32").reshape(2, 3)
    arrays = {
        "layers/dense": {"0": value, "1": Attack(marker)},
        "layers/dense_1": Attack(marker),
        "optimizer": {"0": np.int64(3), "evil": [Attack(marker)]},
    }
    path = archive_of(tmp_path / "m.keras", arrays)
    script = (
        "import sys\n"
        "from tb_snapshot_compare.readers import open_contents\n"
        "open_contents(sys.argv[2])\n"
        "seen = []\n"
        "names = ('os.system', 'subprocess.Popen', 'exec', 'pickle.find_class', 'import')\n"
        "sys.addaudithook(lambda event, _: seen.append(event) if event in names else None)\n"
        "contents = open_contents(sys.argv[1])\n"
        "print(seen, [t.name for t in contents.tensors if t.problem is None])\n"
    )
    plain = saved(trained(sequential), tmp_path / "plain.keras")
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(plain)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("[] ['hidden/kernel'")
    assert not marker.exists()
    problems = {t.key: t.problem or "" for t in open_contents(str(path)).tensors if t.problem}
    assert "no array of NumPy" in problems["layers/dense/vars/1"]
    assert "does not hold a dict" in problems["layers/dense_1/vars/?"]
    assert not marker.exists()


def replaced(array: np.ndarray, old: bytes, new: bytes) -> bytes:
    """An `.npz` of one layer with bytes of its pickle exchanged."""
    weights = io.BytesIO()
    np.savez(weights, **{"layers/dense": as_object({"0": array, "1": array})})
    content = weights.getvalue()
    assert old in content
    assert len(old) == len(new)
    return content.replace(old, new)


def test_damage_costs_only_its_layer(tmp_path: Path) -> None:
    weights = io.BytesIO()
    value = np.arange(6, dtype="float32").reshape(2, 3)
    broken = np.frombuffer(b"\xff" * 300, "uint8")
    with zipfile.ZipFile(weights, "w") as archive:
        for name, content in (("layers/dense", {"0": value}), ("layers/dense_1", {"0": value})):
            member = io.BytesIO()
            np.lib.format.write_array(member, as_object(content))
            data = member.getvalue()
            if name == "layers/dense_1":
                data = data[:150] + broken.tobytes()
            archive.writestr(f"{name}.npy", data)
    path = archive_with(tmp_path / "m.keras", weights.getvalue())
    contents = open_contents(str(path))
    np.testing.assert_array_equal(read(tensors(contents)["hidden/kernel"]), value)
    problems = [tensor for tensor in contents.tensors if tensor.problem is not None]
    assert [tensor.key for tensor in problems] == ["layers/dense_1/vars/?"]
    assert "cannot be read" in (problems[0].problem or "")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("text", "no array of NumPy"),
        (None, "no array of NumPy"),
        (np.array(["a", "b"]), "not a number type"),
        (np.array([object(), 3], dtype=object), "not a number type"),
        (np.asfortranarray(np.ones((3, 4), "float32")), "Fortran order"),
    ],
)
def test_what_is_no_array_of_numbers_is_named(tmp_path: Path, value: object, reason: str) -> None:
    good = np.ones(4, "float32")
    path = archive_of(tmp_path / "m.keras", {"layers/dense": {"0": value, "1": good}})
    found = tensors(open_contents(str(path)))
    assert reason in (found["hidden/kernel"].problem or "")
    np.testing.assert_array_equal(read(found["hidden/bias"]), good)


def test_a_shape_that_does_not_fit_the_bytes_is_refused(tmp_path: Path) -> None:
    array = np.arange(77, dtype="float32").reshape(7, 11)
    content = replaced(array, b"K\x07K\x0b\x86", b"K\x07K\x7f\x86")
    path = archive_with(tmp_path / "m.keras", content)
    problems = [t.problem or "" for t in open_contents(str(path)).tensors]
    assert any("stored 308 bytes, shape (7, 127)" in problem for problem in problems)


@pytest.mark.parametrize("content", [b"", b"anything", b"PK\x05\x06" + b"\0" * 18])
def test_a_member_that_is_no_archive_is_named(tmp_path: Path, content: bytes) -> None:
    path = archive_with(tmp_path / "m.keras", content)
    if content.startswith(b"PK"):
        assert open_contents(str(path)).tensors == ()
    else:
        with pytest.raises(UnreadableSnapshotError, match="not a complete zip archive"):
            open_contents(str(path))


def test_a_bomb_is_refused_before_it_is_inflated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DECODED_FLOOR_BYTES", 1 << 20)
    monkeypatch.setattr(limits, "DECODED_EXPANSION_MAX", 10)
    weights = io.BytesIO()
    zeros = np.zeros(1 << 20, "float32")
    np.savez_compressed(weights, **{"layers/dense": as_object({"0": zeros})})
    path = archive_with(tmp_path / "m.keras", weights.getvalue())
    with pytest.raises(UnreadableSnapshotError, match="far more than"):
        open_contents(str(path))


def test_every_truncation_is_reported(tmp_path: Path) -> None:
    content = saved(trained(sequential), tmp_path / "m.keras").read_bytes()
    cut = tmp_path / "cut.keras"
    for length in range(0, len(content), max(len(content) // 60, 1)):
        cut.write_bytes(content[:length])
        os.utime(cut, (time.time() - 60,) * 2)
        with pytest.raises(UnreadableSnapshotError):
            open_contents(str(cut))


def test_every_flipped_byte_gives_tensors_or_a_reason(tmp_path: Path) -> None:
    content = bytearray(saved(trained(sequential), tmp_path / "m.keras").read_bytes())
    flipped = tmp_path / "flipped.keras"
    start = content.index(b"\x93NUMPY")
    for position in range(start, len(content), max((len(content) - start) // 200, 1)):
        changed = bytearray(content)
        changed[position] ^= 0x5A
        flipped.write_bytes(changed)
        os.utime(flipped, (time.time() - 60,) * 2)
        try:
            contents = open_contents(str(flipped))
        except UnreadableSnapshotError:
            continue
        with TensorReader(contents.generation) as reader:
            for tensor in contents.tensors:
                if tensor.problem is None:
                    reader.read_array(tensor)
