"""The header of a safetensors file: which arrays lie where, checked before anything is used.

Format: "Format" in the README of safetensors, and `SafeTensors::read_metadata` and
`Metadata::validate` in its `tensor.rs`: the header's length in 8 bytes, little-endian; a JSON
object that begins with "{" and may end in spaces; then the values, without holes.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from tb_snapshot_compare import limits

LENGTH_BYTES = 8
_METADATA = "__metadata__"
_DTYPES = {
    "F64": ("float64", 64),
    "F32": ("float32", 32),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "I64": ("int64", 64),
    "I32": ("int32", 32),
    "I16": ("int16", 16),
    "I8": ("int8", 8),
    "U64": ("uint64", 64),
    "U32": ("uint32", 32),
    "U16": ("uint16", 16),
    "U8": ("uint8", 8),
    "BOOL": ("bool", 8),
    "C64": ("complex64", 64),
}
"""Our names, with bits of an element (`Dtype::bitsize`)."""
_PACKED = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
_FIELDS = ("dtype", "shape", "data_offsets")


class HeaderError(Exception):
    """The header is not one, so nothing of the file can be used; the text says why."""


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An entry of the header: `length` bytes at `offset` of the values.

    `dtype` is a NumPy or ml_dtypes name, else the format's own word. `problem` says why the
    values cannot be used, `missing` that it is because the file ends before they do.
    """

    key: str
    dtype: str
    shape: tuple[int, ...]
    offset: int = 0
    length: int = 0
    problem: str | None = None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """The arrays in the order of their bytes, and the free text that came with them."""

    arrays: tuple[StoredArray, ...]
    metadata: dict[str, str]


def parse_header(text: bytes, values: int) -> Header:
    """The header `text` of a file that has `values` bytes behind it.

    What is wrong with one entry, or with the places of some, is their `problem`.

    Raises:
      HeaderError: not such a header, a name twice, or values that belong to no array though
        every entry is sound: then header and values are not of one file.
    """
    entries = _entries(text)
    metadata = entries.pop(_METADATA, None)
    if len(entries) > limits.TENSORS_MAX:
        raise HeaderError(
            f"it lists {len(entries):,} tensors, more than the {limits.TENSORS_MAX:,} that are read"
        )
    arrays = [_array(_utf8(key), entry, values) for key, entry in entries.items()]
    arrays = _checked_places(arrays, values)
    return Header(tuple(arrays), _texts(metadata))


def _entries(text: bytes) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise HeaderError('its header does not begin with "{"')
    try:
        entries = json.loads(
            text.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise HeaderError("its header is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise HeaderError(f"its header is not JSON ({error})") from error
    if not isinstance(entries, dict):
        raise HeaderError("its header is not a JSON object")
    return entries


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise HeaderError(f"its header has {twice[:200]!r} twice")
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _texts(metadata: object) -> dict[str, str]:
    if not isinstance(metadata, dict):
        return {}
    return {name: text for name, text in metadata.items() if isinstance(text, str)}


def _array(key: str, entry: object, values: int) -> StoredArray:
    if not isinstance(entry, dict) or any(field not in entry for field in _FIELDS):
        return StoredArray(key, "void", (), problem="its entry lacks dtype, shape or data_offsets")
    word, shape, offsets = (entry[field] for field in _FIELDS)
    if not _are_sizes(shape) or len(shape) > limits.RANK_MAX:
        return StoredArray(key, "void", (), problem="its shape is no list of sizes")
    if not isinstance(word, str) or (word not in _DTYPES and word not in _PACKED):
        return StoredArray(
            key,
            "void",
            tuple(shape),
            problem=f"its dtype {str(word)[:40]!r} is not known; a newer version of this plugin "
            "may read it",
        )
    dtype, bits = _DTYPES.get(word) or (word.lower(), _PACKED[word])
    array = StoredArray(key, dtype, tuple(shape))
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        return replace(array, problem="its data_offsets are not the begin and end of its values")
    begin, end = offsets
    needed, rest = divmod(math.prod(shape) * bits, 8)
    if rest or needed != end - begin:
        return replace(
            array,
            problem=f"stored {end - begin:,} bytes, shape {tuple(shape)} of {word} needs "
            f"{needed:,}",
        )
    array = replace(array, offset=begin, length=end - begin)
    if end > values:
        return replace(
            array,
            missing=True,
            problem=f"its file is truncated: the tensor ends at {end:,} of the values, which "
            f"end at {values:,}; copy or save the file again",
        )
    if word in _PACKED:
        return replace(
            array,
            problem=f"{word} packs its elements into {bits} bits each, which is not compared; "
            "save the unpacked weights",
        )
    return array


def _utf8(key: str) -> str:
    """The key, with escapes for halves of surrogate pairs, which JSON allows and UTF-8 does not."""
    return key.encode("utf-8", "backslashreplace").decode()


def _are_sizes(numbers: object) -> bool:
    """Whether it is a list of whole numbers that a file's size could reach."""
    return isinstance(numbers, list) and all(
        type(number) is int and 0 <= number < 1 << 63 for number in numbers
    )


def _checked_places(arrays: Sequence[StoredArray], values: int) -> list[StoredArray]:
    """The arrays in the order of their bytes; those that overlap have a problem.

    Raises:
      HeaderError: there are holes that no faulty entry explains.
    """
    ordered = sorted(arrays, key=lambda array: (array.offset, array.length))
    placed = [index for index, array in enumerate(ordered) if array.length]
    faulty = any(array.missing or (array.problem and not array.length) for array in ordered)
    overlapping: dict[int, int] = {}
    hole: tuple[int, int] | None = None
    reached, last = 0, -1
    for index in placed:
        begin, end = ordered[index].offset, ordered[index].offset + ordered[index].length
        if begin < reached:
            overlapping[index], overlapping[last] = last, index
        elif begin > reached and hole is None:
            hole = (reached, begin)
        if end > reached:
            reached, last = end, index
    if hole is None and reached < values:
        hole = (reached, values)
    if hole is not None and not faulty and not overlapping:
        raise HeaderError(
            f"the bytes {hole[0]:,} to {hole[1]:,} of its values belong to no tensor, so header "
            "and values are not of one file"
        )
    for index, other in overlapping.items():
        ordered[index] = replace(
            ordered[index],
            problem=f"its bytes overlap those of {ordered[other].key[:200]!r}; save the file again",
        )
    return ordered
