"""One bad tensor of a hundred leaves ninety-nine compared, and is named; in every format."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tb_snapshot_compare.workspace import compare, open_snapshot
from tests.hostile import corpus_bombs
from tests.hostile.bundle_writer import BundleWriter
from tests.hostile.corpus import age
from tests.hostile.corpus_code import npy_bytes, safetensors_bytes, sequential
from tests.hostile.sound_snapshots import torch_bytes

COUNT, BAD = 100, 42
ARRAYS = {f"w{number:02d}": np.full((4, 3), number, np.float32) for number in range(COUNT)}
NAME = f"w{BAD}"
Write = Callable[[Path, bool], Path]


def bundle(folder: Path, damaged: bool) -> Path:
    writer = BundleWriter()
    for name, array in ARRAYS.items():
        writer.add(name, array)
    if damaged:
        writer.data[BAD * 48 + 5] ^= 1
    return Path(writer.write(folder / "ckpt"))


def shard_missing(folder: Path, damaged: bool) -> Path:
    writer = BundleWriter(shards=2)
    for name, array in ARRAYS.items():
        writer.add(name, array, **({"shard": 1} if damaged and name == NAME else {}))
    return Path(writer.write(folder / "ckpt"))


def _packed(path: Path, damaged: bool, place: Callable[[str], str]) -> Path:
    """Compressed and checked chunks, one of which has a wrong byte."""
    with h5py.File(path, "w") as file:
        for name, array in ARRAYS.items():
            made = file.create_dataset(
                place(name), data=array, chunks=array.shape, fletcher32=True, compression="gzip"
            )
            if name == NAME:
                chunk = made.id.get_chunk_info(0)
    if damaged:
        content = bytearray(path.read_bytes())
        content[chunk.byte_offset + 4] ^= 0xFF
        path.write_bytes(content)
    return path


def weights_h5(folder: Path, damaged: bool) -> Path:
    return _packed(folder / "m.weights.h5", damaged, lambda name: f"layers/{name}/vars/0")


def legacy_h5(folder: Path, damaged: bool) -> Path:
    path = _packed(folder / "m.h5", damaged, lambda name: f"model_weights/{name}/{name}/kernel:0")
    with h5py.File(path, "a") as file:
        file["model_weights"].attrs["layer_names"] = [name.encode() for name in ARRAYS]
        for name in ARRAYS:
            group = file[f"model_weights/{name}"]
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode()]
    return path


def keras(folder: Path, damaged: bool) -> Path:
    import json
    import zipfile

    inner = weights_h5(folder, damaged).read_bytes()
    (folder / "m.weights.h5").unlink()
    path = folder / "m.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", json.dumps(sequential()))
        file.writestr("model.weights.h5", inner)
    return path


def safetensors(folder: Path, damaged: bool) -> Path:
    header: dict[str, Any] = {}
    for number, name in enumerate(ARRAYS):
        place = [number * 48, number * 48 + 48]
        header[name] = {"dtype": "F32", "shape": [4, 3], "data_offsets": place}
    if damaged:
        header[NAME]["shape"] = [4, 2**40]
    path = folder / "m.safetensors"
    path.write_bytes(safetensors_bytes(header, b"".join(a.tobytes() for a in ARRAYS.values())))
    return path


def sharded_safetensors(folder: Path, damaged: bool) -> Path:
    """The bad tensor's shard is not there."""
    import json

    weights = {}
    for number, (name, array) in enumerate(ARRAYS.items(), 1):
        shard = f"model-{number:05d}-of-{COUNT:05d}.safetensors"
        weights[name] = shard
        if not (damaged and name == NAME):
            header = {name: {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}}
            (folder / shard).write_bytes(safetensors_bytes(header, array.tobytes()))
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": weights}))
    return path


def npz(folder: Path, damaged: bool) -> Path:
    """A stored member of which one byte of the values is wrong."""
    path = folder / "m.npz"
    np.savez(path, **ARRAYS)  # type: ignore[arg-type]
    if damaged:
        content = bytearray(path.read_bytes())
        content[content.index(ARRAYS[NAME].tobytes()) + 5] ^= 1
        path.write_bytes(content)
    return path


def npz_deflated(folder: Path, damaged: bool) -> Path:
    """A member that claims a terabyte."""
    members = {
        f"{name}.npy": npy_bytes(corpus_bombs.header(array.shape), array.tobytes())
        for name, array in ARRAYS.items()
    }
    if damaged:
        members[f"{NAME}.npy"] = npy_bytes(corpus_bombs.header((2**38,)), bytes(48))
    path = folder / "m.npz"
    path.write_bytes(corpus_bombs.zip_bytes(members, deflate=True))
    return path


def torch(folder: Path, damaged: bool) -> Path:
    """A tensor that lies past the end of its storage."""
    path = folder / "m.pt"
    path.write_bytes(torch_bytes(ARRAYS, past_the_end=NAME if damaged else None))
    return path


FORMATS: dict[str, Write] = {
    write.__name__: write
    for write in (
        bundle, shard_missing, weights_h5, legacy_h5, keras, safetensors, sharded_safetensors, npz,
        npz_deflated, torch,
    )
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_ninety_nine_of_a_hundred_are_compared_and_one_is_named(kind: str, tmp_path: Path) -> None:
    paths = []
    for damaged in (False, True):
        folder = tmp_path / str(damaged)
        folder.mkdir()
        paths.append(FORMATS[kind](folder, damaged))
    age(tmp_path)
    result = compare(open_snapshot(paths[0]), open_snapshot(paths[1]))
    compared = [tensor for tensor in result.tensors if tensor.measures is not None]
    bad = [tensor for tensor in result.tensors if tensor.problem is not None]
    assert len(compared) == COUNT - 1
    assert all(tensor.measures.l2 == 0 for tensor in compared if tensor.measures)
    assert [NAME in tensor.name for tensor in bad] == [True]
    assert len(str(bad[0].problem)) > 20
    assert result.coverage.tensors_compared == COUNT - 1
