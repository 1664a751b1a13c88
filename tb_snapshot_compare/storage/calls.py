"""Calls of drivers that are not asynchronous, from the event loop, each in its own thread."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Calls:
    """The calls of one driver that are under way. Thread-safe.

    A call that hangs cannot be ended. Here it keeps a thread that no other store needs, and for
    which the process does not wait when it ends.
    """

    def __init__(self, most: int) -> None:
        """Lets `most` calls be under way, those included for which nobody waits any more."""
        self._most = most
        self._under_way = 0
        self._lock = threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """The result of `call`, made in a thread.

        Raises:
          TimeoutError: too many earlier calls have not come back.
        """
        with self._lock:
            if self._under_way >= self._most:
                raise TimeoutError(f"{self._under_way} calls of its driver have not come back")
            self._under_way += 1
        import asyncio

        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        thread = threading.Thread(
            target=self._make, args=(call, loop, future), name="snapshot-store", daemon=True
        )
        try:
            thread.start()
        except BaseException:
            self._end()
            raise
        return await future

    def _make(
        self, call: Callable[[], T], loop: "asyncio.AbstractEventLoop", future: "asyncio.Future[T]"
    ) -> None:
        try:
            answer = partial(_answer, future, call())
        except BaseException as error:  # whatever a driver raises belongs to who asked
            answer = partial(_fail, future, error)
        self._end()
        with suppress(RuntimeError):  # the loop was closed: nobody waits
            loop.call_soon_threadsafe(answer)

    def _end(self) -> None:
        with self._lock:
            self._under_way -= 1


def _answer(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: "asyncio.Future[T]", error: BaseException) -> None:
    if not future.done():
        # A future takes no StopIteration: it would end the coroutine that waits.
        future.set_exception(
            RuntimeError(str(error)) if isinstance(error, StopIteration) else error
        )
