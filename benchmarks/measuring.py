"""Measuring: whole processes and calls, interleaved, with files in the page cache or not."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-peers" / "bin"
"""The programs of the other libraries."""
_LAUNCHER = str(Path(__file__).with_name("launcher.py"))
LIMIT_SECONDS = 300
_CHUNK = 16 * 2**20
_Key = TypeVar("_Key", bound="Hashable")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds on the clock, MiB at its peak, and what it printed.

    The peak is the greatest resident set among the process and the descendants it waited for.
    """

    seconds: float
    peak_mib: float
    output: str


class FailedError(RuntimeError):
    """A measured program has ended with an error; the message holds the end of what it said."""


def run(command: Sequence[str], limit: int = LIMIT_SECONDS) -> Run:
    """Runs a command to its end.

    Raises:
      FailedError: it ended with another exit status than 0, or was killed after `limit` seconds.
    """
    with (
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
        tempfile.NamedTemporaryFile() as result,
    ):
        subprocess.run(
            [sys.executable, "-I", "-S", _LAUNCHER, result.name, str(limit), *command],
            stdout=output,
            stderr=errors,
            check=True,
            cwd=ROOT,
            env={**os.environ, **quiet()},
        )
        found = json.loads(result.read())
        output.seek(0)
        errors.seek(0)
        if found["code"]:
            if found["seconds"] >= limit:
                raise FailedError(f"no answer within {limit} s")
            words = errors.read().decode(errors="replace")[-400:].strip()
            raise FailedError(f"{' '.join(command[:4])} ... ended with {found['code']}: {words}")
        return Run(found["seconds"], found["peak_kib"] / 1024, output.read().decode())


def quiet() -> dict[str, str]:
    """Environment variables under which frameworks neither talk nor ask the network."""
    return {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_COLOR": "1",
    }


def interleaved(
    works: Mapping[_Key, Callable[[], _Result]],
    rounds: int | Mapping[_Key, int],
    *,
    uncounted: int = 0,
    note: Callable[[str], None] | None = None,
) -> dict[_Key, list[_Result]]:
    """What each work returned, round by round; every round begins with another one.

    Args:
      works: What to do, by name.
      rounds: How often, of all or of each; those with few rounds take part in the first ones.
      uncounted: So many rounds more come first, whose results are dropped.
      note: Told what is about to be done.
    """
    wanted = {name: rounds if isinstance(rounds, int) else rounds[name] for name in works}
    results: dict[_Key, list[_Result]] = {name: [] for name in works}
    names = list(works)
    for number in range(-uncounted, max(wanted.values())):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            if number < wanted[name]:
                if note is not None:
                    note(f"{name}, round {number + 1} of {wanted[name]}")
                result = works[name]()
                if number >= 0:
                    results[name].append(result)
    return results


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """The work as something that returns its seconds, for `interleaved`."""
    return lambda: seconds(work)


def make_cold(paths: Iterable[Path]) -> None:
    """Has the system drop the files' pages from its cache."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def make_warm(paths: Iterable[Path]) -> None:
    """Reads the files, so that the system has them in its cache."""
    buffer = memoryview(bytearray(_CHUNK))
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times as long theirs takes: the median over the rounds that both took part in."""
    return statistics.median(b / a for a, b in zip(ours, theirs, strict=False))
