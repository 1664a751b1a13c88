"""Levels of detail of large kernels as bytes of the result store, and back."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.slice_measures import SLICE_QUANTITIES
from tb_snapshot_compare.workspace.kernel_levels import Level
from tb_snapshot_compare.workspace.kernel_locating import LocatedPyramid
from tb_snapshot_compare.workspace.kernel_pyramids import Pyramid, Scale

Halves = NDArray[np.float16]


class _StoredPyramid(msgspec.Struct, frozen=True):
    base: int
    scales: dict[str, Scale]
    levels: dict[str, bytes]


class _StoredLocated(msgspec.Struct, frozen=True):
    base: int
    weights: int
    slices: int
    levels: bytes


def encode_pyramid(pyramid: Pyramid) -> bytes:
    """A pyramid as bytes."""
    scales: dict[str, Scale] = {str(name): scale for name, scale in pyramid.scales.items()}
    levels = {str(name): _packed(kept) for name, kept in pyramid.levels.items()}
    return msgspec.msgpack.encode(_StoredPyramid(pyramid.base, scales, levels))


def decode_pyramid(payload: bytes | None, levels: tuple[Level, ...]) -> Pyramid | None:
    """The pyramid of these levels; None where there is none, or it is of another version."""
    if payload is None:
        return None
    try:
        stored = msgspec.msgpack.decode(payload, type=_StoredPyramid)
        scales = {name: stored.scales[name] for name in SLICE_QUANTITIES}
        kept = {
            name: _unpacked(stored.levels[name], stored.base, levels) for name in SLICE_QUANTITIES
        }
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, ValueError):
        return None
    return Pyramid(stored.base, scales, kept)


def encode_located(located: LocatedPyramid) -> bytes:
    """Located counts as bytes."""
    packed = _packed(located.levels)
    return msgspec.msgpack.encode(
        _StoredLocated(located.base, located.weights, located.slices, packed)
    )


def decode_located(payload: bytes | None, levels: tuple[Level, ...]) -> LocatedPyramid | None:
    """As `decode_pyramid`."""
    if payload is None:
        return None
    try:
        stored = msgspec.msgpack.decode(payload, type=_StoredLocated)
        kept = _unpacked(stored.levels, stored.base, levels)
    except (msgspec.DecodeError, msgspec.ValidationError, ValueError):
        return None
    return LocatedPyramid(stored.base, kept, stored.weights, stored.slices)


def _packed(levels: tuple[Halves, ...]) -> bytes:
    return b"".join(level.astype("<f2", copy=False).tobytes() for level in levels)


def _unpacked(data: bytes, base: int, levels: tuple[Level, ...]) -> tuple[Halves, ...]:
    """Raises ValueError where the bytes are not those of the levels."""
    kept, start = [], 0
    for level in levels:
        if level.exponent >= base:
            count = level.rows * level.columns
            values = np.frombuffer(data, "<f2", count, start)
            kept.append(values.reshape(level.rows, level.columns))
            start += 2 * count
    if start != len(data):
        raise ValueError(f"{len(data)} bytes stored, {start} wanted")
    return tuple(kept)
