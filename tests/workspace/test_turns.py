import threading
import time

from tb_snapshot_compare.workspace.turns import Turns


def test_long_work_goes_on_at_once_when_nothing_is_urgent() -> None:
    start = time.monotonic()
    Turns().give_way()
    assert time.monotonic() - start < 5


def test_long_work_waits_until_urgent_work_has_ended() -> None:
    turns = Turns()
    order: list[str] = []
    begun = threading.Event()

    def urgent() -> None:
        with turns.urgent():
            begun.set()
            time.sleep(0.2)
            order.append("urgent")

    thread = threading.Thread(target=urgent)
    thread.start()
    begun.wait()
    turns.give_way()
    order.append("long")
    thread.join()
    assert order == ["urgent", "long"]
