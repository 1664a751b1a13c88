"""A value that is made later, in a thread of its own: when it is asked for, or after a while."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Deferred(Generic[Value]):
    """Safe to call from any thread."""

    def __init__(self, make: Callable[[], Value], name: str, delay: float) -> None:
        """Nothing is made yet.

        Args:
          make: Gives the value; an exception is raised to everybody who asks for it.
          name: Of the thread that calls it.
          delay: Seconds after which it is called if nobody has asked by then.
        """
        self._make = make
        self._name = name
        self._value: Value | None = None
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._started = False
        self._done = threading.Event()
        timer = threading.Timer(delay, self.start)
        timer.daemon = True
        timer.start()

    @property
    def failed(self) -> bool:
        """Whether `make` has raised."""
        return self._error is not None

    def start(self) -> None:
        """Has the value made, unless it is already; does not wait."""
        with self._lock:
            if self._started:
                return
            self._started = True
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def peek(self) -> Value | None:
        """The value, or None while there is none; has it made."""
        self.start()
        return self._value

    def get(self) -> Value:
        """The value, as soon as there is one."""
        self.start()
        self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._value is not None
        return self._value

    def _run(self) -> None:
        try:
            self._value = self._make()
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._done.set()
