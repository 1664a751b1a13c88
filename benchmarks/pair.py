"""A pair of 1.04 GB, all of whose weights have changed, beside what people use today.

Whole processes, in turns, with the files in the system's cache and without. Every program's
numbers are held against float64 references.

    python -m benchmarks.pair
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import contestants, inputs, reference, report
from benchmarks.measuring import (
    LIMIT_SECONDS,
    FailedError,
    Run,
    interleaved,
    make_cold,
    make_warm,
    ratio,
    run,
)
from benchmarks.measuring import seconds as seconds_of
from benchmarks.progress import say
from benchmarks.reference import Errors
from benchmarks.report import Table, significant, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.contestants import Contestant

_FLOOR_THREADS = 2
_FLOOR_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program's runs came to; `problem` where it ended with an error."""

    contestant: Contestant
    warm: Sequence[Run]
    cold: Sequence[Run]
    imports: Sequence[Run]
    errors: Errors
    problem: str | None = None


def tables(tiny: bool = False) -> Iterator[Table]:
    """The pair in float32 in three formats, then the one in bfloat16."""
    folders = {form: f"pair-{form}" for form in ("bundle", "safetensors", "torch")}
    everybody = [
        *(contestants.ours(form) for form in folders),
        contestants.plain_tensorflow(),
        contestants.plain_torch("safetensors"),
        contestants.plain_torch("torch"),
        *peers(contestants.weightscope(), contestants.sft(), contestants.modeldelta()),
    ]
    outcomes = measure(everybody, folders, tiny)
    yield table("A pair of 1.04 GB in float32, 146 tensors", folders, outcomes, tiny)
    if not tiny:
        yield floor({form: inputs.folder(name, tiny) for form, name in folders.items()})
    narrow = {"safetensors": "bfloat16"}
    few = [
        contestants.ours("safetensors"),
        contestants.plain_torch("safetensors", (3, 1)),
        *peers(contestants.weightscope((3, 1)), contestants.sft((2, 1))),
    ]
    outcomes = measure(few, narrow, tiny)
    yield table("The same in bfloat16, 0.52 GB", narrow, outcomes, tiny)


def measure(
    everybody: Sequence[Contestant],
    sets: Mapping[str, str],
    tiny: bool,
    limit: int = LIMIT_SECONDS,
) -> list[Outcome]:
    """Runs the programs on the sets, which are given by format; others for `limit` seconds."""
    folders = {form: inputs.folder(name, tiny) for form, name in sets.items()}
    able = {}
    problems = {}
    for each in everybody:
        try:
            say(f"{each.title}: a first run on a small pair")  # compiles, and keeps it
            run(each.command(*each.paths(inputs.folder(sets[each.form], tiny=True))))
            able[each.title] = each
        except FailedError as error:
            if each.name == contestants.OURS:
                raise
            problems[each.title] = str(error)
    imports = interleaved(
        {name: partial(run, each.imports) for name, each in able.items()},
        1 if tiny else 2,
        uncounted=0 if tiny else 1,
        note=lambda what: say(f"imports: {what}"),
    )
    warm, cold = (
        interleaved(
            {
                name: _once(each, folders[each.form], is_cold, problems, limit)
                for name, each in able.items()
            },
            {name: _rounds(each, is_cold, tiny) for name, each in able.items()},
            note=partial(_say_of, kind),
        )
        for is_cold, kind in ((False, "warm"), (True, "cold"))
    )
    outcomes = []
    for each in everybody:
        name = each.title
        if name in problems:
            outcomes.append(Outcome(each, (), (), (), Errors({}, 0, 0), problems[name]))
            continue
        say(f"{name}: its numbers")
        paths = each.paths(folders[each.form])
        hot, chilled = ([done for done in kind[name] if done] for kind in (warm, cold))
        found = each.values(*paths, hot[-1])
        errors = reference.errors(found, reference.tensors(sets[each.form], tiny))
        outcomes.append(Outcome(each, hot, chilled, imports[name], errors))
    return outcomes


def _say_of(kind: str, what: str) -> None:
    say(f"{kind}: {what}")


def _rounds(each: Contestant, is_cold: bool, tiny: bool) -> int:
    return min(each.rounds[is_cold], 0 if is_cold else 1) if tiny else each.rounds[is_cold]


def _once(
    each: Contestant, folder: Path, is_cold: bool, problems: dict[str, str], limit: int
) -> Callable[[], Run | None]:
    """One run; of another program that fails None, and no further one."""
    command, files = each.command(*each.paths(folder)), inputs.files_of(folder)

    def once() -> Run | None:
        if each.title in problems:
            return None
        (make_cold if is_cold else make_warm)(files)
        try:
            return run(command, LIMIT_SECONDS if each.name == contestants.OURS else limit)
        except FailedError as error:
            if each.name == contestants.OURS:
                raise
            problems[each.title] = str(error)
            return None

    return once


