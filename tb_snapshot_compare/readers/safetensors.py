"""Reads `.safetensors` files: raw values behind a JSON header, so every tensor is one extent."""

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.array_names import name_arrays
from tb_snapshot_compare.readers.files import read_bytes
from tb_snapshot_compare.readers.hdf5 import (
    REMEDY,
    OpenFile,
    decode_config,
    is_unsettled,
    opened,
)
from tb_snapshot_compare.readers.safetensors_header import (
    LENGTH_BYTES,
    Header,
    HeaderError,
    StoredArray,
    parse_header,
)
from tb_snapshot_compare.readers.shards import is_part_of_a_set, read_set
from tb_snapshot_compare.snapshot import (
    Extent,
    Format,
    Position,
    SnapshotContents,
    TensorInfo,
)

_METADATA = "safetensors metadata"
_CONFIG = "keras_config"
"""What our own recorder notes there: `model.to_json()` of a network of Keras."""
_STEP_WORDS = ("step", "global_step", "steps", "ss_steps")
_EPOCH_WORDS = ("epoch", "ss_epoch")
"""What trainers call them in `__metadata__`; `ss_` are those of kohya's sd-scripts."""
_COUNT_DIGITS = 15


def read_safetensors(path: str) -> SnapshotContents:
    """Opens a `.safetensors` file, or the set of files that one, or an index, belongs to.

    Args:
      path: the file; `NAME.safetensors.index.json`; or one file of a set that is numbered
        `NAME-00001-of-00003.safetensors`, which stands for all.

    Raises:
      UnreadableSnapshotError: not such a file, damaged, beyond a limit, or not permitted.
      BeingWrittenError: its writer has not finished, or rewrote it meanwhile.
      SnapshotGoneError: it was deleted.
    """
    if is_part_of_a_set(path):
        return read_set(path, Format.SAFETENSORS, _read_file)
    return _read_file(path)


def _read_file(path: str) -> SnapshotContents:
    with opened(path) as file:
        header, start = _header(file)
        if any(array.missing for array in header.arrays) and is_unsettled(file):
            raise _unreadable(file, "its values are not all there yet")
        tensors = tuple(_tensor(file, array, start) for array in header.arrays)
        return SnapshotContents(
            path=path,
            format=Format.SAFETENSORS,
            generation=file.generation,
            tensors=name_arrays(tensors, header.metadata.get("format")),
            position=_position(header.metadata),
            model_config=_config(header.metadata, path),
        )


def _header(file: OpenFile) -> tuple[Header, int]:
    """The header, and where in the file the values begin."""
    if file.size < LENGTH_BYTES:
        raise _unreadable(file, f"it has only {file.size} bytes")
    length = int.from_bytes(read_bytes(file.descriptor, file.path, 0, LENGTH_BYTES), "little")
    if length > limits.SAFETENSORS_HEADER_MAX_BYTES:
        raise _unreadable(
            file,
            f"its header claims {length:,} bytes, more than the "
            f"{limits.SAFETENSORS_HEADER_MAX_BYTES:,} that are read, so it is hardly a "
            "safetensors file",
        )
    start = LENGTH_BYTES + length
    if start > file.size:
        raise _unreadable(file, f"it ends at {file.size:,}, within its header of {length:,} bytes")
    text = read_bytes(file.descriptor, file.path, LENGTH_BYTES, length)
    try:
        return parse_header(text, file.size - start), start
    except HeaderError as error:
        raise _unreadable(file, str(error)) from error


def _tensor(file: OpenFile, array: StoredArray, start: int) -> TensorInfo:
    readable = array.problem is None and array.length > 0
    return TensorInfo(
        key=array.key,
        name=array.key,
        dtype=array.dtype,
        shape=array.shape,
        extents=(Extent(file.path, start + array.offset, array.length),) if readable else (),
        problem=None if array.problem is None else f"{array.problem} ({file.path})",
    )


def _position(metadata: dict[str, str]) -> Position:
    """The step and the epoch that a trainer noted among the free text of the header."""
    step, epoch = _count(metadata, _STEP_WORDS), _count(metadata, _EPOCH_WORDS)
    return Position(
        step=step,
        step_source=None if step is None else _METADATA,
        epoch=epoch,
        epoch_source=None if epoch is None else _METADATA,
    )


def _config(metadata: dict[str, str], path: str) -> str | None:
    """The network's configuration; without it the weights are readable still."""
    text = metadata.get(_CONFIG)
    try:
        return text if text and decode_config(text, path, f"its {_CONFIG}") else None
    except UnreadableSnapshotError:
        return None


def _count(metadata: dict[str, str], words: tuple[str, ...]) -> int | None:
    texts = (metadata.get(word, "") for word in words)
    return next(
        (int(text) for text in texts if text.isdecimal() and len(text) <= _COUNT_DIGITS), None
    )


def _unreadable(file: OpenFile, reason: str) -> UnreadableSnapshotError:
    return UnreadableSnapshotError(
        f"{file.path} is not a readable safetensors file: {reason}. {REMEDY}"
    )
