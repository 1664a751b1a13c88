"""A run's trend, as the page has it computed: `LOGDIR CACHE [NEXT]`.

Prints the seconds from the start of the process until the first pair is known and until every
pair is, and how large the changes are. `NEXT` is a snapshot's directory beside the logdir, which is
then moved into it: the seconds until its pair is known come besides.
"""

import json
import os
import sys
import time
from pathlib import Path

from benchmarks.no_events import NoEvents
from tb_snapshot_compare.workspace import RunTrend, Trends, Turns, Workspace

_started = time.monotonic() - time.process_time()
found: dict[str, object] = {}


def known(workspace: Workspace, trends: Trends, snapshots: int) -> RunTrend:
    """Waits until all pairs of so many snapshots are known."""
    while True:
        runs = workspace.catalog().runs
        if runs and sum(len(run.snapshots) for run in runs) == snapshots:
            trend = trends.of(runs[0].name)
            if any(pair.state == "done" for pair in trend.pairs):
                found.setdefault("first", time.monotonic() - _started)
            if len(trend.pairs) == snapshots - 1 and all(p.state == "done" for p in trend.pairs):
                return trend
            assert all(pair.state != "failed" for pair in trend.pairs), trend
        time.sleep(0.005)


logdir, cache = Path(sys.argv[1]), sys.argv[2]
count = len(list(logdir.iterdir()))
workspace = Workspace.of_directories(str(logdir), "", "", cache, NoEvents())
trends = Trends(workspace, Turns())
trends.start()
trend = known(workspace, trends, count)
found["all"] = time.monotonic() - _started
if len(sys.argv) > 3:
    begin = time.monotonic()
    landing = Path(sys.argv[3])
    os.rename(landing, logdir / landing.name)
    trend = known(workspace, trends, count + 1)
    found["next"] = time.monotonic() - begin
found["pairs"] = [
    {
        layer: {"l2": l2, "relative_l2": relative}
        for layer, l2, relative in zip(*columns, strict=True)
    }
    for pair in trend.pairs
    if (changes := pair.changes) is not None
    for columns in ((changes.layers, changes.l2, changes.relative_l2),)
]
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)
