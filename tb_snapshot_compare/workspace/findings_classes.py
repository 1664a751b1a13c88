"""Findings about classes: passes at which many images left a long stable state."""

from dataclasses import dataclass

import numpy as np

from tb_snapshot_compare.analysis.anomalies import (
    RUN_LENGTH_DEFAULT,
    AnomalyCounts,
)
from tb_snapshot_compare.analysis.anomaly_threshold import suggested_threshold
from tb_snapshot_compare.workspace.finding_words import counted, named
from tb_snapshot_compare.workspace.training_classes import class_counts
from tb_snapshot_compare.workspace.training_states import ImageStates
from tb_snapshot_compare.workspace.training_values import Finding

PER_THOUSAND = 0.1
"""False alarms in a thousand passes that a finding may be."""
_PASSES_PER_STATE = 3
"""Of a short training, states count as stable that last for a third of it."""
_FINDINGS_MAX = 10
_BACK_PASSES = 5
"""Images that are back by then have left their state for a moment."""


@dataclass(frozen=True, slots=True)
class ClassFindings:
    """The findings, and the rule that the data suggest; see `Examination`."""

    findings: tuple[Finding, ...]
    threshold: int | None
    run_length: int | None


def run_length_of(passes: int) -> int:
    """How long a state lasts that counts as stable: the published 30 passes, less in few passes."""
    return max(1, min(RUN_LENGTH_DEFAULT, passes // _PASSES_PER_STATE - 1))


def findings_of_classes(states: ImageStates, axis: str) -> ClassFindings:
    """The passes with the most images that left a long stable state with others of their class.

    That images begin a stable state together is no finding: so they do when a training learns.
    """
    length = run_length_of(states.steps.size)
    counts = class_counts(states, length)
    suggested = suggested_threshold(counts)
    strict = suggested_threshold(counts, PER_THOUSAND)
    if suggested is None or strict is None:
        return ClassFindings((), None, None)
    found = _findings(counts, strict.threshold, states, axis)
    return ClassFindings(tuple(found), suggested.threshold, length)


def _findings(
    counts: AnomalyCounts, threshold: int, states: ImageStates, axis: str
) -> list[Finding]:
    by_pass: dict[int, dict[int, int]] = {}
    for index, at in np.argwhere(counts.left >= threshold).tolist():
        by_pass.setdefault(at, {})[index] = int(counts.left[index, at])
    incidents = _incidents(sorted(by_pass))
    incidents.sort(key=lambda passes: -sum(by_pass[passes[0]].values()))
    return [
        _finding(passes, by_pass[passes[0]], counts, states, axis)
        for passes in incidents[:_FINDINGS_MAX]
    ]


def _incidents(passes: list[int]) -> list[list[int]]:
    """Passes that follow one another are one incident: images leave a state and come back."""
    found: list[list[int]] = []
    for at in passes:
        if found and at - found[-1][-1] <= 1:
            found[-1].append(at)
        else:
            found.append([at])
    return found


def _finding(
    passes: list[int],
    images: dict[int, int],
    counts: AnomalyCounts,
    states: ImageStates,
    axis: str,
) -> Finding:
    """`images` are how many of each class changed at the first of the passes."""
    at = passes[0]
    step = int(states.steps[at])
    classes = sorted(images, key=lambda index: (-images[index], index))
    names = named([states.classes[index] for index in classes], "classes")
    count = sum(images.values())
    before = _before(_broken(states, classes, at, counts.run_length), count)
    back = _back(counts, classes, passes[-1])
    then, last = "", step
    if back == at:
        then = " They stayed changed."
    elif back is not None:
        last = int(states.steps[back])
        then = f" Most were back at {axis} {last:,}."
    return Finding(
        id=f"anomaly:{step}",
        kind="anomaly",
        severity="warning",
        text=f"{counted(count, 'image', 'images')} of {names} changed at {axis} {step:,}, {before} "
        f"for {counted(counts.run_length + 1, 'pass', 'passes')}.{then}",
        view="validation",
        classes=tuple(classes),
        steps=tuple(dict.fromkeys((step, last))),
    )


def _before(broken: int, count: int) -> str:
    """What `count` images were before, of which `broken` were right."""
    if broken == count:
        return "after being right"
    if not broken:
        return "after being wrong"
    return f"{broken:,} after being right and {count - broken:,} after being wrong"


def _broken(states: ImageStates, classes: list[int], at: int, run_length: int) -> int:
    """How many images of the classes were right for `run_length` + 1 passes, and are not at one."""
    images = np.flatnonzero(np.isin(states.labels, classes))
    right, known = states.correct(images), states.known(images)
    lasted = right[:, at - run_length - 1 : at].all(axis=1)
    now = ~right[:, at] if known is None else known[:, at] & ~right[:, at]
    return int(np.count_nonzero(lasted & now))


def _back(counts: AnomalyCounts, classes: list[int], at: int) -> int | None:
    """The pass, soon after `at` or this itself, at which most images began a stable state."""
    left = int(counts.left[classes, at].sum())
    for later in range(at, min(at + _BACK_PASSES, counts.right.shape[1])):
        if 2 * int(counts.right[classes, later].sum()) > left:
            return later
    return None
