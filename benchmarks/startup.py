"""How much later TensorBoard starts with this plugin than without it.

Starts of a real `tensorboard` on an empty logdir, with and without, in turns: seconds from the
first import to a listening server.

    python -m benchmarks.startup
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import report
from benchmarks.measuring import interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Table

_ROUNDS = 9
PROGRAM = """
import sys, time
start = time.perf_counter()
from tensorboard import default, program
plugins = [plugin for plugin in default.get_plugins()
           if sys.argv[1] == "with" or "SnapshotCompare" not in repr(plugin)]
server = program.TensorBoard(plugins)
server.configure(argv=["tensorboard", "--logdir", sys.argv[2], "--port", "0", "--load_fast=true"])
server.launch()
print(time.perf_counter() - start, flush=True)
import os
os._exit(0)
"""


def start(which: str, logdir: str) -> float:
    """Seconds from the first import to a listening server."""
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM, which, logdir],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    time.sleep(0.2)
    return float(output.split()[-1])


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table."""
    with tempfile.TemporaryDirectory() as empty:
        works = {which: partial(start, which, empty) for which in ("without", "with")}
        found = interleaved(works, 1 if tiny else _ROUNDS)
    later = [b - a for a, b in zip(found["without"], found["with"], strict=True)]
    rows = {**{f"{name} the plugin": times for name, times in found.items()}, "later": later}
    yield report.spreads("Start of TensorBoard", ("", "seconds"), rows)


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
