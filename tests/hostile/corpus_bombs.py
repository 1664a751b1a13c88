"""Small files that claim, or would become, something huge; and headers that lie."""

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile.bundle_writer import varint
from tests.hostile.corpus import Case, Outcome
from tests.hostile.corpus_bundles import good_writer
from tests.hostile.corpus_code import npy_bytes, safetensors_bytes, sequential, weights_bytes

GIB = 1024**3
_VALUES = np.arange(6, dtype=np.float32)


def zip_bytes(
    members: dict[str, bytes],
    *,
    deflate: bool = False,
    directory: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = list,
    end: dict[str, int] | None = None,
) -> bytes:
    """A zip archive whose central directory and end record say what `directory` and `end` say.

    Args:
      members: contents by name.
      deflate: whether contents are compressed.
      directory: gets the true entries (name, method, crc, stored, size, offset) and returns
        those that are written.
      end: changes to the end record: `count`, `size`, `offset`.
    """
    out = bytearray()
    entries: list[dict[str, Any]] = []
    for name, content in members.items():
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        stored = packer.compress(content) + packer.flush() if deflate else content
        entry: dict[str, Any] = {
            "name": name.encode(), "method": 8 if deflate else 0, "crc": zlib.crc32(content),
            "stored": len(stored), "size": len(content), "offset": len(out),
        }  # fmt: skip
        entries.append(entry)
        out += struct.pack(
            "<4s5H3L2H", b"PK\3\4", 20, 0, entry["method"], 0, 33, entry["crc"], len(stored),
            len(content), len(name), 0,
        ) + name.encode() + stored  # fmt: skip
    start = len(out)
    entries = directory(entries)
    for entry in entries:
        sizes = [entry["size"], entry["stored"], entry["offset"]]
        extra = b""
        if max(sizes) >= 2**32 - 1:
            extra = struct.pack("<HH3Q", 1, 24, *(value % 2**64 for value in sizes))
            sizes = [2**32 - 1] * 3
        out += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, entry["method"], 0, 33, entry["crc"], sizes[1],
            sizes[0], len(entry["name"]), len(extra), 0, 0, 0, 0, sizes[2],
        ) + entry["name"] + extra  # fmt: skip
    about = {"count": len(entries), "size": len(out) - start, "offset": start} | (end or {})
    out += struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, about["count"] % 2**16, about["count"] % 2**16,
        about["size"], about["offset"], 0,
    )  # fmt: skip
    return bytes(out)


def _keras(**options: Any) -> Callable[[Path], Path]:
    """A `.keras` archive that is sound but for what `options` change."""

    def make(folder: Path) -> Path:
        members = {
            "metadata.json": b"{}",
            "config.json": json.dumps(sequential()).encode(),
            "model.weights.h5": weights_bytes(),
        }
        members |= options.pop("members", {})
        path = folder / "model.keras"
        path.write_bytes(zip_bytes(members, **options))
        return path

    return make


