"""The tensorstore child: the only process that runs tensorstore, under limits."""

import msgspec

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.child_loop import cpu_seconds, serve
from tb_snapshot_compare.readers.orbax_messages import (
    Arrays,
    Decoded,
    DescribeArrays,
    OrbaxRequest,
)


def answer(message: bytes, descriptors: list[int]) -> Arrays | Decoded:
    """Lists arrays, or decodes some into the first descriptor."""
    from tb_snapshot_compare.readers.orbax_walk import decode, describe

    request = msgspec.msgpack.decode(message, type=OrbaxRequest)
    reply: Arrays | Decoded
    if isinstance(request, DescribeArrays):
        reply = Arrays(describe(request))
    else:
        reply = decode(request, descriptors[0])
    return msgspec.structs.replace(reply, cpu_seconds=cpu_seconds())


if __name__ == "__main__":
    serve("tb_snapshot_compare.readers.orbax_walk", answer, limits.ORBAX_ADDRESS_SPACE_BYTES)
