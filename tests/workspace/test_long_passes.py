"""Long passes over weights take turns; short ones and stopped ones do not wait."""

import threading

import pytest

from tb_snapshot_compare.errors import CancelledError
from tb_snapshot_compare.workspace.long_passes import LONG_BYTES, alone_if_long


def stop(_done: int, _total: int) -> None:
    raise CancelledError("nobody waits")


def test_long_passes_go_one_after_the_other() -> None:
    order: list[str] = []
    inside, wait = threading.Event(), threading.Event()

    def first() -> None:
        with alone_if_long(LONG_BYTES, None):
            inside.set()
            wait.wait(20)
            order.append("first")

    def second() -> None:
        with alone_if_long(LONG_BYTES, lambda done, total: wait.set()):
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(20)
    threads[1].start()
    for thread in threads:
        thread.join(20)
    assert order == ["first", "second"]


def test_a_short_pass_does_not_wait_and_a_stopped_one_leaves() -> None:
    with alone_if_long(LONG_BYTES, None):
        with alone_if_long(LONG_BYTES - 1, stop):
            pass
        with pytest.raises(CancelledError), alone_if_long(LONG_BYTES, stop):
            raise AssertionError
    with alone_if_long(LONG_BYTES, stop):
        pass
