"""Tiny files in the layouts that trainers leave behind; only names and stamps matter here."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

NOW = 1_700_000_000.0
Write = Callable[..., Path]


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files below the logdir, `age` seconds before the clock's start."""

    def _write(*names: str, age: float = 3600.0, content: bytes = b"x") -> Path:
        path = tmp_path
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, (NOW - age, NOW - age))
        return path

    return _write


@pytest.fixture
def bundle(write: Write) -> Callable[..., None]:
    """Writes a TF checkpoint of `shards` files."""

    def _bundle(prefix: str, shards: int = 1, **options: float) -> None:
        names = [f"{prefix}.data-{n:05d}-of-{shards:05d}" for n in range(shards)]
        write(*names, f"{prefix}.index", **options)

    return _bundle
