"""The routes over real snapshots, through WSGI, as the page asks them."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tensorboard.plugins import base_plugin
from werkzeug.test import Client, TestResponse

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api.guard import POST_HEADER
from tb_snapshot_compare.loader import SnapshotCompareLoader
from tests.conftest import SavedPair
from tests.workspace.reference import measures


class Flags:
    """TensorBoard's flags, as far as the plugin reads them."""

    logdir_spec = ""
    snapshot_compare_cache_dir = "none"
    reload_interval = 1

    def __init__(self, logdir: Path) -> None:
        self.logdir = str(logdir)


class Site:
    """The plugin's routes under one roof."""

    def __init__(self, logdir: Path, flags: Flags | None = None) -> None:
        context = base_plugin.TBContext(logdir=str(logdir), flags=flags or Flags(logdir))
        self._applications = SnapshotCompareLoader().load(context).get_plugin_apps()

    def ask(self, path: str, **query: Any) -> TestResponse:
        """A GET; asks again while the answer is 202."""
        for _ in range(600):
            answer = self.ask_once(path, **query)
            if answer.status_code != 202:
                return answer
            msgspec.json.decode(answer.data, type=contract.Job)
            time.sleep(0.05)
        raise AssertionError("the work did not end")

    def ask_once(self, path: str, **query: Any) -> TestResponse:
        """A GET, whatever it answers."""
        return Client(self._applications[path]).get(
            path, query_string=query, headers={"Host": "localhost"}
        )

    def post(self, path: str, body: object) -> TestResponse:
        """A POST as the page sends it."""
        return Client(self._applications[path]).post(
            path, json=body, headers={"Host": "localhost", POST_HEADER: "1"}
        )

    def listing(self) -> contract.Listing:
        """The listing, once every snapshot in it is settled."""
        for _ in range(200):
            answer = msgspec.json.decode(self.ask("/snapshots").data, type=contract.Listing)
            snapshots = [snapshot for run in answer.runs for snapshot in run.snapshots]
            if (
                snapshots
                and not answer.scanning
                and all(snapshot.state != "being_written" for snapshot in snapshots)
            ):
                return answer
            time.sleep(0.1)
        raise AssertionError("nothing was listed")

    def pair(self, a: str, b: str) -> dict[str, str]:
        """The query that names two snapshots."""
        found = {s.name: s for run in self.listing().runs for s in run.snapshots}
        return {
            "a": found[a].id,
            "ga": found[a].generation,
            "b": found[b].id,
            "gb": found[b].generation,
        }


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory, saved: SavedPair) -> Path:
    """A run of two snapshots, with one broken file."""
    folder = tmp_path_factory.mktemp("logs")
    run = folder / "net"
    run.mkdir()
    for name in ("epoch-1", "epoch-4"):
        shutil.copy(saved.folder / f"{name}.keras", run)
        shutil.copy(saved.folder / f"{name}.weights.h5", run)
    (run / "epoch-9.keras").write_bytes(b"PK not really")
    for path in run.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture(scope="module")
def site(logdir: Path) -> Iterator[Site]:
    return Site(logdir)


@pytest.fixture(scope="module")
def pair(site: Site) -> dict[str, str]:
    return site.pair("epoch-1", "epoch-4")


def test_the_listing_tells_position_formats_and_state(site: Site) -> None:
    (run,) = site.listing().runs
    assert run.name == "net"
    first, second, broken = run.snapshots
    assert (first.label, first.epoch, first.step) == ("epoch 1 · step 1", 1, 1)
    assert (first.epoch_source, first.step_source) == ("file name", "optimizer iterations")
    assert first.formats == ["keras", "weights_h5"]
    assert (second.epoch, second.state) == (4, "ready")
    assert broken.state == "broken"
    assert "epoch-9.keras" in (broken.reason or "")


