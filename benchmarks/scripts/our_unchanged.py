"""Two snapshots that differ in one tensor, and that tensor's layer alone: `A B LAYER ROUNDS`.

Prints the seconds of every round in one process, the measures of the changed tensor, and how many
of the others differ. What is remembered of contents begins empty: the first time is told apart.
Last, the functions that the comparison calls, with their seconds under Python's profiler.
"""

import cProfile
import json
import pstats
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tb_snapshot_compare.analysis.warming import warm_up_pairs
from tb_snapshot_compare.store import ContentStore
from tb_snapshot_compare.workspace import Contents, compare, comparing, open_snapshot


def steps(work: Callable[[], object], repeats: int) -> dict[str, float]:
    """Seconds of each function that the comparison itself calls, with all that they call."""
    profile = cProfile.Profile()
    for _ in range(repeats):
        profile.runcall(work)
    called: dict[str, float] = defaultdict(float)
    by_function = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (_, _, name), (_, _, _, _, callers) in by_function.items():
        for (path, _, caller), (_, _, _, cumulative) in callers.items():
            if path == comparing.__file__ and caller in ("compare", "_outcomes"):
                called[name] += cumulative / repeats
    del called["_outcomes"]
    return called


path_a, path_b, layer, rounds = sys.argv[1:]
warm_up_pairs()
seconds: dict[str, list[float]] = {"opening": [], "first": [], "whole": [], "layer": []}
with tempfile.TemporaryDirectory() as folder:
    contents = Contents(ContentStore(Path(folder)))
    for number in range(int(rounds) + 1):
        begin = time.perf_counter()
        a, b = open_snapshot(path_a), open_snapshot(path_b)
        opened = time.perf_counter()
        whole = compare(a, b, contents=contents)
        compared = time.perf_counter()
        compare(a, b, layer=layer)
        done = time.perf_counter()
        seconds["whole" if number else "first"].append(compared - opened)
        if number:
            seconds["opening"].append(opened - begin)
            seconds["layer"].append(done - compared)
    taken = steps(lambda: compare(a, b, contents=contents), int(rounds))
changed = [t.name for t in whole.tensors if t.measures is not None and t.measures.changed]
print(json.dumps({"seconds": seconds, "changed": changed, "steps": taken}))
