"""`.weights.h5` and legacy `.h5` files in every layout that HDF5 offers."""

import json
import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers import TensorReader
from tb_snapshot_compare.readers.hdf5 import read_hdf5
from tb_snapshot_compare.snapshot import Format, SnapshotContents, TensorInfo
from tests.readers.keras_models import (
    BUILDERS,
    assert_same_values,
    canonical,
    keras,
    sequential,
    trained,
    values_of,
)

VALUES = np.arange(60, dtype="float32").reshape(3, 4, 5)


def weights_file(path: Path) -> h5py.Group:
    """An open weights file with one Dense layer, to which a test adds its dataset."""
    file = h5py.File(path, "w")
    group = file.create_group("layers/dense/vars")
    group.attrs["name"] = "dense"
    return group


def opened(path: Path) -> SnapshotContents:
    return read_hdf5(str(path), Format.WEIGHTS_H5)


def only(path: Path) -> TensorInfo:
    (tensor,) = opened(path).tensors
    return tensor


def value(tensor: TensorInfo) -> np.ndarray:
    with TensorReader() as reader:
        return reader.read_array(tensor)


@pytest.mark.parametrize("name", BUILDERS)
def test_every_weight_has_keras_name_and_value(name: str, tmp_path: Path) -> None:
    model = trained(BUILDERS[name])
    model.save_weights(tmp_path / "m.weights.h5")
    contents = opened(tmp_path / "m.weights.h5")
    assert contents.model_config is None
    assert_same_values(values_of(contents), canonical(model))


@pytest.mark.parametrize("name", [name for name in BUILDERS if name != "subclassed"])
def test_legacy_files_give_the_same(name: str, tmp_path: Path) -> None:
    model = trained(BUILDERS[name])
    model.save(tmp_path / "m.h5")
    contents = read_hdf5(str(tmp_path / "m.h5"), Format.LEGACY_H5)
    assert_same_values(values_of(contents), canonical(model))
    assert contents.model_config is not None
    assert json.loads(contents.model_config)["config"]["name"] == model.name
    assert contents.position.step == 2
    slots = {tensor.slot_of for tensor in contents.tensors if tensor.scope == "optimizer"}
    assert slots >= {"out/kernel"} or slots >= {"fc8/kernel"}


def test_legacy_layout_of_keras_2_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv1", b"pool"]
        file.attrs["keras_version"] = b"2.4.0"
        group = file.create_group("conv1")
        names = [b"conv1/kernel:0", b"conv1/bias:0"]
        group.attrs["weight_names"] = names
        group["conv1/kernel:0"] = VALUES
        group["conv1/bias:0"] = VALUES[0, 0]
        file.create_group("pool").attrs["weight_names"] = np.array([], dtype="S1")
        slots = [b"training/Adam/conv1/kernel/m:0", b"training/Adam/conv1/kernel/v:0"]
        optimizer = file.create_group("optimizer_weights")
        optimizer.attrs["weight_names"] = [b"training/Adam/iter:0", *slots]
        optimizer["training/Adam/iter:0"] = np.int64(12)
        for slot in slots:
            optimizer[slot.decode()] = VALUES
    contents = read_hdf5(str(path), Format.LEGACY_H5)
    assert [(t.name, t.layer, t.role, t.slot_of) for t in contents.tensors] == [
        ("conv1/kernel", "conv1", "kernel", None),
        ("conv1/bias", "conv1", "bias", None),
        ("optimizer/iteration", None, "iteration", None),
        ("optimizer/conv1/kernel/momentum", "conv1", "momentum", "conv1/kernel"),
        ("optimizer/conv1/kernel/velocity", "conv1", "velocity", "conv1/kernel"),
    ]
    assert contents.position.step == 12


