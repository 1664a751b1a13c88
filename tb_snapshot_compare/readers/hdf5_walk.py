"""Describes an HDF5 file with h5py. Only the child process imports this module.

No link is followed but hard ones, no storage outside the file is touched, and nothing is
allocated from a declared size before it was compared with the bytes that are there.
"""

import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import h5py
import ml_dtypes
import numpy as np
from h5py import h5d, h5g, h5l, h5o, h5s, h5t

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.hdf5_messages import Description, StoredDataset, StoredGroup
from tb_snapshot_compare.readers.range_client import read_at
from tb_snapshot_compare.readers.spool import write_all

DEPTH_MAX = 64
BLOCK_BYTES = 16 * limits.MIB
CHUNK_CACHE_BYTES = 64 * limits.MIB
NAME_MAX_CHARACTERS = 4096
ROOT_ATTRIBUTES = ("model_config", "training_config", "keras_version", "backend")


class _BeyondLimitError(ValueError):
    """The file is refused as a whole."""


class Window(io.RawIOBase):
    """`length` bytes at `offset` of the file `descriptor`, as a read-only file."""

    def __init__(self, descriptor: int, offset: int, length: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._offset = offset
        self._length = length
        self._position = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a position in the window."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        """The position in the window."""
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fills `buffer` from the position on; OSError where the file ends before."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), max(self._length - self._position, 0))
        done = 0
        while done < wanted:
            read = read_at(self._descriptor, self._offset + self._position, view[done:wanted])
            if read == 0:
                break
            done += read
            self._position += read
        if done < len(view):
            raise OSError("the file ends before a structure that it refers to")
        return done


@dataclass(slots=True)
class Spool:
    """The file that decoded datasets are appended to."""

    descriptor: int
    room: int
    written: int = 0

    def append(self, data: memoryview) -> None:
        """Writes all of `data` at the end."""
        write_all(self.descriptor, data)
        self.written += len(data)


@dataclass(slots=True)
class _Walk:
    length: int
    spool: Spool
    decode: bool
    datasets: list[StoredDataset] = field(default_factory=list)
    groups: list[StoredGroup] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)


def describe(window: Window, length: int, spool: Spool, *, decode: bool = True) -> Description:
    """Lists datasets, groups and root attributes of the HDF5 file in `window`.

    Args:
      window: the file; offsets in the answer count from its start.
      length: its size in bytes.
      spool: takes what is not stored as one contiguous run of bytes.
      decode: whether such values are decoded; else they are listed without an offset.

    Raises:
      Exception: h5py raises many types on damaged files; the caller reports the text.
    """
    walk = _Walk(length=length, spool=spool, decode=decode)
    with h5py.File(window, "r", rdcc_nbytes=CHUNK_CACHE_BYTES) as file:
        attributes = {
            name: text
            for name in ROOT_ATTRIBUTES
            if name in file.attrs and (text := _text(file.attrs[name])) is not None
        }
        _visit_group(walk, file.id, "", h5o.get_info(file.id).addr, 0)
    return Description(datasets=walk.datasets, groups=walk.groups, attributes=attributes)


def _visit_group(walk: _Walk, group: h5g.GroupID, path: str, address: int, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise _BeyondLimitError(f"its groups are nested deeper than {DEPTH_MAX}")
    if address in walk.seen:
        return
    walk.seen.add(address)
    walk.groups.append(_group(h5py.Group(group), path, address))
    for name in group:
        child = f"{path}/{_decode(name)}" if path else _decode(name)
        _visit_link(walk, group, name, child, depth)


def _visit_link(walk: _Walk, group: h5g.GroupID, name: bytes, path: str, depth: int) -> None:
    if len(walk.datasets) + len(walk.groups) > limits.TENSORS_MAX:
        raise _BeyondLimitError(f"it holds more than {limits.TENSORS_MAX} objects")
    link = group.links.get_info(name)
    kind = link.type
    if kind != h5l.TYPE_HARD:
        words = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link to another file"}
        reason = f"{words.get(kind, 'a user-defined link')} stands in its place"
        walk.datasets.append(_without_values(path, 0, "unknown", (), reason))
        return
    try:
        thing = h5o.open(group, name)
    except Exception as error:  # h5py raises many types for one damaged object
        walk.datasets.append(_damaged(path, link.u, error))
        return
    if isinstance(thing, h5g.GroupID):
        _visit_inner_group(walk, thing, path, link.u, depth + 1)
    elif isinstance(thing, h5d.DatasetID):
        walk.datasets.append(_dataset(walk, thing, path, link.u))


def _visit_inner_group(
    walk: _Walk, group: h5g.GroupID, path: str, address: int, depth: int
) -> None:
    """As `_visit_group`; what is damaged in it leaves the rest of the file readable."""
    try:
        _visit_group(walk, group, path, address, depth)
    except _BeyondLimitError:
        raise
    except Exception as error:  # h5py raises many types for one damaged group
        walk.datasets.append(_damaged(f"{path}/?", address, error))


def _group(group: h5py.Group, path: str, address: int) -> StoredGroup:
    attributes = group.attrs
    names = list(attributes)
    return StoredGroup(
        path=path,
        order=address,
        name=_text(attributes["name"]) if "name" in names else None,
        layer_names=_texts(attributes, "layer_names", names),
        weight_names=_texts(attributes, "weight_names", names),
    )


def _texts(
    attributes: h5py.AttributeManager, stem: str, names: list[str]
) -> tuple[str, ...] | None:
    """A list of texts, which Keras splits into `stem0`, `stem1`, ... past 64 KiB."""
    parts = [stem] if stem in names else []
    while not (parts and parts[0] == stem) and f"{stem}{len(parts)}" in names:
        parts.append(f"{stem}{len(parts)}")
    if not parts:
        return None
    values = [value for part in parts for value in np.ravel(attributes[part])]
    return tuple(_text(value) or "" for value in values)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    if len(value) > limits.CONFIG_MAX_BYTES:
        raise ValueError(f"a text attribute is longer than {limits.CONFIG_MAX_BYTES} characters")
    return value


def _decode(name: bytes) -> str:
    return name[:NAME_MAX_CHARACTERS].decode("utf-8", "replace")


def _without_values(
    path: str, order: int, dtype: str, shape: tuple[int, ...], problem: str | None
) -> StoredDataset:
    return StoredDataset(
        path=path, order=order, dtype=dtype, shape=shape, length=0, problem=problem
    )


def _damaged(path: str, order: int, error: Exception) -> StoredDataset:
    words = f"it cannot be read ({error})"[:300]
    if isinstance(error, MemoryError):
        words = "it needs more memory than a reader may use"
    return _without_values(path, order, "unknown", (), words)


def _dataset(walk: _Walk, dataset: h5d.DatasetID, path: str, order: int) -> StoredDataset:
    try:
        return _described(walk, dataset, path, order)
    except Exception as error:  # h5py raises many types for one damaged dataset
        return _damaged(path, order, error)


def _described(walk: _Walk, dataset: h5d.DatasetID, path: str, order: int) -> StoredDataset:
    if dataset.get_space().get_simple_extent_type() == h5s.NULL:
        return _without_values(path, order, "unknown", (), "it has no values")
    shape = tuple(int(size) for size in dataset.shape)
    dtype = dataset.dtype
    if dtype.kind in "OSU":
        return _without_values(path, order, "string", shape, None)
    name = _dtype_name(dtype) or _opaque_name(h5py.Dataset(dataset), dtype)
    if name is None:
        words = f"its type {dtype} is not a number type, or does not say which one"
        return _without_values(path, order, "unknown", shape, words)
    return _located(walk, dataset, path, order, name, dtype, shape)


def _located(
    walk: _Walk,
    dataset: h5d.DatasetID,
    path: str,
    order: int,
    name: str,
    dtype: np.dtype[np.generic],
    shape: tuple[int, ...],
) -> StoredDataset:
    length = math.prod(shape) * dtype.itemsize
    plist = dataset.get_create_plist()
    layout = plist.get_layout()
    if layout == h5d.VIRTUAL:
        return _without_values(path, order, name, shape, "it is a virtual dataset")
    if plist.get_external_count():
        return _without_values(path, order, name, shape, "its values lie in another file")
    offset = dataset.get_offset() if layout == h5d.CONTIGUOUS else None
    stored = dataset.get_storage_size()
    if offset is not None and stored == length and _is_raw(dataset, dtype):
        if offset + length > walk.length:
            words = f"its values end at byte {offset + length}, the file at {walk.length}"
            return _without_values(path, order, name, shape, words)
        return StoredDataset(
            path=path,
            order=order,
            dtype=name,
            shape=shape,
            length=length,
            offset=offset,
            byteorder="big" if dtype.byteorder == ">" else "little",
        )
    if length > walk.spool.room - walk.spool.written:
        words = f"it declares {length} bytes, far more than the {stored} that are stored"
        return _without_values(path, order, name, shape, words)
    if not walk.decode:
        return _without_values(path, order, name, shape, None)
    start = walk.spool.written
    _decode_into(walk.spool, h5py.Dataset(dataset), dtype, shape)
    return StoredDataset(
        path=path, order=order, dtype=name, shape=shape, length=length, offset=start, spooled=True
    )


def _is_raw(dataset: h5d.DatasetID, dtype: np.dtype[np.generic]) -> bool:
    """Whether the stored bytes are what NumPy's `dtype` has in memory."""
    stored = dataset.get_type()
    if stored.get_size() != dtype.itemsize:
        return False
    return dtype.kind == "V" or bool(stored.equal(h5t.py_create(dtype)))


def _dtype_name(dtype: np.dtype[np.generic]) -> str | None:
    if dtype.kind in "fiubc" and dtype.itemsize <= (16 if dtype.kind == "c" else 8):
        return dtype.newbyteorder("=").name
    return None


def _opaque_name(dataset: h5py.Dataset, dtype: np.dtype[np.generic]) -> str | None:
    """The type of opaque bytes, as which h5py stores those of ml_dtypes.

    Keras notes bfloat16 in an attribute; of two bytes it is the only one that Keras has.
    """
    if dtype.kind != "V" or dtype.names is not None or dtype.subdtype is not None:
        return None
    noted = _text(dataset.attrs["dtype"]) if "dtype" in list(dataset.attrs) else None
    known = getattr(ml_dtypes, noted or "", None)
    if isinstance(known, type) and np.dtype(known).itemsize == dtype.itemsize:
        return noted
    return "bfloat16" if dtype.itemsize == 2 else None


def _decode_into(
    spool: Spool, dataset: h5py.Dataset, dtype: np.dtype[np.generic], shape: tuple[int, ...]
) -> None:
    """Appends the dataset's values to the spool in C order, little-endian."""
    target = dtype.newbyteorder("<")
    for selection in _blocks(shape, dataset.chunks, BLOCK_BYTES // max(dtype.itemsize, 1)):
        block = np.ascontiguousarray(dataset[selection], dtype=target)
        if block.size:
            spool.append(memoryview(block.reshape(-1).view(np.uint8).data))


def _blocks(
    shape: tuple[int, ...], chunks: tuple[int, ...] | None, budget: int
) -> Iterator[tuple[int | slice, ...]]:
    """Selections that cover an array in C order, each of at most `budget` elements.

    Axes before the cut are walked one index at a time, the axis at the cut in steps of
    whole chunks where they fit, the axes behind it are taken whole.
    """
    cut = 0
    while cut < len(shape) - 1 and math.prod(shape[cut + 1 :]) > budget:
        cut += 1
    if not shape:
        yield ()
        return
    step = max(budget // max(math.prod(shape[cut + 1 :]), 1), 1)
    if chunks is not None and step > chunks[cut]:
        step -= step % chunks[cut]
    for outer in np.ndindex(*shape[:cut]):
        for start in range(0, shape[cut], step):
            yield (*outer, slice(start, min(start + step, shape[cut])))
