"""Rows of a dump: every unit of every kind, on concatenated parameters."""

from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.analysis import FILTER_MEASURES
from tb_snapshot_compare.recording.hierarchy import hierarchy_of
from tb_snapshot_compare.recording.rows import filter_rows, layer_rows, units_with_nan
from tb_snapshot_compare.recording.values import Dump
from tb_snapshot_compare.store.log_tables import BANDS, KINDS, MEASURES, TABLES

SHAPES = {
    "stage1/conv1/kernel": (3, 3, 3, 8),
    "stage1/conv1/bias": (8,),
    "stage2/conv2/kernel": (3, 3, 8, 6),
    "fc/kernel": (20, 4),
    "count": (),
}
UNITS = ("", "stage1", "stage1/conv1", "stage2", "stage2/conv2", "fc")


def arrays(seed: int, scale: float = 1.0) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    return {
        name: (scale * random.normal(size=shape)).astype(np.float32)
        for name, shape in SHAPES.items()
        if shape
    }


@pytest.fixture
def dump() -> Dump:
    moments = {"moment1": arrays(3), "moment2": {"fc/kernel": arrays(4)["fc/kernel"] ** 2}}
    gradients = {name: values for name, values in arrays(2).items() if "bias" not in name}
    return Dump(40, 0.0, arrays(1), gradients, moments)


def test_measures_have_the_names_of_the_table() -> None:
    assert FILTER_MEASURES == MEASURES


def test_there_is_a_row_for_every_unit_and_kind_that_has_values(dump: Dump) -> None:
    rows = layer_rows(dump, arrays(0), hierarchy_of(dump.weights))
    assert set(rows) == set(TABLES["layers"].names)
    assert set(rows["step"].tolist()) == {40}
    found = set(zip(rows["unit"], rows["kind"], strict=True))
    everywhere = {(unit, kind) for unit in UNITS for kind in KINDS if kind != "moment2"}
    assert found == everywhere | {("", "moment2"), ("fc", "moment2")}
    assert len(rows["unit"]) == len(found)


def test_a_groups_row_is_of_all_its_parameters(dump: Dump) -> None:
    before = arrays(0)
    rows = layer_rows(dump, before, hierarchy_of(dump.weights))
    place = {key: k for k, key in enumerate(zip(rows["unit"], rows["kind"], strict=True))}
    for prefix, kind in ((("stage1/",), "weight"), (("stage1/", "stage2/", "fc/"), "update")):
        unit = "stage1" if len(prefix) == 1 else ""
        parts = [
            values.astype(np.float64) - (before[name] if kind == "update" else 0)
            for name, values in dump.weights.items()
            if name.startswith(prefix)
        ]
        joined = np.concatenate([part.reshape(-1) for part in parts])
        row = place[unit, kind]
        assert rows["count"][row] == joined.size
        assert rows["l2"][row] == pytest.approx(np.linalg.norm(joined), rel=1e-12)
        assert rows["variance"][row] == pytest.approx(joined.var(), rel=1e-9)
        assert rows["q3"][row] == np.quantile(joined, 0.75)


def test_bands_are_of_updates_and_gradients_and_what_they_changed(dump: Dump) -> None:
    before = arrays(0)
    weights = {name: values * 2 for name, values in before.items()}
    rows = layer_rows(Dump(1, 0.0, weights, before), before, hierarchy_of(weights))
    for unit, kind, bands, count in zip(
        rows["unit"], rows["kind"], rows["bands"], rows["count"], strict=True
    ):
        if kind == "weight":
            assert bands is None
            continue
        assert len(bands) == BANDS
        assert sum(bands) == count, unit
        ratio = 1.0 if kind == "update" else 0.5
        assert bands[55 if ratio == 1.0 else 50] == count, (unit, kind)