def test_a_pair_is_suggested_among_what_can_be_read(site: Site) -> None:
    listing = site.listing()
    (run,) = listing.runs
    assert listing.suggested is not None
    assert listing.suggested.a == run.snapshots[0].id
    assert listing.suggested.b == run.snapshots[1].id


def test_the_comparison_equals_the_reference(
    site: Site, pair: dict[str, str], saved: SavedPair
) -> None:
    answer = site.ask("/comparison", **pair)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    result = msgspec.json.decode(answer.data, type=contract.Comparison)
    kernel = next(tensor for tensor in result.tensors if tensor.name == "fc/kernel")
    expected = measures(saved.weights_a["fc/kernel"], saved.weights_b["fc/kernel"])
    assert kernel.measures is not None
    assert kernel.measures.l2 == pytest.approx(expected["l2"], rel=1e-9)
    assert result.a.epoch == 1
    assert result.b.epoch == 4


def test_the_architecture_is_that_of_the_configuration(site: Site, pair: dict[str, str]) -> None:
    answer = site.ask("/architecture", **pair)
    graph = msgspec.json.decode(answer.data, type=contract.Architecture)
    assert graph.source == "keras_config"
    assert {node.side for node in graph.nodes} == {"both"}
    kinds = {node.name: node.kind for node in graph.nodes}
    assert kinds["conv1"] == "Conv2D"
    assert ("conv1", "norm1") in {(edge.source, edge.target) for edge in graph.edges}


def test_filters_come_as_arrays(site: Site, pair: dict[str, str], saved: SavedPair) -> None:
    body = site.ask("/filters", layer="conv2", **pair).data
    length = int.from_bytes(body[:8], "little")
    header = json.loads(body[8 : 8 + length])
    assert length % 8 == 0
    assert header["__metadata__"] == {"layer": "conv2", "tensor": "conv2/kernel", "filters": "12"}
    start, end = header["l2"]["data_offsets"]
    values = np.frombuffer(body[8 + length + start : 8 + length + end], "<f8")
    difference = saved.weights_b["conv2/kernel"].astype(float) - saved.weights_a["conv2/kernel"]
    np.testing.assert_allclose(values, np.sqrt((difference**2).sum(axis=(0, 1, 2))), rtol=1e-9)


def test_the_distribution_of_a_layer_and_of_the_model(site: Site, pair: dict[str, str]) -> None:
    layer = msgspec.json.decode(
        site.ask("/distribution", layer="conv1", bins="7", levels="3", **pair).data,
        type=contract.Distribution,
    )
    assert (len(layer.counts), len(layer.counts[0]), layer.total) == (7, 3, 224)
    model = msgspec.json.decode(site.ask("/distribution", **pair).data, type=contract.Distribution)
    assert (len(model.counts), len(model.counts[0]), model.layer) == (20, 5, None)


@pytest.mark.parametrize(
    ("path", "change", "status", "code", "words"),
    [
        ("/comparison", {"a": None}, 400, "invalid_request", "'a' is missing"),
        ("/comparison", {"a": "unknown"}, 404, "not_found", "'unknown'"),
        ("/comparison", {"gb": "old"}, 409, "changed", "epoch-4"),
        ("/comparison", {"a": "x" * 5000}, 400, "invalid_request", "longer"),
        ("/architecture", {"b": "../../etc/passwd"}, 404, "not_found", "id"),
        ("/filters", {}, 400, "invalid_request", "'layer' is missing"),
        ("/filters", {"layer": "conv9"}, 404, "not_found", "conv9"),
        ("/distribution", {"bins": "1"}, 400, "invalid_request", "bins=1"),
        ("/distribution", {"bins": "1e9"}, 400, "invalid_request", "'1e9'"),
        ("/distribution", {"bins": "9" * 400}, 400, "invalid_request", "whole number"),
        ("/distribution", {"levels": "-5"}, 400, "invalid_request", "levels=-5"),
        ("/distribution", {"layer": "relu1"}, 404, "not_found", "relu1"),
        ("/distribution", {"tensor": "nothing"}, 404, "not_found", "nothing"),
        ("/curves", {}, 400, "invalid_request", "'run' is missing"),
        ("/curves", {"run": "nothing"}, 404, "not_found", "'nothing'"),
    ],
)
def test_bad_parameters_are_answered_in_one_shape(
    site: Site,
    pair: dict[str, str],
    path: str,
    change: dict[str, str | None],
    status: int,
    code: str,
    words: str,
) -> None:
    query = {name: value for name, value in {**pair, **change}.items() if value is not None}
    answer = site.ask(path, **query)
    assert answer.status_code == status
    error = msgspec.json.decode(answer.data, type=contract.ErrorBody).error
    assert error.code == code
    assert words in error.message


