"""What could not be recorded: counted, said once, and noted in the log when that works again."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_REASONS_MAX, _REASON_LENGTH = 8, 500
"""Of a gap that a note tells: each may be another one, as some name a step."""
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Gap:
    """What was lost since the last note."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, None] = field(default_factory=dict)
    first_step: int = 0
    last_step: int = 0


class Losses:
    """Counts by what was lost: `dumps`, `scalars`, `passes`, `snapshots`, `events`. Thread-safe."""

    def __init__(self, place: str) -> None:
        """Begins without any.

        Args:
          place: Where the log lies, for the message.
        """
        self._place = place
        self._lock = threading.Lock()
        self._total: Counter[str] = Counter()
        self._gap = _Gap()
        self._told = False

    def add(self, what: str, step: int, reason: str, count: int = 1) -> None:
        """Counts; the first time a message says why."""
        with self._lock:
            gap = self._gap
            if not gap.counts:
                gap.first_step = step
            gap.counts[what] += count
            if len(gap.reasons) < _REASONS_MAX:
                gap.reasons[reason[:_REASON_LENGTH]] = None
            gap.last_step = max(step, gap.last_step)
            self._total[what] += count
            told, self._told = self._told, True
        if not told:
            _logger.warning(
                "The training is not fully recorded in %s: %s. It goes on; what is lost is "
                "counted, and noted in the log once writing works again.",
                self._place,
                reason,
            )

    @property
    def counts(self) -> Mapping[str, int]:
        """How many of each were lost."""
        with self._lock:
            return dict(self._total)

    def event(self) -> tuple[int, str, str] | None:
        """Step, sentence and figures for the log, of what was lost since `noted`; None for none."""
        with self._lock:
            gap = self._gap
            if not gap.counts:
                return None
            parts = [f"{count:,} {what}" for what, count in gap.counts.items()]
            steps = f"steps {gap.first_step:,} to {gap.last_step:,}"
            text = f"Not recorded of {steps}: {', '.join(parts)} ({'; '.join(gap.reasons)})."
            detail: dict[str, Any] = {
                **gap.counts,
                "first_step": gap.first_step,
                "last_step": gap.last_step,
                "reasons": list(gap.reasons),
            }
            return gap.last_step, text, json.dumps(detail)

    def noted(self) -> None:
        """What was lost until now stands in the log."""
        with self._lock:
            self._gap = _Gap()
