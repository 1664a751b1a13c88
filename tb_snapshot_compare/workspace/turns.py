"""Long work gives way to what somebody is looking at."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_WAIT_SECONDS = 30.0
"""Longer than any glance: then long work goes on, so that it ends some time."""


class Turns:
    """Between its parts, long work waits until nothing urgent is under way."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._urgent = 0

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Around what a person waits for."""
        with self._condition:
            self._urgent += 1
        try:
            yield
        finally:
            with self._condition:
                self._urgent -= 1
                self._condition.notify_all()

    def give_way(self) -> None:
        """Called by long work between its parts."""
        with self._condition:
            self._condition.wait_for(lambda: self._urgent == 0, _WAIT_SECONDS)
