"""Order-preserving keys of float64, their histogram, and the ranges of keys that ranks lie in.

The first histogram has a bin for every sixteenth of a power of two from 2^-149, float32's least, to
2^128, beyond its largest; one for what lies closer to zero, and one beyond for either sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Counts = NDArray[np.int64]

PREFIX_BITS = 16
_SHIFT = 64 - PREFIX_BITS
_PARTS = 16
"""Bins for a power of two: with the sign and the exponent, 16 bits."""
_SMALLEST, _BEYOND = -149, 128
_BIAS = 1023
_SIGN = 1 << 63
_ALL = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys from `start` to `end`, both included."""

    start: int
    end: int

    @property
    def is_one(self) -> bool:
        """Whether there is a single key, so that its value is known."""
        return self.start == self.end


ZERO = KeyRange(_SIGN, _SIGN)


ZERO_BIN = (_BEYOND - _SMALLEST) * _PARTS + 1
"""The bin in the middle, which holds both zeros and what is closer to them than 2^-149."""


@lru_cache(maxsize=1)
def bin_of_prefix() -> NDArray[np.uint16]:
    """The bin of each of the 65,536 beginnings of a key."""
    prefixes = np.arange(1 << PREFIX_BITS, dtype=np.int64)
    zero = 1 << (PREFIX_BITS - 1)
    sizes = np.where(prefixes >= zero, prefixes - zero, zero - 1 - prefixes)
    least, beyond = ((exponent + _BIAS) * _PARTS for exponent in (_SMALLEST, _BEYOND))
    ranks = np.clip(sizes - least + 1, 0, beyond - least + 1)
    signed = np.where(prefixes >= zero, ranks, -ranks)
    places: NDArray[np.uint16] = (signed - signed[0]).astype(np.uint16)
    return places


def bins() -> int:
    """How many bins there are."""
    return int(bin_of_prefix()[-1]) + 1


@lru_cache(maxsize=1)
def _first_prefixes() -> list[int]:
    found = np.searchsorted(bin_of_prefix(), np.arange(bins() + 1)).tolist()
    return [int(prefix) for prefix in found]


def range_of_bin(index: int) -> KeyRange:
    """The keys of a bin."""
    first = _first_prefixes()
    return KeyRange(first[index] << _SHIFT, (first[index + 1] << _SHIFT) - 1)


def prefixes_of(ranges: Iterable[KeyRange]) -> NDArray[np.bool_]:
    """Which beginnings any of the ranges has, `[65536]`."""
    touched = np.zeros(1 << PREFIX_BITS, np.bool_)
    for each in ranges:
        touched[each.start >> _SHIFT : (each.end >> _SHIFT) + 1] = True
    return touched


def value_of(key: int) -> float:
    """The number that a key stands for."""
    bits = key ^ _SIGN if key & _SIGN else key ^ _ALL
    return float(np.uint64(bits).view(np.float64))
