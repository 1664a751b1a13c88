"""How HDF5 stores a dataset: filters, types, byte orders, and places outside of the file."""

import itertools
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np
import pytest

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader
from tb_snapshot_compare.readers.hdf5 import read_hdf5
from tb_snapshot_compare.snapshot import Format, SnapshotContents, TensorInfo
from tests.readers.keras_models import keras, layers, values_of

GENERATOR = np.random.default_rng(11)
FILTERS: dict[str, dict[str, object]] = {
    "gzip": {"compression": "gzip", "compression_opts": 9},
    "lzf": {"compression": "lzf"},
    "shuffle": {"compression": "gzip", "shuffle": True},
    "fletcher32": {"fletcher32": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "chunks": {"chunks": (3, 7)},
    "auto": {"chunks": True},
}
TYPES = ("<f4", ">f4", "<f2", ">f2", "<f8", ">f8", "int8", "uint8", ">i2", "<i8", ">u4", "bool")
OPAQUE = ("bfloat16", "float8_e4m3fn")


def opened(path: Path) -> SnapshotContents:
    return read_hdf5(str(path), Format.WEIGHTS_H5)


def only(path: Path) -> TensorInfo:
    (tensor,) = opened(path).tensors
    return tensor


def read(tensor: TensorInfo) -> np.ndarray:
    with TensorReader() as reader:
        return reader.read_array(tensor)


def as_keras_does(group: h5py.Group, key: str, values: np.ndarray, **options: object) -> None:
    """`H5IOStore.__setitem__`: types of ml_dtypes become opaque bytes with an attribute."""
    dataset = group.create_dataset(key, data=values, **options)
    if values.dtype.name in OPAQUE:
        dataset.attrs["dtype"] = values.dtype.name


def random(dtype: str, shape: tuple[int, ...] = (10, 21)) -> np.ndarray:
    values = GENERATOR.normal(scale=40, size=shape)
    if dtype in OPAQUE:
        return values.astype(getattr(ml_dtypes, dtype))
    return (
        values.astype("i8").astype(dtype) if np.dtype(dtype).kind in "iu" else values.astype(dtype)
    )


@pytest.mark.parametrize("name", FILTERS)
def test_every_type_survives_every_filter(tmp_path: Path, name: str) -> None:
    wanted = {dtype: random(dtype) for dtype in (*TYPES, *OPAQUE)}
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        for index, values in enumerate(wanted.values()):
            as_keras_does(file, f"layers/d{index}/vars/0", values, **FILTERS[name])
    found = {tensor.key: tensor for tensor in opened(path).tensors}
    for index, values in enumerate(wanted.values()):
        tensor = found[f"layers/d{index}/vars/0"]
        native = values.astype(values.dtype.newbyteorder("="))
        assert tensor.problem is None
        assert tensor.dtype == native.dtype.name
        assert tensor.extents[0].path != str(path)
        assert read(tensor).tobytes() == native.tobytes()


@pytest.mark.parametrize("dtype", [*TYPES, *OPAQUE])
def test_contiguous_values_of_every_type_are_read_in_place(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "m.weights.h5"
    values = random(dtype)
    with h5py.File(path, "w") as file:
        as_keras_does(file, "layers/dense/vars/0", values)
    tensor = only(path)
    assert [extent.path for extent in tensor.extents] == [str(path)]
    assert read(tensor).tobytes() == values.astype(values.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_what_keras_saves_in_another_type_is_what_it_loads(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "m.weights.h5"
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4, dtype=dtype)])
    model.save_weights(path)
    loaded = keras.Sequential([keras.Input((3,)), layers.Dense(4, dtype=dtype)])
    loaded.load_weights(path)
    found = values_of(opened(path))
    kernel = np.asarray(loaded.layers[0].kernel)
    (name,) = [name for name in found if name.endswith("kernel")]
    assert found[name].dtype.name == dtype
    assert found[name].tobytes() == kernel.tobytes()


def test_a_quantized_model_keeps_its_integers(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8,)), layers.Dense(4, name="dense")])
    model.layers[0].quantize("int8")
    model.save_weights(tmp_path / "m.weights.h5")
    found = values_of(opened(tmp_path / "m.weights.h5"))
    for variable in model.layers[0].variables:
        name = f"dense/{variable.path.rpartition('/')[2]}"
        assert found[name].tobytes() == np.asarray(variable).tobytes()
    assert found["dense/kernel"].dtype == np.int8


