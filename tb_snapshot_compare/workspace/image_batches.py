"""Images prepared for the networks of a pair, as many at a time as memory allows."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.images import Preprocessing, ProbeImage, prepare
from tb_snapshot_compare.limits import FREE_INPUT_EDGE, IMAGE_BATCH_BYTES, IMAGE_BATCH_MAX
from tb_snapshot_compare.workspace.forward import Network, PairNetworks

_FLOAT_BYTES = 4


def input_size(network: Network) -> tuple[int, int, int]:
    """Height, width and channels of the input; FREE_INPUT_EDGE where any size is taken."""
    height, width, channels = network.input_size
    return height or FREE_INPUT_EDGE, width or FREE_INPUT_EDGE, channels


def prepared_pair(
    networks: PairNetworks, pixels: Sequence[NDArray[np.uint8]], preprocessing: Preprocessing
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Images for a and for b, [images, height, width, channels]; one array where sizes agree.

    Args:
      networks: The pair.
      pixels: [height, width, 3] each.
      preprocessing: How they become inputs.
    """
    size_a, size_b = input_size(networks.a), input_size(networks.b)
    of_a = np.stack([prepare(picture, size_a, preprocessing) for picture in pixels])
    if size_a == size_b:
        return of_a, of_a
    return of_a, np.stack([prepare(picture, size_b, preprocessing) for picture in pixels])


def batches(networks: PairNetworks, images: Sequence[ProbeImage]) -> Iterator[Sequence[ProbeImage]]:
    """The images in parts whose inputs take at most IMAGE_BATCH_BYTES."""
    size = batch_size(networks)
    for start in range(0, len(images), size):
        yield images[start : start + size]


def batch_size(networks: PairNetworks) -> int:
    """How many images are run at once."""
    largest = max(
        height * width * channels * _FLOAT_BYTES
        for height, width, channels in (input_size(networks.a), input_size(networks.b))
    )
    return max(1, min(IMAGE_BATCH_MAX, IMAGE_BATCH_BYTES // largest))
