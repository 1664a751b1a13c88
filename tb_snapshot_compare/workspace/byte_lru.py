"""Values used last, as many as fit into a number of bytes. Safe to call from any thread."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """What knows its size."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""


Value = TypeVar("Value", bound=Sized)


class ByteLru(Generic[Value]):
    """Keeps values up to `capacity` bytes in all, and always the newest one."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of `key`, made when it is not kept; two threads may make the same one."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            replaced = self._values.pop(key, None)
            self._bytes += value.nbytes - (0 if replaced is None else replaced.nbytes)
            self._values[key] = value
            while len(self._values) > 1 and self._bytes > self._capacity:
                _, dropped = self._values.popitem(last=False)
                self._bytes -= dropped.nbytes
        return value
