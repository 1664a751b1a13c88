"""What several answers about a log are made of: made once, and kept as long as there is room."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar, cast

from tb_snapshot_compare.workspace.byte_lru import Sized

Value = TypeVar("Value", bound=Sized)


class Kept:
    """Values by key, up to some bytes in all; who asks for one that is being made waits for it."""

    def __init__(self, capacity: int) -> None:
        """Keeps `capacity` bytes, and always the value asked for last."""
        self._capacity = capacity
        self._values: OrderedDict[Hashable, Sized] = OrderedDict()
        self._lock = threading.Lock()
        self._turns: dict[Hashable, tuple[threading.Lock, int]] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, made where it is not kept."""

        def made(known: Value | None) -> Value:
            return make() if known is None else known

        return self.renewed(key, made)

    def renewed(self, key: Hashable, renew: Callable[[Value | None], Value]) -> Value:
        """What `renew` makes of the value of `key`; None where there is none. It is kept.

        Values of one key are of one type.
        """
        with self._turn(key):
            made = renew(self.known(key))
            self.put(key, made)
            return made

    def put(self, key: Hashable, value: Sized) -> None:
        """Keeps a value that was made elsewhere."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            self._drop()

    def known(self, key: Hashable) -> Value | None:
        """The value of `key` if it is there."""
        with self._lock:
            return cast("Value | None", self._values.get(key))

    def _drop(self) -> None:
        total = sum(value.nbytes for value in self._values.values())
        while total > self._capacity and len(self._values) > 1:
            total -= self._values.popitem(last=False)[1].nbytes

    @contextmanager
    def _turn(self, key: Hashable) -> Iterator[None]:
        with self._lock:
            turn, callers = self._turns.get(key, (threading.Lock(), 0))
            self._turns[key] = (turn, callers + 1)
        try:
            with turn:
                yield
        finally:
            with self._lock:
                turn, callers = self._turns.pop(key)
                if callers > 1:
                    self._turns[key] = (turn, callers - 1)