def test_a_broken_snapshot_cannot_be_compared_and_says_why(site: Site) -> None:
    query = site.pair("epoch-1", "epoch-9")
    answer = site.ask("/comparison", **query)
    assert answer.status_code == 422
    assert "epoch-9 is broken" in json.loads(answer.data)["error"]["message"]


def test_comparing_a_snapshot_with_itself_gives_zero(site: Site) -> None:
    result = json.loads(site.ask("/comparison", **site.pair("epoch-1", "epoch-1")).data)
    assert result["model"]["l2"] == 0
    assert result["model"]["changed"] == 0


def test_no_answer_names_the_logdir(site: Site, pair: dict[str, str], logdir: Path) -> None:
    bodies = [
        site.ask("/comparison", **site.pair("epoch-1", "epoch-9")).data,
        json.dumps(list(json.loads(site.ask("/snapshots").data)["runs"])).encode(),
        site.ask("/comparison", **pair).data,
        site.ask("/comparison", **{**pair, "a": "unknown"}).data,
        site.ask("/architecture", **pair).data,
    ]
    assert all(str(logdir).encode() not in body for body in bodies)


def test_cancelling_needs_a_job(site: Site) -> None:
    answer = site.post("/cancel", {"job": "nothing"})
    assert (answer.status_code, json.loads(answer.data)) == (200, {"ok": False})
    answer = site.post("/cancel", {"jobs": []})
    assert answer.status_code == 400
    assert "job" in json.loads(answer.data)["error"]["message"]


def test_new_overwritten_and_deleted_snapshots_appear_without_a_restart(
    tmp_path: Path, saved: SavedPair
) -> None:
    shutil.copy(saved.folder / "epoch-1.keras", tmp_path)
    site = Site(tmp_path)
    assert [snapshot.name for run in site.listing().runs for snapshot in run.snapshots] == [
        "epoch-1"
    ]
    version = site.listing().version

    shutil.copy(saved.folder / "epoch-4.keras", tmp_path)
    assert site.post("/scan", {}).status_code == 200
    wait_until(lambda: names(site) == ["epoch-1", "epoch-4"])
    assert json.loads(site.ask("/changes").data)["version"] > version
    query = site.pair("epoch-1", "epoch-4")
    assert json.loads(site.ask("/comparison", **query).data)["model"]["l2"] > 0

    shutil.copy(saved.folder / "epoch-1.keras", tmp_path / "epoch-4.keras")
    site.post("/scan", {})
    wait_until(lambda: site.ask("/comparison", **query).status_code == 409)
    query = site.pair("epoch-1", "epoch-4")
    assert json.loads(site.ask("/comparison", **query).data)["model"]["l2"] == 0

    (tmp_path / "epoch-4.keras").unlink()
    site.post("/scan", {})
    wait_until(lambda: names(site) == ["epoch-1"])
    answer = site.ask("/comparison", **query)
    assert (answer.status_code, json.loads(answer.data)["error"]["code"]) == (410, "gone")


def names(site: Site) -> list[str]:
    return [snapshot.name for run in site.listing().runs for snapshot in run.snapshots]


def wait_until(condition: Any) -> None:
    for _ in range(100):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain")
