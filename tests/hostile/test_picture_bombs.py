"""Pictures that claim to be large cost neither time nor memory, that of the decoder's included."""

import json
import subprocess
import sys
from pathlib import Path

from tb_snapshot_compare.limits import MIB
from tests.images.test_decoding import BOMB_SIZES, bombs

ROOT = Path(__file__).resolve().parents[2]
MEMORY_MAX = 32 * MIB
SECONDS_MAX = 0.05

PROGRAM = """
import io, json, os, sys, time
from tb_snapshot_compare.errors import UnreadableSnapshotError
from tb_snapshot_compare.images.decoding import decode, encode_png, read_size
from tests.hostile.measuring import peak, reset_peak
from tests.images.test_decoding import PIXELS, bombs

decode(encode_png(PIXELS), "warm")
cost = {}
for name, data in bombs().items():
    before = reset_peak(os.getpid())
    refused, seconds = 0, []
    for look in (lambda: decode(data, name), lambda: read_size(io.BytesIO(data), name)):
        started = time.perf_counter()
        try:
            look()
        except UnreadableSnapshotError:
            refused += 1
        seconds.append(time.perf_counter() - started)
    cost[name] = (refused, min(seconds), peak(os.getpid()) - before)
print(json.dumps(cost))
"""


def test_a_picture_bomb_costs_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=ROOT
    )
    costs = json.loads(done.stdout.splitlines()[-1])
    assert len(costs) == len(bombs())
    assert min(width * height for width, height in BOMB_SIZES) <= 16 * MIB + 4096
    for name, (refused, seconds, grew) in costs.items():
        assert refused == 2, name
        assert seconds < SECONDS_MAX, name
        assert grew < MEMORY_MAX, name
