"""The HDF5 child: the only process that runs libhdf5, under limits, on two descriptors."""

import zlib

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.child_loop import cpu_seconds, serve
from tb_snapshot_compare.readers.hdf5_messages import (
    Describe,
    Description,
    Inflate,
    Inflated,
    Request,
)
from tb_snapshot_compare.readers.range_client import read_at
from tb_snapshot_compare.readers.spool import write_all

INFLATE_BLOCK_BYTES = limits.MIB


def answer(message: bytes, descriptors: list[int]) -> Description | Inflated:
    """Describes or inflates what the first descriptor refers to."""
    request = msgspec.msgpack.decode(message, type=Request)
    source, target = descriptors
    if isinstance(request, Describe):
        return _describe(request, source, target)
    return _inflate(request, source, target)


def _describe(request: Describe, source: int, target: int) -> Description:
    from tb_snapshot_compare.readers.hdf5_walk import Spool, Window, describe

    window = Window(source, request.offset, request.length)
    spool = Spool(descriptor=target, room=request.spool_max_bytes)
    description = describe(window, request.length, spool, decode=request.decode)
    return msgspec.structs.replace(description, cpu_seconds=cpu_seconds())


def _inflate(request: Inflate, source: int, target: int) -> Inflated:
    """Inflates a raw deflate stream (zip method 8) block by block."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    position, end = request.offset, request.offset + request.stored_length
    written, crc = 0, 0
    pending = b""
    while not inflater.eof:
        if not pending:
            stored = bytearray(min(INFLATE_BLOCK_BYTES, end - position))
            count = read_at(source, position, memoryview(stored))
            pending = bytes(stored[:count])
            position += count
            if not pending:
                raise ValueError("the compressed weights end too early")
        block = inflater.decompress(pending, INFLATE_BLOCK_BYTES)
        pending = inflater.unconsumed_tail
        written += len(block)
        if written > request.length:
            raise ValueError("the weights inflate to more than the archive declares")
        crc = zlib.crc32(block, crc)
        write_all(target, block)
    if written != request.length or crc != request.crc32:
        raise ValueError("the compressed weights do not have the checksum that is stored")
    return Inflated(cpu_seconds=cpu_seconds())


if __name__ == "__main__":
    serve("tb_snapshot_compare.readers.hdf5_walk", answer)
