"""Trainings with planted accidents, recorded and diagnosed; and clean ones, where nothing is wrong.

    python -m benchmarks.planted_truth

A finding is right where it speaks of a planted accident: at its steps, or as what followed within
`AFTER` steps, and of its layer where the accident has one. An accident is found where some finding
of its kind is right. Clean runs may have findings as rarely as the rules say of themselves: of
classes in `PER_THOUSAND` of a thousand passes, and of losses once in `LOSSES_PER_FALSE_ALARM`.
"""

from __future__ import annotations

import math
import multiprocessing
import shutil
import statistics
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import planted_runs as planted
from benchmarks import report
from benchmarks.progress import say
from benchmarks.report import Table
from benchmarks.scratch import scratch
from tb_snapshot_compare import ProbeImages, Recorder, processors
from tb_snapshot_compare.analysis.loss_spikes import LOSSES_PER_FALSE_ALARM
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import DIRECTORY
from tb_snapshot_compare.workspace.findings_classes import PER_THOUSAND
from tb_snapshot_compare.workspace.training_findings import examine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.planted_runs import Accident
    from tb_snapshot_compare.workspace.training_values import Finding

SEEDS = 20
AFTER = 100
"""Steps in which a training recovers."""
_PROCESSES = 2
_KIND_OF_FINDING = {
    "rate": "spike",
    "labels": "spike",
    "nan": "not_finite",
    "frozen": "never_trained",
    "stops": "stopped",
}
_OF_A_LAYER = ("nan", "frozen", "stops")
_RATE, _BY_EFFECTS = "spike:rate:", "rate, by its effects"
"""Findings about the recorded learning rate itself; and what is found of it without them."""
_CHANCE = 0.01
"""Of more findings in clean runs by the stated rates alone: then there are too many."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found in a run, which had these accidents."""

    seed: int
    accidents: tuple[Accident, ...]
    findings: tuple[Finding, ...]


@dataclass
class Score:
    """What was found in all runs.

    By kind of accident: how many were `found`, `named` (with their layer), and the steps from each
    to its first finding. By kind of finding: how many were made of planted runs, how many of those
    were right, and how many were made of clean runs. `sentences` are those of the wrong ones.
    """

    found: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    late: dict[str, list[int]] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    clean: Counter[str] = field(default_factory=Counter)
    sentences: list[str] = field(default_factory=list)

    def add(self, run: Diagnosis) -> None:
        """Judges a run."""
        if not run.accidents:
            self.clean.update(finding.kind for finding in run.findings)
            self.sentences += [f"Seed {run.seed}, clean: {each.text}" for each in run.findings]
            return
        for accident in run.accidents:
            self._add_accident(accident, run.findings)
        for finding in run.findings:
            self.made[finding.kind] += 1
            if any(is_right(finding, accident) for accident in run.accidents):
                self.right[finding.kind] += 1
            else:
                self.sentences.append(f"Seed {run.seed}, planted: {finding.text}")

    def _add_accident(self, accident: Accident, findings: Sequence[Finding]) -> None:
        kind = accident.kind
        mine = [
            each
            for each in findings
            if each.kind == _KIND_OF_FINDING[kind] and is_right(each, accident)
        ]
        self.named[kind] += any(accident.layer in each.units for each in mine)
        self._count(kind, accident, mine)
        if kind == "rate":
            effects = [each for each in mine if not each.id.startswith(_RATE)]
            self._count(_BY_EFFECTS, accident, effects)

    def _count(self, row: str, accident: Accident, findings: Sequence[Finding]) -> None:
        if findings:
            self.found[row] += 1
            first = min(each.steps[0] for each in findings)
            self.late.setdefault(row, []).append(first - accident.step)


def record(folder: Path, seed: int, accidents: Sequence[Accident]) -> Log:
    """Trains and records; the log, as the page reads it."""
    probe = planted.probe()
    images = ProbeImages(
        names=tuple(f"point {k}" for k in range(probe.labels.size)),
        labels=probe.labels.astype(np.int32),
        classes=tuple(f"cluster {k}" for k in range(planted.CLASSES)),
    )
    with Recorder(folder, every=planted.EVERY, probe=images, keep_snapshots=0) as recorder:
        for moment in planted.training(seed, tuple(accidents)):
            recorder.step(moment.step, loss=moment.loss, learning_rate=moment.learning_rate)
            if moment.predictions is not None:
                recorder.dump(moment.step, moment.weights, moment.gradients)
                recorder.validated(moment.step, moment.predictions)
                recorder.flush()
    if recorder.lost:
        raise AssertionError(f"lost while recording: {dict(recorder.lost)}")
    log = Log(folder / DIRECTORY)
    log.refresh()
    return log


def diagnosed(seed: int, is_planted: bool) -> Diagnosis:
    """Trains, records and examines one run."""
    accidents = planted.accidents(seed, labels_first=True, stops=True) if is_planted else ()
    folder = scratch("planted-truth")
    try:
        log = record(folder, seed, accidents)
        findings = examine(log, "step").findings
        log.close()
    finally:
        shutil.rmtree(folder)
    return Diagnosis(seed, accidents, findings)


