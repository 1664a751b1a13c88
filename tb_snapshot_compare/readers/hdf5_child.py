"""The HDF5 child: the only process that runs libhdf5, under limits, on one descriptor.

Started as `python -I -c ... tb_snapshot_compare.readers.hdf5_child` with one end of a
socket pair as its standard input. It ends when the other end closes.
"""

import math
import os
import resource
import socket
import zlib

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.hdf5_messages import (
    LENGTH_PREFIX,
    READY,
    REQUEST_MAX_BYTES,
    Describe,
    Description,
    Inflate,
    Inflated,
    Refused,
    Reply,
    Request,
)

INFLATE_BLOCK_BYTES = limits.MIB


def main() -> None:
    """Answers requests until the server process closes its end."""
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, limits.CHILD_ADDRESS_SPACE_BYTES)
    _limit(resource.RLIMIT_NOFILE, limits.CHILD_OPEN_FILES)
    import tb_snapshot_compare.readers.hdf5_walk  # noqa: F401  h5py only under the limits

    channel = socket.socket(fileno=0)
    channel.sendall(READY)
    _silence()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, REQUEST_MAX_BYTES, 2)
        if not message:
            return
        try:
            reply = _answer(message, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        data = msgspec.msgpack.encode(reply)
        channel.sendall(LENGTH_PREFIX.pack(len(data)) + data)


def _silence() -> None:
    """From here on nothing that a file makes HDF5 print reaches the server's disk."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _limit(what: int, value: int) -> None:
    """Lowers a limit; systems without it (macOS has no RLIMIT_AS) keep the others."""
    try:
        resource.setrlimit(what, (value, value))
    except (ValueError, OSError):
        return


def _answer(message: bytes, descriptors: list[int]) -> Reply:
    spent = _cpu_seconds()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(spent) + limits.CHILD_CPU_SECONDS, hard))
    try:
        request = msgspec.msgpack.decode(message[LENGTH_PREFIX.size :], type=Request)
        source, target = descriptors
        if isinstance(request, Describe):
            return _describe(request, source, target)
        return _inflate(request, source, target)
    except MemoryError:
        return Refused("it needs more memory than a reader may use", _cpu_seconds())
    except Exception as error:  # h5py raises many types on damaged bytes
        return Refused(f"{error}"[:500] or type(error).__name__, _cpu_seconds())


def _describe(request: Describe, source: int, target: int) -> Description:
    from tb_snapshot_compare.readers.hdf5_walk import Spool, Window, describe

    window = Window(source, request.offset, request.length)
    spool = Spool(descriptor=target, room=request.spool_max_bytes)
    description = describe(window, request.length, spool, decode=request.decode)
    return msgspec.structs.replace(description, cpu_seconds=_cpu_seconds())


def _inflate(request: Inflate, source: int, target: int) -> Inflated:
    """Inflates a raw deflate stream (zip method 8) block by block."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    position, end = request.offset, request.offset + request.stored_length
    written, crc = 0, 0
    pending = b""
    while not inflater.eof:
        if not pending:
            pending = os.pread(source, min(INFLATE_BLOCK_BYTES, end - position), position)
            position += len(pending)
            if not pending:
                raise ValueError("the compressed weights end too early")
        block = inflater.decompress(pending, INFLATE_BLOCK_BYTES)
        pending = inflater.unconsumed_tail
        written += len(block)
        if written > request.length:
            raise ValueError("the weights inflate to more than the archive declares")
        crc = zlib.crc32(block, crc)
        view = memoryview(block)
        while view:
            view = view[os.write(target, view) :]
    if written != request.length or crc != request.crc32:
        raise ValueError("the compressed weights do not have the checksum that is stored")
    return Inflated(cpu_seconds=_cpu_seconds())


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
