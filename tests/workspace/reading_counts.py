"""Counts what is read of files, so that tests need no clock."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock


@dataclass
class Reads:
    """System calls since the count began; `places` are (file, offset) in order."""

    bytes: int = 0
    calls: int = 0
    opened: list[str] = field(default_factory=list)
    places: list[tuple[str, int]] = field(default_factory=list)


@contextmanager
def counted(suffix: str) -> Iterator[Reads]:
    """Counts the reads of files whose names end in `suffix`."""
    reads, names = Reads(), dict[int, str]()
    real_open, real_read = os.open, os.preadv

    def opened(path: Any, *rest: Any, **more: Any) -> int:
        descriptor = real_open(path, *rest, **more)
        names.pop(descriptor, None)
        if str(path).endswith(suffix):
            names[descriptor] = str(path)
            reads.opened.append(str(path))
        return descriptor

    def read(descriptor: int, buffers: Any, offset: int, *flags: int) -> int:
        count = real_read(descriptor, buffers, offset, *flags)
        if descriptor in names:
            reads.bytes += count
            reads.calls += 1
            reads.places.append((names[descriptor], offset))
        return count

    with mock.patch("os.open", opened), mock.patch("os.preadv", read):
        yield reads
