"""TensorBoard beside a running comparison: how long it takes to answer `/data/environment`.

    python -m benchmarks.beside LOGDIR

A real TensorBoard with an empty cache is started on a directory of snapshots; all neighbours are
compared, one pair after the other, while it is asked for `/data/environment` all the time.
"""

import argparse
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

_PLUGIN = "data/plugin/snapshot_compare/"
_LIMIT_SECONDS = 300.0
_BETWEEN_SECONDS = 0.005
_IDLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Answers:
    """Seconds that answers took, while nothing and while comparisons ran; `pairs` were compared."""

    idle: list[float]
    beside: list[float]
    pairs: int


def answers_beside(address: str) -> Answers:
    """Compares all neighbours of the first run of the TensorBoard at `address`, and asks it.

    Raises:
      AssertionError: the snapshots are not listed in time, or a comparison fails.
    """
    run = _until(lambda: _listed(address), "snapshots are listed")
    until = time.monotonic() + _IDLE_SECONDS
    idle = _asked_while(address, lambda: time.monotonic() < until)
    pairs = list(itertools.pairwise(run["snapshots"]))
    work = threading.Thread(target=_compare, args=(address, pairs))
    work.start()
    beside = _asked_while(address, work.is_alive)
    work.join()
    return Answers(idle, beside, len(pairs))


def _asked_while(address: str, busy: Callable[[], bool]) -> list[float]:
    waits = []
    while busy():
        started = time.monotonic()
        _get(address + "data/environment")
        waits.append(time.monotonic() - started)
        time.sleep(_BETWEEN_SECONDS)
    return waits


def _listed(address: str) -> dict[str, Any] | None:
    listing = json.loads(_get(address + _PLUGIN + "snapshots"))
    runs = [run for run in listing["runs"] if len(run["snapshots"]) > 1]
    return runs[0] if runs and not listing["scanning"] else None


def _compare(address: str, pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    for a, b in pairs:
        names = {"a": a["id"], "ga": a["generation"], "b": b["id"], "gb": b["generation"]}
        url = f"{address}{_PLUGIN}comparison?{urllib.parse.urlencode(names)}"
        _until(partial(_get, url, done=True), "the comparison ends")


def _get(url: str, done: bool = False) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        content: bytes = answer.read()
        return b"" if done and answer.status != 200 else content


def _until(ask: Callable[[], Any], what: str) -> Any:
    started = time.monotonic()
    while time.monotonic() - started < _LIMIT_SECONDS:
        try:
            found = ask()
        except (ConnectionError, urllib.error.URLError) as error:
            if isinstance(error, urllib.error.HTTPError):
                raise
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain until {what}")


def measure(logdir: str) -> Answers:
    """`answers_beside` of a TensorBoard that is started, with an empty cache, on `logdir`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="beside-") as cache:
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", logdir]
        command += ["--port", str(port), "--snapshot_compare_cache_dir", cache]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
        try:
            return answers_beside(f"http://127.0.0.1:{port}/")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def main() -> None:
    """Prints milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("logdir")
    found = measure(parser.parse_args().logdir)
    for name, waits in (("idle", found.idle), (f"beside {found.pairs} pairs", found.beside)):
        figures = (statistics.median(waits), float(np.quantile(waits, 0.99)), max(waits))
        words = "  ".join(
            f"{key} {1000 * value:.1f}"
            for key, value in zip(("median", "p99", "slowest"), figures, strict=True)
        )
        print(f"{name}: {len(waits)} answers, ms: {words}")


if __name__ == "__main__":
    main()
