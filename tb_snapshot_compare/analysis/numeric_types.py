"""Which stored dtypes can be compared, and their exact conversion to float32 or float64.

Three classes of dtype, by the smallest form that holds every value exactly: *single* (float32
and everything narrower: float16, bfloat16, float8 and float4 kinds, 8- and 16-bit integers,
bool), *double* (float64, 32-bit integers) and *wide* (64-bit integers, which are carried as an
exact sum of two float64).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Form = Literal["single", "double", "wide"]

_CONVERTED_ELEMENTS = 1 << 16
"""Elements converted at a time: the copies stay in the second-level cache."""

_HALF_CODES = {"float16": np.dtype(np.int16), "bfloat16": np.dtype(np.uint16)}
"""As which type the kernels take the bits of 16-bit floats."""

_LOW_BITS = np.uint64(0xFFFF_FFFF)
_WIDE_KINDS = {"int64", "uint64"}
_DOUBLE_KINDS = {"float64", "int32", "uint32"}
_SINGLE_KINDS = {"float32", "float16", "int8", "uint8", "int16", "uint16", "bool"}
_NARROW_KINDS = (
    "bfloat16",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float6_e2m3fn",
    "float6_e3m2fn",
    "float4_e2m1fn",
    "int2",
    "int4",
    "uint2",
    "uint4",
)


@dataclass(frozen=True, slots=True)
class ValuePairs:
    """Equal-length vectors of two tensors' values: float32, or float64.

    In the wide form the values are `a + low_a` and `b + low_b`, exactly; else the low parts
    are the values' own arrays and mean nothing.
    """

    a: NDArray[Any]
    b: NDArray[Any]
    low_a: NDArray[Any]
    low_b: NDArray[Any]
    wide: bool


@lru_cache
def _narrow_dtypes() -> dict[str, np.dtype[Any]]:
    known = ((name, getattr(ml_dtypes, name, None)) for name in _NARROW_KINDS)
    return {name: np.dtype(scalar) for name, scalar in known if scalar is not None}


def form_of(dtype: str) -> Form | None:
    """The form that holds every value of `dtype`, a NumPy or ml_dtypes name; None for no form."""
    if dtype in _SINGLE_KINDS or dtype in _narrow_dtypes():
        return "single"
    if dtype in _DOUBLE_KINDS:
        return "double"
    return "wide" if dtype in _WIDE_KINDS else None


def is_comparable(dtype: str) -> bool:
    """Whether tensors of this dtype name are compared: real numbers of up to 64 bits.

    Complex numbers, strings, resources, variants and quantised kinds are not.
    """
    return form_of(dtype) is not None


def joint_form(dtype_a: str, dtype_b: str) -> Form:
    """The form in which two dtypes are compared by value.

    Raises:
      ValueError: one of them is not comparable.
    """
    forms = (form_of(dtype_a), form_of(dtype_b))
    for dtype, form in zip((dtype_a, dtype_b), forms, strict=True):
        if form is None:
            raise ValueError(f"dtype '{dtype}' is not numeric; ask is_comparable() first")
    if "wide" in forms:
        return "wide"
    return "double" if "double" in forms else "single"


def is_half(dtype: str) -> bool:
    """Whether `half_pairs` takes a dtype."""
    return dtype in _HALF_CODES


def as_float(block: NDArray[Any]) -> NDArray[Any]:
    """Converts a block to float32 or float64, whichever holds its values.

    Exact for every comparable dtype but 64-bit integers, which are rounded to float64.
    """
    form = joint_form(block.dtype.name, block.dtype.name)
    return _converted(block, "double" if form == "wide" else form)


def value_pairs(
    block_a: NDArray[Any], block_b: NDArray[Any], form: Form | None = None
) -> Iterator[ValuePairs]:
    """Converts two blocks piece by piece to a form the kernels take, copying nothing that has it.

    Args:
      block_a: 1-D, in its stored dtype.
      block_b: the same number of elements in theirs.
      form: the form wanted, by default the smallest.

    Raises:
      ValueError: the blocks are not vectors of one length, or not comparable.
    """
    _check_alike(block_a, block_b)
    form = form or joint_form(block_a.dtype.name, block_b.dtype.name)
    step = _step(block_a, block_b, form)
    for start in range(0, block_a.size, step):
        yield _pairs(block_a[start : start + step], block_b[start : start + step], form)


def _check_alike(block_a: NDArray[Any], block_b: NDArray[Any]) -> None:
    if block_a.ndim != 1 or block_a.shape != block_b.shape:
        raise ValueError(
            f"blocks of shapes {block_a.shape} and {block_b.shape}: want vectors of one length"
        )


def _step(block_a: NDArray[Any], block_b: NDArray[Any], form: Form) -> int:
    target = np.dtype(np.float32) if form == "single" else np.dtype(np.float64)
    if form != "wide" and block_a.dtype == target and block_b.dtype == target:
        return max(block_a.size, 1)
    return _CONVERTED_ELEMENTS


def _pairs(block_a: NDArray[Any], block_b: NDArray[Any], form: Form) -> ValuePairs:
    if form != "wide":
        a, b = _converted(block_a, form), _converted(block_b, form)
        return ValuePairs(a, b, a, b, False)
    (a, low_a), (b, low_b) = _split(block_a), _split(block_b)
    return ValuePairs(a, b, low_a, low_b, True)


def _split(block: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Splits 64-bit integers into multiples of 2^32 and remainders, both exact in float64."""
    if block.dtype.name not in _WIDE_KINDS:
        return _converted(block, "double"), _read_only(np.zeros(block.size))
    native = block.astype(block.dtype.newbyteorder("="), copy=False)
    high = (native >> np.asarray(32, native.dtype)).astype(np.float64) * 2.0**32
    low = (native.view(np.uint64) & _LOW_BITS).astype(np.float64)
    return _read_only(high), _read_only(low)


