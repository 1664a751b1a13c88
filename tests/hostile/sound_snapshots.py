"""One sound small snapshot in every format, with the same values, written without frameworks."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile.bundle_writer import BundleWriter
from tests.hostile.corpus import age
from tests.hostile.corpus_code import archive, legacy_h5, safetensors_bytes, sequential

Floats = np.ndarray[Any, np.dtype[np.float32]]
KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3)
BIAS = np.arange(3, dtype=np.float32)


def write_sound(folder: Path, *, apart: bool = False) -> dict[str, Path]:
    """Writes them, each under a name of its own; the paths to open by format.

    Args:
      folder: where to.
      apart: each into a folder of its own in `folder`.
    """
    paths = {}
    for kind, write in WRITERS.items():
        home = folder / kind if apart else folder
        home.mkdir(parents=True, exist_ok=True)
        paths[kind] = write(home)
    age(folder)
    return paths


def _bundle(folder: Path, name: str = "bundle") -> Path:
    writer = BundleWriter()
    writer.add("dense/kernel", KERNEL)
    writer.add("dense/bias", BIAS)
    for dtype in ("float64", "float16", "int64", "int32", "uint8", "bool"):
        writer.add(f"kinds/{dtype}", KERNEL.astype(dtype))
    return Path(writer.write(folder / name))


def _saved_model(folder: Path) -> Path:
    path = folder / "exported"
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"")
    _bundle(path / "variables", "variables")
    return path


def _keras_deflated(folder: Path) -> Path:
    made = archive(folder, sequential(), "plain.keras")
    path = folder / "packed.keras"
    with zipfile.ZipFile(made) as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    made.unlink()
    return path


def _weights_h5(folder: Path, name: str = "sound.weights.h5", layer: str = "dense") -> Path:
    path = folder / name
    with h5py.File(path, "w") as file:
        file[f"layers/{layer}/vars/0"] = KERNEL
        file.create_dataset(f"layers/{layer}/vars/1", data=BIAS, chunks=(3,), compression="gzip")
    return path


def _sharded_h5(folder: Path) -> Path:
    """Two files and their index, as Keras writes them with `max_shard_size`."""
    weights = {}
    for number, layer in enumerate(("dense", "dense_1")):
        name = f"model_{number:05d}.weights.h5"
        _weights_h5(folder, name, layer)
        weights[f"/layers/{layer}/vars"] = [name]
    path = folder / "model.weights.json"
    path.write_text(json.dumps({"metadata": {"total_size": 120}, "weight_map": weights}))
    return path


_ENTRIES = {
    "dense.weight": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]},
    "dense.bias": {"dtype": "F32", "shape": [3], "data_offsets": [48, 60]},
}


def _safetensors(folder: Path, name: str = "sound.safetensors") -> Path:
    path = folder / name
    path.write_bytes(safetensors_bytes(_ENTRIES, KERNEL.tobytes() + BIAS.tobytes()))
    return path


def _sharded_safetensors(folder: Path) -> Path:
    _safetensors(folder, "model-00001-of-00002.safetensors")
    more = {"last.weight": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}}
    second = folder / "model-00002-of-00002.safetensors"
    second.write_bytes(safetensors_bytes(more, KERNEL.tobytes()))
    weights = dict.fromkeys(_ENTRIES, "model-00001-of-00002.safetensors")
    weights["last.weight"] = second.name
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 108}, "weight_map": weights}))
    return path


def _npy(folder: Path) -> Path:
    np.save(folder / "sound.npy", KERNEL)
    return folder / "sound.npy"


def _npz(folder: Path) -> Path:
    np.savez(folder / "sound.npz", kernel=KERNEL, bias=BIAS)
    return folder / "sound.npz"


def _npz_deflated(folder: Path) -> Path:
    np.savez_compressed(folder / "packed.npz", kernel=KERNEL, bias=BIAS)
    return folder / "packed.npz"


def torch_bytes(arrays: Mapping[str, Floats], past_the_end: str | None = None) -> bytes:
    """A state dictionary of matrices and vectors as `torch.save` writes it, little-endian.

    Args:
      arrays: by key, of float32.
      past_the_end: the key of one that begins two gigabytes into its storage.
    """

    def name(module: str, attribute: str) -> bytes:
        return b"c" + f"{module}\n{attribute}\n".encode()

    def text(value: str) -> bytes:
        return b"X" + len(value).to_bytes(4, "little") + value.encode()

    def number(value: int) -> bytes:
        return b"J" + value.to_bytes(4, "little")

    def tensor(storage: int, key: str, array: Floats) -> bytes:
        kind = text("storage") + name("torch", "FloatStorage") + text(str(storage)) + text("cpu")
        sizes = b"(" + b"".join(map(number, array.shape)) + b"t"
        steps = b"(" + b"".join(number(step // 4) for step in array.strides) + b"t"
        start = number(2**29 if key == past_the_end else 0)
        hooks = b"\x89" + name("collections", "OrderedDict") + b")R"
        rebuilt = name("torch._utils", "_rebuild_tensor_v2")
        return (
            rebuilt
            + b"(("
            + kind
            + number(array.size)
            + b"tQ"
            + start
            + sizes
            + steps
            + hooks
            + b"tR"
        )

    entries = [text(key) + tensor(at, key, array) for at, (key, array) in enumerate(arrays.items())]
    pickled = b"\x80\x02" + name("collections", "OrderedDict") + b")R(" + b"".join(entries) + b"u."
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("sound/data.pkl", pickled)
        file.writestr("sound/byteorder", "little")
        for at, array in enumerate(arrays.values()):
            file.writestr(f"sound/data/{at}", array.tobytes())
        file.writestr("sound/version", "3\n")
    return out.getvalue()


def _torch(folder: Path) -> Path:
    path = folder / "sound.pt"
    path.write_bytes(torch_bytes({"dense.weight": KERNEL, "dense.bias": BIAS}))
    return path


WRITERS: dict[str, Callable[[Path], Path]] = {
    "tf_checkpoint": _bundle,
    "saved_model": _saved_model,
    "keras": lambda folder: archive(folder, sequential()),
    "keras_deflated": _keras_deflated,
    "weights_h5": _weights_h5,
    "legacy_h5": legacy_h5,
    "sharded_h5": _sharded_h5,
    "safetensors": _safetensors,
    "sharded_safetensors": _sharded_safetensors,
    "npy": _npy,
    "npz": _npz,
    "npz_deflated": _npz_deflated,
    "torch": _torch,
}
