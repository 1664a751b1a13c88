"""Makes the Nth call of the operating system fail, whichever it is, below one folder."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

ERRORS = (
    errno.EIO, errno.ENOENT, errno.EACCES, errno.ESTALE, errno.EMFILE, errno.ENOSPC,
)  # fmt: skip
CALLS = ("open", "stat", "fstat", "preadv", "pread", "scandir", "listdir", "lstat")


class Failing:
    """Counts calls that concern files below `folder`, and fails the one numbered `nth`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.count = 0
        self.nth = 0
        self.error = errno.EIO
        self.failed: str | None = None
        self._own: set[int] = set()

    def expect(self, nth: int, error: int) -> None:
        """From now on the call numbered `nth`, from 1, fails with `error`."""
        self.count, self.nth, self.error, self.failed = 0, nth, error, None

    def wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call `name`, which fails when it is the one."""

        def shim(target: Any = ".", *arguments: Any, **options: Any) -> Any:
            if self._concerns(target):
                self.count += 1
                if self.count == self.nth:
                    self.failed = name
                    path = target if isinstance(target, str) else None
                    raise OSError(self.error, os.strerror(self.error), path)
            result = call(target, *arguments, **options)
            if name == "open" and self._concerns(target):
                self._own.add(result)
            return result

        return shim

    def _concerns(self, target: Any) -> bool:
        if isinstance(target, int):
            return target in self._own
        return os.fsdecode(target).startswith(self.folder)


@contextmanager
def failing(folder: str) -> Iterator[Failing]:
    """Puts the shim in front of the calls of `os`."""
    shim = Failing(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, shim.wrapped(name, getattr(os, name)))
        yield shim