def test_floats_that_numpy_has_no_type_for_are_widened(tmp_path: Path) -> None:
    """HDF5's own bfloat16, as other programs write it: h5py reads it as float32."""
    path = tmp_path / "m.weights.h5"
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    values = random("bfloat16", (12,))
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        dataset = h5py.h5d.create(group.id, b"0", kind, h5py.h5s.create_simple((12,)))
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, values.astype("float32"))
    np.testing.assert_array_equal(read(only(path)), values.astype("float32"))


def test_opaque_bytes_that_do_not_say_their_type_are_named(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group["0"] = np.arange(4).astype(ml_dtypes.int4)
        group["1"] = np.arange(4, dtype="f4")
        group["1"].attrs["dtype"] = "float8_e4m3fn"
        for index, noted in enumerate(("object", "int4x", "bfloat16", 7)):
            group.create_dataset(f"{index + 2}", data=np.arange(4).astype(ml_dtypes.int4))
            group[f"{index + 2}"].attrs["dtype"] = noted
    tensors = {tensor.key[-1]: tensor for tensor in opened(path).tensors}
    assert "does not say which one" in (tensors["0"].problem or "")
    np.testing.assert_array_equal(read(tensors["1"]), np.arange(4))
    assert all("does not say" in (tensors[key].problem or "") for key in "2345")


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((1,), (1,)),
        ((5,), (2,)),
        ((4, 1, 3), (2, 1, 2)),
        ((2, 3, 4, 5), (1, 3, 1, 5)),
        ((17, 3), (17, 1)),
        ((0, 3), (1, 3)),
        ((300, 400), (7, 400)),
    ],
)
def test_chunks_of_any_shape_are_put_in_order(
    tmp_path: Path, shape: tuple[int, ...], chunks: tuple[int, ...]
) -> None:
    path = tmp_path / "m.weights.h5"
    values = random("<f4", shape)
    with h5py.File(path, "w") as file:
        options = {"chunks": chunks, "compression": "gzip", "maxshape": (None,) * len(shape)}
        file.create_dataset("layers/dense/vars/0", data=values, **options)
    tensor = only(path)
    assert tensor.shape == shape
    np.testing.assert_array_equal(read(tensor), values)


def test_chunks_that_were_never_written_have_the_fill_value(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        options = {"chunks": (10, 10), "compression": "gzip", "fillvalue": 1.5}
        dataset = file.create_dataset("layers/dense/vars/0", (40, 40), "f4", **options)
        dataset[:10, :10] = 3
    wanted = np.full((40, 40), 1.5, "float32")
    wanted[:10, :10] = 3
    np.testing.assert_array_equal(read(only(path)), wanted)


def test_a_filter_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.create_dataset("0", data=random("<f4"), chunks=(5, 21), compression="gzip")
        group.create_dataset("1", data=random("<f4"), compression="lzf")
    content = path.read_bytes()
    deflate = content.index(b"deflate")
    path.write_bytes(content[: deflate - 8] + b"\x33\x7f" + content[deflate - 6 :])
    tensors = {tensor.key[-1]: tensor for tensor in opened(path).tensors}
    assert "it cannot be read" in (tensors["0"].problem or "")
    assert tensors["1"].problem is None


def test_a_bad_checksum_is_reported_for_its_dataset_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    values = {key: random("<f4") for key in "01"}
    with h5py.File(path, "w") as file:
        for key, array in values.items():
            file.create_dataset(f"layers/dense/vars/{key}", data=array, fletcher32=True)
    content = bytearray(path.read_bytes())
    place = content.index(values["0"].tobytes()[:64])
    content[place + 5] ^= 0xFF
    path.write_bytes(content)
    kernel, bias = opened(path).tensors
    assert "it cannot be read" in (kernel.problem or "")
    np.testing.assert_array_equal(read(bias), values["1"])


# --- R7: what is wrong with one dataset is nobody else's problem


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        for index in range(100):
            group = file.create_group(
                f"layers/dense_{index}/vars" if index else "layers/dense/vars"
            )
            group["0"] = np.full((4, 5), index, "float32")
    return path


def assert_99_left(path: Path, lost: str) -> TensorInfo:
    """One tensor has a problem, all others their values; returns that one."""
    contents = opened(path)
    (bad,) = [tensor for tensor in contents.tensors if tensor.problem is not None]
    assert bad.key.startswith(lost)
    assert bad.extents == ()
    good = [tensor for tensor in contents.tensors if tensor.problem is None]
    assert len(good) == 99
    with TensorReader(contents.generation) as reader:
        sums = sorted(float(reader.read_array(tensor).mean()) for tensor in good)
    assert sums == [float(index) for index in range(100) if index != 42]
    return bad


def address_of(path: Path, name: str) -> int:
    with h5py.File(path) as file:
        return h5py.h5o.get_info(file[name].id).addr


@pytest.mark.parametrize("part", ["dataset", "vars", "layer"])
def test_a_damaged_header_leaves_99(hundred: Path, part: str) -> None:
    names = {"dataset": "/vars/0", "vars": "/vars", "layer": ""}
    address = address_of(hundred, f"layers/dense_42{names[part]}")
    content = bytearray(hundred.read_bytes())
    content[address : address + 16] = b"\xff" * 16
    hundred.write_bytes(content)
    assert_99_left(hundred, "layers/dense_42")


def replace_one(path: Path, make: object) -> None:
    with h5py.File(path, "a") as file:
        del file["layers/dense_42/vars/0"]
        make(file["layers/dense_42/vars"])  # type: ignore[operator]


def soft(group: h5py.Group) -> None:
    group["0"] = h5py.SoftLink("/layers/dense/vars/0")


def external_link(group: h5py.Group) -> None:
    group["0"] = h5py.ExternalLink("/etc/passwd", "/x")


def external_storage(group: h5py.Group) -> None:
    group.create_dataset("0", (4, 5), "f4", external=[("/etc/passwd", 0, 80)])


def virtual(group: h5py.Group) -> None:
    layout = h5py.VirtualLayout((4, 5), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4, 5))
    group.create_virtual_dataset("0", layout)


