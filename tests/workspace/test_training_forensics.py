"""What moved first around a step of a log: with its cause, and no surer than it is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.workspace.training_findings import examine
from tb_snapshot_compare.workspace.training_forensics import Forensics, _loss_onset, forensics_of
from tests.workspace.made_logs import UNITS, MadeLog

PATHS = [unit.path for unit in UNITS]

LogOf = Callable[[MadeLog], Log]


@pytest.fixture
def log_of(tmp_path: Path) -> LogOf:
    def opened(made: MadeLog) -> Log:
        log = Log(made.write(tmp_path / "snapshot_log"))
        log.refresh()
        return log

    return opened


def quiet() -> MadeLog:
    made = MadeLog.of(dumps=80, passes=80)
    made.rates[:] = 0.1
    return made


def moved(made: MadeLog, path: str, kind: str, dump: int, times: float = 20) -> None:
    made.statistics[kind]["l2"][PATHS.index(path), dump] *= times


def told(found: Forensics) -> list[tuple[str, str, int | None, int, int | None]]:
    return [(each.unit, each.quantity, each.after, each.onset, each.lead) for each in found.series]


def test_a_learning_rate_stands_before_what_it_did(log_of: LogOf) -> None:
    made = quiet()
    made.rates[512:515] *= 25
    made.loss[513:525] = 9.0
    for kind in ("weight", "update", "gradient"):
        moved(made, "head", kind, 51)
    moved(made, "stage/conv1", "gradient", 51, 300)
    found = forensics_of(log_of(made), 514)
    assert found.loss_onset == 514
    assert told(found) == [
        ("", "learning_rate", 512, 513, 1),
        ("stage/conv1", "gradient", 510, 520, -6),
        ("head", "gradient", 510, 520, -6),
        ("head", "update", 510, 520, -6),
        ("head", "weight", 510, 520, -6),
        ("", "loss", 513, 514, 0),
    ]
    assert found.series[0].deviation == pytest.approx(25)


def test_what_was_seen_a_dump_before_goes_first(log_of: LogOf) -> None:
    made = quiet()
    made.rates[515:] *= 25
    made.loss[513:525] = 9.0
    moved(made, "head", "weight", 49)
    assert told(forensics_of(log_of(made), 520)) == [
        ("head", "weight", 490, 500, 14),
        ("", "loss", 513, 514, 0),
        ("", "learning_rate", 515, 516, -2),
    ]


def test_the_loss_moved_where_its_finding_begins(log_of: LogOf) -> None:
    made = quiet()
    made.loss[512:525] = np.linspace(1.5, 9, 13)
    log = log_of(made)
    (finding,) = examine(log, "step").findings
    for step in (finding.steps[0], finding.steps[-1], 600):
        found = forensics_of(log, step)
        assert found.loss_onset == finding.steps[0]
        (loss,) = found.series
        assert (loss.quantity, loss.onset) == ("loss", finding.steps[0])
        assert 5 < loss.deviation < 12


def test_a_loss_that_is_no_number_moved_there(log_of: LogOf) -> None:
    made = quiet()
    made.loss[512:525] = np.nan
    found = forensics_of(log_of(made), 513)
    assert found.loss_onset == 513
    assert [(each.quantity, each.deviation) for each in found.series] == [("loss", 1e9)]


def test_a_loss_that_rises_and_then_is_no_number_moved_where_it_rose(log_of: LogOf) -> None:
    made = quiet()
    made.loss[512:514] = 50
    made.loss[515:] = np.nan
    log = log_of(made)
    for step in (513, 514, 520, 700):
        assert forensics_of(log, step).loss_onset == 513


def test_what_was_broken_before_has_no_onset_in_reach(log_of: LogOf) -> None:
    made = quiet()
    row = PATHS.index("head")
    made.statistics["weight"]["nan"][row, 30:] = 5
    made.statistics["weight"]["l2"][row, 30:] = np.nan
    log = log_of(made)
    assert told(forensics_of(log, 310)) == [("head", "weight", 300, 310, None)]
    assert told(forensics_of(log, 700)) == []


@pytest.mark.parametrize(
    ("change", "reach", "onset", "after"),
    [
        ((slice(1000, None), np.nan), (29_000, 30_000, 30_000), 1000, 999),
        ((slice(0, None), np.nan), (29_000, 30_000, 30_000), 0, None),
        ((slice(21_000, 21_004), 50.0), (0, 21_000, 40_000), 21_000, 20_999),
    ],
)
def test_a_finding_about_the_loss_is_found_however_many_losses_lie_around_it(
    change: tuple[slice, float], reach: tuple[int, int, int], onset: int, after: int | None
) -> None:
    loss = np.exp(np.random.default_rng(3).normal(0, 0.05, 40_001))
    loss[change[0]] = change[1]
    found = _loss_onset(np.arange(40_001), loss, reach)
    assert found is not None
    assert (found.step, found.after) == (onset, after)


def test_a_rise_from_zero_is_no_jump_beside_another(log_of: LogOf) -> None:
    made = quiet()
    made.rates[:480] = 0
    made.rates[510:513] *= 60
    made.loss[511:514] = 20
    (rate, loss) = forensics_of(log_of(made), 512).series
    assert (rate.onset, loss.onset) == (511, 512)


def test_a_loss_that_falls_has_no_finding_and_moves(log_of: LogOf) -> None:
    made = quiet()
    made.loss[512:] /= 30
    assert forensics_of(log_of(made), 520).loss_onset == 513


def test_a_norm_that_grows_slowly_did_not_move(log_of: LogOf) -> None:
    made = quiet()
    row = PATHS.index("head")
    made.statistics["weight"]["l2"][row] = np.exp(np.maximum(np.arange(80) - 40, 0) * 0.006)
    assert forensics_of(log_of(made), 600).series == ()


def test_a_learning_rate_that_follows_a_curve_did_not_move(log_of: LogOf) -> None:
    made = quiet()
    made.rates[:] = 0.1 * (1 + np.cos(np.linspace(0, 3, made.rates.size)))
    log = log_of(made)
    assert [forensics_of(log, step).series for step in (100, 500, 795)] == [(), (), ()]


def test_of_several_steps_of_the_learning_rate_the_largest_until_the_loss_counts(
    log_of: LogOf,
) -> None:
    made = quiet()
    made.rates[480:] *= 2
    made.rates[500:503] *= 30
    made.rates[510:] /= 100
    made.loss[503:506] = 20
    (rate, loss) = forensics_of(log_of(made), 510).series
    assert (rate.onset, loss.onset) == (501, 504)


def test_a_learning_rate_of_zero_is_none_of_the_one_before(log_of: LogOf) -> None:
    made = quiet()
    made.rates[505:508] = 0
    log = log_of(made)
    (rate,) = forensics_of(log, 506).series
    assert (rate.onset, rate.deviation, rate.lead) == (506, 0, None)
    (back,) = forensics_of(log, 700).series
    assert (back.onset, back.deviation) == (506, 0)


def test_a_log_without_dumps_tells_nothing(log_of: LogOf) -> None:
    with pytest.raises(NotFoundError, match="No dump was recorded"):
        forensics_of(log_of(MadeLog.of(dumps=0, passes=4)), 20)
