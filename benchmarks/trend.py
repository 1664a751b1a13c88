"""The trend over 20 snapshots of ResNet-18's size: every snapshot compared with the one before.

Ours is computed as for the page: from a logdir that is scanned, by the thread that gives way to
whoever waits. Then one snapshot more lands. Beside it: the others' commands once for each pair,
and a plain PyTorch script that keeps the previous snapshot in memory.

    python -m benchmarks.trend
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import contestants, inputs, reference, report
from benchmarks.contestants import OURS
from benchmarks.measuring import interleaved, make_warm, ratio, run
from benchmarks.models import canonical
from benchmarks.progress import say
from benchmarks.report import Table, significant, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.contestants import Contestant
    from benchmarks.reference import Errors, Values

_SET = "series"


@dataclass(frozen=True, slots=True)
class Series:
    """What one program's way through the series came to; `output` what each process printed."""

    seconds: float
    peak_mib: float
    output: list[str]


@dataclass(frozen=True, slots=True)
class Ours:
    """The trend of all but the last snapshot, and then the last.

    `first` is when the first pair was known, `pair` what each after it took.
    """

    series: Series
    first: float
    pair: float
    landing: float
    again: float


def tables(tiny: bool = False) -> Iterator[Table]:
    """One table."""
    folder = inputs.folder(_SET, tiny)
    count = inputs.SETS[_SET].snapshots
    make_warm(inputs.files_of(folder))
    torch = contestants.plain_torch("safetensors")
    works: dict[str, Callable[[], Series | Ours]] = {
        OURS: lambda: ours(folder, count),
        torch.title: lambda: in_one_process(torch, folder, count),
    }
    rounds = {OURS: 5, torch.title: 3}
    if contestants.peers_are_installed():
        for each in (contestants.sft(), contestants.weightscope()):
            works[each.title] = partial(pair_by_pair, each, folder, count)
            rounds[each.title] = 1
    if tiny:
        rounds = dict.fromkeys(works, 1)
    found = interleaved(works, rounds, note=lambda what: say(f"trend: {what}"))
    mine = [done for done in found[OURS] if isinstance(done, Ours)]
    taken = [done.series.seconds for done in mine]
    wanted = layers(tiny)
    rows = [
        _row(f"{OURS}, {count} snapshots", [done.series for done in mine], taken,
             errors(json.loads(mine[-1].series.output[0])["pairs"], wanted)),
    ]  # fmt: skip
    rows += [
        _row(name, [done for done in series if isinstance(done, Series)], taken, None)
        for name, series in found.items()
        if name != OURS
    ]
    rows += [
        (
            f"{OURS}, of it until the first pair is known",
            spread([done.first for done in mine], ""),
            *"---",
        ),
        (f"{OURS}, each pair after it", spread([done.pair for done in mine], ""), *"---"),
        (f"{OURS}, one snapshot more", spread([done.landing for done in mine], ""), *"---"),
        (f"{OURS}, started again", spread([done.again for done in mine], ""), *"---"),
    ]
    yield Table(
        f"The trend over {count} snapshots of 46.8 MB, safetensors",
        ("program", "warm, s", "times ours", "peak, MiB", "largest relative errors"),
        tuple(rows),
        (
            "Ours: from the start of a process, with the scan of the logdir, layer by layer. One "
            "snapshot more: from the moment it lands until its change is known, while the process "
            "runs. The first pair: with all that is loaded for it. Started again: a new process, "
            "with the results of the one before on disk.",
        ),
    )


def _row(
    name: str, series: Sequence[Series], ours: Sequence[float], found: Errors | None
) -> tuple[str, ...]:
    taken = [done.seconds for done in series]
    peak = max(done.peak_mib for done in series)
    times = significant(ratio(ours, taken), 2)
    return name, spread(taken, ""), times, f"{peak:,.0f}", "-" if found is None else found.text


def ours(folder: Path, count: int) -> Ours:
    """The whole trend; the last snapshot as it lands; and all of it again, in another process."""
    program = [sys.executable, "-m", "benchmarks.scripts.our_trend"]
    with tempfile.TemporaryDirectory(dir=inputs.cache(), prefix="trend-") as name:
        whole, landing = (Path(name) / part for part in ("whole", "landing"))
        for number in range(1, count + 1):
            _link(folder / f"checkpoint-{number}", whole)
            if number < count:
                _link(folder / f"checkpoint-{number}", landing)
        _link(folder / f"checkpoint-{count}", Path(name))
        done = run([*program, str(whole), str(Path(name) / "cache")])
        again = run([*program, str(whole), str(Path(name) / "cache")])
        last = str(Path(name) / f"checkpoint-{count}")
        one = run([*program, str(landing), str(Path(name) / "other"), last])
    told = json.loads(done.output)
    return Ours(
        Series(done.seconds, done.peak_mib, [done.output]),
        told["first"],
        (told["all"] - told["first"]) / (count - 2),
        json.loads(one.output)["next"],
        again.seconds,
    )


def _link(snapshot: Path, into: Path) -> None:
    """The same files in another directory, without their bytes."""
    target = into / snapshot.name
    target.mkdir(parents=True)
    for file in snapshot.iterdir():
        os.link(file, target / file.name)


def in_one_process(each: Contestant, folder: Path, count: int) -> Series:
    """A script that takes all snapshots."""
    paths = [each.paths(folder, n, n)[0] for n in range(1, count + 1)]
    done = run(each.command(*paths))
    return Series(done.seconds, done.peak_mib, [done.output])


def pair_by_pair(each: Contestant, folder: Path, count: int) -> Series:
    """A command that takes two."""
    done = [run(each.command(*each.paths(folder, n, n + 1))) for n in range(1, count)]
    return Series(
        sum(pair.seconds for pair in done),
        max(pair.peak_mib for pair in done),
        [pair.output for pair in done],
    )


def layers(tiny: bool) -> list[Values]:
    """By pair: the measures in float64 of every layer, of all its tensors as one vector."""
    path = inputs.kept(
        f"reference-{_SET}-layers{'-tiny' if tiny else ''}",
        lambda folder: _write_layers(folder / "layers.json", tiny),
        lambda _: 2**20,
    )
    values: list[Values] = json.loads((path / "layers.json").read_text())
    return values


def _write_layers(path: Path, tiny: bool) -> None:
    model, count = inputs.SETS[_SET].model(tiny), inputs.SETS[_SET].snapshots
    members: dict[str, list[str]] = {}
    for name in model.shapes:
        members.setdefault(canonical(name).rpartition("/")[0], []).append(name)
    pairs: list[Values] = [{} for _ in range(count - 1)]
    for layer, names in members.items():
        histories = [model.history(name, count) for name in names]
        before: Any = None
        for number, parts in enumerate(zip(*histories, strict=True)):
            after = np.concatenate([part.reshape(-1) for part in parts])
            if number:
                found = reference.measures(before, after)
                pairs[number - 1][layer] = {name: found[name] for name in ("l2", "relative_l2")}
            before = after
    path.write_text(json.dumps(pairs))


def errors(found: list[Values], wanted: list[Values]) -> Errors:
    """Over all layers of all pairs."""
    return reference.errors(
        *(
            {
                f"{n}/{layer}": values
                for n, pair in enumerate(pairs)
                for layer, values in pair.items()
            }
            for pairs in (found, wanted)
        )
    )


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
