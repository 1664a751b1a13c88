"""Reads Orbax checkpoints without tensorstore in this process.

Their arrays are chunks of zarr, compressed, in OCDBT or in files of their own. The child
decodes them into a spool file; nothing is an extent of the checkpoint itself.
"""

import atexit
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import (
    ReaderUnavailableError,
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers.child_messages import Refused, StoredArray
from tb_snapshot_compare.readers.child_process import ChildEndedError, ChildKind, ReaderChild
from tb_snapshot_compare.readers.generation import check_generation, generation_of
from tb_snapshot_compare.readers.hdf5 import (
    REMEDY,
    being_written,
    decode_config,
    keep_if_spooled,
    spooling,
    without_spooled,
)
from tb_snapshot_compare.readers.layer_roles import Config
from tb_snapshot_compare.readers.orbax_files import (
    Item,
    files_of,
    items_of,
    keras_config_of,
    step_of,
)
from tb_snapshot_compare.readers.orbax_messages import (
    Arrays,
    DecodeArrays,
    Decoded,
    DescribeArrays,
    OrbaxReply,
    OrbaxRequest,
)
from tb_snapshot_compare.readers.orbax_names import Path, name_tree
from tb_snapshot_compare.readers.spool import SPOOL, SpoolFile
from tb_snapshot_compare.readers.weights_file import ITERATION, read_scalar
from tb_snapshot_compare.snapshot import (
    Extent,
    Format,
    Generation,
    Position,
    SnapshotContents,
    TensorInfo,
)
from tb_snapshot_compare.storage import is_remote

DIRECTORY_NAME = "directory name"
_INSTALL = "pip install 'tb-snapshot-compare[orbax]'"
_COUNTERS = ("step", "global_step")
_COUNTER_TYPES = ("int32", "int64", "uint32", "uint64")
_KEYS_PER_REQUEST = 64
_DEATHS_MAX = 3
"""Of the child over one checkpoint; it takes up to a minute to die."""
_REPLIES: msgspec.msgpack.Decoder[OrbaxReply] = msgspec.msgpack.Decoder(OrbaxReply)
_Reply = TypeVar("_Reply", Arrays, Decoded)

TENSORSTORE_CHILD = ReaderChild(
    ChildKind(
        "tb_snapshot_compare.readers.orbax_child", "Orbax checkpoints", "tb-snapshot-compare[orbax]"
    )
)
atexit.register(TENSORSTORE_CHILD.close)


def read_orbax(path: str, *, decode: bool = True) -> SnapshotContents:
    """Opens the checkpoint in the directory `path`.

    Without `decode` it is listed only: no tensor has extents.

    Raises:
      ReaderUnavailableError: tensorstore is not installed.
      UnreadableSnapshotError: damaged, beyond a limit, with links that lead out, or remote.
      BeingWrittenError: its writer has not finished, or it changed while it was read.
      SnapshotGoneError: it was deleted.
    """
    _check_installed(path)
    items = items_of(path)
    generation = generation_of(files_of(path))
    kept = SPOOL.find(generation)
    if kept is not None:
        return kept
    try:
        contents = _contents(path, items, generation, decode=decode)
        check_generation(generation)
    except SnapshotChangedError as error:
        raise being_written(path) from error
    except UnreadableSnapshotError as error:
        _check_unchanged(path, generation, error)
        raise
    if not decode:
        return without_spooled(contents)
    keep_if_spooled(contents)
    return contents


def _check_installed(path: str) -> None:
    if is_remote(path):
        raise UnreadableSnapshotError(
            f"{path} is an Orbax checkpoint in a remote store, which is not read in place. "
            "Copy its directory to this machine and open the copy."
        )
    if importlib.util.find_spec("tensorstore") is None:
        raise ReaderUnavailableError(
            f"{path} is an Orbax checkpoint, which is read with tensorstore, and that is not "
            f"installed. Install it with: {_INSTALL}"
        )


def _check_unchanged(path: str, generation: Generation, cause: Exception) -> None:
    """Raises what a failure means where the checkpoint was rewritten or deleted meanwhile."""
    try:
        check_generation(generation)
    except SnapshotGoneError:
        raise
    except SnapshotChangedError:
        raise being_written(path) from cause


def _contents(
    path: str, items: Sequence[Item], generation: Generation, *, decode: bool
) -> SnapshotContents:
    stored = sum(stamp.size for stamp in generation.stamps)
    arrays: list[tuple[Path, TensorInfo]] = []
    with spooling(path) as file:
        spool = _Spool(path, file, min(_room(stored), limits.SPOOL_MAX_BYTES), stored)
        for item in items:
            name = item.name if len(items) > 1 else ""
            for array in _item_arrays(spool, item, decode=decode):
                keys = _keys(item, array)
                tensor = _tensor(spool, name, array)
                arrays.append(((name, *keys) if name else keys, tensor))
        spool.finish()
    if not arrays:
        raise UnreadableSnapshotError(f"{path} holds no arrays. {REMEDY}")
    text, config = _config(path)
    tensors = name_tree(arrays, config)
    return SnapshotContents(
        path=path,
        format=Format.ORBAX,
        generation=generation,
        tensors=tensors,
        position=_position(path, tensors, generation),
        model_config=text,
    )


def _room(stored: int) -> int:
    return max(limits.DECODED_FLOOR_BYTES, limits.DECODED_EXPANSION_MAX * stored)


def _config(path: str) -> tuple[str | None, Config | None]:
    """The Keras configuration as text and decoded; without it the weights are readable still."""
    text = keras_config_of(path)
    if text is None:
        return None, None
    try:
        return text, decode_config(text, path, "its model_config")
    except UnreadableSnapshotError:
        return None, None


def _keys(item: Item, array: StoredArray) -> Path:
    """The array's place in the tree; without the tree's file its key, split at the dots."""
    return item.paths.get(array.path) or tuple(array.path.split("."))


def _tensor(spool: "_Spool", item: str, array: StoredArray) -> TensorInfo:
    key = f"{item}/{array.path}" if item else array.path
    extents: tuple[Extent, ...] = ()
    if array.offset is not None and array.length:
        extents = (Extent(spool.file.path, array.offset, array.length),)
    return TensorInfo(
        key=key,
        name=key,
        dtype=array.dtype,
        shape=array.shape,
        extents=extents,
        byteorder=array.byteorder,
        problem=array.problem,
    )


def _item_arrays(spool: "_Spool", item: Item, *, decode: bool) -> list[StoredArray]:
    """The arrays of an item; those that are to be decoded have their place in the spool."""
    request = DescribeArrays(os.path.abspath(item.path), item.kvstore)
    try:
        reply = _ask(spool.path, request, spool.file, Arrays)
    except ChildEndedError as error:
        raise UnreadableSnapshotError(
            f"{spool.path}: tensorstore ended over this checkpoint ({error}), so it is taken for "
            f"damaged. {REMEDY}"
        ) from error
    arrays = [
        spool.placed(array) if decode or _is_counter(array) else array for array in reply.arrays
    ]
    chosen = [array for array in arrays if array.offset is not None and array.length]
    problems: dict[str, str] = {}
    for start in range(0, len(chosen), _KEYS_PER_REQUEST):
        spool.decode(item, chosen[start : start + _KEYS_PER_REQUEST], problems)
    return [_with_problem(array, problems.get(array.path)) for array in arrays]


def _is_counter(array: StoredArray) -> bool:
    """Whether it may tell the step, so that it is read even where the rest is only listed."""
    return (
        array.shape == ()
        and array.dtype in _COUNTER_TYPES
        and array.path.rpartition(".")[2] in (*_COUNTERS, "iteration", "count")
    )


def _with_problem(array: StoredArray, problem: str | None) -> StoredArray:
    if problem is None:
        return array
    return msgspec.structs.replace(array, offset=None, problem=problem)


@dataclass(slots=True)
class _Spool:
    """The file that arrays of the checkpoint `path` are decoded into, and what is left of it."""

    path: str
    file: SpoolFile
    room: int
    stored: int
    end: int = 0
    deaths: int = 0

    def placed(self, array: StoredArray) -> StoredArray:
        """The array with a place of its own, unless it is not numeric or too large."""
        if array.problem is not None or array.dtype in ("string", "unknown"):
            return array
        if array.length > self.room - self.end:
            words = (
                f"it declares {array.length:,} bytes, far more than the {self.stored:,} that are "
                "stored"
            )
            return msgspec.structs.replace(array, problem=words)
        offset, self.end = self.end, self.end + array.length
        return msgspec.structs.replace(array, offset=offset, spooled=True)

    def decode(self, item: Item, arrays: Sequence[StoredArray], problems: dict[str, str]) -> None:
        """Decodes the values of `arrays`; why some have none goes into `problems`."""
        try:
            self._decode(item, arrays, problems)
        except ChildEndedError as error:
            self.deaths += 1
            if len(arrays) == 1 or self.deaths > _DEATHS_MAX:
                words = f"tensorstore ended over it ({error}), so it is taken for damaged"
                problems.update((array.path, words) for array in arrays)
                return
            for array in arrays:
                self.decode(item, [array], problems)

    def _decode(self, item: Item, arrays: Sequence[StoredArray], problems: dict[str, str]) -> None:
        left, box = list(arrays), 0
        while left:
            request = DecodeArrays(
                path=os.path.abspath(item.path),
                kvstore=item.kvstore,
                keys=[array.path for array in left],
                offsets=[array.offset or 0 for array in left],
                box=box,
                budget=limits.ORBAX_REQUEST_BYTES,
            )
            reply = _ask(self.path, request, self.file, Decoded)
            problems.update(reply.problems)
            left, box = left[reply.finished :], reply.box

    def finish(self) -> None:
        """Gives the file its length: what is zero at its end was not written."""
        os.ftruncate(self.file.descriptor, self.end)


def _ask(path: str, request: OrbaxRequest, spool: SpoolFile, kind: type[_Reply]) -> _Reply:
    reply = TENSORSTORE_CHILD.ask(request, (spool.descriptor,), _REPLIES)
    if isinstance(reply, Refused):
        raise UnreadableSnapshotError(
            f"{path} is not a readable Orbax checkpoint ({reply.reason}). {REMEDY}"
        )
    if not isinstance(reply, kind):
        raise UnreadableSnapshotError(f"{path}: tensorstore gave no answer. {REMEDY}")
    return reply


def _position(path: str, tensors: Sequence[TensorInfo], generation: Generation) -> Position:
    """Step from Keras's optimizer or the directory's name, else from a counter in the tree.

    Keras numbers the directories by epoch unless it saves every so many batches.
    """
    number = step_of(path)
    by_name = {tensor.name: tensor for tensor in tensors}
    found = by_name.get(ITERATION)
    steps = read_scalar(found, generation) if found is not None else None
    if steps is not None and number is not None and number != steps and _is_keras(tensors):
        return Position(steps, "optimizer iterations", number, DIRECTORY_NAME)
    if number is not None:
        return Position(number, DIRECTORY_NAME)
    if steps is not None:
        return Position(steps, "optimizer iterations")
    for name in _COUNTERS:
        step = read_scalar(by_name[name], generation) if name in by_name else None
        if step is not None:
            return Position(step, name)
    return Position()


def _is_keras(tensors: Sequence[TensorInfo]) -> bool:
    return any("trainable_variables" in tensor.key for tensor in tensors)
