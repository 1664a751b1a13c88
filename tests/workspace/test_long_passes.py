"""Long passes over weights take turns; short ones and stopped ones do not wait."""

import threading

import pytest

from tb_snapshot_compare.errors import CancelledError
from tb_snapshot_compare.snapshot import FileStamp, Generation
from tb_snapshot_compare.workspace import long_passes
from tb_snapshot_compare.workspace.long_passes import LONG_BYTES, alone_if_long

LOCAL = (Generation((FileStamp("/logs/a.keras", 1, 1, 1),), "1"),)
FAR = (*LOCAL, Generation((FileStamp("s3://logs/b.keras", 0, 1, 1, 0, "tag"),), "2"))


def stop(_done: int, _total: int) -> None:
    raise CancelledError("nobody waits")


def test_long_passes_go_one_after_the_other() -> None:
    order: list[str] = []
    inside, wait = threading.Event(), threading.Event()

    def first() -> None:
        with alone_if_long(LONG_BYTES, LOCAL, None):
            inside.set()
            wait.wait(20)
            order.append("first")

    def second() -> None:
        with alone_if_long(LONG_BYTES, LOCAL, lambda done, total: wait.set()):
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(20)
    threads[1].start()
    for thread in threads:
        thread.join(20)
    assert order == ["first", "second"]


def test_a_short_pass_does_not_wait_and_a_stopped_one_leaves() -> None:
    with alone_if_long(LONG_BYTES, LOCAL, None):
        with alone_if_long(LONG_BYTES - 1, LOCAL, stop):
            pass
        with pytest.raises(CancelledError), alone_if_long(LONG_BYTES, LOCAL, stop):
            raise AssertionError
    with alone_if_long(LONG_BYTES, LOCAL, stop):
        pass


def test_files_in_a_store_keep_nobody_waiting() -> None:
    one, other = (alone_if_long(LONG_BYTES, FAR, stop) for _ in range(2))
    with one, alone_if_long(LONG_BYTES, LOCAL, stop), other:
        pass


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_passes, "_PATIENCE_SECONDS", 0.2)
    with alone_if_long(LONG_BYTES, LOCAL, None), alone_if_long(LONG_BYTES, LOCAL, None):
        pass
    with alone_if_long(LONG_BYTES, LOCAL, stop):
        pass
