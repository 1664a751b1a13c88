"""Reads the files of `torch.save`: archives, what PyTorch wrote before 1.6, and sets of files."""

from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.files import read_bytes
from tb_snapshot_compare.readers.hdf5 import REMEDY, opened
from tb_snapshot_compare.readers.shards import is_part_of_a_set, read_set
from tb_snapshot_compare.readers.torch_archive import Region, read_archive
from tb_snapshot_compare.readers.torch_detection import HEAD_BYTES, TorchKind, kind_of_head
from tb_snapshot_compare.readers.torch_legacy import legacy_contents
from tb_snapshot_compare.readers.torch_state import find_state
from tb_snapshot_compare.readers.torch_storages import contents_of
from tb_snapshot_compare.snapshot import Format, SnapshotContents

_ADVICE = "Load it with a PyTorch that you trust the file in, and save model.state_dict() again."


def read_torch(path: str, *, decode: bool = True) -> SnapshotContents:  # noqa: ARG001
    """Opens a file of `torch.save`, or the set of files that one, or an index, belongs to.

    Args:
      path: the file (`.pt`, `.pth`, `.ckpt`, `.bin`); `NAME.bin.index.json`; or one file of a
        set that is numbered `NAME-00001-of-00003.bin`, which stands for all.
      decode: of no effect: what is not stored in one piece is decoded when it is read.

    Raises:
      UnreadableSnapshotError: not such a file, one of PyTorch before 0.2, a bare pickle,
        damaged, without tensors, beyond a limit, or not permitted.
      BeingWrittenError: its writer has not finished, or rewrote it meanwhile.
      SnapshotGoneError: it was deleted.
    """
    if is_part_of_a_set(path):
        return read_set(path, Format.TORCH, _read_file)
    return _read_file(path)


def _read_file(path: str) -> SnapshotContents:
    with opened(path) as file:
        kind = kind_of_head(read_bytes(file.descriptor, path, 0, min(file.size, HEAD_BYTES)))
        if kind is TorchKind.LEGACY:
            return legacy_contents(file)
        if kind is not TorchKind.ARCHIVE:
            raise UnreadableSnapshotError(f"{path} is not read: {_reason(kind)}")
        archive = read_archive(Region(file.descriptor, path, file.generation, 0, file.size))
        state = find_state(path, archive.value, archive.size)
        return contents_of(path, Format.TORCH, state, archive.storages)


def _reason(kind: TorchKind | None) -> str:
    """Why a file that is neither an archive nor of the older format is not read."""
    if kind is TorchKind.TAR:
        return f"it is a tar file, as PyTorch wrote before version 0.2. {_ADVICE}"
    if kind is TorchKind.PICKLE:
        return (
            "it is a bare pickle, which only Python can load, and which could run code when it "
            f"does. {_ADVICE}"
        )
    return f"it is no file of torch.save. {REMEDY}"
