"""What charts show of a log against what was written into it."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.store.log_reader import Log
from tb_snapshot_compare.store.log_tables import BAND_EDGES
from tb_snapshot_compare.workspace.training_series import (
    aligned,
    band_shares,
    dump_of,
    filter_series,
    layer_series,
    not_finite_counts,
)
from tests.workspace.made_logs import UNITS, MadeLog

PATHS = [unit.path for unit in UNITS]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[MadeLog, Log]:
    written = MadeLog.of()
    log = Log(written.write(tmp_path_factory.mktemp("run") / "snapshot_log"))
    log.refresh()
    return written, log


@pytest.mark.parametrize("kind", ["weight", "update", "gradient"])
@pytest.mark.parametrize("statistic", ["sum", "mean", "variance", "median", "q3", "maximum"])
def test_statistics_are_those_of_the_log(
    made: tuple[MadeLog, Log], kind: str, statistic: str
) -> None:
    written, log = made
    want = written.statistics[kind][statistic].copy()
    if kind == "update":
        want[:, 0] = np.nan
    np.testing.assert_allclose(layer_series(log, kind, statistic, None), want, rtol=1e-6)
    few = ["head", "stage"]
    rows = [PATHS.index(path) for path in few]
    np.testing.assert_allclose(layer_series(log, kind, statistic, few), want[rows], rtol=1e-6)


def test_norms_are_by_parameter_and_the_deviation_is_the_root_of_the_variance(
    made: tuple[MadeLog, Log],
) -> None:
    written, log = made
    of = written.statistics["weight"]
    for name in ("l1", "l2"):
        want = of[name] / of["count"]
        np.testing.assert_allclose(layer_series(log, "weight", name, None), want, rtol=1e-6)
    found = layer_series(log, "weight", "std", None)
    np.testing.assert_allclose(found, np.sqrt(of["variance"]), rtol=1e-6)


def test_norms_are_by_finite_parameter(tmp_path: Path) -> None:
    written = MadeLog.of()
    of = written.statistics["weight"]
    of["nan"][PATHS.index("head"), 3] = 50
    of["inf"][PATHS.index("head"), 3] = 4
    log = Log(written.write(tmp_path / "snapshot_log"))
    log.refresh()
    found = layer_series(log, "weight", "l1", ["head"])[0, 3]
    np.testing.assert_allclose(found, of["l1"][PATHS.index("head"), 3] / 6, rtol=1e-6)


def test_values_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    written = MadeLog.of()
    written.statistics["update"]["nan"][PATHS.index("head"), 3:] = 50
    written.statistics["update"]["inf"][PATHS.index("head"), 3] = 4
    log = Log(written.write(tmp_path / "snapshot_log"))
    log.refresh()
    found = not_finite_counts(log, "update", ["norm", "head"])
    assert found[1, :5].tolist() == [[0, 0], [0, 60], [0, 60], [54, 60], [50, 60]]
    assert found[0, 4].tolist() == [0, 40]
    assert not_finite_counts(log, "weight", None).shape == (0, 12, 2)


def test_quartiles_are_five_values(made: tuple[MadeLog, Log]) -> None:
    written, log = made
    found = layer_series(log, "gradient", "quartiles", ["norm"])
    of = written.statistics["gradient"]
    want = [of[name][PATHS.index("norm")] for name in ("minimum", "q1", "mean", "q3", "maximum")]
    np.testing.assert_allclose(found, np.stack(want, axis=1)[None], rtol=1e-6)


@pytest.mark.parametrize("edges", [[1.0], [0.0, 1e-4, 0.5], list(BAND_EDGES)])
def test_shares_by_band_add_up_and_are_those_of_the_counts(
    made: tuple[MadeLog, Log], edges: list[float]
) -> None:
    written, log = made
    found = band_shares(log, "gradient", edges, None)
    counts = written.bands["gradient"]
    ends = [0, *(BAND_EDGES.index(edge) + 1 for edge in edges), counts.shape[2]]
    for band, (start, end) in enumerate(itertools.pairwise(ends)):
        want = counts[:, :, start:end].sum(axis=2) / counts.sum(axis=2)
        np.testing.assert_allclose(found[:, :, band], want, rtol=1e-6)
    np.testing.assert_allclose(found.sum(axis=2), 1, rtol=1e-6)
    assert np.isnan(band_shares(log, "update", edges, ["head"])[0, 0]).all()


@pytest.mark.parametrize("edges", [[], [0.15], [1.0, 0.1], [0.1, 0.1], [2.0], [float("inf")]])
def test_edges_that_were_not_recorded_are_refused(
    made: tuple[MadeLog, Log], edges: list[float]
) -> None:
    with pytest.raises(InvalidRequestError, match=r"[Ee]dges|band"):
        band_shares(made[1], "gradient", edges, None)


def test_filters_are_those_of_the_log_in_the_order_that_was_asked_for(
    made: tuple[MadeLog, Log],
) -> None:
    written, log = made
    for measure in ("cosine", "relative_l2", "g_l1"):
        want = written.filters["stage/conv2"][measure]
        found = filter_series(log, "stage/conv2", measure)
        np.testing.assert_allclose(found, want, rtol=1e-6)
        few = filter_series(log, "stage/conv2", measure, [4, 0])
        np.testing.assert_array_equal(few, found[[4, 0]])


@pytest.mark.parametrize(
    ("layer", "filters", "words"),
    [
        ("other", None, "no layer 'other'"),
        ("stage", None, "'stage' is no layer with filters"),
        ("norm", None, "'norm' is no layer with filters"),
        ("head", [0, 5], "has 5 filters: there is no filter 5"),
    ],
)
def test_layers_and_filters_that_are_not_there_are_named(
    made: tuple[MadeLog, Log], layer: str, filters: list[int] | None, words: str
) -> None:
    with pytest.raises(NotFoundError, match=words):
        filter_series(made[1], layer, "cosine", filters)


def test_units_that_are_not_there_are_named(made: tuple[MadeLog, Log]) -> None:
    with pytest.raises(NotFoundError, match="no unit 'stage/conv9'"):
        layer_series(made[1], "weight", "l2", ["head", "stage/conv9"])
    with pytest.raises(NotFoundError, match="no unit 'x'"):
        band_shares(made[1], "update", [0.1], ["x"])


def test_the_dump_that_tells_of_a_step_is_the_first_at_or_after_it() -> None:
    dumps = np.array([10, 20, 30])
    assert [dump_of(dumps, step) for step in (0, 10, 11, 20, 30, 31)] == [10, 10, 20, 20, 30, 30]
    assert dump_of(np.array([], np.int64), 5) is None


def test_columns_of_other_steps_are_put_where_they_belong() -> None:
    found = aligned(np.array([[1.0, 2.0]]), np.array([20, 30]), np.array([10, 20, 40]))
    np.testing.assert_array_equal(found, [[np.nan, 1.0, np.nan]])
