"""The routes of the Training page over a recorded log, through WSGI, as the page asks them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tb_snapshot_compare.http_api import contract, contract_training
from tb_snapshot_compare.http_api.contract import Curve
from tb_snapshot_compare.http_api.training import on_steps
from tb_snapshot_compare.store.log_tables import BAND_EDGES
from tb_snapshot_compare.workspace import deriving, index_runs
from tests.http_api.test_routes import Flags, Site, wait_until
from tests.workspace.made_logs import CLASSES, PNG, UNITS, MadeLog
from tests.workspace.test_deriving import save, weights

DTYPES = {"F32": "<f4", "F16": "<f2", "I32": "<i4", "F64": "<f8"}
RUN = "run"


def arrays(body: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """What a file in the safetensors layout holds."""
    length = int.from_bytes(body[:8], "little")
    header = json.loads(body[8 : 8 + length])
    metadata = header.pop("__metadata__")
    found = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = np.frombuffer(body[8 + length + start : 8 + length + end], DTYPES[entry["dtype"]])
        found[name] = values.reshape(entry["shape"])
    return found, metadata


def trained(site: Site, run: str = RUN) -> contract_training.Training:
    """What `training` says, once the findings are known."""
    for _ in range(200):
        answer = site.ask("/training", run=run)
        assert answer.status_code == 200, answer.data
        found = msgspec.json.decode(answer.data, type=contract_training.Training)
        if found.examined and found.state != "indexing":
            return found
        time.sleep(0.05)
    raise AssertionError("it was not examined")


@pytest.fixture(scope="module")
def made() -> MadeLog:
    """A layer never trains; bees change for good at pass 60."""
    made = MadeLog.of(dumps=100, passes=100)
    of = made.statistics["update"]
    row = [unit.path for unit in UNITS].index("stage/conv1")
    of["still"][row], of["l2"][row] = of["count"][row], 0.0
    bees = np.flatnonzero(made.labels == 1)
    made.predicted[bees, 59:] = np.where(made.predicted[bees, 59:] == 1, 0, 1)
    made.events.append((600, "anomaly", "Something happened.", {}))
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, made: MadeLog) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("logs")
    made.write(folder / RUN / "snapshot_log")
    started = Site(folder)
    wait_until(lambda: b'"run"' in started.ask("/snapshots").data)
    return started


@pytest.fixture(scope="module")
def v(site: Site) -> str:
    return trained(site).version


def test_a_run_that_only_recorded_itself_is_listed(site: Site) -> None:
    listing = msgspec.json.decode(site.ask("/snapshots").data, type=contract.Listing)
    assert [(run.name, run.has_log, run.snapshots) for run in listing.runs] == [(RUN, True, [])]


def test_training_tells_what_there_is(site: Site, made: MadeLog) -> None:
    found = trained(site)
    assert (found.origin, found.state, found.axis) == ("recorded", "ready", "step")
    assert found.dumps == made.dumps.tolist()
    assert found.passes == made.passes.tolist()
    assert [unit.path for unit in found.units] == [unit.path for unit in UNITS]
    assert [unit.path for unit in found.units if unit.is_layer] == [
        "stage/conv1",
        "stage/conv2",
        "norm",
        "head",
    ]
    assert found.kinds == ["weight", "update", "gradient"]
    assert found.measures[0] == "cosine"
    assert "g_l2" in found.measures
    assert found.band_edges == list(BAND_EDGES)
    assert found.classes == list(CLASSES)
    assert (found.probe_images, found.labelled, found.pictures is None) == (60, True, False)
    assert [(stage.first, stage.last, stage.value) for stage in found.rates] == [
        (1, 500, 0.1),
        (501, 1000, 0.01),
    ]
    assert [(event.step, event.kind) for event in found.events] == [(600, "anomaly")]
    assert [session.writer for session in found.sessions] == ["tests 1"]
    assert "100 times its weights, every 10 steps, 100 validation passes" in found.note
    assert (found.published_threshold, found.published_run_length) == (5, 30)
    assert found.problems == []


def test_findings_come_with_their_evidence(site: Site) -> None:
    found = trained(site)
    kinds = {finding.kind: finding for finding in found.findings}
    assert set(kinds) == {"never_trained", "anomaly"}
    stuck = kinds["never_trained"]
    assert (stuck.units, stuck.view, stuck.steps) == (["stage/conv1"], "layers", [20, 1000])
    assert "stage/conv1 never trained" in stuck.text
    anomaly = kinds["anomaly"]
    assert (anomaly.classes, anomaly.view, anomaly.steps) == ([1], "validation", [600])
    assert "20 images of bee" in anomaly.text
    assert found.suggested_threshold == 3
    assert found.suggested_run_length == 30


def test_layers_bands_and_filters_are_arrays(site: Site, v: str, made: MadeLog) -> None:
    query = {"run": RUN, "v": v, "kind": "weight", "statistic": "mean"}
    answer = site.ask("/training_layers", **query)
    assert "immutable" in answer.headers["Cache-Control"]
    values, metadata = arrays(answer.data)
    np.testing.assert_allclose(values["values"], made.statistics["weight"]["mean"], rtol=1e-6)
    assert json.loads(metadata["units"]) == [unit.path for unit in UNITS]
    some, _ = arrays(site.ask("/training_layers", units='["head"]', **query).data)
    np.testing.assert_array_equal(some["values"], values["values"][5:])
    box, _ = arrays(site.ask("/training_layers", **query | {"statistic": "quartiles"}).data)
    assert box["values"].shape == (6, 100, 5)

    query = {"run": RUN, "v": v, "kind": "gradient", "edges": "0.001,0.1", "units": '["norm"]'}
    bands, _ = arrays(site.ask("/training_bands", **query).data)
    assert bands["values"].shape == (1, 100, 3)
    np.testing.assert_allclose(bands["values"].sum(axis=2), 1, rtol=1e-6)

    query = {"run": RUN, "v": v, "layer": "head", "measure": "cosine"}
    filters, _ = arrays(site.ask("/training_filters", **query).data)
    np.testing.assert_allclose(filters["values"], made.filters["head"]["cosine"], rtol=1e-6)
    few, _ = arrays(site.ask("/training_filters", filters="4,1", **query).data)
    np.testing.assert_array_equal(few["values"], filters["values"][[4, 1]])


def test_layers_tell_how_much_of_them_is_not_finite(tmp_path: Path) -> None:
    made = MadeLog.of()
    made.statistics["gradient"]["nan"][5, 4:] = 54
    made.write(tmp_path / RUN / "snapshot_log")
    site = Site(tmp_path)
    wait_until(lambda: b'"run"' in site.ask("/snapshots").data)
    query = {"run": RUN, "v": trained(site).version, "kind": "gradient"}
    layers, _ = arrays(site.ask("/training_layers", statistic="l1", **query).data)
    assert layers["not_finite"][5].tolist() == [0.0] * 4 + [54.0] * 8
    assert layers["count"][:, 0].tolist() == [unit.parameters for unit in UNITS]
    bands, _ = arrays(site.ask("/training_bands", edges="0.1", units='["head"]', **query).data)
    assert bands["not_finite"].shape == bands["count"].shape == (1, 12)
    norm, _ = arrays(site.ask("/training_bands", edges="0.1", units='["norm"]', **query).data)
    weights = query | {"kind": "weight", "statistic": "mean"}
    whole, _ = arrays(site.ask("/training_layers", **weights).data)
    assert set(norm) == set(whole) == {"values"}


def test_classes_and_their_images(site: Site, v: str, made: MadeLog) -> None:
    found, _ = arrays(site.ask("/training_classes", run=RUN, v=v, run_length=4).data)
    assert {name: values.shape for name, values in found.items()} == {
        **dict.fromkeys(("error", "left", "right"), (3, 100)),
        **dict.fromkeys(("model_error", "model_left", "model_right"), (100,)),
        **dict.fromkeys(("mds", "peak", "cluster", "first_image"), (3,)),
    }
    assert found["first_image"].tolist() == [0, -1, -1]
    assert found["left"][1, 59] == 20
    images, metadata = arrays(site.ask("/training_images", run=RUN, v=v, **{"class": 1}).data)
    np.testing.assert_array_equal(images["predicted"], made.predicted[images["image"]])
    assert json.loads(metadata["names"])[0] == f"image-{images['image'][0]}.png"
    assert metadata["left_out"] == "0"
    history = msgspec.json.decode(
        site.ask("/training_image", run=RUN, v=v, image=3).data,
        type=contract_training.ImageHistory,
    )
    assert (history.label, history.has_thumbnail, len(history.predicted)) == (0, True, 100)


def test_a_picture_is_a_file_that_browsers_keep(site: Site, v: str) -> None:
    pictures = trained(site).pictures
    assert pictures != v
    answer = site.ask("/training_thumbnail", run=RUN, pictures=pictures, image=3)
    assert (answer.data, answer.mimetype) == (PNG, "image/png")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"]
    missing = site.ask("/training_thumbnail", run=RUN, pictures=pictures, image=4)
    assert missing.status_code == 404


def test_top_filters_correlation_and_forensics(site: Site, v: str) -> None:
    top = msgspec.json.decode(
        site.ask("/training_top", run=RUN, v=v, steps="600,610", count=6, all_layers=1).data,
        type=contract_training.TopFilters,
    )
    assert (top.steps, top.count, top.left_out) == ([600, 610], 6, [])
    correlation = msgspec.json.decode(
        site.ask("/training_correlation", run=RUN, v=v, threshold=5, run_length=5).data,
        type=contract_training.Correlation,
    )
    assert correlation.left_out == ["stage/conv1", "head"]
    forensics = msgspec.json.decode(
        site.ask("/training_forensics", run=RUN, v=v, step=605).data,
        type=contract_training.Forensics,
    )
    assert forensics.step == 605


def test_series_of_the_log_are_curves(site: Site, made: MadeLog) -> None:
    answer = site.ask("/training_curves", run=RUN)
    curves = msgspec.json.decode(answer.data, type=contract_training.TrainingCurves).curves
    assert [(curve.tag, curve.kind) for curve in curves] == [
        ("learning_rate", "other"),
        ("loss", "loss"),
    ]
    assert curves[1].x == made.loss_steps.tolist()
    np.testing.assert_allclose(np.array(curves[1].y, float), made.loss)


def test_epochs_are_brought_to_steps_where_it_is_known_how_many_they_have() -> None:
    curve = Curve(run="r", tag="epoch_loss", kind="loss", axis="epoch", x=[1.0, 2.0], y=[1.0, None])
    moved = on_steps(curve, 50)
    assert (moved.axis, moved.x, moved.y) == ("step", [50.0, 100.0], [1.0, None])
    assert on_steps(curve, None) == curve


@pytest.mark.parametrize(
    ("path", "change", "status", "words"),
    [
        ("/training", {"run": None}, 400, "'run' is missing"),
        ("/training", {"run": "nothing"}, 404, "'nothing'"),
        ("/training_curves", {"run": "nothing"}, 404, "'nothing'"),
        ("/training_layers", {"v": None}, 400, "'v' is missing"),
        ("/training_layers", {"v": "old"}, 409, "Ask for `training` again"),
        ("/training_layers", {"kind": "bias"}, 400, "choose from weight, update"),
        ("/training_layers", {"statistic": "mode"}, 400, "choose from l1"),
        ("/training_layers", {"units": '["x"]'}, 404, "no unit 'x'"),
        ("/training_layers", {"units": "head"}, 400, "JSON list"),
        ("/training_layers", {"units": "[1]"}, 400, "JSON list"),
        ("/training_bands", {"edges": "0.15"}, 400, "0.15"),
        ("/training_bands", {"edges": None}, 400, "at least one"),
        ("/training_bands", {"kind": "weight"}, 400, "choose from update, gradient"),
        ("/training_filters", {"layer": "conv9"}, 404, "'conv9'"),
        ("/training_filters", {"layer": "norm"}, 404, "'norm'"),
        ("/training_filters", {"filters": "0-3"}, 400, "separated by commas"),
        ("/training_filters", {"filters": "99"}, 404, "no filter 99"),
        ("/training_top", {"steps": None}, 400, "'steps' is missing"),
        ("/training_top", {"steps": "x"}, 400, "whole numbers"),
        ("/training_top", {"count": "0"}, 400, "count=0"),
        ("/training_classes", {"run_length": "100"}, 400, "run_length=100"),
        ("/training_classes", {"clusters": "0"}, 400, "clusters=0"),
        ("/training_images", {"class": None}, 400, "'class' is missing"),
        ("/training_images", {"class": "7"}, 404, "class 7"),
        ("/training_images", {"class": "-1"}, 404, "class -1"),
        ("/training_image", {"image": "60"}, 404, "image 60"),
        ("/training_image", {"image": "-1"}, 400, "image=-1"),
        ("/training_thumbnail", {"image": "9"}, 404, "image 9"),
        ("/training_thumbnail", {"pictures": "old"}, 409, "again"),
        ("/training_thumbnail", {"pictures": None}, 400, "'pictures' is missing"),
        ("/training_correlation", {"threshold": None}, 400, "'threshold' is missing"),
        ("/training_correlation", {"threshold": "0"}, 400, "threshold=0"),
        ("/training_forensics", {"step": None}, 400, "'step' is missing"),
        ("/training_forensics", {"step": "x"}, 400, "whole number"),
    ],
)
def test_bad_parameters_are_answered_in_one_shape(
    site: Site, v: str, path: str, change: dict[str, str | None], status: int, words: str
) -> None:
    usual: dict[str, Any] = {
        "run": RUN,
        "v": v,
        "kind": "update",
        "statistic": "l2",
        "edges": "0.1",
        "layer": "head",
        "measure": "cosine",
        "steps": "10",
        "class": "0",
        "image": "0",
        "threshold": "5",
        "step": "50",
        "pictures": trained(site).pictures,
    }
    query = {name: value for name, value in (usual | change).items() if value is not None}
    answer = site.ask(path, **query)
    assert answer.status_code == status, answer.data
    error = msgspec.json.decode(answer.data, type=contract.ErrorBody).error
    assert words in error.message


def test_a_log_that_grows_has_a_new_version(tmp_path: Path) -> None:
    made = MadeLog.of(dumps=6, passes=6)
    made.write(tmp_path / "snapshot_log", 0, 4)
    site = Site(tmp_path)
    wait_until(lambda: b'"has_log":true' in site.ask("/snapshots").data)
    first = trained(site, ".")
    assert (first.dumps, first.passes) == ([10, 20, 30, 40], [10, 20, 30, 40])
    changes = msgspec.json.decode(site.ask("/changes").data, type=contract.Changes)
    made.write(tmp_path / "snapshot_log", 4, 6)
    wait_until(lambda: json.loads(site.ask("/changes").data)["training"] > changes.training)
    wait_until(lambda: trained(site, ".").version != first.version)
    assert trained(site, ".").dumps == made.dumps.tolist()
    assert trained(site, ".").pictures == first.pictures
    stale = site.ask("/training_layers", run=".", v=first.version, kind="weight", statistic="l2")
    assert (stale.status_code, json.loads(stale.data)["error"]["code"]) == (409, "changed")


def test_a_run_that_did_not_record_itself_has_a_log_of_its_snapshots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deriving, "_CONFIG_SECONDS", 0.0)
    for step in (10, 20, 30):
        save(tmp_path / "logs" / "net", step, weights(step))
    save(tmp_path / "logs" / "alone", 1, weights(1))
    flags = Flags(tmp_path / "logs")
    flags.snapshot_compare_cache_dir = str(tmp_path / "cache")
    site = Site(tmp_path / "logs", flags)
    listing = site.listing()
    assert not (tmp_path / "cache" / "logs").exists(), "it begins when the page is opened"
    wait_until(lambda: json.loads(site.ask("/training", run="net").data)["done"] == 2)
    found = trained(site, "net")
    assert (found.origin, found.state, found.done, found.total) == ("derived", "ready", 2, 2)
    assert found.dumps == [10, 20, 30]
    assert found.kinds == ["weight", "update"]
    assert found.measures == [
        "cosine",
        "euclidean",
        "manhattan",
        "relative_l1",
        "relative_l2",
        "w_l2",
        "w_std",
    ]
    assert (found.passes, found.classes, found.suggested_threshold) == ([], [], None)
    ids = {run.name: [each.id for each in run.snapshots] for run in listing.runs}["net"]
    assert [(each.id, each.step) for each in found.snapshots] == list(
        zip(ids, (10, 20, 30), strict=True)
    )
    assert "Computed from 3 snapshots" in found.note
    values, _ = arrays(
        site.ask(
            "/training_filters", run="net", v=found.version, layer="head", measure="cosine"
        ).data
    )
    assert values["values"].shape == (5, 3)
    answer = site.ask("/training_classes", run="net", v=found.version)
    assert answer.status_code == 404
    assert "No validation passes" in json.loads(answer.data)["error"]["message"]

    single = msgspec.json.decode(
        site.ask("/training", run="alone").data, type=contract_training.Training
    )
    assert (single.origin, single.state) == ("none", "empty")
    assert "fewer than two snapshots" in single.note


def test_a_log_that_was_computed_beforehand_is_ready_at_once(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        save(tmp_path / "logs" / "net", step, weights(step))
    flags = Flags(tmp_path / "logs")
    flags.snapshot_compare_cache_dir = str(tmp_path / "cache")
    (indexed,) = index_runs(str(tmp_path / "logs"), "net", str(tmp_path / "cache"))
    assert indexed.computed == 2
    site = Site(tmp_path / "logs", flags)
    site.listing()
    first = msgspec.json.decode(
        site.ask("/training", run="net").data, type=contract_training.Training
    )
    assert (first.origin, first.state, first.done, first.total) == ("derived", "ready", 2, 2)
    assert first.dumps == [10, 20, 30]
    assert first.units
