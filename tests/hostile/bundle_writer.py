"""Writes tensor bundles byte by byte, so that tests can write wrong ones with right checksums."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c

from tb_snapshot_compare.readers import protos
from tb_snapshot_compare.readers.bundle_index import DTYPES
from tb_snapshot_compare.readers.sstable import MAGIC

if TYPE_CHECKING:
    import numpy as np

NUMBERS = {name: number for number, name in reversed(DTYPES.items())}
OLD = 1_600_000_000


def varint(value: int) -> bytes:
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def block_bytes(entries: Sequence[tuple[bytes, bytes]], restart_interval: int = 16) -> bytes:
    block = bytearray()
    restarts = []
    last = b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart_interval == 0:
            restarts.append(len(block))
        else:
            while shared < min(len(last), len(key)) and last[shared] == key[shared]:
                shared += 1
        block += varint(shared) + varint(len(key) - shared) + varint(len(value))
        block += key[shared:] + value
        last = key
    for restart in restarts or [0]:
        block += restart.to_bytes(4, "little")
    return bytes(block + len(restarts or [0]).to_bytes(4, "little"))


def table_bytes(
    entries: Sequence[tuple[bytes, bytes]],
    entries_per_block: int = 8,
    compression: int = 0,
    magic: bytes = MAGIC,
) -> bytes:
    """A whole table with correct checksums, in the order given."""
    out = bytearray()

    def add(block: bytes) -> bytes:
        handle = varint(len(out)) + varint(len(block))
        typed = block + bytes([compression])
        out.extend(typed + masked_crc(typed).to_bytes(4, "little"))
        return handle

    index = []
    for start in range(0, len(entries), entries_per_block):
        group = entries[start : start + entries_per_block]
        index.append((group[-1][0], add(block_bytes(group))))
    meta = add(block_bytes([]))
    handles = meta + add(block_bytes(index, restart_interval=1))
    return bytes(out) + handles.ljust(40, b"\0") + magic


def header_bytes(shards: int = 1, endianness: int = 0, min_consumer: int = 0) -> bytes:
    header = protos.new("Header")
    header.num_shards = shards
    header.endianness = endianness
    header.version.producer = 1
    header.version.min_consumer = min_consumer
    return bytes(header.SerializeToString())


def entry_bytes(
    dtype: int = 1,
    shape: Sequence[int] = (),
    shard: int = 0,
    offset: int = 0,
    size: int = 4,
    crc32c: int = 0,
    slices: Sequence[Sequence[tuple[int, int]]] = (),
    unknown_rank: bool = False,
) -> bytes:
    entry: Any = protos.new("Entry")
    entry.dtype = dtype
    entry.shape.unknown_rank = unknown_rank
    for length in shape:
        entry.shape.dim.add().size = length
    entry.shard_id, entry.offset, entry.size, entry.crc32c = shard, offset, size, crc32c
    for bounds in slices:
        piece = entry.slices.add()
        for start, length in bounds:
            extent = piece.extent.add()
            extent.start, extent.length = start, length
    return bytes(entry.SerializeToString())


@dataclass
class BundleWriter:
    """Collects entries and data; `write` makes the two files."""

    shards: int = 1
    endianness: int = 0
    entries: dict[bytes, bytes] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)

    def add(self, key: str, array: "np.ndarray[Any, Any]", **changes: Any) -> None:
        stored = array.astype(array.dtype.newbyteorder(">")) if self.endianness else array
        content = stored.tobytes()
        fields = {
            "dtype": NUMBERS[array.dtype.name],
            "shape": array.shape,
            "offset": len(self.data),
            "size": len(content),
            "crc32c": masked_crc(content),
        }
        self.data += content
        self.entries[key.encode()] = entry_bytes(**(fields | changes))

    def add_string(self, key: str, content: bytes) -> None:
        length = len(content).to_bytes(4, "little")
        check = masked_crc(length).to_bytes(4, "little")
        stored = varint(len(content)) + check + content
        self.entries[key.encode()] = entry_bytes(
            dtype=NUMBERS["string"],
            offset=len(self.data),
            size=len(stored),
            crc32c=masked_crc(length + check + content),
        )
        self.data += stored

    def write(self, prefix: Path, entries: Mapping[bytes, bytes] | None = None) -> str:
        all_entries = {b"": header_bytes(self.shards, self.endianness)}
        all_entries |= self.entries if entries is None else entries
        data_path = Path(f"{prefix}.data-00000-of-{self.shards:05d}")
        data_path.write_bytes(self.data)
        return write_index(prefix, table_bytes(sorted(all_entries.items())))


def write_index(prefix: Path, content: bytes) -> str:
    """Writes an index whose time is long past, so that it counts as settled."""
    path = f"{prefix}.index"
    Path(path).write_bytes(content)
    os.utime(path, (OLD, OLD))
    return str(prefix)