def test_layers_of_older_keras_without_name_attribute_are_called_by_group(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        file["_layer_checkpoint_dependencies/dense/vars/0"] = VALUES[0]
        file["_layer_checkpoint_dependencies/dense/vars/1"] = VALUES[0, 0]
        file["_layer_checkpoint_dependencies/gru/cell/vars/0"] = VALUES[0]
    names = [tensor.name for tensor in opened(path).tensors]
    assert names == ["dense/kernel", "dense/bias", "gru/gru_cell/kernel"]


@pytest.mark.parametrize(
    "options",
    [
        {"chunks": (2, 3, 5)},
        {"chunks": (1, 4, 2), "compression": "gzip", "shuffle": True},
        {"chunks": (3, 4, 5), "fletcher32": True},
        {"chunks": (3, 4, 5), "compression": "lzf"},
    ],
)
def test_chunked_and_compressed_values_are_decoded(tmp_path: Path, options: dict) -> None:
    path = tmp_path / "m.weights.h5"
    weights_file(path).create_dataset("0", data=VALUES, **options).file.close()
    tensor = only(path)
    assert tensor.extents[0].path != str(path)
    np.testing.assert_array_equal(value(tensor), VALUES)


def test_large_chunked_values_are_decoded_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    large = np.random.default_rng(1).normal(size=(3, 700, 4099)).astype("float32")
    weights_file(path).create_dataset("0", data=large, chunks=(2, 300, 1000)).file.close()
    np.testing.assert_array_equal(value(only(path)), large)


def test_compact_and_unallocated_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    group = weights_file(path)
    group.create_dataset("0", (3, 4), "float32", fillvalue=2.5)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((4,))
    compact = h5py.h5d.create(group.id, b"1", h5py.h5t.NATIVE_FLOAT, space, plist)
    compact.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype="float32"))
    group.file.close()
    kernel, bias = opened(path).tensors
    np.testing.assert_array_equal(value(kernel), np.full((3, 4), 2.5))
    np.testing.assert_array_equal(value(bias), np.arange(4))


@pytest.mark.parametrize("dtype", [">f4", "<f2", ">i8", "uint8", "bool", "<f8", ">c16"])
def test_types_and_byte_orders_are_kept(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "m.weights.h5"
    wanted = np.array([[0, 1], [3, 250]]).astype(dtype)
    group = weights_file(path)
    group["0"] = wanted
    group.file.close()
    tensor = only(path)
    assert tensor.dtype == wanted.dtype.newbyteorder("=").name
    assert tensor.byteorder == ("big" if dtype[0] == ">" else "little")
    np.testing.assert_array_equal(value(tensor), wanted)


def test_empty_and_scalar_tensors_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    group = weights_file(path)
    group["0"] = np.zeros((0, 3), "float32")
    group["1"] = np.float32(7)
    group.file.close()
    empty, scalar = opened(path).tensors
    assert empty.shape == (0, 3)
    assert empty.extents == ()
    assert empty.problem is None
    assert value(scalar) == 7


def test_text_is_listed_but_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    group = weights_file(path)
    group["0"] = "words"
    group.file.close()
    assert only(path).dtype == "string"
    assert only(path).extents == ()


def test_a_file_behind_a_user_block_has_right_offsets(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w", userblock_size=1024) as file:
        file["layers/dense/vars/0"] = VALUES
    np.testing.assert_array_equal(value(only(path)), VALUES)


def test_a_file_that_its_writer_has_locked_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    group = weights_file(path)
    group["0"] = VALUES
    group.file.flush()
    try:
        np.testing.assert_array_equal(value(only(path)), VALUES)
    finally:
        group.file.close()


def test_epoch_of_a_backup_comes_from_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "latest.weights.h5"
    trained(sequential).save_weights(path)
    (tmp_path / "training_metadata.json").write_text('{"epoch": 3, "batch": 5}')
    position = opened(path).position
    assert (position.epoch, position.epoch_source) == (3, "training_metadata.json")
    assert (position.step, position.step_source) == (2, "optimizer iterations")


def test_backup_of_keras_itself_is_read(tmp_path: Path) -> None:
    model = sequential()
    model.compile("sgd", "mse")
    callback = keras.callbacks.BackupAndRestore(str(tmp_path), delete_checkpoint=False)
    model.fit(np.zeros((4, 4)), np.zeros((4, 2)), epochs=2, verbose=0, callbacks=[callback])
    position = opened(tmp_path / "latest.weights.h5").position
    metadata = json.loads((tmp_path / "training_metadata.json").read_text())
    assert position.epoch == metadata["epoch"]
    assert position.step == 2


def test_a_file_that_is_not_hdf5_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    path.write_bytes(b"not HDF5 at all" * 100)
    os.utime(path, (time.time() - 60,) * 2)
    with pytest.raises(UnreadableSnapshotError, match=r"m\.weights\.h5 is not a readable HDF5"):
        opened(path)


def test_a_directory_in_a_files_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    path.mkdir()
    with pytest.raises(UnreadableSnapshotError, match="not a regular file"):
        opened(path)
