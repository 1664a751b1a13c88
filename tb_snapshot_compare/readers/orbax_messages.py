"""What the server process and the tensorstore child say to each other."""

from typing import Literal

import msgspec

from tb_snapshot_compare.readers.child_messages import Refused, StoredArray

Kvstore = Literal["ocdbt", "file"]
"""How the arrays of a directory are kept: in a database of few files, or one file per chunk."""


class DescribeArrays(msgspec.Struct, frozen=True, tag="describe"):
    """List the arrays in the directory `path` (absolute), without reading any value."""

    path: str
    kvstore: Kvstore


class DecodeArrays(msgspec.Struct, frozen=True, tag="decode"):
    """Decode arrays of the directory into the first descriptor, at `offsets`, in C order.

    Begins with box number `box` of the first array and stops after about `budget` bytes.
    """

    path: str
    kvstore: Kvstore
    keys: list[str]
    offsets: list[int]
    box: int
    budget: int


class Arrays(msgspec.Struct, frozen=True, tag="arrays"):
    """Every array of the directory; none has values."""

    arrays: list[StoredArray]
    cpu_seconds: float = 0.0


class Decoded(msgspec.Struct, frozen=True, tag="decoded"):
    """The first `finished` arrays are decoded, and of the next one the boxes before `box`.

    `problems` says of arrays by key why they are not decoded; they count as finished.
    """

    finished: int
    box: int
    problems: dict[str, str]
    cpu_seconds: float = 0.0


OrbaxRequest = DescribeArrays | DecodeArrays
OrbaxReply = Arrays | Decoded | Refused