def is_right(finding: Finding, accident: Accident) -> bool:
    """Whether a finding speaks of an accident or of what followed from it."""
    if accident.kind == "frozen":
        return finding.kind == "never_trained" and accident.layer in finding.units
    if accident.kind == "stops":
        return finding.kind == "stopped" and accident.layer in finding.units
    first, last = finding.steps[0], finding.steps[-1]
    near = first <= accident.last + AFTER and last >= accident.step - planted.EVERY
    if finding.kind == "stopped":
        near = accident.step - planted.EVERY <= first <= accident.last + AFTER
    return near and finding.kind not in ("never_trained", "dead_filters")


def measure(seeds: int) -> Score:
    """Diagnoses as many planted runs as clean ones, in processes side by side."""
    score = Score()
    context = multiprocessing.get_context("spawn")
    workers = min(_PROCESSES, processors.available())
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        runs = [
            pool.submit(diagnosed, seed, is_planted)
            for seed in range(seeds)
            for is_planted in (True, False)
        ]
        for number, run in enumerate(as_completed(runs)):
            say(f"planted truth: {number + 1} of {len(runs)} runs")
            score.add(run.result())
    return score


def tables(tiny: bool = False) -> Iterator[Table]:
    """What was found, and what was found wrongly.

    Raises:
      RuntimeError: an accident was missed or its layer not named, or clean runs have more findings
        than the rules' own rates explain.
    """
    seeds = 2 if tiny else SEEDS
    score = measure(seeds)
    yield _of_accidents(score, seeds)
    yield _of_findings(score, seeds)
    missed = [
        kind
        for kind in planted.KINDS
        if min(score.found[kind], score.named[kind] if kind in _OF_A_LAYER else seeds) < seeds
    ]
    if missed:
        raise RuntimeError(f"planted, and not found in every run: {', '.join(missed)}")
    if _chance_of(score.clean.total(), _expected(seeds)) < _CHANCE:
        raise RuntimeError(f"{score.clean.total()} findings in {seeds} clean runs are too many")


def _of_accidents(score: Score, seeds: int) -> Table:
    rows = [
        (
            row,
            f"{score.found[row]} of {seeds}",
            f"{score.named[row]} of {seeds}" if row in _OF_A_LAYER else "-",
            "-" if row == "frozen" else _steps(score.late.get(row, [])),
        )
        for row in ("rate", _BY_EFFECTS, *planted.KINDS[1:])
    ]
    recall = sum(score.found[kind] for kind in planted.KINDS) / (seeds * len(planted.KINDS))
    return Table(
        f"{seeds} runs of {planted.STEPS} steps with five accidents each",
        ("planted", "found", "layer named", "first finding"),
        tuple(rows),
        (
            f"Recall {recall:.1%}.",
            "The wrong labels come before the steps of a hundredfold rate, which end some "
            "trainings: a network that guesses from then on learns as little from right labels.",
        ),
    )


def _steps(late: Sequence[int]) -> str:
    if not late:
        return "-"
    return f"{statistics.median(late):g} steps after it ({min(late)} to {max(late)})"


def _of_findings(score: Score, seeds: int) -> Table:
    kinds = [*sorted(score.made | score.clean), None]
    rows = [
        (
            kind or "all",
            str(_of(score.made, kind)),
            str(_of(score.right, kind)),
            str(_of(score.clean, kind)),
        )
        for kind in kinds
    ]
    made, right = score.made.total(), score.right.total()
    expected = _expected(seeds)
    losses, passes = seeds * planted.STEPS, _passes(seeds)
    return Table(
        f"Findings in {seeds} runs with accidents, and in {seeds} without",
        ("finding", "with accidents", "of these right", "without"),
        tuple(rows),
        (
            f"Precision {right / max(made, 1):.1%}.",
            f"In the {seeds} clean runs: {score.clean.total()} findings. The rules' own rates of "
            f"false alarms are {PER_THOUSAND:g} in 1,000 passes for classes (here {passes:,}) and "
            f"1 in {LOSSES_PER_FALSE_ALARM:,} for losses (here {losses:,}), so that {expected:.1f} "
            "are to be expected.",
            *dict.fromkeys(score.sentences[:20]),
        ),
    )


def _of(counts: Counter[str], kind: str | None) -> int:
    return counts.total() if kind is None else counts[kind]


def _passes(seeds: int) -> int:
    return seeds * (planted.STEPS // planted.EVERY)


def _expected(seeds: int) -> float:
    """Findings in clean runs, by the rules' own rates."""
    of_losses = seeds * planted.STEPS / LOSSES_PER_FALSE_ALARM
    return _passes(seeds) * PER_THOUSAND / 1000 + of_losses


def _chance_of(count: int, expected: float) -> float:
    """Of so many or more, of rare events of which so many are expected."""
    fewer = sum(expected**k / math.factorial(k) for k in range(count))
    return 1 - math.exp(-expected) * fewer


if __name__ == "__main__":
    report.main(sys.modules[__name__], __doc__)
