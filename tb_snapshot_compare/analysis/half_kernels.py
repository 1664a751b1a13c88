"""The compiled reading of half-precision floats. Imported by the first block, never at start.

The kernels take arrays of float16 and bfloat16 as arrays of their bits, int16 and uint16
respectively, since compiled code knows neither type.
"""

import platform
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.compiled import compiled

Array = NDArray[Any]

_MAGNITUDE, _SIGN = np.uint32(0x7FFF), np.uint32(0x8000)
_SUBNORMAL, _SPECIAL = np.uint32(0x03FF), np.uint32(0x7C00)
_EXPONENT = 23
_REBIASED = np.uint32((127 - 15) << _EXPONENT)
_REBIASED_SUBNORMAL = np.uint32((127 - 14) << _EXPONENT)
_REBIASED_SPECIAL = np.uint32((255 - 31) << _EXPONENT)
_SMALLEST_NORMAL = np.float32(2.0**-14)


def _processor_converts() -> bool:
    """Whether this processor has an instruction from float16 to float32."""
    if platform.machine().lower() in ("aarch64", "arm64"):
        return True
    try:
        return bool(get_host_cpu_features().get("f16c"))
    except RuntimeError:
        return False


@compiled
def _of_bfloat16(code: int) -> np.float32:
    """A bfloat16 is the first half of a float32."""
    return np.uint32(np.uint32(code) << np.uint32(16)).view(np.float32)


@compiled
def of_float16_bits(code: int) -> np.float32:
    """Moves exponent and fraction (IEEE 754-2008, 3.4) to a float32's places.

    A subnormal one is read with an exponent of 1, whose leading one is then taken away.
    """
    bits = np.uint32(np.uint16(code))
    size = bits & _MAGNITUDE
    moved = size << np.uint32(13)
    normal = np.uint32(moved + _REBIASED).view(np.float32)
    subnormal = np.uint32(moved + _REBIASED_SUBNORMAL).view(np.float32) - _SMALLEST_NORMAL
    special = np.uint32(moved + _REBIASED_SPECIAL).view(np.float32)
    value = normal if size < _SPECIAL else special
    value = value if size > _SUBNORMAL else subnormal
    return -value if (bits & _SIGN) != 0 else value


@intrinsic  # type: ignore[untyped-decorator]
def _extended(_context: Any, code: Any) -> Any:
    """The float16 of the bits int16, extended to float32 by the processor."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        half = builder.bitcast(arguments[0], ir.HalfType())
        return builder.fpext(half, ir.FloatType())

    return types.float32(code), build


@compiled
def of_float16(code: int) -> np.float32:
    """The same by the processor's own instruction."""
    value: np.float32 = _extended(code)
    return value


_of_float16 = of_float16 if _processor_converts() else of_float16_bits


def value_of(item: Any) -> float:
    """The item of an array that a kernel was given, as a number. For compiled code only."""
    raise NotImplementedError


@overload(value_of, strict=False)  # type: ignore[untyped-decorator]
def _value_of(item: Any) -> Callable[[Any], float]:
    if item == types.int16:
        return lambda item: np.float64(_of_float16(item))
    if item == types.uint16:
        return lambda item: np.float64(_of_bfloat16(item))
    return lambda item: np.float64(item)


@compiled
def widen(codes: Array, values: Array) -> None:
    """Writes what bits `[n]` stand for to float32 `[n]`; exact, NaN keep no payload."""
    for j in range(codes.size):
        values[j] = np.float32(value_of(codes[j]))
