"""Two snapshots that differ in one tensor, and that tensor's layer alone: `A B LAYER ROUNDS`.

Prints the seconds of every round in one process, the measures of the changed tensor, and how many
of the others differ.
"""

import json
import sys
import time

from tb_snapshot_compare.analysis.warming import warm_up_pairs
from tb_snapshot_compare.workspace import compare, open_snapshot

path_a, path_b, layer, rounds = sys.argv[1:]
warm_up_pairs()
seconds: dict[str, list[float]] = {"opening": [], "whole": [], "layer": []}
for _ in range(int(rounds)):
    begin = time.perf_counter()
    a, b = open_snapshot(path_a), open_snapshot(path_b)
    opened = time.perf_counter()
    whole = compare(a, b)
    compared = time.perf_counter()
    compare(a, b, layer=layer)
    done = time.perf_counter()
    seconds["opening"].append(opened - begin)
    seconds["whole"].append(compared - opened)
    seconds["layer"].append(done - compared)
changed = [t.name for t in whole.tensors if t.measures is not None and t.measures.changed]
print(json.dumps({"seconds": seconds, "changed": changed, "tensors": len(whole.tensors)}))
