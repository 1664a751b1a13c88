"""The header of a `.npy` file: what array follows it.

Format: `numpy.lib.format` (its docstring is the format's document): the magic bytes, two bytes
of version, the header's length in 2 bytes (version 1) or 4, then a Python literal, of which
three fields are looked for: Python's own parser is none for text from strangers.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tb_snapshot_compare.limits import NPY_HEADER_MAX_BYTES, RANK_MAX

MAGIC = b"\x93NUMPY"
PREFIX_MAX_BYTES = len(MAGIC) + 6
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_DESCR = re.compile(r"""['"]descr['"]\s*:\s*(?:(['"])([^'"\\]*)\1|([\[(]))""")
_ORDER = re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)\b""")
_SHAPE = re.compile(r"""['"]shape['"]\s*:\s*\(([-\d,\sL]*)\)""")
"""Numbers of Python 2 may end in an L."""
_SIMPLE = re.compile(r"[<>|=]?[A-Za-z?]\d*(?:\[\w+\])?")
"""What NumPy writes for a dtype without fields; it would parse more (`4f8,(2,3)i4`)."""
_EXTENDED = ("float128", "float96", "complex256", "complex192", "longdouble", "clongdouble")


class NpyError(Exception):
    """It is no array that can be read; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """An array of which the values begin at `start` and have `length` bytes.

    `fortran` means that the first axis varies fastest. `problem` says why the values are none
    that can be compared; `dtype` is then NumPy's word for them.
    """

    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int
    byteorder: Literal["little", "big"] = "little"
    fortran: bool = False
    problem: str | None = None


def read_npy_header(read: Callable[[int, int], bytes], size: int) -> NpyHeader:
    """The header of a `.npy` file of `size` bytes, of which `read` gives any (offset, length).

    Raises:
      NpyError: not such a file, or malformed.
    """
    prefix = read(0, min(PREFIX_MAX_BYTES, size))
    if not prefix.startswith(MAGIC):
        raise NpyError("it does not begin as an array of NumPy does")
    width = _LENGTH_BYTES.get(prefix[6]) if len(prefix) == PREFIX_MAX_BYTES else None
    if width is None:
        raise NpyError("its version of the format is not known, or it is cut off")
    begin = len(MAGIC) + 2 + width
    length = int.from_bytes(prefix[begin - width : begin], "little")
    if length > NPY_HEADER_MAX_BYTES or begin + length > size:
        raise NpyError(
            f"its header claims {length:,} bytes of {size:,}, at most {NPY_HEADER_MAX_BYTES:,} "
            "are read"
        )
    return _header(_literal(read(begin, length), prefix[6]), begin + length, size)


def _literal(text: bytes, version: int) -> dict[str, Any]:
    source = text.decode("utf-8" if version == 3 else "latin-1", "replace")
    found = [pattern.findall(source) for pattern in (_DESCR, _ORDER, _SHAPE)]
    if any(len(matches) != 1 for matches in found):
        raise NpyError("its header does not tell dtype, order and shape")
    ((_, word, table),), (order,), (sizes,) = found
    try:
        shape = tuple(int(size) for size in sizes.replace("L", "").split(",") if size.strip())
    except ValueError as error:
        raise NpyError("its header tells no valid shape") from error
    return {"descr": None if table else word, "fortran_order": order == "True", "shape": shape}


def _header(fields: dict[str, Any], start: int, size: int) -> NpyHeader:
    shape, fortran = fields["shape"], fields["fortran_order"]
    if (
        not isinstance(shape, tuple)
        or not isinstance(fortran, bool)
        or len(shape) > RANK_MAX
        or any(type(number) is not int or not 0 <= number < 1 << 63 for number in shape)
    ):
        raise NpyError("its header tells no valid shape or order")
    dtype, problem = _dtype(fields["descr"])
    if dtype is None or problem is not None:
        word = "void" if dtype is None else dtype.name
        return NpyHeader(word, shape, start, 0, problem=problem)
    length = math.prod(shape) * dtype.itemsize
    if start + length != size:
        raise NpyError(
            f"stored {size - start:,} bytes, shape {shape} of {dtype.name} needs {length:,}; "
            "copy or save the file again"
        )
    big = dtype.str.startswith(">")
    column_order = fortran and sum(number != 1 for number in shape) > 1
    return NpyHeader(dtype.name, shape, start, length, "big" if big else "little", column_order)


def _dtype(descr: object) -> tuple[np.dtype[Any] | None, str | None]:
    """The dtype that `descr` names, and what speaks against reading its values."""
    if not isinstance(descr, str):
        return None, "it is a table with named fields; save its columns as arrays of their own"
    try:
        dtype = np.dtype(descr) if _SIMPLE.fullmatch(descr) else None
    except (TypeError, ValueError):
        dtype = None
    if dtype is None:
        return None, f"its dtype {descr[:40]!r} is not one of NumPy's"
    if dtype.hasobject:
        return None, (
            "it holds Python objects, which are stored as a pickle and could run code, so they "
            "are not read; save arrays of numbers"
        )
    if dtype.kind == "V":
        return None, (
            f"it holds {dtype.itemsize} raw bytes per element and does not say of which type, as "
            "NumPy stores bfloat16 and float8; save it as float32"
        )
    if dtype.kind not in "biufc":
        return dtype, f"it holds {dtype.name}, which are not numbers"
    if dtype.name in _EXTENDED:
        return dtype, f"{dtype.name} differs from machine to machine; save it as float64"
    return dtype, None
