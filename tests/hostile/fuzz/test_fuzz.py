"""Every parser is fuzzed for a while: nothing but errors of ours, in bounded time and memory."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tb_snapshot_compare import processors
from tests.hostile.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[3]
START_SECONDS = 120
RUNS = re.compile(rb"Done (\d+) runs in (\d+) second")
Ended = subprocess.CompletedProcess[bytes]
ONE_LATER = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
"""A process inherits the most memory that its parent took, which libFuzzer holds against it."""


def fuzz(name: str, folder: Path, seconds: int) -> Ended:
    """One target in a process of its own, until the time is over or something is found."""
    return subprocess.run(
        [sys.executable, "-c", ONE_LATER, sys.executable, "-m", "tests.hostile.fuzz.run",
         name, str(folder), f"-max_total_time={seconds}"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=seconds + START_SECONDS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Ended]]]:
    """All targets, twice as many at a time as there are processors: their time is the clock's."""
    seconds = request.config.getoption("--fuzz-seconds")
    folder = tmp_path_factory.mktemp("fuzz")
    with ThreadPoolExecutor(2 * processors.available()) as pool:
        yield {name: pool.submit(fuzz, name, folder / name, seconds) for name in TARGETS}


@pytest.mark.parametrize("name", TARGETS)
def test_fuzzing_finds_nothing(name: str, running: dict[str, Future[Ended]]) -> None:
    ended = running[name].result()
    said = ended.stderr[-6000:].decode(errors="replace")
    assert ended.returncode == 0, said
    done = RUNS.search(ended.stderr)
    assert done is not None, said
    print(f"{name}: {int(done[1]):,} runs in {int(done[2])} s")
    assert int(done[1]) > 100
