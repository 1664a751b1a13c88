"""A logdir of 100,000 files: what the plugin costs TensorBoard, and when snapshots are listed.

    python -m benchmarks.many_files

50 runs hold 2,000 snapshots, event files and files of other programs. A real TensorBoard is
started on it with and without the plugin. Shown are the seconds from the start of the process
until TensorBoard answers `/data/environment`, the slowest of its answers while the plugin scans,
and when the first and when all snapshots are listed, counted from that first answer.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.measuring import interleaved
from benchmarks.report import Table, main, spread

FILES = 100_000
ROUNDS = 3
WAYS = ("without", "with")
RUNS, PER_RUN = 50, 40
LISTING = "data/plugin/snapshot_compare/snapshots"
SAMPLE_SECONDS = 8.0
LIMIT_SECONDS = 300.0
_PROGRAM = """
import sys
from tensorboard import default, program
plugins = [plugin for plugin in default.get_plugins()
           if sys.argv[1] == "with" or "SnapshotCompare" not in repr(plugin)]
server = program.TensorBoard(plugins)
server.configure(argv=["tensorboard", "--logdir", sys.argv[2], "--port", sys.argv[3]])
server.main()
"""


def make(base: Path, files: int) -> None:
    """Writes the files; snapshots are checkpoints of two tensors, an hour old."""
    from tests.hostile.bundle_writer import BundleWriter

    writer = BundleWriter()
    writer.add("layer/kernel", np.ones((8, 8), dtype=np.float32))
    writer.write(base / "one")
    index = (base / "one.index").read_bytes()
    data = (base / "one.data-00000-of-00001").read_bytes()
    for path in base.iterdir():
        path.unlink()
    others = max(0, files - RUNS * (2 * PER_RUN + 1)) // RUNS
    past = time.time() - 3600
    for run in range(RUNS):
        folder = base / f"run{run:02d}"
        folder.mkdir()
        (folder / "events.out.tfevents.1700000000.host").write_bytes(b"")
        for step in range(PER_RUN):
            for name, content in ((".index", index), (".data-00000-of-00001", data)):
                path = folder / f"ckpt-{step}{name}"
                path.write_bytes(content)
                os.utime(path, (past + step, past + step))
        for number in range(others):
            if number % 500 == 0:
                (folder / f"images{number // 500}").mkdir()
            (folder / f"images{number // 500}" / f"{number}.png").write_bytes(b"")


def measure(which: str, logdir: Path, sample: float) -> dict[str, float]:
    """Seconds by what was waited for; without the plugin it is watched for `sample` seconds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-c", _PROGRAM, which, str(logdir), str(port)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        found = {"environment": _first_answer(address, started)}
        begin = time.monotonic()
        waits: list[float] = []
        while time.monotonic() - begin < LIMIT_SECONDS:
            waits.append(_asked(address + "data/environment"))
            if which == "with" and "listed all" not in found:
                count, scanning = _listed(address)
                now = time.monotonic() - begin
                if count:
                    found.setdefault("listed first", now)
                if count == RUNS * PER_RUN:
                    found.setdefault("listed all", now)
                if count == RUNS * PER_RUN and not scanning:
                    found["examined all"] = now
            elif which == "with" and "examined all" not in found:
                count, scanning = _listed(address)
                if not scanning:
                    found["examined all"] = time.monotonic() - begin
            elif time.monotonic() - begin > sample:
                break
            time.sleep(0.01)
        found["answers, median"] = statistics.median(waits)
        found["answers, p99"] = float(np.quantile(waits, 0.99))
        found["answers, slowest"] = max(waits)
        return found
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _first_answer(address: str, started: float) -> float:
    while True:
        try:
            _asked(address + "data/environment")
        except OSError:
            assert time.monotonic() - started < LIMIT_SECONDS, "TensorBoard did not start"
            time.sleep(0.02)
        else:
            return time.monotonic() - started


def _asked(address: str) -> float:
    started = time.monotonic()
    with urllib.request.urlopen(address, timeout=60) as answer:
        answer.read()
    return time.monotonic() - started


def _listed(address: str) -> tuple[int, bool]:
    with urllib.request.urlopen(address + LISTING, timeout=60) as answer:
        listing = json.loads(answer.read())
    return sum(len(run["snapshots"]) for run in listing["runs"]), listing["scanning"]


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table of seconds."""
    files, rounds, sample = (6_000, 1, 0.5) if tiny else (FILES, ROUNDS, SAMPLE_SECONDS)
    with tempfile.TemporaryDirectory(prefix="many-files-") as folder:
        base = Path(folder)
        make(base, files)
        found = interleaved(
            {which: partial(measure, which, base, sample) for which in WAYS}, rounds
        )
    keys = list(found["with"][0])
    rows = (
        (key, *(spread([run[key] for run in found[which] if key in run], "") for which in WAYS))
        for key in keys
    )
    yield Table(
        f"A logdir of {files:,} files, {RUNS * PER_RUN:,} snapshots in {RUNS} runs",
        ("seconds until, and of", "without the plugin", "with it"),
        tuple(rows),
    )


if __name__ == "__main__":
    main(sys.modules[__name__], __doc__)
