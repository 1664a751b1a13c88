"""Reads what `torch.save` wrote before PyTorch 1.6, and writes when it is told to.

A file is a sequence of pickles (a magic number, the protocol, what the system is like, the
object, the keys of its storages), and then the storages, each behind its number of elements in
eight bytes (`_legacy_save` in `torch/serialization.py`, `THPStorage_writeFileRaw` in
`torch/csrc/serialization.cpp`, which writes little-endian on every system).
"""

from collections.abc import Callable, Mapping

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.files import read_bytes
from tb_snapshot_compare.readers.hdf5 import REMEDY, OpenFile
from tb_snapshot_compare.readers.pickle_values import PickleFormatError, Source, interpret
from tb_snapshot_compare.readers.torch_detection import LEGACY_MAGIC
from tb_snapshot_compare.readers.torch_state import find_state
from tb_snapshot_compare.readers.torch_storages import Place, Storages, contents_of
from tb_snapshot_compare.readers.torch_values import TORCH_GLOBALS, Storage, storage_of
from tb_snapshot_compare.snapshot import Format, SnapshotContents

_PROTOCOL = 1001
_COUNT_BYTES = 8


def legacy_contents(file: OpenFile) -> SnapshotContents:
    """The contents of a file of the older format.

    Raises:
      UnreadableSnapshotError: a pickle is damaged, or there are no tensors.
    """
    widths: dict[str, int] = {}

    def storage(identity: object) -> object:
        found = storage_of(identity)
        if isinstance(found, Storage):
            widths[found.key] = found.dtype.width if found.dtype is not None else 1
        return found

    source = Source(lambda at, n: read_bytes(file.descriptor, file.path, at, n), file.size)
    try:
        value, keys, end = _pickles(source, storage)
    except PickleFormatError as error:
        raise UnreadableSnapshotError(
            f"{file.path} is not read: the pickle in it is damaged ({error}). {REMEDY}"
        ) from error
    places = _places(file, keys, widths, end)
    missing = Place(file.path, 0, 0, f"its storage is missing in {file.path}; copy it again")
    storages = Storages(lambda key: places.get(key, missing), "little", file.generation)
    return contents_of(file.path, Format.TORCH, find_state(file.path, value, end), storages)


def _pickles(source: Source, storage: Callable[[object], object]) -> tuple[object, list[str], int]:
    """The object, the keys of its storages, and where the first of them begins."""
    magic = interpret(source)
    protocol = interpret(source, magic.end)
    if magic.value != LEGACY_MAGIC or protocol.value != _PROTOCOL:
        raise PickleFormatError("its magic number or protocol is another")
    system = interpret(source, protocol.end)
    value = interpret(source, system.end, TORCH_GLOBALS, storage)
    keys = interpret(source, value.end)
    if not isinstance(keys.value, list):
        raise PickleFormatError("its storages are not listed")
    return value.value, [key for key in keys.value if isinstance(key, str)], keys.end


def _places(
    file: OpenFile, keys: list[str], widths: Mapping[str, int], start: int
) -> dict[str, Place]:
    """Where the storages lie; what follows one whose size is wrong cannot be found."""
    places: dict[str, Place] = {}
    for key in keys:
        if start + _COUNT_BYTES > file.size or key not in widths or key in places:
            break
        count = int.from_bytes(
            read_bytes(file.descriptor, file.path, start, _COUNT_BYTES), "little"
        )
        start += _COUNT_BYTES
        length = count * widths[key]
        if start + length > file.size:
            problem = (
                f"{file.path} is truncated: its storage ends at {start + length:,}, the file at "
                f"{file.size:,}"
            )
            places[key] = Place(file.path, 0, 0, problem)
            break
        places[key] = Place(file.path, start, length)
        start += length
    return places
