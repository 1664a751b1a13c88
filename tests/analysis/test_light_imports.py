"""What looks at a whole training loads its libraries when it first needs them."""

import subprocess
import sys
from pathlib import Path

MODULES = (
    "anomalies", "anomaly_threshold", "class_clusters", "class_errors", "excursions",
    "mini_sets", "never_trained", "spike_forensics", "time_order", "top_filters",
)  # fmt: skip


def test_numerics_over_time_import_neither_scipy_nor_numba() -> None:
    names = ", ".join(MODULES)
    script = (
        f"from tb_snapshot_compare.analysis import {names}; import sys;"
        "print(*({'scipy', 'numba', 'skimage'} & set(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert shown.stdout.strip() == ""
