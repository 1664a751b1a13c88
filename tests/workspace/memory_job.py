"""Compares large snapshots in a process that may hold only so much more than its libraries.

Run as a program with a JSON object: `kind` of the job, `paths`, `limit` in bytes, and `warm`, the
paths of a small pair. Prints what was found, and the most memory that was held above that of the
imported libraries: not counting what is mapped from files, which is their code.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np

from tb_snapshot_compare.analysis import distribution_kernels, kernels
from tb_snapshot_compare.sources import parse_roots
from tb_snapshot_compare.store import ResultStore
from tb_snapshot_compare.workspace import (
    EVERYTHING,
    Trends,
    Turns,
    Workspace,
    compare,
    distribution,
    open_snapshot,
)
from tests.hostile.measuring import reset_peak

_LIBRARIES = (numba, np, distribution_kernels, kernels)
PARTS = ("RssAnon", "RssFile", "RssShmem", "VmData", "VmHWM", "VmRSS")


class NoEvents:
    def keras_configs(self, event_runs: Sequence[str]) -> tuple[str, ...]:
        return ()


def memory() -> dict[str, int]:
    """Bytes by kind, as Linux counts them."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = (line.split(":") for line in lines)
    return {name: int(value.split()[0]) * 1024 for name, value in fields if name in PARTS}


def pair(paths: Sequence[str]) -> dict[str, Any]:
    """Every measure of every tensor and filter, and the distribution at its finest."""
    a, b = (open_snapshot(path) for path in paths)
    found = compare(a, b, scopes=EVERYTHING)
    changes = distribution(a, b, found, bins=512, levels=32)
    return {
        "elements": found.coverage.elements_compared,
        "counted": changes.total,
        "filters": sum(filters.filters for filters in found.filters),
        "changed": round(found.model.changed * found.coverage.elements_total),
        "l2": found.model.l2,
        "moved": sum(map(sum, changes.counts)) - sum(row[0] for row in changes.counts),
    }


def series(paths: Sequence[str]) -> dict[str, Any]:
    """The trend of a run of many snapshots, each compared with the one before it."""
    folder = paths[0]
    workspace = Workspace(parse_roots(folder, None, None), ResultStore(None), NoEvents(), 1)
    trends = Trends(workspace, Turns())
    trends.start()
    end = time.monotonic() + 120
    done: list[Any] = []
    while time.monotonic() < end:
        runs = workspace.catalog().runs
        pairs = [pair for run in runs for pair in trends.of(run.name).pairs]
        done = [pair for pair in pairs if pair.state in ("done", "failed")]
        if pairs and len(done) == len(pairs) and not workspace.catalog().scanning:
            break
        time.sleep(0.02)
    trends.close()
    workspace.close()
    return {
        "pairs": sum(pair.state == "done" for pair in done),
        "l2": [pair.changes.l2 for pair in done if pair.changes is not None],
    }


def main() -> None:
    request = json.loads(sys.argv[1])
    libraries = memory()
    pair(request["warm"])  # compiles, or loads what was compiled
    ready = memory()
    limit = ready["VmData"] + request["limit"]
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    reset_peak(os.getpid())
    started = time.perf_counter()
    found = {"pair": pair, "series": series}[request["kind"]](request["paths"])
    seconds = time.perf_counter() - started
    held = memory()
    # What is mapped from files, which is code, can only have grown since.
    anonymous = held["VmHWM"] - ready["RssFile"]
    print(
        json.dumps(
            found
            | {
                "above_libraries": anonymous - libraries["RssAnon"],
                "above_ready": anonymous - ready["RssAnon"],
                "seconds": seconds,
                "libraries": libraries,
                "ready": ready,
                "held": held,
            }
        )
    )


if __name__ == "__main__":
    main()