def test_dead_filters_and_still_values_are_where_they_have_a_meaning(dump: Dump) -> None:
    before = arrays(0)
    weights = {name: values.copy() for name, values in before.items()}
    weights["fc/kernel"][:, 1] = 0
    weights["stage2/conv2/kernel"] += 1
    rows = layer_rows(Dump(1, 0.0, weights), before, hierarchy_of(weights))
    found = {
        key: (dead, still)
        for key, dead, still in zip(
            zip(rows["unit"], rows["kind"], strict=True), rows["dead"], rows["still"], strict=True
        )
    }
    assert found["fc", "weight"] == (1, None)
    assert found["fc", "update"] == (3, 60)
    assert found["stage1", "update"] == (8, 3 * 3 * 3 * 8 + 8)
    assert found["stage2", "update"] == (0, 0)
    assert found["", "update"] == (11, 60 + 224)


def test_moving_statistics_are_weights_and_no_updates() -> None:
    before = {
        "stage1/conv1/kernel": np.ones((3, 3, 3, 8), np.float32),
        "stage1/norm/gamma": np.ones(8, np.float32),
        "stage1/norm/moving_mean": np.zeros(8, np.float32),
        "stage1/norm/moving_variance": np.ones(8, np.float32),
    }
    weights = {name: values + 1 for name, values in before.items()}
    weights["stage1/norm/moving_variance"][1:] += 8000
    weights["stage1/norm/moving_variance"][0] = 1
    rows = layer_rows(Dump(1, 0.0, weights), before, hierarchy_of(weights))
    found = {
        key: (int(count), l2, still)
        for key, count, l2, still in zip(
            zip(rows["unit"], rows["kind"], strict=True),
            rows["count"], rows["l2"], rows["still"], strict=True,
        )
    }  # fmt: skip
    assert found["", "weight"][0] == 216 + 24
    assert found["stage1/norm", "update"] == (8, pytest.approx(8**0.5), 0)
    assert found["", "update"] == found["stage1", "update"] == (224, pytest.approx(224**0.5), 0)
    assert found["stage1/norm", "moving"][0] == 16
    assert found["stage1/norm", "moving"][1] > 20_000
    assert found["stage1/norm", "moving"][2] == 1
    assert found["", "moving"][0] == 16
    assert ("stage1/conv1", "moving") not in found


def test_the_first_dump_has_no_updates(dump: Dump) -> None:
    hierarchy = hierarchy_of(dump.weights)
    assert "update" not in layer_rows(dump, None, hierarchy)["kind"]
    rows = filter_rows(dump, None, hierarchy)
    assert np.isnan(rows["cosine"]).all()
    assert not np.isnan(rows["w_l2"]).any()


def test_filters_are_those_of_kernels_layer_by_layer(dump: Dump) -> None:
    before = arrays(0)
    rows = filter_rows(dump, before, hierarchy_of(dump.weights))
    assert set(rows) == set(TABLES["filters"].names)
    assert rows["layer"] == ["stage1/conv1"] * 8 + ["stage2/conv2"] * 6 + ["fc"] * 4
    assert rows["filter"].tolist() == [*range(8), *range(6), *range(4)]
    kernel = dump.weights["stage2/conv2/kernel"].astype(np.float64)
    change = kernel - before["stage2/conv2/kernel"]
    assert rows["euclidean"][8 + 5] == pytest.approx(np.linalg.norm(change[..., 5]), rel=1e-6)
    assert not np.isnan(rows["g_l2"]).any()


def test_a_network_without_kernels_has_no_filters() -> None:
    weights = {"norm/gamma": np.ones(3, np.float32)}
    assert filter_rows(Dump(0, 0.0, weights), None, hierarchy_of(weights)) == {}


def test_units_that_are_not_finite_are_named(dump: Dump) -> None:
    dump.weights["fc/kernel"][0, 0] = np.nan
    dump.gradients["stage2/conv2/kernel"][0, 0, 0] = np.inf
    rows = layer_rows(dump, None, hierarchy_of(dump.weights))
    assert units_with_nan(rows) == [
        ("", "weight", 1, 0),
        ("fc", "weight", 1, 0),
        ("", "gradient", 0, 6),
        ("stage2", "gradient", 0, 6),
        ("stage2/conv2", "gradient", 0, 6),
    ]
