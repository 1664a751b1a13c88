"""The routes of the kernel map, through WSGI, as the page asks them."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api import contract_kernel as wire
from tests.conftest import SavedPair
from tests.http_api.test_routes import Site, wait_until


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, saved: SavedPair) -> Site:
    folder = tmp_path_factory.mktemp("kernels")
    for name in ("epoch-1", "epoch-4"):
        shutil.copy(saved.folder / f"{name}.keras", folder)
    for path in folder.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return Site(folder)


@pytest.fixture(scope="module")
def pair(site: Site) -> dict[str, str]:
    return site.pair("epoch-1", "epoch-4")


def test_the_map_tells_sizes_levels_scales_and_tensors(site: Site, pair: dict[str, str]) -> None:
    answer = site.ask("/kernel", layer="conv2", **pair)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    found = msgspec.json.decode(answer.data, type=wire.KernelMap)
    assert (found.rows, found.columns, found.cell_rows, found.cell_columns) == (8, 12, 3, 3)
    assert (found.kind, found.tensor, found.measure) == ("Conv2D", "conv2/kernel", "l2")
    assert [(level.rows, level.columns) for level in found.levels] == [(24, 36), (8, 12)]
    assert [scale.quantity for scale in found.scales] == [
        "difference",
        "signed",
        "relative",
        "a",
        "b",
    ]
    assert [tensor.name for tensor in found.tensors] == ["conv2/kernel", "conv2/bias"]
    assert all(tensor.compared for tensor in found.tensors)


def test_tiles_come_as_float16_one_after_the_other(
    site: Site, pair: dict[str, str], saved: SavedPair
) -> None:
    answer = site.ask("/kernel_tiles", layer="fc", quantity="signed", tiles="0.0.0,1.0.0", **pair)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    values = np.frombuffer(answer.data, "<f2").astype(float)
    difference = saved.weights_b["fc/kernel"].astype(float) - saved.weights_a["fc/kernel"]
    assert difference.shape == (1728, 5)
    np.testing.assert_allclose(
        values[: 256 * 5].reshape(256, 5), difference[:256], rtol=2.0**-11, atol=2.0**-25
    )
    assert values.size == 256 * 5 + 256 * 3


def test_tiles_and_order_go_together(site: Site, pair: dict[str, str], saved: SavedPair) -> None:
    query = {"layer": "conv2", "rows_by": "difference", "columns_by": "similarity", **pair}
    body = site.ask("/kernel_order", **query).data
    length = int.from_bytes(body[:8], "little")
    header = json.loads(body[8 : 8 + length])
    places = {}
    for name in ("rows", "columns"):
        assert header[name]["dtype"] == "I32"
        start, end = header[name]["data_offsets"]
        places[name] = np.frombuffer(body[8 + length + start : 8 + length + end], "<i4")
    body = site.ask("/kernel_tiles", quantity="a", tiles="0.0.0", **query).data
    weights = saved.weights_a["conv2/kernel"][:, :, places["rows"]][..., places["columns"]]
    wanted = weights.transpose(2, 0, 3, 1).reshape(24, 36)
    found = np.frombuffer(body, "<f2").reshape(24, 36)
    np.testing.assert_allclose(found, wanted, rtol=2.0**-11, atol=2.0**-25)


def test_a_slice_comes_with_its_weights_and_index(
    site: Site, pair: dict[str, str], saved: SavedPair
) -> None:
    answer = site.ask("/kernel_slice", layer="conv2", row="3", column="5", **pair)
    found = msgspec.json.decode(answer.data, type=wire.KernelSlice)
    assert found.index == [":", ":", "3", "5"]
    np.testing.assert_array_equal(found.a, saved.weights_a["conv2/kernel"][:, :, 3, 5])
    np.testing.assert_array_equal(found.b, saved.weights_b["conv2/kernel"][:, :, 3, 5])
    assert found.texts_a == {}


def test_located_weights_are_those_of_the_distributions_cells(
    site: Site, pair: dict[str, str]
) -> None:
    query = {"layer": "conv2", "tensor": "conv2/kernel", "bins": "8", "levels": "4", **pair}
    counts = np.array(json.loads(site.ask("/distribution", **query).data)["counts"])
    answer = site.ask("/located", cells="0-2.0-3,6.1", whole="tensor", **query)
    found = msgspec.json.decode(answer.data, type=wire.Located)
    assert found.weights == counts[:3].sum() + counts[6, 1]
    assert found.slices_total == 96
    tiles = site.ask(
        "/kernel_tiles", quantity="located", tiles="1.0.0", cells="0-2.0-3,6.1", whole="tensor",
        **query,
    ).data  # fmt: skip
    assert np.frombuffer(tiles, "<f2").sum() == found.weights


def test_the_areas_of_a_map_add_up_to_the_tensor(site: Site, pair: dict[str, str]) -> None:
    query = {"layer": "conv2", "bins": "8", "levels": "4", **pair}
    whole = np.array(
        json.loads(site.ask("/distribution", tensor="conv2/kernel", **query).data)["counts"]
    )
    parts = [
        msgspec.json.decode(
            site.ask("/area_distribution", rows=rows, columns="0-11", whole="tensor", **query).data,
            type=wire.AreaDistribution,
        )
        for rows in ("0-4", "5-7")
    ]
    np.testing.assert_array_equal(sum(np.array(part.counts) for part in parts), whole)
    assert sum(part.total for part in parts) == 864


@pytest.mark.parametrize(
    ("path", "change", "status", "words"),
    [
        ("/kernel", {"layer": None}, 400, "'layer' is missing"),
        ("/kernel", {"layer": "conv9"}, 404, "conv9"),
        ("/kernel", {"layer": "relu1"}, 404, "relu1"),
        ("/kernel", {"tensor": "fc/kernel"}, 404, "conv2/bias"),
        ("/kernel", {"measure": "size"}, 400, "mean_relative_percent"),
        ("/kernel", {"rows_by": "name"}, 400, "similarity"),
        ("/kernel", {"gb": "old"}, 409, "epoch-4"),
        ("/kernel_tiles", {}, 400, "'quantity' is missing"),
        ("/kernel_tiles", {"quantity": "a"}, 400, "'tiles' is missing"),
        ("/kernel_tiles", {"quantity": "c", "tiles": "0.0.0"}, 400, "located"),
        ("/kernel_tiles", {"quantity": "a", "tiles": "5.0.0"}, 400, "levels are 0 to 1"),
        ("/kernel_tiles", {"quantity": "located", "tiles": "0.0.0"}, 400, "'cells' is missing"),
        ("/kernel_slice", {"row": "8", "column": "0"}, 400, "rows 0 to 7"),
        ("/kernel_slice", {"row": "0"}, 400, "'column' is missing"),
        ("/kernel_slice", {"row": "x", "column": "0"}, 400, "whole number"),
        ("/located", {}, 400, "'cells' is missing"),
        ("/located", {"cells": "99.0"}, 400, "bins 0 to 19"),
        ("/located", {"cells": "0.0", "bins": "1"}, 400, "bins=1"),
        ("/located", {"cells": "0.0", "whole": "all"}, 400, "choose layer or tensor"),
        ("/area_distribution", {"rows": "0-8", "columns": "0"}, 400, "places 0 to 7"),
        ("/area_distribution", {"rows": "0", "columns": "0", "levels": "0"}, 400, "levels=0"),
    ],
)
def test_bad_parameters_are_answered_in_one_shape(
    site: Site,
    pair: dict[str, str],
    path: str,
    change: dict[str, str | None],
    status: int,
    words: str,
) -> None:
    every: dict[str, Any] = {**pair, "layer": "conv2", **change}
    answer = site.ask(path, **{name: value for name, value in every.items() if value is not None})
    assert answer.status_code == status
    assert words in msgspec.json.decode(answer.data, type=contract.ErrorBody).error.message


def test_a_replaced_snapshot_is_told_and_never_mixed(tmp_path: Path, saved: SavedPair) -> None:
    for name in ("epoch-1", "epoch-4"):
        shutil.copy(saved.folder / f"{name}.keras", tmp_path)
    site = Site(tmp_path)
    pair = site.pair("epoch-1", "epoch-4")
    query = {"layer": "conv2", "row": "0", "column": "0", **pair}
    assert site.ask("/kernel_slice", **query).status_code == 200
    shutil.copy(saved.folder / "epoch-1.keras", tmp_path / "epoch-4.keras")
    assert site.ask("/kernel_slice", **query).status_code == 409
    site.post("/scan", {})
    wait_until(lambda: site.ask("/kernel", layer="conv2", **pair).status_code == 409)
    again = site.pair("epoch-1", "epoch-4")
    found = json.loads(site.ask("/kernel", layer="conv2", **again).data)
    assert found["scales"][0]["high"] == 0
