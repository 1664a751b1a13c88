"""What deserves a snapshot: told from losses, weights and validation passes as they come.

These rules are of use while training, where the future is not known and a false alarm costs a few
files. What the page calls anomalies follows from the whole log.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.anomalies import left_counts_of_newest
from tb_snapshot_compare.analysis.loss_spikes import BASELINE, STAYING, beyond_usual
from tb_snapshot_compare.recording.values import ProbeImages, ValidationPass

Flags = NDArray[np.bool_]

RUN_LENGTH = 10
"""Passes in one state that count as stable: a training has some dozen passes, not 757."""
_IMAGES_MIN, _SHARE = 3, 0.1
"""A class is anomalous where so many images, and such a share of it, leave a stable state; the
published rule is 5 images of 50."""
_PASSES, _TIMES = 50, 2
"""Only where more images leave than twice as many as in any class in so many passes before: in a
training in which classes come and go nothing is learnt from one that does."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something happened at a step: a sentence, and figures."""

    step: int
    kind: Literal["anomaly", "nan"]
    text: str
    detail: Mapping[str, Any]


class LossWatch:
    """Finds losses far beyond those before them, as `analysis.loss_spikes`, and no numbers."""

    def __init__(self) -> None:
        """Begins without any."""
        self._losses: deque[float] = deque(maxlen=BASELINE)
        self._in_a_row = 0
        self._is_finite = True

    def look(self, step: int, loss: float) -> Finding | None:
        """Takes the next loss; what it means, where it is the first of its kind in a row."""
        if not math.isfinite(loss):
            first, self._is_finite = self._is_finite, False
            text = f"The loss is no finite number at step {step:,}."
            return Finding(step, "nan", text, {"loss": repr(loss)}) if first else None
        self._is_finite = True
        if loss > max(self._losses, default=math.inf):  # else it is no spike
            usual = np.array(self._losses)
            beyond, deviation = beyond_usual(np.array([loss]), np.array([True]), usual)
            if beyond[0]:
                return self._spike(step, loss, float(np.median(usual)), float(deviation[0]))
        self._in_a_row = 0
        self._losses.append(loss)
        return None

    def _spike(self, step: int, loss: float, median: float, deviation: float) -> Finding | None:
        self._in_a_row += 1
        if self._in_a_row >= STAYING:
            self._losses.clear()
        if self._in_a_row > 1:
            return None
        detail = {"loss": loss, "median": median, "deviations": deviation, "losses": BASELINE}
        text = f"The loss is {loss:.3g} at step {step:,}, after a median of {median:.3g}."
        return Finding(step, "anomaly", text, detail)


class NanWatch:
    """Finds units whose weights or gradients have become NaN or infinite."""

    def __init__(self) -> None:
        """Begins with everything finite."""
        self._known: set[tuple[str, str]] = set()

    def look(self, step: int, units: Sequence[tuple[str, str, int, int]]) -> Finding | None:
        """Takes the units of a dump that are not finite: path, kind, how many NaN and infinite."""
        leaves = [unit for unit in units if unit[0]]
        found = {(path, kind) for path, kind, _, _ in leaves}
        new = [unit for unit in leaves if unit[:2] not in self._known]
        self._known = found
        if not new:
            return None
        paths = list(dict.fromkeys(path for path, _, _, _ in new))
        deepest = [p for p in paths if not any(other.startswith(f"{p}/") for other in paths)]
        named = ", ".join(deepest[:3]) + (", ..." if len(deepest) > 3 else "")
        kinds = " and ".join(dict.fromkeys(f"{kind}s" for _, kind, _, _ in new))
        detail = {
            "units": [
                {"unit": path, "kind": kind, "nan": nan, "inf": inf} for path, kind, nan, inf in new
            ]
        }
        return Finding(step, "nan", f"{named}: {kinds} are not finite at step {step:,}.", detail)


class ClassWatch:
    """Finds classes many images of which leave a long stable state at a validation pass.

    The left anomalies of DeepTracker (`analysis.anomalies`), with a shorter run.
    """

    def __init__(self, probe: ProbeImages) -> None:
        """Begins without any pass."""
        self._labels = probe.labels.astype(np.int64)
        self._names = probe.classes
        self._correct: deque[Flags] = deque(maxlen=RUN_LENGTH + 2)
        self._sizes = np.bincount(self._labels[self._labels >= 0])
        self._largest: deque[int] = deque(maxlen=_PASSES)

    def look(self, found: ValidationPass) -> Finding | None:
        """Takes the next pass."""
        self._correct.append(found.predicted == self._labels)
        if not self._sizes.size:
            return None
        states = np.stack(list(self._correct), axis=1)
        left = left_counts_of_newest(states, self._labels, self._sizes.size, RUN_LENGTH)
        wanted = np.maximum(_IMAGES_MIN, np.ceil(_SHARE * self._sizes))
        usual = max(self._largest, default=0)
        self._largest.append(int(left.max()))
        classes = np.flatnonzero((left >= wanted) & (left > _TIMES * usual))
        if not classes.size:
            return None
        ordered = classes[np.argsort(-left[classes], kind="stable")].tolist()
        named = [f"{left[each]} of {self._name(each)}" for each in ordered[:3]]
        more = ", ..." if len(ordered) > 3 else ""
        text = (
            f"Images leave a state of {RUN_LENGTH + 1} passes at step {found.step:,}: "
            f"{', '.join(named)}{more}."
        )
        detail = {"classes": {self._name(each): int(left[each]) for each in ordered}}
        return Finding(found.step, "anomaly", text, detail)

    def _name(self, index: int) -> str:
        return self._names[index] if index < len(self._names) else f"class {index}"