def table(title: str, sets: Mapping[str, str], outcomes: Sequence[Outcome], tiny: bool) -> Table:
    """Speed and correctness side by side; the first outcome is what all are compared with."""
    columns = (
        "program",
        "warm, s",
        "times ours",
        "cold, s",
        "imports, s",
        "peak, MiB",
        "above imports",
        "tensors",
        "largest relative errors",
    )
    first = outcomes[0]
    rows = tuple(_row(outcome, first) for outcome in outcomes)
    notes = ["Seconds are of whole processes, imports included."]
    notes += [
        filter_note(outcome.contestant, sets[outcome.contestant.form], tiny)
        for outcome in outcomes
        if outcome.contestant.name == contestants.OURS
        and outcome.contestant.form != "torch"
        and outcome.errors.of <= reference.FILTERED_MAX
    ]
    if not contestants.peers_are_installed():
        notes.append("Other libraries were not installed: `make bench` does it.")
    return Table(title, columns, rows, tuple(notes))


def _row(outcome: Outcome, first: Outcome) -> tuple[str, ...]:
    each = outcome.contestant
    if outcome.problem is not None:
        return (each.title, *["-"] * 7, outcome.problem)
    warm, cold, imports = (
        [done.seconds for done in runs] for runs in (outcome.warm, outcome.cold, outcome.imports)
    )
    peak = max(done.peak_mib for done in outcome.warm)
    below = statistics.median(done.peak_mib for done in outcome.imports)
    return (
        each.title,
        spread(warm, ""),
        f"{significant(ratio([done.seconds for done in first.warm], warm), 2)}",
        spread(cold, ""),
        spread(imports, "", 2).partition(" ")[0],
        f"{peak:,.0f}",
        f"{peak - below:,.0f}",
        f"{outcome.errors.tensors} of {outcome.errors.of}",
        outcome.errors.text,
    )


def filter_note(each: Contestant, name: str, tiny: bool) -> str:
    """How right this package's measures of filters are."""
    found = filter_errors(each, name, tiny)
    worst = max(found["errors"], key=lambda measure: found["errors"][measure])
    return (
        f"{each.title}: {found['filters']:,} filters, largest relative error of any measure "
        f"{found['errors'][worst]:.0e} ({worst})."
    )


def filter_errors(each: Contestant, name: str, tiny: bool) -> dict[str, dict[str, float]]:
    """By measure, and the number of `filters`."""
    say(f"{each.title}: its filters")
    paths = each.paths(inputs.folder(name, tiny))
    wanted = str(reference.filters(name, tiny))
    done = run(
        [sys.executable, "-m", "benchmarks.scripts.filter_errors", *paths, wanted, each.form]
    )
    found: dict[str, dict[str, float]] = json.loads(done.output)
    return found


def floor(folders: Mapping[str, Path]) -> Table:
    """How fast the same bytes can be read, by as many threads as compare."""
    rows = []
    for form, folder in folders.items():
        files = inputs.files_of(folder)
        total = sum(path.stat().st_size for path in files)
        found = interleaved(
            {
                "warm": partial(_read_again, files, make_warm),
                "cold": partial(_read_again, files, make_cold),
            },
            3,
        )
        rates = f"{total / 1e9 / statistics.median(found['warm']):.1f} GB/s"
        rows.append((form, spread(found["warm"], ""), rates, spread(found["cold"], "")))
    return Table(
        f"Reading the same files, {_FLOOR_THREADS} threads, nothing computed",
        ("format", "warm, s", "", "cold, s"),
        tuple(rows),
    )


def _read_again(files: Sequence[Path], prepare: Callable[[Sequence[Path]], None]) -> float:
    prepare(files)
    return seconds_of(lambda: read(files))


def read(files: Sequence[Path]) -> None:
    """Reads the files with `pread` into reused buffers, each thread one half of every file."""

    def half(number: int) -> None:
        buffer = memoryview(bytearray(_FLOOR_BYTES))
        for path in files:
            size = path.stat().st_size
            descriptor = os.open(path, os.O_RDONLY)
            begin, end = (size * n // _FLOOR_THREADS for n in (number, number + 1))
            while begin < end:
                begin += os.preadv(descriptor, [buffer[: end - begin]], begin)
            os.close(descriptor)

    threads = [threading.Thread(target=half, args=(n,)) for n in range(_FLOOR_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def peers(*all_of_them: Contestant) -> Sequence[Contestant]:
    """The other libraries' programs, where they are installed."""
    return all_of_them if contestants.peers_are_installed() else ()


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
