"""How much a graph computes for one image. Runs in the child only."""

import math
from typing import Any

import tensorflow as tf

from tb_snapshot_compare.errors import ModelUnavailableError
from tb_snapshot_compare.limits import RUN_TENSOR_BYTES_MAX


def largest_output(graph: Any, remedy: str) -> int:
    """Bytes of the largest output for one image, of the operations that take batches.

    Raises:
      ModelUnavailableError: an output is larger than RUN_TENSOR_BYTES_MAX; with `remedy`.
    """
    largest = 0
    for operation in graph.get_operations():
        if operation.type == "Placeholder":
            continue
        for tensor in operation.outputs:
            size = _bytes_of_one(tensor)
            if size > RUN_TENSOR_BYTES_MAX:
                raise ModelUnavailableError(
                    f"The operation {operation.name!r:.120} ({operation.type}) of the network "
                    f"gives {size:,} bytes for one image, more than the "
                    f"{RUN_TENSOR_BYTES_MAX:,} that are run.",
                    remedy,
                )
            if tensor.shape.rank and tensor.shape[0] is None:
                largest = max(largest, size)
    return largest


def _bytes_of_one(tensor: Any) -> int:
    if tensor.shape.rank is None or tensor.dtype in (tf.resource, tf.variant, tf.string):
        return 0
    sizes: list[int] = [size for size in tensor.shape.as_list() if size is not None]
    return math.prod(sizes) * int(tensor.dtype.size)
