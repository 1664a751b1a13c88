"""Streams the values of a tensor from its extents in small blocks.

One reader for every format: a snapshot's reader reduces its tensors to byte extents, and
here the bytes become NumPy arrays. Memory does not grow with the tensor.
"""

import math
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import ml_dtypes
import numpy as np
import numpy.typing as npt

from tb_snapshot_compare.errors import (
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.limits import BLOCK_BYTES, MIB
from tb_snapshot_compare.readers.crc32c import extend_crc32c
from tb_snapshot_compare.readers.files import (
    Handle,
    close_file,
    open_regular_file,
    prefetch,
    read_cached,
    read_fully,
)
from tb_snapshot_compare.readers.generation import check_generation
from tb_snapshot_compare.readers.spool import DerivedPath, SpoolPath
from tb_snapshot_compare.snapshot import (
    Extent,
    FileStamp,
    FileStatus,
    Generation,
    RemoteStatus,
    TensorInfo,
)
from tb_snapshot_compare.storage import stores

Array = npt.NDArray[Any]
_Extend = Callable[[int, Any], int]

READ_ARRAY_MAX_BYTES = 64 * MIB
"""`read_array` is for what is shown whole; larger tensors are streamed."""
_REMOTE_AHEAD_BYTES = 2 * BLOCK_BYTES
"""Of a remote file: what is wanted, and what is fetched meanwhile."""
_EXTENTS_AHEAD = 64


@lru_cache(maxsize=256)
def numpy_dtype(name: str) -> np.dtype[Any] | None:
    """The dtype that `TensorInfo.dtype` names; None where it is not numeric."""
    if name in ("string", "resource", "variant", "object", "void", "datetime64"):
        return None
    try:
        dtype: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name, name))
    except (TypeError, ValueError):
        return None
    return dtype if dtype.kind in "biufc" or hasattr(ml_dtypes, dtype.name) else None


