"""Copies the weights of a remote snapshot to this disk, for a process that has no network.

Running a network takes all of its weights; they are copied once, and forgotten again when the
spool needs the room.
"""

import hashlib
import sys
from dataclasses import replace

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.readers.extents import TensorReader, numpy_dtype
from tb_snapshot_compare.readers.generation import DIGEST_HEX_DIGITS, check_generation
from tb_snapshot_compare.readers.spool import SPOOL, SpoolFile
from tb_snapshot_compare.snapshot import Extent, Generation, SnapshotContents, TensorInfo
from tb_snapshot_compare.storage import is_remote


def weights_on_disk(contents: SnapshotContents) -> SnapshotContents:
    """The snapshot with its weights in files of this machine; unchanged where they are already.

    Raises:
      UnreadableSnapshotError: more bytes than the spool may have, damaged, or the store fails.
      SnapshotGoneError, SnapshotChangedError: the files were deleted or replaced.
    """
    if not is_remote(contents.path):
        return contents
    digest = hashlib.blake2b(repr(contents.generation).encode(), digest_size=DIGEST_HEX_DIGITS // 2)
    generation = Generation((), digest.hexdigest())
    kept = SPOOL.find(generation)
    if kept is not None:
        return kept
    weights = [tensor for tensor in contents.tensors if tensor.scope == "weights"]
    needed = sum(extent.length for tensor in weights for extent in tensor.extents)
    if needed > limits.SPOOL_MAX_BYTES:
        raise UnreadableSnapshotError(
            f"{contents.path} has {needed:,} bytes of weights, more than the "
            f"{limits.SPOOL_MAX_BYTES:,} that are copied to this machine to run its network."
        )
    spool = SPOOL.create(contents.path)
    try:
        with TensorReader(contents.generation) as reader:
            tensors = tuple(_copied(tensor, reader, spool) for tensor in weights)
        check_generation(contents.generation)
    finally:
        spool.close()
    staged = replace(contents, tensors=tensors, generation=generation)
    SPOOL.keep(staged)
    return staged


def _copied(tensor: TensorInfo, reader: TensorReader, spool: SpoolFile) -> TensorInfo:
    if tensor.problem is not None or numpy_dtype(tensor.dtype) is None:
        return tensor
    start = spool.size
    for block in reader.read_blocks(replace(tensor, byteorder=sys.byteorder)):
        spool.write(block.view("uint8").data)
    length = spool.size - start
    return replace(tensor, extents=(Extent(spool.path, start, length),) if length else ())
