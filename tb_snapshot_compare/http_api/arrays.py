"""Arrays on the wire: the safetensors layout, which the page reads without a copy.

Eight bytes of header length (little-endian), a JSON header padded with spaces to a multiple
of eight, then the arrays: https://huggingface.co/docs/safetensors (format).
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIMETYPE = "application/octet-stream"
_ALIGNMENT = 8
_WORDS = {"<f8": "F64", "<f4": "F32", "<f2": "F16", "<i4": "I32", "|u1": "U8"}


def encode_arrays(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Arrays of any rank, the widest type first so that each is aligned, with string metadata."""
    ordered = sorted(arrays.items(), key=lambda entry: -entry[1].dtype.itemsize)
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    parts: list[bytes] = []
    offset = 0
    for name, array in ordered:
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        end = offset + little.nbytes
        header[name] = {
            "dtype": _WORDS[little.dtype.str],
            "shape": list(little.shape),
            "data_offsets": [offset, end],
        }
        parts.append(little.tobytes())
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])
