"""Arrays on the wire: the safetensors layout, which the page reads without a copy.

Eight bytes of header length (little-endian), a JSON header padded with spaces to a multiple
of eight, then the arrays: https://huggingface.co/docs/safetensors (format).
"""

import json
from collections.abc import Mapping

MIMETYPE = "application/octet-stream"
_ALIGNMENT = 8


def encode_float64(arrays: Mapping[str, bytes], metadata: Mapping[str, str]) -> bytes:
    """Vectors of little-endian float64, by name, with string metadata."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    offset = 0
    for name, data in arrays.items():
        end = offset + len(data)
        header[name] = {"dtype": "F64", "shape": [len(data) // 8], "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([len(text).to_bytes(8, "little"), text, *arrays.values()])
