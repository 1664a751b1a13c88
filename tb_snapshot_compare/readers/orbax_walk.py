"""Lists and decodes arrays with tensorstore. Only the child process imports this module.

The specifications that tensorstore gets are written here: zarr arrays in the `file` driver, or
in OCDBT over it, below one directory. Nothing in a checkpoint can name another driver or place.
Formats: zarr v2 and v3 (`zarr-specs.readthedocs.io`), OCDBT
(`google.github.io/tensorstore/kvstore/ocdbt`).
"""

import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import tensorstore as ts

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.child_messages import StoredArray
from tb_snapshot_compare.readers.orbax_messages import (
    DecodeArrays,
    Decoded,
    DescribeArrays,
    Kvstore,
)

ROW_BYTES = 64 * limits.MIB
"""Rows of chunks of at most so many bytes are read at once, else one chunk at a time."""
KEY_MAX_CHARACTERS = 512
"""64 keys make one request."""
_OPEN_AT_ONCE = 64
_DRIVERS = {"/.zarray": "zarr", "/zarr.json": "zarr3"}
_TIMEOUT_SECONDS = 45.0
"""For one operation; before the server takes the child for dead."""
_SPECIFICATION = re.compile(r" \[(?!\d)")
_REASON_MAX_CHARACTERS = 250

Box = tuple[slice, ...]


def describe(request: DescribeArrays) -> list[StoredArray]:
    """The arrays of a directory, by key, without values."""
    context = _context()
    kvstore = ts.KvStore.open(_kvstore(request.path, request.kvstore), context=context)
    names = _names(kvstore)
    found = {
        name.removesuffix(ending): driver
        for name in names
        for ending, driver in _DRIVERS.items()
        if name.endswith(ending)
    }
    if len(found) > limits.TENSORS_MAX:
        raise ValueError(f"it holds more than {limits.TENSORS_MAX} arrays")
    arrays: list[StoredArray] = []
    keys = sorted(found)
    for start in range(0, len(keys), _OPEN_AT_ONCE):
        some = keys[start : start + _OPEN_AT_ONCE]
        opening = [_open(request.path, request.kvstore, key, found[key], context) for key in some]
        arrays += [_described(key, future) for key, future in zip(some, opening, strict=True)]
    return arrays


def _names(kvstore: "ts.Future[ts.KvStore]") -> list[str]:
    """Every key.

    Raises:
      ValueError: the database is damaged, or a file of it is missing.
    """
    try:
        return [key.decode("utf-8", "replace") for key in _wait(_wait(kvstore).list())]
    except ValueError as error:
        raise ValueError(_reason(error)) from error


def decode(request: DecodeArrays, target: int) -> Decoded:
    """Writes values to the descriptor `target` until the budget is spent."""
    context = _context()
    problems: dict[str, str] = {}
    spent, box = 0, request.box
    for finished, (key, offset) in enumerate(zip(request.keys, request.offsets, strict=True)):
        try:
            store = _opened(request, key, context)
            for number, chosen in enumerate(_boxes(store)):
                if number < box:
                    continue
                if spent >= request.budget:
                    return Decoded(finished, number, problems)
                spent += _copy(store, chosen, target, offset)
        except (ValueError, OSError, TimeoutError) as error:
            problems[key] = _words(error)
        box = 0
    return Decoded(len(request.keys), 0, problems)


def _context() -> ts.Context:
    return ts.Context(
        {
            "cache_pool": {"total_bytes_limit": 0},
            "data_copy_concurrency": {"limit": 2},
            "file_io_concurrency": {"limit": 4},
        }
    )


def _kvstore(path: str, kind: Kvstore, key: str = "") -> dict[str, Any]:
    base = {"driver": "file", "path": os.path.join(path, "")}
    if kind == "ocdbt":
        return {"driver": "ocdbt", "base": base, "path": key}
    return {**base, "path": base["path"] + key}


def _open(
    path: str, kind: Kvstore, key: str, driver: str, context: ts.Context
) -> "ts.Future[ts.TensorStore]":
    spec = {"driver": driver, "kvstore": _kvstore(path, kind, f"{key}/")}
    return ts.open(spec, context=context, read=True, open=True, recheck_cached_metadata="open")


def _opened(request: DecodeArrays, key: str, context: ts.Context) -> ts.TensorStore:
    """The array of either version of zarr; its key alone does not tell."""
    try:
        store: ts.TensorStore = _wait(_open(request.path, request.kvstore, key, "zarr3", context))
    except ValueError:
        store = _wait(_open(request.path, request.kvstore, key, "zarr", context))
    return store


