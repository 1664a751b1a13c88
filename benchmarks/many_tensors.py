"""A pair of snapshots of 12,345 small tensors, beside the other programs.

python -m benchmarks.many_tensors
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks import contestants, report
from benchmarks.pair import measure, peers, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Table

_SETS = {"bundle": "many-bundle", "safetensors": "many-safetensors"}
_LIMIT_SECONDS = 60
"""Some read all names again for every tensor."""


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table."""
    everybody = [
        *(contestants.ours(form, (5, 1)) for form in _SETS),
        contestants.plain_tensorflow((3, 0)),
        contestants.plain_torch("safetensors", (3, 0)),
        *peers(contestants.weightscope((1, 0)), contestants.sft((3, 0)), contestants.modeldelta()),
    ]
    outcomes = measure(everybody, _SETS, tiny, limit=_LIMIT_SECONDS)
    yield table("A pair of 12,345 tensors of 64 weights", _SETS, outcomes, tiny)


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
