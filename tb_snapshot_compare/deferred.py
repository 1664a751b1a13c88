"""A value that is made in a thread of its own, so that whoever needs it later need not wait now."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Deferred(Generic[Value]):
    """Starts `make` at once. Safe to call from any thread."""

    def __init__(self, make: Callable[[], Value], name: str) -> None:
        """Starts the thread `name`.

        Args:
          make: Gives the value; an exception is raised to everybody who asks for it.
          name: Of the thread.
        """
        self._make = make
        self._value: Value | None = None
        self._error: BaseException | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def failed(self) -> bool:
        """Whether `make` has raised."""
        return self._error is not None

    def peek(self) -> Value | None:
        """The value, or None while there is none."""
        return self._value

    def get(self) -> Value:
        """The value, as soon as there is one."""
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