class TensorReader:
    """Reads tensors of one snapshot; a context manager that holds its files open.

    Each file is opened once, on first use. With a `generation`, every file must still be
    the one that was stamped (`SnapshotChangedError` otherwise), so that extents taken from
    an old index are never applied to a new file. Not for use by several threads at once;
    several tensors may be iterated in turns.
    """

    def __init__(self, generation: Generation | None = None) -> None:
        stamps = generation.stamps if generation is not None else ()
        self._stamps = {stamp.path: stamp for stamp in stamps}
        self._handles: dict[str, Handle] = {}
        self._spare = np.empty(0, dtype=np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes every file; the reader can be used again afterwards."""
        handles, self._handles = self._handles, {}
        for handle in handles.values():
            close_file(handle)

    def read_blocks(
        self,
        tensor: TensorInfo,
        block_bytes: int = BLOCK_BYTES,
        *,
        block_elements: int | None = None,
        verify: bool = True,
        seen: Callable[[memoryview], object] | None = None,
    ) -> Iterator[Array]:
        """Yields the values in C order as 1-D arrays of the tensor's dtype.

        The arrays are in native byte order and share ONE buffer: the next block overwrites
        the previous one. Every block but the last has the same number of elements. A tensor
        of no elements yields nothing, a scalar one block of one element.

        Args:
          tensor: what to read.
          block_bytes: size of a block, rounded down to whole elements (at least one).
          block_elements: elements of a block, in place of `block_bytes`: two tensors of
            different dtypes stay in step when both are given the same number.
          verify: whether a stored checksum is checked.
          seen: called with the bytes of each block, as they are stored.

        Raises:
          UnreadableSnapshotError: `tensor` is not numeric or has a problem, its extents do
            not hold its shape, its file is short, or (after the last block) its checksum is
            wrong.
          SnapshotGoneError, SnapshotChangedError: the file was deleted or replaced.
        """
        dtype = checked_dtype(tensor)
        elements = block_elements or max(1, block_bytes // dtype.itemsize)
        total = math.prod(tensor.shape) * dtype.itemsize
        size = min(elements * dtype.itemsize, total)
        buffer, self._spare = self._spare, np.empty(0, dtype=np.uint8)
        if buffer.nbytes < size:
            buffer = np.empty(size, dtype=np.uint8)
        try:
            extend, crc, stored = _checksum(tensor) if verify and total else (None, 0, 0)
            for block in self._fill(tensor, buffer, size, total):
                if extend is not None:
                    crc = extend(crc, block)
                if seen is not None:
                    seen(block.data)
                yield as_native(block, dtype, tensor.byteorder)
            check_checksum(tensor, crc, stored)
        except UnreadableSnapshotError as error:
            self.check_unchanged(tensor, error)
            raise
        finally:
            self._spare = buffer

    def read_into(self, path: str, offset: int, into: memoryview) -> None:
        """Fills `into` with bytes of one of the snapshot's files, as they are stored.

        Raises:
          UnreadableSnapshotError: the file ends before, or an I/O error.
          SnapshotGoneError, SnapshotChangedError: the file was deleted or replaced.
        """
        read_fully(self._handle(path), _shown(path), offset, into)

    def check_unchanged(self, tensor: TensorInfo, error: UnreadableSnapshotError) -> None:
        """What a writer has cut short or written over meanwhile is not damaged: says so."""
        paths = {extent.path for extent in tensor.extents}
        stamps = tuple(stamp for path, stamp in self._stamps.items() if path in paths)
        try:
            check_generation(Generation(stamps, ""))
        except SnapshotChangedError as changed:
            raise changed from error

    def read_array(self, tensor: TensorInfo, limit: int = READ_ARRAY_MAX_BYTES) -> Array:
        """The whole tensor as a new array of its shape, for tensors of at most `limit` bytes.

        Raises: as `read_blocks`, and UnreadableSnapshotError where the tensor is larger.
        """
        dtype = checked_dtype(tensor)
        total = math.prod(tensor.shape) * dtype.itemsize
        if total > limit:
            raise UnreadableSnapshotError(
                f"tensor {tensor.name!r} has {total:,} bytes, more than the {limit:,} that "
                "are read at once. Read it in blocks."
            )
        blocks = [block.copy() for block in self.read_blocks(tensor, max(total, 1))]
        flat = blocks[0] if blocks else np.empty(0, dtype=dtype)
        return flat.reshape(tensor.shape)

    def _fill(
        self, tensor: TensorInfo, buffer: npt.NDArray[np.uint8], size: int, total: int
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """Yields `buffer[:n]` filled with the next n = `size` bytes of the extents."""
        view = buffer.data
        filled = yielded = 0
        waited = False
        for index, extent in enumerate(tensor.extents):
            done = 0
            while done < extent.length:
                wanted = min(size - filled, extent.length - done)
                part = view[filled : filled + wanted]
                handle, start = self._handle(extent.path), extent.offset + done
                cached = read_cached(handle, start, part)
                waited = waited or cached < wanted
                if waited and filled == 0:
                    self._prefetch(tensor.extents[index : index + _EXTENTS_AHEAD], done, size)
                read_fully(handle, _shown(extent.path), start, part, cached)
                done += wanted
                filled += wanted
                if filled == size or yielded + filled == total:
                    yield buffer[:filled]
                    yielded += filled
                    filled = 0

    def _prefetch(self, extents: tuple[Extent, ...], done: int, size: int) -> None:
        """Begins to fetch the next blocks of `size` bytes, of which the first extent has `done`.

        Of a local file that is the one after the block which is read now.
        """
        first = extents[0]
        handle = self._handle(first.path)
        if isinstance(handle, int):
            left = first.length - done - size
            if left > 0:
                prefetch(handle, first.offset + done + size, min(left, size))
            return
        wanted = max(2 * size, _REMOTE_AHEAD_BYTES)
        for extent in extents:
            length = min(extent.length - done, wanted)
            prefetch(self._handle(extent.path), extent.offset + done, length)
            wanted -= length
            if wanted <= 0:
                return
            done = 0

    def _handle(self, path: str) -> Handle:
        handle = self._handles.get(path)
        if handle is None:
            stamp = self._stamps.get(path)
            handle, status = _opened(path) if stamp is None else _opened_as(stamp)
            if stamp is not None and stamp != FileStamp.of(path, status):
                close_file(handle)
                raise SnapshotChangedError(
                    f"{path} was replaced after the snapshot was opened. "
                    "Open the snapshot again to see its new content."
                )
            self._handles[path] = handle
        return handle


def check_checksum(tensor: TensorInfo, computed: int, stored: int) -> None:
    """Raises UnreadableSnapshotError where the two checksums differ."""
    if computed != stored:
        raise UnreadableSnapshotError(
            f"tensor {tensor.name!r} in {tensor.extents[0].path}: checksum "
            f"{computed:08x}, stored {stored:08x}. The file is damaged; "
            "save or copy the snapshot again."
        )


def _opened_as(stamp: FileStamp) -> tuple[Handle, FileStatus]:
    """Opens the file that was stamped; of a store that knows the content by name, without asking.

    Such a store gives the bytes of no other content.
    """
    if not stamp.tag:
        return _opened(stamp.path)
    status = RemoteStatus(stamp.size, stamp.mtime_ns, stamp.tag)
    return stores.as_listed(stamp.path, status), status


def _opened(path: str) -> tuple[Handle, FileStatus]:
    """Opens a file of the snapshot, or the decoded copy of one, which a cleaner may delete."""
    if isinstance(path, DerivedPath):
        path = path.made()
    if not isinstance(path, SpoolPath):
        return open_regular_file(path)
    try:
        return open_regular_file(path)
    except (SnapshotGoneError, UnreadableSnapshotError):
        raise SnapshotChangedError(
            f"The decoded copy of {path.of} is gone from the temporary directory. "
            "Open the snapshot again."
        ) from None


def _shown(path: str) -> str:
    """What a message calls a file: the snapshot, where the file is a decoded copy of it."""
    return path.of if isinstance(path, SpoolPath | DerivedPath) else path


def cut(tensor: TensorInfo, start: int, stop: int) -> TensorInfo:
    """Elements start to stop of the flat tensor as a tensor of its own, without a checksum."""
    size = checked_dtype(tensor).itemsize
    first, end, extents = start * size, stop * size, []
    for extent in tensor.extents:
        low, high = max(first, 0), min(end, extent.length)
        if low < high:
            extents.append(Extent(extent.path, extent.offset + low, high - low))
        first, end = first - extent.length, end - extent.length
    found = replace(tensor, shape=(stop - start,), extents=tuple(extents))
    return replace(found, crc32c=None, crc32=None, unread_crc32=None)


def _checksum(tensor: TensorInfo) -> tuple[_Extend | None, int, int]:
    """How the tensor's checksum is extended by a block, where it begins, and what is stored."""
    if tensor.crc32c is not None:
        return extend_crc32c, 0, tensor.crc32c
    if tensor.crc32 is not None:
        return _extend_crc32, *tensor.crc32
    return None, 0, 0


def _extend_crc32(crc: int, block: Any) -> int:
    return zlib.crc32(block, crc)


def checked_dtype(tensor: TensorInfo) -> np.dtype[Any]:
    """The dtype of a tensor whose extents hold its shape.

    Raises:
      UnreadableSnapshotError: they do not, it is not numeric, or it has a problem.
    """
    if tensor.problem is not None:
        raise UnreadableSnapshotError(f"tensor {tensor.name!r}: {tensor.problem}")
    dtype = numpy_dtype(tensor.dtype)
    if dtype is None:
        raise UnreadableSnapshotError(
            f"tensor {tensor.name!r} holds {tensor.dtype} values, which are not numbers."
        )
    needed = math.prod(tensor.shape) * dtype.itemsize
    stored = sum(extent.length for extent in tensor.extents)
    if stored != needed or any(n < 0 for n in tensor.shape):
        raise UnreadableSnapshotError(
            f"tensor {tensor.name!r}: stored {stored:,} bytes, shape {tensor.shape} of "
            f"{tensor.dtype} needs {needed:,}."
        )
    return dtype


def as_native(block: npt.NDArray[np.uint8], dtype: np.dtype[Any], byteorder: str) -> Array:
    """Stored bytes as values; `block` is turned into the machine's byte order in place."""
    if byteorder != sys.byteorder and dtype.itemsize > 1:
        width = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
        if width > 1:
            block.view(f"u{width}").byteswap(inplace=True)
    return block.view(dtype)
