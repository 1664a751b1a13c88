"""The kernel map over real checkpoints: dtypes, odd pairs, large tensors, other contents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf

from tb_snapshot_compare.analysis import bin_edges
from tb_snapshot_compare.errors import (
    CancelledError,
    InvalidRequestError,
    SnapshotChangedError,
)
from tb_snapshot_compare.workspace.kernel_levels import Places, base_exponent, levels_of
from tb_snapshot_compare.workspace.kernel_locating import CellsQuery, locate
from tb_snapshot_compare.workspace.kernel_maps import KernelMaps, KernelQuery
from tb_snapshot_compare.workspace.kernel_pyramids import build_pyramid
from tb_snapshot_compare.workspace.kernel_store import (
    decode_located,
    decode_pyramid,
    encode_located,
    encode_pyramid,
)
from tb_snapshot_compare.workspace.kernel_values import KernelValues
from tests.workspace import kernel_reference
from tests.workspace.kernel_models import Saved
from tests.workspace.test_kernel_maps import HALF, Site

Array = np.ndarray[Any, Any]
DTYPES = ("float32", "float16", "bfloat16", "float64", "int64", "int8")
CELLS = CellsQuery(bins=9, levels=4, cells="0-2.0-3,5.1-2,8.0", whole="tensor")


def write(folder: Path, number: int, values: dict[str, Array]) -> None:
    tf.raw_ops.SaveV2(
        prefix=str(folder / f"ckpt-{number}"),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=[tf.constant(value) for value in values.values()],
    )


def kernels(shape: tuple[int, ...], seed: int) -> dict[str, Array]:
    """A kernel of each dtype, with what each can hold of NaN and infinity."""
    random = np.random.default_rng(seed)
    found = {}
    for dtype in DTYPES:
        kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
        values = 50 * random.normal(size=shape)
        if not dtype.startswith("int"):
            for odd in (np.nan, np.inf, -np.inf, 0.0):
                values[random.random(shape) < 0.02] = odd
        found[f"{dtype}_dense/kernel"] = values.astype(kind)
    return found


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("dtypes")
    a, b = kernels((37, 300), 1), kernels((37, 300), 2)
    a["only_a/kernel"], b["only_b/kernel"] = np.ones((2, 2), np.float32), np.ones((2, 5), "f4")
    a["grown/kernel"], b["grown/kernel"] = np.ones((2, 2), np.float32), np.ones((3, 2), np.float32)
    a["words/kernel"] = b["words/kernel"] = np.array([b"one", b"two"])
    a["empty/kernel"] = b["empty/kernel"] = np.ones((0, 4), np.float32)
    a["huge/kernel"], b["huge/kernel"] = (np.full((2, 2), s, np.float32) for s in (1e30, 3e30))
    a["tiny/kernel"], b["tiny/kernel"] = (np.full((2, 2), s, np.float32) for s in (1e-9, 3e-9))
    write(folder, 1, a)
    write(folder, 2, b)
    return Saved(folder, a, b)


@pytest.fixture(scope="module", params=[None, 0], ids=["in memory", "in parts"])
def site(request: pytest.FixtureRequest, checkpoints: Saved) -> Iterator[Site]:
    found = Site(checkpoints, request.param)
    yield found
    found.workspace.close()


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_equals_the_reference(site: Site, dtype: str) -> None:
    name = f"{dtype}_dense/kernel"
    x, y = (
        side[name].astype(np.float64)[:, :, None, None] for side in (site.saved.a, site.saved.b)
    )
    query = site.query(name)
    for number, level in enumerate(site.levels(query)):
        for quantity in ("signed", "relative", "a"):
            wanted = kernel_reference.level(x, y, quantity, level.exponent)
            found = site.level(query, number, quantity)
            np.testing.assert_allclose(found, wanted, rtol=HALF, atol=2.0**-25)


@pytest.mark.parametrize("dtype", DTYPES)
def test_located_cells_of_every_dtype_equal_the_reference(site: Site, dtype: str) -> None:
    name = f"{dtype}_dense/kernel"
    x, y = (side[name].astype(np.float64) for side in (site.saved.a, site.saved.b))
    fine = np.isfinite(x) & np.isfinite(y)
    changes = y[fine] - x[fine]
    edges = bin_edges(changes.min(), changes.max(), CELLS.bins)
    marks = kernel_reference.marks(x, y, edges, np.linspace(0, 2, 5), CELLS.chosen())
    query = site.query(name)
    found = site.level(query, 0, "located", CELLS)
    np.testing.assert_array_equal(found, marks)
    _, totals = site.maps.located(site.a, site.b, query, CELLS)
    assert (totals.weights, totals.slices) == (marks.sum(), marks.sum())


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("only_a", "only in a"),
        ("only_b", "only in b"),
        ("grown", r"\[2, 2\] in a and \[3, 2\] in b"),
        ("words", "not compared as numbers"),
        ("empty", "no elements"),
    ],
)
def test_a_tensor_that_cannot_be_compared_says_why(site: Site, layer: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        site.maps.view(site.a, site.b, KernelQuery(layer))


@pytest.mark.parametrize(("layer", "size"), [("huge", 2e30), ("tiny", 2e-9)])
def test_values_beyond_float16_come_in_a_unit(site: Site, layer: str, size: float) -> None:
    query = KernelQuery(layer)
    unit = site.maps.view(site.a, site.b, query).scales["difference"].unit
    assert unit != 1.0
    assert np.frexp(unit)[0] == 0.5
    np.testing.assert_allclose(site.level(query, 0, "difference") * unit, size, rtol=HALF)


def test_a_replaced_file_is_told(tmp_path: Path) -> None:
    values = kernels((30, 20), 3)
    write(tmp_path, 1, values)
    write(tmp_path, 2, values)
    site = Site(Saved(tmp_path, values, values), 0)
    query = KernelQuery("float32_dense")
    site.maps.view(site.a, site.b, query)
    write(tmp_path, 2, kernels((30, 20), 4))
    for maps in (site.maps, KernelMaps(site.workspace)):
        with pytest.raises(SnapshotChangedError):
            maps.tiles(site.a, site.b, query, "signed", "0.0.0")
    site.workspace.close()


def test_a_cancelled_pass_stops(checkpoints: Saved) -> None:
    def stop(done: int, total: int) -> None:
        if done:
            raise CancelledError("enough")

    site = Site(checkpoints, 0)
    with pytest.raises(CancelledError):
        site.maps.view(site.a, site.b, KernelQuery("float32_dense"), stop)
    site.workspace.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A dense kernel and one of slices, of so many weights that several threads read them."""
    folder = tmp_path_factory.mktemp("large")
    sides = []
    for seed in (1, 2):
        random = np.random.default_rng(seed)
        dense = random.standard_normal((1_100, 1_300), np.float32)
        conv = random.standard_normal((3, 3, 400, 300), np.float32)
        dense[random.random(dense.shape) < 1e-4] = np.nan
        sides.append({"dense/kernel": dense, "conv/kernel": conv})
        write(folder, seed, sides[-1])
    found = Site(Saved(folder, *sides))
    yield found
    found.workspace.close()


