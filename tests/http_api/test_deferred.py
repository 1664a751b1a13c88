import threading
import time

import pytest

from tb_snapshot_compare.deferred import Deferred


def test_nothing_is_made_before_it_is_asked_for() -> None:
    made = threading.Event()
    deferred = Deferred(lambda: made.set() or 7, "test", delay=60)
    assert not made.wait(0.1)
    assert deferred.get() == 7
    assert deferred.peek() == 7


def test_it_is_made_by_itself_after_the_delay() -> None:
    made = threading.Event()
    Deferred(lambda: made.set() or 7, "test", delay=0.05)
    assert made.wait(5)


def test_a_look_has_it_made_and_does_not_wait() -> None:
    go = threading.Event()
    deferred = Deferred(lambda: go.wait(5) and 7, "test", delay=60)
    assert deferred.peek() is None
    go.set()
    assert deferred.get() == 7


def test_it_is_made_once_for_everybody() -> None:
    calls: list[int] = []
    deferred = Deferred(lambda: (calls.append(1), time.sleep(0.1), object())[2], "test", delay=0.05)
    threads = [threading.Thread(target=deferred.get) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


def test_a_failure_is_told_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _arguments: None)
    deferred: Deferred[int] = Deferred(lambda: 1 // 0, "test", delay=60)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            deferred.get()
    assert deferred.failed
