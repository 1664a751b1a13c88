"""What the server process and each of its reader children say to each other.

Each message is MessagePack behind its length in four bytes, big-endian. A request travels
with the descriptors that it works on (SCM_RIGHTS).
"""

import struct
from typing import Literal

import msgspec

LENGTH_PREFIX = struct.Struct(">I")
READY = b"ready"
"""What the child says once, when it has imported all it needs."""
REQUEST_MAX_BYTES = 64 * 1024
DESCRIPTORS_MAX = 2


class StoredArray(msgspec.Struct, frozen=True):
    """One array that the child found.

    `path` is its key in the file, without a leading slash. `offset` is in the file, counted
    from the start of what was described, or in the spool where `spooled`; None where the
    values cannot be reached, which `problem` explains for numbers. `dtype` is a NumPy or
    ml_dtypes name or `string`. `order` grows in the order of creation where the format tells.
    """

    path: str
    order: int
    dtype: str
    shape: tuple[int, ...]
    length: int
    offset: int | None = None
    spooled: bool = False
    byteorder: Literal["little", "big"] = "little"
    problem: str | None = None


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The bytes cannot be read; `reason` completes "the file cannot be read: ..."."""

    reason: str
    cpu_seconds: float = 0.0
