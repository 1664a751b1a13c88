"""The checksum of TensorFlow's files, of bytes that come in pieces.

A cyclic redundancy check is linear over GF(2): appending n zero bytes to what has the checksum
c multiplies c by a matrix that depends on n only (Adler, `crc32_combine` in zlib's `crc32.c`).
"""

import ctypes
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import google_crc32c
import numpy as np

CRC32C = 0x82F63B78
"""The polynomial of Castagnoli (1993), bits reversed."""
CRC32 = 0xEDB88320
"""That of zip archives (ISO 3309), bits reversed."""
_BITS = 32

_Matrix = tuple[int, ...]


def extend_crc32c(crc: int, block: Any) -> int:
    """The crc32c of bytes with the checksum `crc` and of `block`, a buffer, behind them.

    google-crc32c holds the interpreter's lock; its library, called by its own interface
    (`crc32c/crc32c.h`), does not.
    """
    function, view = _library_function(), np.frombuffer(block, np.uint8)
    if function is None:
        return int(google_crc32c.extend(crc, view))
    return int(function(crc, view.ctypes.data, view.size))


@cache
def _library_function() -> Any:
    """`crc32c_extend` of the library behind google-crc32c; None where it is not to be found."""
    try:
        from google_crc32c import _crc32c

        function = ctypes.CDLL(_crc32c.__file__).crc32c_extend
    except (ImportError, OSError, AttributeError):
        return None
    function.restype = ctypes.c_uint32
    function.argtypes = (ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t)
    return function


def combined(pieces: Iterable[tuple[int, int]], polynomial: int = CRC32C, before: int = 0) -> int:
    """The checksum of pieces one after the other, each given by its (checksum, number of bytes).

    `before` is the checksum of what precedes the first.
    """
    total = before
    for crc, length in pieces:
        total = _times(_zeros(length, polynomial), total) ^ crc if total else crc
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
def _zeros(length: int, polynomial: int) -> _Matrix:
    """What `length` zero bytes do to a checksum."""
    result: _Matrix = tuple(1 << bit for bit in range(_BITS))
    power: _Matrix = (polynomial, *(1 << bit for bit in range(_BITS - 1)))
    for _ in range(3):
        power = tuple(_times(power, column) for column in power)
    while length:
        if length & 1:
            result = tuple(_times(power, column) for column in result)
        power = tuple(_times(power, column) for column in power)
        length >>= 1
    return result
