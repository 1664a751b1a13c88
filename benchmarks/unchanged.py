"""A pair of 1.04 GB in which one tensor of 146 has changed, beside that tensor alone.

python -m benchmarks.unchanged
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import contestants, inputs, reference, report
from benchmarks.measuring import interleaved, make_warm, run
from benchmarks.models import canonical
from benchmarks.progress import say
from benchmarks.report import Table, significant, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.reference import Errors


_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds of each round, by what was done; `changed` are the tensors found to differ.

    `steps` are the seconds of the functions that the comparison calls, in a profile.
    """

    seconds: dict[str, list[float]]
    processes: dict[str, list[float]]
    errors: dict[str, Errors]
    changed: list[str]
    steps: dict[str, float]


def measure(tiny: bool) -> Outcome:
    """Runs ours in one process and as a command, and the plain script."""
    a = str(inputs.snapshot_path(inputs.folder("pair-bundle", tiny), 1, "bundle"))
    b = str(inputs.snapshot_path(inputs.folder("one-changed", tiny), 1, "bundle"))
    for name in ("pair-bundle", "one-changed"):
        make_warm(inputs.files_of(inputs.folder(name, tiny)))
    everybody = {
        each.title: each for each in (contestants.ours("bundle"), contestants.plain_tensorflow())
    }
    done = interleaved(
        {name: partial(run, each.command(a, b)) for name, each in everybody.items()},
        {name: 1 if tiny else each.rounds[0] for name, each in everybody.items()},
        note=lambda what: say(f"one changed: {what}"),
    )
    wanted = reference.tensors("one-changed", tiny)
    errors = {
        name: reference.errors(each.values(a, b, done[name][-1]), wanted)
        for name, each in everybody.items()
    }
    layer = canonical(inputs.ONE_CHANGED).rpartition("/")[0]
    command = [sys.executable, "-m", "benchmarks.scripts.our_unchanged", a, b, layer]
    say("one changed: in one process")
    found = json.loads(run([*command, "2" if tiny else "9"]).output)
    processes = {name: [each.seconds for each in runs] for name, runs in done.items()}
    return Outcome(found["seconds"], processes, errors, found["changed"], found["steps"])


def tables(tiny: bool = False) -> Iterator[Table]:
    """Two tables."""
    outcome = measure(tiny)
    whole, alone = outcome.seconds["whole"], outcome.seconds["layer"]
    opening = outcome.seconds["opening"]
    rounds = list(zip(whole, alone, opening, strict=True))
    ratio = statistics.median(one / other for one, other, _ in rounds)
    opened = statistics.median((one + both) / (other + both) for one, other, both in rounds)
    rows = [
        (
            "ours, all 146 tensors, contents not seen before",
            spread(outcome.seconds["first"], ""),
            "-",
        ),
        ("ours, all 146 tensors, 145 seen before", spread(whole, ""), "-"),
        ("ours, the changed tensor alone", spread(alone, ""), "-"),
        ("ours, opening both", spread(opening, ""), "-"),
    ]
    for name, taken in outcome.processes.items():
        rows.append((f"{name}, whole process", spread(taken, ""), outcome.errors[name].text))
    yield Table(
        "A pair of 1.04 GB in which 1 of 146 tensors has changed, TF checkpoint",
        ("work", "warm, s", "largest relative errors"),
        tuple(rows),
        (
            f"All tensors cost {significant(ratio, 2)} times the changed one, with the opening of "
            f"both files {significant(opened, 2)} times (medians of {len(rounds)} rounds); found "
            f"changed: {', '.join(outcome.changed)}.",
        ),
    )
    yield _profile(outcome.steps)


def _profile(steps: dict[str, float]) -> Table:
    """The functions that a comparison calls, the dearest first."""
    ordered = sorted(steps.items(), key=lambda step: -step[1])
    rows = [(f"`{name}`", significant(1e3 * taken)) for name, taken in ordered[:_SHOWN]]
    rest = sum(taken for _, taken in ordered[_SHOWN:])
    return Table(
        "What the comparison of all 146 tensors does, 145 of them seen before",
        ("function called by `compare`", "ms under Python's profiler"),
        (*rows, ("all others", significant(1e3 * rest))),
        (
            "`measure` reads and compares the changed tensor; it is all that the tensor alone "
            "costs. The profiler makes Python two to three times slower, and what is compiled not.",
        ),
    )


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
