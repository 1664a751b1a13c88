"""What `tb-snapshot-compare diff --json A B` goes through: `SPAWNED A B`.

`SPAWNED` is the monotonic clock's time when the process was started. The comparison goes to the
standard output, as the command's does; the seconds of each phase, and the clock's time at the end
of the last one, to the standard error.
"""

import gc
import itertools
import json
import sys
import time

marks = [("", float(sys.argv[1])), ("the interpreter", time.monotonic())]


def reached(phase: str) -> None:
    """Notes that a phase has ended."""
    marks.append((phase, time.monotonic()))


gc.set_threshold(200_000)
import numpy  # noqa: E402, F401

reached("NumPy")
from tb_snapshot_compare import cli, workspace  # noqa: E402

reached("this package's modules")
workspace.load_without_blas()
gc.freeze()
reached("numba, and what it needs to load compiled code")
a, b = (workspace.open_snapshot(path) for path in sys.argv[2:])
reached("both files opened")
comparison = workspace.compare(a, b, contents=workspace.Contents())
reached("the comparison, compiled code loaded in it")
print(json.dumps(cli.comparison_json(comparison)))
sys.stdout.flush()
reached("JSON")
workspace.compare(a, b, contents=workspace.Contents())
reached("the comparison once more")
durations = {name: at - before for (_, before), (name, at) in itertools.pairwise(marks)}
gc.freeze()
print(json.dumps({"seconds": durations, "left": time.monotonic()}), file=sys.stderr)
