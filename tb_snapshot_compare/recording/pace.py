"""When a dump is due."""

import time
from collections.abc import Callable

from tb_snapshot_compare.limits import RECORDING_EVERY, RECORDING_EVERY_MAX, RECORDING_SHARE


class Pace:
    """Every so many steps; of its own accord, no oftener than dumps may cost.

    Without a number, dumps are due every `RECORDING_EVERY` steps, and half as often again and again
    as long as they take more than `RECORDING_SHARE` of the time: steps of a small network are over
    sooner than its statistics are made.
    """

    def __init__(
        self, every: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begins before the first dump.

        Args:
          every: Steps between dumps, exactly; None for as said.
          clock: Seconds.
        """
        self._is_fixed = every is not None
        self._clock = clock
        self._last: tuple[int, float] | None = None
        self._cost: float | None = None
        self._costs = 0
        self.every = every or RECORDING_EVERY
        """Steps between dumps."""

    def is_due(self, step: int) -> bool:
        """Whether this step is the first, or in another interval than the last dump."""
        if self._last is None:
            return True
        last, _ = self._last
        return step // self.every > last // self.every or step < last

    def take(self, step: int) -> None:
        """A dump is made at this step."""
        now = self._clock()
        if self._last is not None and self._cost is not None and not self._is_fixed:
            last, then = self._last
            seconds = (now - then) * self.every / max(step - last, 1)
            if self._cost > RECORDING_SHARE * seconds and self.every < RECORDING_EVERY_MAX:
                self.every *= 2
        self._last = step, now

    def spent(self, seconds: float) -> None:
        """What a dump took of a processor's time; the first one, which loads code, is no measure.

        May be called by another thread.
        """
        self._costs += 1
        if self._costs > 1:
            self._cost = seconds if self._cost is None else (self._cost + seconds) / 2