def _changed(member: str, **changes: int) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """The directory with other figures for one member."""

    def change(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [e | changes if e["name"] == member.encode() else e for e in entries]

    return change


def _overlapping(count: int) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    """So many names for the bytes of one member (Fifield, 2019)."""

    def change(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        last = entries[-1]
        return [*entries, *({**last, "name": b"w%05d.npy" % at} for at in range(count))]

    return change


def _file(name: str, content: bytes | Callable[[], bytes]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content())
        return path

    return make


def _sparse(name: str, start: bytes, size: int) -> Callable[[Path], Path]:
    """A file that begins with `start` and has zeros up to `size`, which take no room."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(start)
        with path.open("r+b") as file:
            file.truncate(size)
        return path

    return make


# --- HDF5


def _h5(build: Callable[[h5py.File], None]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / "model.weights.h5"
        with h5py.File(path, "w") as file:
            build(file)
        return path

    return make


def _contiguous_exabyte(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (2**50,), "float32")
    file.create_dataset("layers/dense/vars/1", data=_VALUES)


def _chunked_exabyte(file: h5py.File) -> None:
    made = file.create_dataset("layers/dense/vars/0", (2**50,), "f4", chunks=(1024,))
    made[:1024] = 1.0
    file.create_dataset("layers/dense/vars/1", data=_VALUES)


def _compressed_exabyte(file: h5py.File) -> None:
    options = {"chunks": (1024,), "compression": "gzip"}
    made = file.create_dataset("layers/dense/vars/0", (2**50,), "f4", **options)
    made[:1024] = 1.0


def _huge_chunk(file: h5py.File) -> None:
    """One chunk of a gibibyte that nobody wrote, for four values."""
    file.create_dataset(
        "layers/dense/vars/0", (4,), "f4", chunks=(2**28 - 1,), maxshape=(None,), compression="gzip"
    )


def _zeros(file: h5py.File) -> None:
    """48 MiB of zeros in 48 KiB."""
    zeros = np.zeros((3, 2**22), "f4")
    file.create_dataset("layers/dense/vars/0", data=zeros, chunks=(1, 2**22), compression="gzip")


def _huge_fill(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (2**20, 2**20), "f8", fillvalue=1.0, chunks=(8, 8))


def _huge_attribute(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = _VALUES
    file.attrs.create("model_config", np.zeros(6000, "S10"))
    for number in range(2000):
        file.attrs[f"a{number}"] = "x" * 500


def _many_groups(file: h5py.File) -> None:
    for number in range(1000):
        file.create_group(f"layers/l{number}/vars")


def _wide_type(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (4,), dtype="V2000000000")


def _nested_type(file: h5py.File) -> None:
    kind: Any = np.dtype("f4")
    for _ in range(60):
        kind = np.dtype([("x", kind)])
    file.create_dataset("layers/dense/vars/0", (1,), dtype=kind)


def _array_type(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (2**20,), dtype=np.dtype(("f4", (2**12,))))


def _ring_of_groups(file: h5py.File) -> None:
    group = file.create_group("layers/a")
    group["b"] = file["layers"]
    group["vars/0"] = _VALUES


# --- npy, npz


def header(shape: object, kind: str = "<f4", fortran: bool = False) -> bytes:
    """The header of an `.npy` file."""
    text = f"{{'descr': {kind!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    return text.encode().ljust(117) + b"\n"


def _npz(member: bytes, **options: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        good = io.BytesIO()
        np.save(good, _VALUES)
        path = folder / "weights.npz"
        path.write_bytes(zip_bytes({"good.npy": good.getvalue(), "w.npy": member}, **options))
        return path

    return make


def _npy(text: bytes, **options: Any) -> Callable[[Path], Path]:
    return _file("weights.npy", npy_bytes(text, _VALUES.tobytes(), **options))


# --- safetensors


def _tensor(begin: int = 0, end: int = 24, shape: object = (6,), kind: object = "F32") -> object:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def _safe(entries: object, data: bytes = _VALUES.tobytes()) -> Callable[[Path], Path]:
    return _file("model.safetensors", safetensors_bytes(entries, data))


def _deep_json(levels: int) -> bytes:
    return b'{"w":' + b"[" * levels + b"]" * levels + b"}"


# --- graphs beside a checkpoint


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def _node(name: str, operation: str, *inputs: str) -> bytes:
    texts = [_field(1, name.encode()), _field(2, operation.encode())]
    return b"".join([*texts, *(_field(3, text.encode()) for text in inputs)])


def _meta(nodes: list[bytes], functions: dict[str, list[bytes]] | None = None) -> bytes:
    """A MetaGraphDef of these operations, and of functions by name."""
    defined = b"".join(
        _field(1, _field(1, _field(1, name.encode())) + b"".join(_field(3, n) for n in body))
        for name, body in (functions or {}).items()
    )
    return _field(2, b"".join(_field(1, node) for node in nodes) + _field(2, defined))


def _laughs() -> bytes:
    """Forty functions, each of which calls the next one twice."""
    functions = {
        f"f{level}": [_node(side, f"f{level + 1}") for side in ("a", "b")] for level in range(40)
    }
    return _meta([_node("start", "f0")], functions | {"f40": [_node("x", "NoOp")]})


def _ring_of_calls() -> bytes:
    functions = {"f": [_node("x", "g")], "g": [_node("x", "f")]}
    return _meta([_node("start", "f")], functions)


def _ring_of_nodes() -> bytes:
    """Ten thousand operations, each with the one before as its input, and the last of the first."""
    return _meta([_node(f"n{n}", "Add", f"n{(n - 1) % 10_000}", "n0") for n in range(10_000)])


def _beside(name: str, content: bytes) -> Callable[[Path], Path]:
    """A sound checkpoint with this file beside it."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return Path(good_writer().write(folder / "ckpt"))

    return make


_Bomb = tuple[str, Callable[[Path], Path], Outcome | None, str]
_ZIPS: tuple[_Bomb, ...] = (
    ("a .keras that claims ten gigabytes of weights",
     _keras(deflate=True, directory=_changed("model.weights.h5", size=10 * GIB)), "refused", ""),
    ("a .keras that claims eight exabytes of weights",
     _keras(deflate=True, directory=_changed("model.weights.h5", size=2**63)), "refused", ""),
    ("a .keras whose stored weights end past the file",
     _keras(directory=_changed("model.weights.h5", stored=2**40, size=2**40)), "refused", ""),
    ("a .keras whose weights begin past the file",
     _keras(directory=_changed("model.weights.h5", offset=2**40)), "refused", ""),
    ("a .keras whose weights begin before the file",
     _keras(directory=_changed("model.weights.h5", offset=2**64 - 100)), "refused", ""),
    ("a .keras whose configuration claims four gigabytes",
     _keras(directory=_changed("config.json", size=4 * GIB)), "refused", ""),
    ("a .keras with a configuration of forty megabytes of spaces",
     _keras(deflate=True, members={"config.json": b" " * 40_000_000 + b"{}"}), None, ""),
    ("a .keras whose members overlap twenty thousand times",
     _keras(directory=_overlapping(20_000)), None, ""),
    ("a .keras with the wrong checksum for its configuration",
     _keras(directory=_changed("config.json", crc=1)), "refused", ""),
    ("a .keras whose directory is as long as four gigabytes",
     _keras(end={"size": 2**32 - 2}), "refused", ""),
    ("a .keras whose directory lies past its end",
     _keras(end={"offset": 2**32 - 2}), "refused", ""),
    ("a .keras of sixty thousand members that are not there",
     _keras(end={"count": 60_000}), None, ""),
    ("a .keras of an unknown compression",
     _keras(directory=_changed("model.weights.h5", method=99)), "refused", ""),
    ("a .keras with members that climb out of it",
     _keras(members={"../../CANARY": b"x", "/CANARY": b"x", "..\\CANARY": b"x"}), "whole", ""),
    ("a .keras that holds itself", _keras(members={"model.keras": b"PK\5\6" + b"\0" * 18}),
     "whole", ""),
    ("a .keras of nothing but an end", _file("model.keras", b"PK\5\6" + b"\0" * 18), "refused", ""),
    ("a .keras of a gigabyte of zeros", _sparse("model.keras", b"PK\3\4", GIB), "refused", ""),
)  # fmt: skip
_HDF5: tuple[_Bomb, ...] = (
    ("an HDF5 dataset of 2 to the 50 values", _h5(_contiguous_exabyte), "partly", "declares"),
    ("an HDF5 dataset of 2 to the 50 values in chunks", _h5(_chunked_exabyte), "partly", ""),
    ("an HDF5 dataset of 2 to the 50 values packed", _h5(_compressed_exabyte), "partly", ""),
    ("an HDF5 chunk of a gibibyte for four values", _h5(_huge_chunk), None, ""),
    ("an HDF5 dataset of zeros packed a thousand to one", _h5(_zeros), "whole", ""),
    ("an HDF5 dataset that is all fill value", _h5(_huge_fill), "partly", ""),
    ("an HDF5 file of two thousand attributes", _h5(_huge_attribute), "whole", ""),
    ("an HDF5 file of a thousand empty groups", _h5(_many_groups), None, ""),
    ("an HDF5 type of two gigabytes", _h5(_wide_type), "partly", ""),
    ("an HDF5 type sixty levels deep", _h5(_nested_type), "partly", ""),
    ("an HDF5 type that is an array", _h5(_array_type), "partly", ""),
    ("an HDF5 group that holds itself", _h5(_ring_of_groups), "whole", ""),
    ("an HDF5 file of a gigabyte of zeros",
     _sparse("model.h5", b"\x89HDF\r\n\x1a\n", GIB), "refused", ""),
)  # fmt: skip
_NPY: tuple[_Bomb, ...] = (
    ("an .npy of 2 to the 60 values", _npy(header((2**60,))), "refused", ""),
    ("an .npy of shapes whose product overflows", _npy(header((2**32, 2**32, 2))), "refused", ""),
    ("an .npy of a negative shape", _npy(header((-6,))), "refused", ""),
    ("an .npy of a shape of booleans", _npy(header((True, 6))), "refused", ""),
    ("an .npy of a shape of text", _npy(header("'ab'")), "refused", ""),
    ("an .npy of 300 dimensions", _npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': "
     + repr((1,) * 300).encode() + b"}\n"), "refused", ""),
    ("an .npy of an unknown type", _npy(header((6,), "<q9")), "partly", "dtype"),
    ("an .npy of a type of two gigabytes",
     _npy(header((1,), "V2000000000")), "partly", "raw bytes"),
    ("an .npy with a header of four gigabytes",
     _file("weights.npy", b"\x93NUMPY\2\0\xf0\xff\xff\xff" + b" " * 100), "refused", ""),
    ("an .npy with a header of nine thousand brackets",
     _npy(b"(" * 4_500 + b")" * 4_500 + b"\n"), "refused", ""),
    ("an .npy with a header of nine thousand minus signs",
     _npy(b"-" * 9_000 + b"1\n"), "refused", ""),
    ("an .npy of a shape of nine thousand digits", _npy(header((10**3999,))), "refused", ""),
    ("an .npy with a header of sixty thousand spaces", _npy(b" " * 60_000), "refused", ""),
    ("an .npy of version 9", _npy(header((6,)), version=(9, 9)), "refused", ""),
    ("an .npy cut in its header", _file("weights.npy", b"\x93NUMPY\1\0v\0{'descr"), "refused", ""),
    ("an .npz member of 2 to the 60 values", _npz(npy_bytes(header((2**60,)))), "partly", ""),
    ("an .npz member packed a thousand to one",
     _npz(npy_bytes(header((10_000_000,)), bytes(40_000_000)), deflate=True), None, ""),
    ("an .npz member that claims a terabyte",
     _npz(npy_bytes(header((2**38,))), deflate=True, directory=_changed("w.npy", size=2**40)),
     None, ""),
    ("an .npz member longer than it claims",
     _npz(npy_bytes(header((1000,)), bytes(4000)), deflate=True,
          directory=_changed("w.npy", size=1000)), None, ""),
    ("an .npz whose members overlap", _npz(npy_bytes(header((6,)), _VALUES.tobytes()),
     directory=_overlapping(2_000)), None, ""),
)  # fmt: skip
_SAFE: tuple[_Bomb, ...] = (
    ("a safetensors header of 2 to the 63 bytes",
     _file("model.safetensors", b"\0" * 7 + b"\x80{}"), "refused", ""),
    ("a safetensors header longer than its file",
     _file("model.safetensors", (1000).to_bytes(8, "little") + b"{}"), "refused", ""),
    ("a safetensors header of 99 megabytes of zeros",
     _sparse("model.safetensors", (99_000_000).to_bytes(8, "little"), 99_000_100), "refused", ""),
    ("a safetensors header of a hundred thousand names, the last two alike",
     _safe(b"{" + b",".join(b'"%d":0' % min(n, 99_998) for n in range(100_000)) + b"}"),
     "refused", "twice"),
    ("a safetensors header of no bytes", _file("model.safetensors", b"\0" * 8), "refused", ""),
    ("a safetensors file of seven bytes", _file("model.safetensors", b"\0" * 7), "refused", ""),
    ("a safetensors header that is a list", _safe([]), "refused", ""),
    ("a safetensors header two hundred thousand deep", _safe(_deep_json(200_000)), "refused", ""),
    ("a safetensors header that is not UTF-8", _safe(b'{"\xff\xfe": 1}'), "refused", ""),
    ("a safetensors name that comes twice",
     _safe(b'{"w": %s, "w": %s}' % ((json.dumps(_tensor()).encode(),) * 2)), "refused", ""),
    ("safetensors tensors that overlap", _safe({"a": _tensor(), "b": _tensor()}), None, ""),
    ("safetensors with a hole", _safe({"a": _tensor(8, 32)}, bytes(32)), None, ""),
    ("safetensors with bytes left over", _safe({"a": _tensor()}, bytes(99)), None, ""),
    ("safetensors offsets past the file", _safe({"a": _tensor(0, 2**40, (2**38,))}), None, ""),
    ("safetensors offsets that go backwards", _safe({"a": _tensor(24, 0)}), None, ""),
    ("safetensors offsets of minus one", _safe({"a": _tensor(-24, 0)}), None, ""),
    ("safetensors offsets of 2 to the 64", _safe({"a": _tensor(2**64, 2**64 + 24)}), None, ""),
    ("safetensors offsets that are floats",
     _safe(b'{"a":{"dtype":"F32","shape":[6],"data_offsets":[0.0,24.0]}}'), None, ""),
    ("safetensors offsets that are infinite",
     _safe(b'{"a":{"dtype":"F32","shape":[6],"data_offsets":[0,1e999]}}'), None, ""),
    ("a safetensors shape that overflows", _safe({"a": _tensor(shape=(2**32, 2**32))}), None, ""),
    ("a safetensors shape of minus one", _safe({"a": _tensor(shape=(-1, -6))}), None, ""),
    ("a safetensors shape of a million ones", _safe({"a": _tensor(shape=[1] * 10**6)}), None, ""),
    ("a safetensors shape that is text", _safe({"a": _tensor(shape="6")}), None, ""),
    ("a safetensors type of the future", _safe({"a": _tensor(kind="F3_E9")}), None, ""),
    ("a safetensors type that is a list", _safe({"a": _tensor(kind=["F32"])}), None, ""),
    ("a safetensors entry without offsets", _safe({"a": {"dtype": "F32"}}), None, ""),
    ("a safetensors number of a million digits",
     _safe(b'{"a":{"dtype":"F32","shape":[' + b"9" * 10**6 + b'],"data_offsets":[0,24]}}'),
     None, ""),
)  # fmt: skip
_GRAPHS: tuple[_Bomb, ...] = (
    ("a graph of functions that double forty times", _beside("ckpt.meta", _laughs()), "whole", ""),
    ("a graph of functions that call each other", _beside("ckpt.meta", _ring_of_calls()),
     "whole", ""),
    ("a graph of ten thousand operations in a ring", _beside("ckpt.meta", _ring_of_nodes()),
     "whole", ""),
    ("a graph of five million operations", _beside("ckpt.meta", _field(2, b"\n\0" * 5_000_000)),
     "whole", ""),
    ("a graph of garbage", _beside("ckpt.meta", b"\xff" * 5_000), "whole", ""),
    ("a graph of text a million braces deep", _beside("graph.pbtxt", b"node {" * 200_000),
     "whole", ""),
    ("a graph of text without an end", _beside("graph.pbtxt", b'node { name: "' + b"a" * 10**6),
     "whole", ""),
    ("a graph of text with a name of a megabyte of escapes",
     _beside("graph.pbtxt", b'node { name: "' + b"\\141" * 250_000 + b'" op: "NoOp" }'),
     "whole", ""),
)  # fmt: skip

BOMBS: tuple[Case, ...] = tuple(
    Case(story, make, outcome, reason)
    for story, make, outcome, reason in (*_ZIPS, *_HDF5, *_NPY, *_SAFE, *_GRAPHS)
)
