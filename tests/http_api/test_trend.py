"""The route of the timeline's trend, through WSGI, as the page asks it."""

import json
import os
import shutil
import time
from pathlib import Path

import msgspec
import pytest

from tb_snapshot_compare.http_api import contract, contract_trend
from tests.conftest import SavedPair
from tests.http_api.test_routes import Site, wait_until
from tests.workspace.reference import measures


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory, saved: SavedPair) -> Path:
    """A run of two epochs."""
    folder = tmp_path_factory.mktemp("logs")
    (folder / "net").mkdir()
    for name in ("epoch-1.weights.h5", "epoch-4.weights.h5"):
        shutil.copy(saved.folder / name, folder / "net")
        os.utime(folder / "net" / name, (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture(scope="module")
def site(logdir: Path) -> Site:
    started = Site(logdir)
    started.listing()
    return started


def ask(site: Site, since: int = 0) -> contract_trend.Trend:
    answer = site.ask("/trend", run="net", since=since)
    assert answer.status_code == 200
    return msgspec.json.decode(answer.data, type=contract_trend.Trend)


def finished(site: Site) -> contract_trend.Trend:
    wait_until(lambda: {pair.state for pair in ask(site).pairs} <= {"done", "failed"})
    trend = ask(site)
    assert [pair.problem for pair in trend.pairs] == [None]
    return trend


def test_each_snapshot_is_compared_with_the_one_before_it(site: Site, saved: SavedPair) -> None:
    trend = finished(site)
    labels = [snapshot.label for snapshot in trend.snapshots]
    assert labels == ["epoch 1 · step 1", "epoch 4 · step 4"]
    assert [(pair.a, pair.b) for pair in trend.pairs] == [(0, 1)]
    l2 = trend.pairs[0].l2
    assert l2 is not None
    expected = measures(saved.weights_a["fc/kernel"], saved.weights_b["fc/kernel"])["l2"]
    bias = measures(saved.weights_a["fc/bias"], saved.weights_b["fc/bias"])["l2"]
    assert l2[trend.layers.index("fc")] == pytest.approx((expected**2 + bias**2) ** 0.5, rel=1e-9)
    assert trend.pairs[0].compared == trend.pairs[0].total > 0


def test_what_is_known_is_not_sent_again(site: Site) -> None:
    trend = finished(site)
    again = ask(site, since=trend.version)
    assert [pair.state for pair in again.pairs] == ["done"]
    assert [pair.l2 for pair in again.pairs] == [None]
    assert [pair.compared for pair in again.pairs] == [pair.compared for pair in trend.pairs]


def test_changes_tell_the_version_of_the_trend(site: Site) -> None:
    trend = finished(site)
    changes = msgspec.json.decode(site.ask("/changes").data, type=contract.Changes)
    assert changes.trend == trend.version


def test_an_unknown_run_has_no_trend(site: Site) -> None:
    answer = site.ask("/trend", run="nothing")
    assert (answer.status_code, json.loads(answer.data)["error"]["code"]) == (404, "not_found")
    assert site.ask("/trend").status_code == 400
    assert site.ask("/trend", run="net", since="x").status_code == 400


def test_a_snapshot_that_lands_joins_the_trend_and_a_deleted_one_is_marked(
    tmp_path: Path, saved: SavedPair
) -> None:
    for epoch, source in ((1, "epoch-1"), (2, "epoch-4")):
        shutil.copy(saved.folder / f"{source}.keras", tmp_path / f"epoch-{epoch}.keras")
    site = Site(tmp_path)
    site.listing()

    def trend() -> contract_trend.Trend:
        return msgspec.json.decode(site.ask("/trend", run=".").data, type=contract_trend.Trend)

    wait_until(lambda: [pair.state for pair in trend().pairs] == ["done"])
    shutil.copy(saved.folder / "epoch-1.keras", tmp_path / "epoch-3.keras")
    started = time.monotonic()
    wait_until(lambda: [pair.state for pair in trend().pairs] == ["done", "done"])
    assert time.monotonic() - started < 20
    (tmp_path / "epoch-1.keras").unlink()
    wait_until(lambda: [end.gone for end in trend().snapshots] == [True, False, False])
    assert [pair.state for pair in trend().pairs] == ["done", "done"]
