"""The checksum of bytes that are stored in pieces, from those of the pieces.

A cyclic redundancy check is linear over GF(2): appending n zero bytes to what has the checksum
c multiplies c by a matrix that depends on n only (Adler, `crc32_combine` in zlib's `crc32.c`).
"""

from collections.abc import Iterable
from functools import lru_cache

_POLYNOMIAL = 0x82F63B78
"""CRC-32C (Castagnoli 1993), bits reversed."""
_BITS = 32

_Matrix = tuple[int, ...]


def combined(pieces: Iterable[tuple[int, int]]) -> int:
    """The crc32c of pieces one after the other, each given by its (crc32c, number of bytes)."""
    total = 0
    for crc, length in pieces:
        total = _times(_zeros(length), total) ^ crc
    return total


def _times(matrix: _Matrix, vector: int) -> int:
    product = 0
    for column in matrix:
        if vector & 1:
            product ^= column
        vector >>= 1
        if not vector:
            break
    return product


@lru_cache(maxsize=256)
def _zeros(length: int) -> _Matrix:
    """What `length` zero bytes do to a checksum."""
    result: _Matrix = tuple(1 << bit for bit in range(_BITS))
    power: _Matrix = (_POLYNOMIAL, *(1 << bit for bit in range(_BITS - 1)))
    for _ in range(3):
        power = tuple(_times(power, column) for column in power)
    while length:
        if length & 1:
            result = tuple(_times(power, column) for column in result)
        power = tuple(_times(power, column) for column in power)
        length >>= 1
    return result
