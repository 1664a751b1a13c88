"""What the server process and the HDF5 child say to each other.

Requests travel with the descriptors that they work on, so the child opens no path itself.
"""

import msgspec

from tb_snapshot_compare.readers.child_messages import Refused, StoredArray


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


StoredDataset = StoredArray
"""`order` of an HDF5 dataset is the address of its object header."""


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


Request = Describe | Inflate
Reply = Description | Inflated | Refused
