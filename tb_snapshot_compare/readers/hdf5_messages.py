"""What the server process and the HDF5 child say to each other.

Each message is MessagePack behind its length in four bytes, big-endian. A request travels
with the descriptors that it works on (SCM_RIGHTS), so the child opens no path itself.
"""

import struct
from typing import Literal

import msgspec

LENGTH_PREFIX = struct.Struct(">I")
READY = b"ready"
"""What the child says once, when it has imported all it needs."""
REQUEST_MAX_BYTES = 4096


class Describe(msgspec.Struct, frozen=True, tag="describe"):
    """Describe the HDF5 file in `length` bytes at `offset` of the first descriptor.

    What is not stored contiguously is decoded into the second descriptor, at most
    `spool_max_bytes` of it; without `decode` it is only listed, without values.
    """

    offset: int
    length: int
    spool_max_bytes: int
    decode: bool = True


class Inflate(msgspec.Struct, frozen=True, tag="inflate"):
    """Inflate `stored_length` deflated bytes at `offset` of the first descriptor.

    The result goes into the second descriptor and must be `length` bytes with `crc32`.
    """

    offset: int
    stored_length: int
    length: int
    crc32: int


class StoredDataset(msgspec.Struct, frozen=True):
    """One HDF5 dataset.

    `path` is without a leading slash. `order` grows in the order of creation (the address
    of the object header). `offset` is in the file, counted from the start of the HDF5, or
    in the spool where `spooled`; None where the values cannot be reached, which `problem`
    explains for numbers. `dtype` is a NumPy or ml_dtypes name or `string`.
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


class StoredGroup(msgspec.Struct, frozen=True):
    """One HDF5 group and those of its attributes that Keras uses.

    `name` is what Keras calls the layer; `layer_names` and `weight_names` are the legacy
    format's tables of contents.
    """

    path: str
    order: int
    name: str | None = None
    layer_names: tuple[str, ...] | None = None
    weight_names: tuple[str, ...] | None = None


class Description(msgspec.Struct, frozen=True, tag="description"):
    """Every dataset and group of the file, and the text attributes of its root."""

    datasets: list[StoredDataset]
    groups: list[StoredGroup]
    attributes: dict[str, str]
    cpu_seconds: float = 0.0


class Inflated(msgspec.Struct, frozen=True, tag="inflated"):
    """The member lies inflated in the second descriptor."""

    cpu_seconds: float = 0.0


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The bytes cannot be read; `reason` completes "the file cannot be read: ..."."""

    reason: str
    cpu_seconds: float = 0.0


Request = Describe | Inflate
Reply = Description | Inflated | Refused
