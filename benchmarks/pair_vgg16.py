"""A pair of VGG-16-sized TensorFlow checkpoints, beside a plain NumPy script.

Two checkpoints of 553 MB (138.36 million float32 weights), compared by our command
`diff A B --json` and by a plain script: `tf.train.load_checkpoint`, and the same
measures in float64 with NumPy; each in a process of its own, in turns.

    python -m benchmarks.pair_vgg16
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks import contestants, report
from benchmarks.pair import measure, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Table

_SETS = {"bundle": "vgg16"}


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table."""
    everybody = [contestants.ours("bundle"), contestants.plain_tensorflow((3, 2))]
    outcomes = measure(everybody, _SETS, tiny)
    yield table("A pair of VGG-16 in float32, 553 MB, TF checkpoint", _SETS, outcomes, tiny)


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
