"""Activation maps of a layer's channels for one image, and how far they differ."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChannelMaps:
    """Maps of every channel, [channels, height, width], in a and in b.

    `difference` [channels] is ||map_b - map_a|| in float64; NaN where a map is not finite, or
    where the two networks' maps differ in size.
    """

    a: Maps
    b: Maps
    difference: NDArray[np.float64]

    @property
    def channels(self) -> int:
        """How many channels there are in both."""
        return len(self.difference)

    def by_difference(self) -> NDArray[np.intp]:
        """Channels from the largest difference to the smallest, undefined ones last."""
        order = np.argsort(-np.nan_to_num(self.difference, nan=-1.0), kind="stable")
        return order.astype(np.intp)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.a.nbytes + self.b.nbytes + self.difference.nbytes


def channel_maps(a: NDArray[np.float32], b: NDArray[np.float32]) -> ChannelMaps:
    """The maps of one image's outputs, channels last: [width..., channels], as the layers give.

    A vector (a dense layer) becomes maps of one value, a sequence maps of one row, a volume
    maps whose slices lie below each other.
    """
    maps_a, maps_b = as_maps(a), as_maps(b)
    channels = min(len(maps_a), len(maps_b))
    maps_a, maps_b = maps_a[:channels], maps_b[:channels]
    if maps_a.shape != maps_b.shape:
        return ChannelMaps(maps_a, maps_b, np.full(channels, np.nan))
    change = maps_b.astype(np.float64) - maps_a
    with np.errstate(invalid="ignore"):  # infinity minus infinity: no difference can be given
        difference = np.sqrt(np.einsum("chw,chw->c", change, change))
    difference[~np.isfinite(difference)] = np.nan
    return ChannelMaps(maps_a, maps_b, difference)


def as_maps(output: NDArray[np.float32]) -> Maps:
    """One image's output, channels last, as [channels, height, width]."""
    channels = output.shape[-1] if output.ndim else 1
    rows = int(np.prod(output.shape[:-2], dtype=np.int64)) if output.ndim > 2 else 1
    flat = output.reshape(rows, -1, channels)
    return np.ascontiguousarray(np.moveaxis(flat, -1, 0))


def shrunk(maps: Maps, edge: int) -> Maps:
    """Maps averaged down by whole factors until no side exceeds `edge`; borders are repeated."""
    height, width = maps.shape[1:]
    factors = (-(-height // edge), -(-width // edge))
    if factors == (1, 1):
        return maps
    padding = ((0, 0), (0, -height % factors[0]), (0, -width % factors[1]))
    padded = np.pad(maps, padding, mode="edge")
    rows, columns = padded.shape[1] // factors[0], padded.shape[2] // factors[1]
    blocks = padded.reshape(len(maps), rows, factors[0], columns, factors[1])
    averaged: Maps = blocks.mean(axis=(2, 4), dtype=np.float64).astype(np.float32)
    return averaged
