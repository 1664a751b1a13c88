"""Writes weights as a snapshot that the plugin lists: `step-1200.safetensors`.

Format: "Format" in the README of safetensors; names and bounds as in `readers/safetensors_header`.
"""

import filecmp
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.recording.values import Dump

_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
_ALIGNMENT = 8
_SUFFIX = ".safetensors"


def write_snapshot(folder: Path, dump: Dump, metadata: Mapping[str, str], writer: str) -> Path:
    """Writes the weights of a dump; a reader sees the whole file or none.

    Where another writer has a snapshot of this step already, it keeps its name and this one's has
    the writer's in it, unless it holds the same weights: then this one takes its place. A file was
    modified last when it was written. Tensors of dtypes that the format does not have are written
    as float32.

    Args:
      folder: The run's; it is made where it is missing.
      dump: The weights and their step.
      metadata: Free text for the header, by name.
      writer: Tells this writer from others.

    Returns:
      The file's path.

    Raises:
      OSError: nothing was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{dump.step}{_SUFFIX}"
    unfinished = folder / f".{path.name}.{writer}.tmp"
    try:
        with open(unfinished, "wb") as file:
            _write(file.fileno(), dump, metadata)
            os.fsync(file.fileno())
        if path.exists() and not filecmp.cmp(unfinished, path, shallow=False):
            path = folder / f"step-{dump.step}.{writer}{_SUFFIX}"
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    _sync_folder(folder)
    return path


def snapshot_count(folder: Path) -> int:
    """How many snapshots of this form lie in a run's folder."""
    return sum(1 for _ in folder.glob(f"step-*{_SUFFIX}"))


def _write(descriptor: int, dump: Dump, metadata: Mapping[str, str]) -> None:
    arrays = {name: _stored(values) for name, values in dump.weights.items()}
    header: dict[str, object] = {"__metadata__": {**metadata, "step": str(dump.step)}}
    offset = 0
    for name, values in arrays.items():
        end = offset + values.nbytes
        header[name] = {
            "dtype": _DTYPES[values.dtype.name],
            "shape": values.shape,
            "data_offsets": (offset, end),
        }
        offset = end
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    _write_all(descriptor, len(text).to_bytes(8, "little") + text)
    for values in arrays.values():
        _write_all(descriptor, values.reshape(-1).view(np.uint8).data)


def _stored(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.name not in _DTYPES:
        values = values.astype(np.float32)
    return np.asarray(values, values.dtype.newbyteorder("<"), order="C")


def _write_all(descriptor: int, content: bytes | memoryview) -> None:
    rest = memoryview(content).cast("B")
    while rest.nbytes:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    """So that the name is on disk as well; not every system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
