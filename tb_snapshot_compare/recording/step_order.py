"""The steps that a training hands over: whole numbers that count over all of it."""

import logging
import threading
from collections.abc import Iterable
from typing import Any

from tb_snapshot_compare.store.log_tables import STEP_END

_logger = logging.getLogger(__name__)


class StepOrder:
    """Notices steps that go back, and says so once."""

    def __init__(self, place: str) -> None:
        """Begins before the first step.

        Args:
          place: Where the log lies, for the message.
        """
        self._place = place
        self._lock = threading.Lock()
        self._last: dict[str, int] = {}
        self._told = False

    def take(self, step: int, names: Iterable[str]) -> None:
        """Takes the next step of each name; numbers of different names need not keep pace."""
        with self._lock:
            before = max((self._last.get(name, step) for name in names), default=step)
            self._last.update(dict.fromkeys(names, step))
            told = self._told
            self._told = told or step < before
        if step < before and not told:
            _logger.warning(
                "The steps recorded in %s went back from %d to %d, so that two parts of the "
                "training lie over each other: of a step that is dumped twice the later dump "
                "counts. A step has to count over the whole training, as "
                "epoch * len(batches) + batch does; a training that goes on from an earlier step "
                "wants a Recorder of its own.",
                self._place,
                before,
                step,
            )


def whole_step(step: Any) -> int:
    """A step as an `int`, of any framework's whole numbers.

    Raises:
      ValueError: it is no whole number from 0 to twelve digits.
      TypeError: it is no number.
    """
    wanted = f"want a whole number from 0 to {STEP_END - 1:,}"
    try:
        found = int(step)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"step={step!r}: {wanted}") from error
    except TypeError as error:
        raise TypeError(f"step={step!r}: {wanted}") from error
    if found != step or not 0 <= found < STEP_END:
        raise ValueError(f"step={step}: {wanted}")
    return found