@pytest.mark.parametrize("layer", ["dense", "conv"])
@pytest.mark.parametrize("whole", [0, 1 << 40])
def test_a_coarser_base_changes_nothing_but_what_is_kept(
    large: Site, layer: str, whole: int
) -> None:
    pair = large.maps.view(large.a, large.b, KernelQuery(layer)).pair
    levels = levels_of(pair.layout)
    fine = build_pyramid(KernelValues(1 << 40), pair, Places(), pixels=1 << 30)
    coarse = build_pyramid(KernelValues(whole), pair, Places(), pixels=1 << 12)
    assert fine.base == 0
    assert coarse.base == base_exponent(levels, 1 << 12) > 0
    for name, kept in coarse.levels.items():
        for level, wanted in zip(kept, fine.levels[name][coarse.base :], strict=True):
            np.testing.assert_allclose(
                level.astype(float), wanted.astype(float), rtol=2 * HALF, atol=1e-7
            )
        low, high = coarse.scales[name].low, coarse.scales[name].high
        assert low == pytest.approx(fine.scales[name].low, rel=1e-9), name
        assert high == pytest.approx(fine.scales[name].high, rel=1e-9), name
        assert coarse.scales[name].robust == pytest.approx(fine.scales[name].robust, rel=0.2)


@pytest.mark.parametrize("layer", ["dense", "conv"])
def test_what_is_stored_comes_back(large: Site, layer: str) -> None:
    pair = large.maps.view(large.a, large.b, KernelQuery(layer)).pair
    levels = levels_of(pair.layout)
    values = KernelValues()
    pyramid = build_pyramid(values, pair, Places(), pixels=1 << 12)
    shapes = [(level.rows, level.columns) for level in levels if level.exponent >= pyramid.base]
    assert {tuple(one.shape for one in kept) for kept in pyramid.levels.values()} == {tuple(shapes)}
    payload = encode_pyramid(pyramid)
    again = decode_pyramid(payload, levels)
    assert again is not None
    assert again.scales == dict(pyramid.scales)
    for name, kept in pyramid.levels.items():
        for one, other in zip(kept, again.levels[name], strict=True):
            np.testing.assert_array_equal(one, other)
    assert decode_pyramid(payload[:-3], levels) is None
    assert decode_pyramid(payload, levels[:-1]) is None
    assert decode_pyramid(None, levels) is None

    marker = large.maps._marker((large.a, large.b), pair, CELLS, None)
    located = locate(values, pair, Places(), marker, pixels=1 << 12)
    stored = decode_located(encode_located(located), levels)
    assert stored is not None
    assert (stored.weights, stored.slices) == (located.weights, located.slices)
    assert decode_located(b"\x93", levels) is None


def test_large_maps_are_kept_on_disk(large: Site, tmp_path: Path) -> None:
    site = Site(large.saved, whole=0, cache=str(tmp_path))
    query = KernelQuery("dense", columns_by="difference")
    first = site.maps.view(site.a, site.b, query)
    site.maps.located(site.a, site.b, query, CELLS)
    inodes = {path: path.stat().st_ino for path in tmp_path.glob("*.result")}
    assert len(inodes) == 4, "the comparison, the order, the levels, what was located"
    again = KernelMaps(site.workspace, whole=0)
    assert again.view(site.a, site.b, query).scales == first.scales
    again.located(site.a, site.b, query, CELLS)
    assert {path: path.stat().st_ino for path in tmp_path.glob("*.result")} == inodes
    site.workspace.close()
