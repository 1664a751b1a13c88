"""How much later TensorBoard starts with this plugin than without it.

Starts of a real `tensorboard`, with and without, interleaved; prints medians and the difference.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

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
    return float(output.split()[-1])


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logdir", help="default: an empty directory")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as empty:
        logdir = options.logdir or empty
        times: dict[str, list[float]] = {"without": [], "with": []}
        for _ in range(options.repeats):
            for which, seconds in times.items():
                seconds.append(start(which, logdir))
                time.sleep(0.2)
    for which, seconds in times.items():
        print(
            f"{which:8} median {statistics.median(seconds):.3f} s"
            f"  range {min(seconds):.3f} to {max(seconds):.3f}"
        )
    differences = [b - a for a, b in zip(times["without"], times["with"], strict=True)]
    print(f"later by median {statistics.median(differences):.3f} s of {options.repeats} pairs")


if __name__ == "__main__":
    main()
