"""When dumps are due."""

import pytest

from tb_snapshot_compare.limits import RECORDING_EVERY, RECORDING_EVERY_MAX
from tb_snapshot_compare.recording.pace import Pace


def dumps(pace: Pace, now: list[float], steps: int, seconds: float, cost: float) -> list[int]:
    """The steps of the dumps of a training whose steps take `seconds`."""
    taken = []
    for step in range(steps):
        if pace.is_due(step):
            pace.take(step)
            pace.spent(cost if taken else 30.0)
            taken.append(step)
        now[0] += seconds
    return taken


@pytest.fixture
def now() -> list[float]:
    return [0.0]


def test_steps_that_take_long_have_dumps_every_hundred(now: list[float]) -> None:
    pace = Pace(clock=lambda: now[0])
    assert dumps(pace, now, 1001, 0.08, 0.3) == list(range(0, 1001, RECORDING_EVERY))


def test_dumps_never_take_more_than_their_share_for_long(now: list[float]) -> None:
    pace = Pace(clock=lambda: now[0])
    taken = dumps(pace, now, 20_000, 0.003, 0.1)
    assert all(step % RECORDING_EVERY == 0 for step in taken)
    assert pace.every == 800
    late = [step for step in taken if step > 4000]
    assert 0.1 * len(late) <= 0.05 * 0.003 * 16_000


def test_a_number_that_was_asked_for_stays(now: list[float]) -> None:
    pace = Pace(10, clock=lambda: now[0])
    assert dumps(pace, now, 500, 0.001, 5.0) == list(range(0, 500, 10))


def test_there_is_a_bound_to_how_seldom_dumps_become(now: list[float]) -> None:
    pace = Pace(clock=lambda: now[0])
    dumps(pace, now, 3_000_000, 1e-6, 100.0)
    assert pace.every >= RECORDING_EVERY_MAX
    assert pace.every < 2 * RECORDING_EVERY_MAX
