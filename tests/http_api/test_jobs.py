import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tb_snapshot_compare.errors import BusyError, CancelledError, NotFoundError
from tb_snapshot_compare.http_api import contract, jobs
from tb_snapshot_compare.http_api.jobs import Progress, WorkQueue


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def waiting_for(gate: threading.Event) -> Any:
    def run(progress: Progress) -> str:
        while not gate.wait(0.01):
            progress(1, 4)
        return "done"

    return run


def ask(queue: WorkQueue, key: str, run: Any) -> Any:
    return queue.result_or_job((key,), key, run, patience=0.02)


def eventually(queue: WorkQueue, key: str, run: Any) -> Any:
    for _ in range(500):
        answer = ask(queue, key, run)
        if not isinstance(answer, contract.Job):
            return answer
    raise AssertionError("the work did not end")


def test_quick_work_is_answered_at_once() -> None:
    assert WorkQueue().result_or_job(("k",), "label", lambda _p: 42, patience=5) == 42


def test_slow_work_is_answered_by_a_job_with_progress_and_then_by_its_result(
    gate: threading.Event,
) -> None:
    queue = WorkQueue()
    ask(queue, "k", waiting_for(gate))
    time.sleep(0.05)
    job = ask(queue, "k", waiting_for(gate))
    assert (job.state, job.done, job.total, job.label) == ("running", 1, 4, "k")
    gate.set()
    assert eventually(queue, "k", waiting_for(gate)) == "done"


def test_equal_requests_share_one_computation(gate: threading.Event) -> None:
    calls = []

    def run(progress: Progress) -> str:
        calls.append(1)
        return waiting_for(gate)(progress)  # type: ignore[no-any-return]

    queue = WorkQueue()
    threads = [threading.Thread(target=ask, args=(queue, "k", run)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gate.set()
    assert eventually(queue, "k", run) == "done"
    assert len(calls) == 1


def test_a_full_queue_says_so(gate: threading.Event) -> None:
    queue = WorkQueue(running=1, queued=2)
    ask(queue, "running", waiting_for(gate))
    time.sleep(0.05)
    ask(queue, "first", waiting_for(gate))
    ask(queue, "second", waiting_for(gate))
    with pytest.raises(BusyError, match="2 comparisons are waiting"):
        ask(queue, "third", waiting_for(gate))


def test_a_failure_reaches_whoever_asks_and_the_next_request_starts_afresh() -> None:
    attempts = []

    def run(_progress: Progress) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise NotFoundError("gone for now")
        return "done"

    queue = WorkQueue()
    with pytest.raises(NotFoundError, match="gone for now"):
        queue.result_or_job(("k",), "k", run, patience=5)
    assert queue.result_or_job(("k",), "k", run, patience=5) == "done"


def test_a_cancelled_job_stops(gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "CANCEL_GRACE_SECONDS", 0.0)
    stopped = threading.Event()

    def run(progress: Progress) -> str:
        try:
            return waiting_for(gate)(progress)  # type: ignore[no-any-return]
        except CancelledError:
            stopped.set()
            raise

    queue = WorkQueue()
    job = ask(queue, "k", run)
    queue.cancel(job.id)
    assert stopped.wait(5)


def test_a_cancelled_job_goes_on_for_another_page_that_wants_it(gate: threading.Event) -> None:
    queue = WorkQueue()
    job = ask(queue, "k", waiting_for(gate))
    queue.cancel(job.id)
    ask(queue, "k", waiting_for(gate))
    time.sleep(jobs.CANCEL_GRACE_SECONDS + 0.1)
    assert ask(queue, "k", waiting_for(gate)).state == "running"


def test_abandoned_work_is_stopped(gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ABANDONED_SECONDS", 0.05)
    stopped = threading.Event()

    def run(progress: Progress) -> str:
        try:
            return waiting_for(gate)(progress)  # type: ignore[no-any-return]
        except CancelledError:
            stopped.set()
            raise

    with suppress(CancelledError):  # it may wait for as long
        ask(WorkQueue(), "k", run)
    assert stopped.wait(5)


def test_cancelling_an_unknown_job_says_so() -> None:
    assert WorkQueue().cancel("nothing") is False


def test_a_result_that_has_waited_is_computed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = WorkQueue()
    values = iter((1, 2, 3))
    assert eventually(queue, "k", lambda _p: next(values)) == 1
    assert ask(queue, "k", lambda _p: next(values)) == 1
    monkeypatch.setattr(jobs, "KEPT_SECONDS", 0.0)
    time.sleep(0.01)
    assert eventually(queue, "k", lambda _p: next(values)) == 2


def test_finished_results_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "KEPT_BYTES", 2500)
    queue = WorkQueue()
    made: list[str] = []

    def work(name: str) -> Any:
        return lambda _progress: made.append(name) or bytes(1000)

    for name in ("x", "y", "z"):
        eventually(queue, name, work(name))
    eventually(queue, "z", work("z"))
    eventually(queue, "x", work("x"))
    assert made == ["x", "y", "z", "x"]


def test_a_result_of_another_state_is_not_given_to_whoever_asks_in_the_old_one() -> None:
    state = ["before"]
    queue = WorkQueue(state=lambda: state[0])

    def run(_progress: Progress) -> str:
        state[0] = "after"
        return "made after"

    assert queue.result_or_job(("k",), "work", run, patience=5) == "made after"
    state[0] = "before"
    again = queue.result_or_job(("k",), "work", lambda _progress: "made before", patience=5)
    assert again == "made before"