def _wait(future: "ts.Future[Any]") -> Any:
    return future.result(timeout=_TIMEOUT_SECONDS)


def _described(key: str, future: "ts.Future[ts.TensorStore]") -> StoredArray:
    try:
        store = _wait(future)
    except (ValueError, OSError, TimeoutError) as error:
        return StoredArray(key, 0, "unknown", (), 0, problem=_words(error))
    shape = tuple(int(size) for size in store.shape)
    dtype = store.dtype.numpy_dtype
    if dtype is None or dtype.kind in "OSU":
        return StoredArray(key, 0, "string", shape, 0)
    if dtype.kind not in "biufc" and not hasattr(ml_dtypes, dtype.name):
        words = f"its type {store.dtype.name} is not a number type"
        return StoredArray(key, 0, "unknown", shape, 0, problem=words)
    chunk = math.prod(size or 1 for size in _chunk(store)) * dtype.itemsize
    problem = None
    if len(key) > KEY_MAX_CHARACTERS:
        problem = f"its key is longer than {KEY_MAX_CHARACTERS} characters"
    elif chunk > limits.ORBAX_CHUNK_MAX_BYTES:
        problem = f"its chunks have {chunk} bytes, more than {limits.ORBAX_CHUNK_MAX_BYTES}"
    return StoredArray(
        path=key,
        order=0,
        dtype=dtype.name,
        shape=shape,
        length=math.prod(shape) * dtype.itemsize,
        byteorder=sys.byteorder,
        problem=problem,
    )


def _words(error: Exception) -> str:
    return f"it cannot be read ({_reason(error)})"


def _reason(error: Exception) -> str:
    """Without tensorstore's copy of the specification, and without the names of its data files."""
    text = _SPECIFICATION.split(str(error))[0] or type(error).__name__
    if text.startswith("NOT_FOUND"):
        return "a file with its data is missing"
    return text[:_REASON_MAX_CHARACTERS]


def _chunk(store: ts.TensorStore) -> tuple[int | None, ...]:
    """The shape of what is decoded at once; empty for a scalar."""
    return store.chunk_layout.read_chunk.shape or ()


def _boxes(store: ts.TensorStore) -> Iterator[Box]:
    """Boxes that cover the array, each of whole chunks, in an order that never changes."""
    shape = tuple(int(size) for size in store.shape)
    if 0 in shape:
        return
    chunks = [
        min(max(chunk or size, 1), size)
        for chunk, size in zip(_chunk(store) or shape, shape, strict=True)
    ]
    itemsize = store.dtype.numpy_dtype.itemsize
    steps = list(chunks)
    for axis in reversed(range(len(shape))):
        others = math.prod(steps[:axis]) * math.prod(steps[axis + 1 :])
        room = ROW_BYTES // max(others * itemsize, 1)
        steps[axis] = min(max(room // chunks[axis], 1) * chunks[axis], shape[axis])
        if steps[axis] < shape[axis]:
            break
    counts = [math.ceil(size / step) for size, step in zip(shape, steps, strict=True)]
    for place in np.ndindex(*counts):
        yield tuple(
            slice(index * step, min((index + 1) * step, size))
            for index, step, size in zip(place, steps, shape, strict=True)
        )


def _copy(store: ts.TensorStore, box: Box, target: int, offset: int) -> int:
    """Writes one box to its places in the array that begins at `offset`; its size in bytes."""
    values = np.ascontiguousarray(_wait(store[box].read()))
    shape = tuple(int(size) for size in store.shape)
    for place, run in _runs(values, box, shape):
        view = run.reshape(-1).view(np.uint8).data
        at = offset + place * values.itemsize
        while view:
            done = os.pwrite(target, view, at)
            at, view = at + done, view[done:]
    return values.nbytes


def _runs(
    values: npt.NDArray[Any], box: Box, shape: Sequence[int]
) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Parts of a box that are contiguous in the array, each with its first element's place."""
    whole = len(shape)
    while whole and box[whole - 1] == slice(0, shape[whole - 1]):
        whole -= 1
    outer = max(whole - 1, 0)
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    first = sum(part.start * stride for part, stride in zip(box, strides, strict=True))
    for place in np.ndindex(*values.shape[:outer]):
        yield first + sum(i * s for i, s in zip(place, strides, strict=False)), values[place]
