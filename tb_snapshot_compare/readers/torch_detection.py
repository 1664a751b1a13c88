"""Whether a file or a directory was written by PyTorch, told from its content.

Other programs call files `.bin`, `.ckpt`, `.pt` and `.pth` too.
"""

from collections.abc import Iterable
from enum import StrEnum

from tb_snapshot_compare.errors import SnapshotGoneError, UnreadableSnapshotError
from tb_snapshot_compare.readers.files import read_bytes, regular_file
from tb_snapshot_compare.readers.zip_archive import Member, first_name, zip_members

PICKLE = "data.pkl"
HEAD_BYTES = 512
DISTRIBUTED_METADATA = ".metadata"
DISTRIBUTED_SUFFIX = ".distcp"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""What the first pickle of a file before PyTorch 1.6 holds (`torch/serialization.py`)."""
_LEGACY_BYTES = LEGACY_MAGIC.to_bytes(10, "little")
_LEGACY_WITHIN = 32
_ZIP_MAGIC = b"PK\x03\x04"
_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257


class TorchKind(StrEnum):
    """What a file of PyTorch is; the last two are not read."""

    ARCHIVE = "archive"
    LEGACY = "legacy"
    TAR = "tar"
    PICKLE = "pickle"


def is_torch_file(path: str) -> bool:
    """Whether `path` is a file of `torch.save` that is read, be it unfinished or damaged."""
    return torch_kind(path) in (TorchKind.ARCHIVE, TorchKind.LEGACY)


def torch_kind(path: str) -> TorchKind | None:
    """What the file at `path` is; None for another program's, and where it cannot be read."""
    try:
        with regular_file(path) as (handle, status):
            size = status.st_size
            head = read_bytes(handle, path, 0, min(size, HEAD_BYTES))
            kind = kind_of_head(head)
            # torch.save writes the pickle first, and the directory only at the end.
            if kind is not TorchKind.ARCHIVE or (first_name(head) or "").endswith(f"/{PICKLE}"):
                return kind
            return kind if archive_name(zip_members(handle, path, size)) is not None else None
    except (SnapshotGoneError, UnreadableSnapshotError):
        return None


def kind_of_head(head: bytes) -> TorchKind | None:
    """What a file that begins with `head` is; any zip archive may be one of PyTorch."""
    if head.startswith(_ZIP_MAGIC):
        return TorchKind.ARCHIVE
    if _LEGACY_BYTES in head[:_LEGACY_WITHIN]:
        return TorchKind.LEGACY
    if head[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC):
        return TorchKind.TAR
    if head[:1] == b"\x80" and b"\x00" < head[1:2] <= b"\x05":
        return TorchKind.PICKLE
    return None


def archive_name(members: Iterable[Member]) -> str | None:
    """The folder that all members of an archive lie in; None where it has no pickle."""
    for member in members:
        folder, _, rest = member.name.partition("/")
        if rest == PICKLE:
            return folder
    return None


def is_distributed(names: Iterable[str]) -> bool:
    """Whether a directory with these names is a checkpoint of `torch.distributed.checkpoint`."""
    present = frozenset(names)
    return DISTRIBUTED_METADATA in present and any(
        name.endswith(DISTRIBUTED_SUFFIX) for name in present
    )
