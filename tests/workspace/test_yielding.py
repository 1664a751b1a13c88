import gc
import sys
import threading

import pytest

from tb_snapshot_compare.workspace.yielding import yielding


def state() -> tuple[float, tuple[int, int, int]]:
    return sys.getswitchinterval(), gc.get_threshold()


def test_others_get_their_turn_sooner_while_there_is_work() -> None:
    before = state()
    with yielding():
        assert sys.getswitchinterval() < before[0]
        assert gc.get_threshold()[:2] == before[1][:2]
        assert gc.get_threshold()[2] > before[1][2]
        assert gc.isenabled()
    assert state() == before


def test_the_last_to_end_puts_it_back() -> None:
    before = state()
    inside, leave = threading.Event(), threading.Event()

    @yielding()
    def work() -> None:
        inside.set()
        leave.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(20)
    with pytest.raises(ValueError, match="work"), yielding():
        raise ValueError("of the work")
    assert state() != before
    leave.set()
    thread.join()
    assert state() == before