def _converted(block: NDArray[Any], form: Form) -> NDArray[Any]:
    name = block.dtype.name
    if name in _HALF_CODES:
        block = _widened(block)
        if form == "single":
            return _read_only(block)
    elif name in _narrow_dtypes():
        block = _values_of(name).take(_codes(block))
    target = np.float64 if form == "double" else np.float32
    return _read_only(np.require(block.astype(target, copy=False), requirements=["C", "A"]))


def half_pairs(block_a: NDArray[Any], block_b: NDArray[Any]) -> ValuePairs:
    """The bits of two blocks of float16 or of bfloat16, which the kernels read themselves.

    Raises:
      ValueError: the blocks are not vectors of one length.
    """
    _check_alike(block_a, block_b)
    a, b = _half_codes(block_a), _half_codes(block_b)
    return ValuePairs(a, b, a, b, False)


def _half_codes(block: NDArray[Any]) -> NDArray[Any]:
    code = _HALF_CODES[block.dtype.name]
    if not (block.dtype.isnative and block.flags.c_contiguous and block.flags.aligned):
        block = np.require(_codes(block), requirements=["C", "A"])
    return _read_only(block.view(code))


def _widened(block: NDArray[Any]) -> NDArray[np.float32]:
    from tb_snapshot_compare.analysis.half_kernels import widen

    values = np.empty(block.size, np.float32)
    widen(_half_codes(block), values)
    return values


def _codes(block: NDArray[Any]) -> NDArray[Any]:
    native = block.astype(block.dtype.newbyteorder("="), copy=False)
    return native.view(f"u{native.dtype.itemsize}")


@lru_cache
def _values_of(name: str) -> NDArray[np.float32]:
    """What each code of a dtype of one byte stands for; NaN keeps no payload."""
    codes = np.arange(256, dtype=np.uint8)
    with np.errstate(invalid="ignore"):
        return codes.view(_narrow_dtypes()[name]).astype(np.float32)


def _read_only(values: NDArray[Any]) -> NDArray[Any]:
    """A read-only view: the kernels are compiled for one type of array, whoever owns it."""
    view = values[:]
    view.flags.writeable = False
    return view