def table(group: h5py.Group) -> None:
    group["0"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def empty(group: h5py.Group) -> None:
    group["0"] = h5py.Empty("f4")


def enormous(group: h5py.Group) -> None:
    group.create_dataset("0", (1 << 40, 1 << 10), "f4", chunks=(1 << 10, 1 << 10))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (soft, "a soft link stands in its place"),
        (external_link, "a link to another file"),
        (external_storage, "its values lie in another file"),
        (virtual, "it is a virtual dataset"),
        (table, "is not a number type"),
        (empty, "it has no values"),
        (enormous, "far more than"),
    ],
)
def test_what_lies_elsewhere_or_is_no_array_leaves_99(
    hundred: Path, make: object, reason: str
) -> None:
    replace_one(hundred, make)
    assert reason in (assert_99_left(hundred, "layers/dense_42/vars/0").problem or "")


def test_a_hard_link_is_the_same_array(hundred: Path) -> None:
    with h5py.File(hundred, "a") as file:
        del file["layers/dense_42/vars/0"]
        file["layers/dense_42/vars/0"] = file["layers/dense_7/vars/0"]
    tensors = {tensor.key: tensor for tensor in opened(hundred).tensors}
    assert len(tensors) == 100
    np.testing.assert_array_equal(
        read(tensors["layers/dense_42/vars/0"]), read(tensors["layers/dense_7/vars/0"])
    )


def test_decoded_values_are_bounded_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DECODED_FLOOR_BYTES", 1 << 20)
    monkeypatch.setattr(limits, "DECODED_EXPANSION_MAX", 1)
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        for index, name in itertools.product(range(2), "ab"):
            options = {"compression": "gzip", "chunks": (1 << 10,)}
            data = np.zeros(1 << 17, "float32")
            file.create_dataset(f"layers/dense_{name}/vars/{index}", data=data, **options)
    problems = [tensor.problem for tensor in opened(path).tensors]
    assert problems.count(None) == 2
    assert all("far more than" in problem for problem in problems if problem is not None)


def test_a_file_of_which_nothing_is_left_is_refused(hundred: Path) -> None:
    content = bytearray(hundred.read_bytes())
    address = address_of(hundred, "/")
    content[address : address + 16] = b"\xff" * 16
    hundred.write_bytes(content)
    with pytest.raises(UnreadableSnapshotError):
        opened(hundred)
