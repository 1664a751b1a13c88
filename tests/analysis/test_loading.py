"""The command line's kernels are loaded without what they do not use."""

import subprocess
import sys

CHECK = """
import sys
from tb_snapshot_compare.analysis.loading import load_without_blas
load_without_blas()
from tb_snapshot_compare.analysis import PairAccumulator
import numpy as np
values = np.arange(8, dtype=np.float32)
accumulator = PairAccumulator("float32", "float32", 8)
accumulator.add(values, values + 1)
print(accumulator.finish().total.measures().l1, "scipy.linalg" in sys.modules)
import scipy.linalg
print(scipy.linalg.norm(values) > 0)
"""


def test_kernels_work_without_scipys_linear_algebra_which_can_still_be_imported() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["8.0", "False", "True"]
