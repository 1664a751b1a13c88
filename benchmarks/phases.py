"""Where the time of one `diff` goes: from the start of the interpreter to its end.

python -m benchmarks.phases
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import inputs, report
from benchmarks.measuring import ROOT, interleaved, make_warm, quiet
from benchmarks.progress import say
from benchmarks.report import Table, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETS = {
    "pair-bundle": ("bundle", "1.04 GB, 146 tensors, TF checkpoint"),
    "pair-safetensors": ("safetensors", "1.04 GB, 146 tensors, safetensors"),
    "many-safetensors": ("safetensors", "12,345 tensors of 64 weights, safetensors"),
}
_ROUNDS = 7
_AGAIN = "the comparison once more"


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table; a column for each pair of snapshots."""
    paths = {name: _paths(name, tiny) for name in _SETS}
    works = {name: partial(phases, *of) for name, of in paths.items()}
    found = interleaved(works, 1 if tiny else _ROUNDS, note=lambda name: say(f"phases: {name}"))
    for one in itertools.chain.from_iterable(found.values()):
        again = one.pop(_AGAIN)
        one["together"] = sum(one.values())
        one[_AGAIN] = again
    rows = tuple(
        (phase, *(spread([one[phase] for one in found[name]], "") for name in _SETS))
        for phase in found[next(iter(_SETS))][0]
    )
    yield Table(
        "Where the seconds of one `diff --json` go, warm",
        ("phase", *(title for _, title in _SETS.values())),
        rows,
        (
            "The same comparison once more is not part of the command: by how much the first one "
            "is longer is the cost of loading compiled code and of touching memory for the first "
            "time.",
        ),
    )


def phases(a: str, b: str) -> dict[str, float]:
    """The seconds of each phase of one process."""
    command = [sys.executable, "-m", "benchmarks.scripts.our_phases"]
    done = subprocess.run(
        [*command, str(time.monotonic()), a, b],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, **quiet()},
    )
    ended = time.monotonic()
    told = json.loads(done.stderr)
    found: dict[str, float] = {**told["seconds"], "the interpreter's end": ended - told["left"]}
    return found


def _paths(name: str, tiny: bool) -> tuple[str, str]:
    folder = inputs.folder(name, tiny)
    make_warm(inputs.files_of(folder))
    form = _SETS[name][0]
    a, b = (str(inputs.snapshot_path(folder, number, form)) for number in (1, 2))
    return a, b


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
