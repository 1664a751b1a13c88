"""Every tensor of every layer kind on the kernel map, against float64 NumPy."""

from collections.abc import Iterator
from time import sleep
from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare.analysis import bin_edges
from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.snapshot import SnapshotRef, State
from tb_snapshot_compare.workspace import Workspace
from tb_snapshot_compare.workspace.kernel_levels import TILE, Level
from tb_snapshot_compare.workspace.kernel_locating import CellsQuery
from tb_snapshot_compare.workspace.kernel_maps import KernelMaps, KernelQuery
from tests.workspace import kernel_models, kernel_reference
from tests.workspace.kernel_models import Saved

Array = np.ndarray[Any, Any]
HALF = 2.0**-11
CELLS = CellsQuery(bins=20, levels=5, cells="0-6.0-4,12-19.1-4,9.0", whole="layer")


class NoEvents:
    """TensorBoard has read nothing."""

    def keras_configs(self, event_runs: Any) -> tuple[str, ...]:
        return ()


class Site:
    """A workspace over two snapshots."""

    def __init__(self, saved: Saved, whole: int | None = None, cache: str = "none") -> None:
        self.saved = saved
        self.workspace = Workspace.of_directories(str(saved.folder), "", "", cache, NoEvents())
        self.maps = (
            KernelMaps(self.workspace) if whole is None else KernelMaps(self.workspace, whole)
        )
        self.a, self.b = self._refs()

    def _refs(self) -> tuple[SnapshotRef, SnapshotRef]:
        for _ in range(200):
            refs = [ref for run in self.workspace.catalog().runs for ref in run.snapshots]
            if len(refs) == 2 and all(ref.state is State.READY for ref in refs):
                return refs[0], refs[1]
            sleep(0.05)
        raise AssertionError("no two snapshots were listed")

    def layer_of(self, name: str) -> str:
        """The layer that owns a tensor."""
        for layer in self.workspace.architecture(self.a, self.b).graph.layers:
            if name in layer.tensors:
                return layer.name
        raise AssertionError(name)

    def query(self, name: str, **options: str) -> KernelQuery:
        return KernelQuery(self.layer_of(name), name, **options)

    def levels(self, query: KernelQuery) -> tuple[Level, ...]:
        return self.maps.view(self.a, self.b, query).levels

    def level(
        self, query: KernelQuery, number: int, quantity: str, cells: CellsQuery | None = None
    ) -> Array:
        """A whole level, put together from its tiles."""
        level = self.levels(query)[number]
        found = np.empty((level.rows, level.columns))
        for row in range(-(-level.rows // TILE)):
            for column in range(-(-level.columns // TILE)):
                body = self.maps.tiles(
                    self.a, self.b, query, quantity, f"{number}.{row}.{column}", cells
                )
                part = found[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
                part[:] = np.frombuffer(body, "<f2").reshape(part.shape)
        return found


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    return kernel_models.save(tmp_path_factory.mktemp("kinds"), odd=False)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    return kernel_models.save(tmp_path_factory.mktemp("spoilt"), odd=True)


@pytest.fixture(scope="module")
def site(saved: Saved) -> Iterator[Site]:
    found = Site(saved)
    yield found
    found.workspace.close()


@pytest.fixture(scope="module")
def spoilt_site(spoilt: Saved) -> Iterator[Site]:
    found = Site(spoilt)
    yield found
    found.workspace.close()


@pytest.fixture(scope="module")
def streaming_site(spoilt: Saved) -> Iterator[Site]:
    """Reads every weight from the files, in parts."""
    found = Site(spoilt, whole=0)
    yield found
    found.workspace.close()


def assert_halves(found: Array, wanted: Array, name: str) -> None:
    np.testing.assert_allclose(found, wanted, rtol=HALF, atol=2.0**-25, err_msg=name)


def weight_names(saved: Saved) -> list[str]:
    return [name for name, values in saved.a.items() if values.dtype == np.float32]


def test_every_tensor_of_every_layer_kind_has_a_map(site: Site, saved: Saved) -> None:
    for name in weight_names(saved):
        x, _ = saved.matrices(name)
        view = site.maps.view(site.a, site.b, site.query(name))
        layout = view.pair.layout
        found = (layout.rows, layout.columns, layout.cell_rows, layout.cell_columns)
        assert found == x.shape, name
        assert layout.row_word
        assert layout.column_word


def test_every_level_of_every_tensor_equals_the_reference(spoilt_site: Site) -> None:
    saved = spoilt_site.saved
    for name in weight_names(saved):
        x, y = saved.matrices(name)
        query = spoilt_site.query(name)
        for number, level in enumerate(spoilt_site.levels(query)):
            wanted = kernel_reference.level(x, y, "signed", level.exponent)
            assert_halves(spoilt_site.level(query, number, "signed"), wanted, name)


@pytest.mark.parametrize("name", ["dense/kernel", "conv3d/kernel", "transposed2d/kernel"])
@pytest.mark.parametrize("quantity", ["relative", "a", "b"])
def test_every_quantity_equals_the_reference(spoilt_site: Site, name: str, quantity: str) -> None:
    x, y = spoilt_site.saved.matrices(name)
    query = spoilt_site.query(name)
    for number, level in enumerate(spoilt_site.levels(query)):
        wanted = kernel_reference.level(x, y, quantity, level.exponent)
        assert_halves(spoilt_site.level(query, number, quantity), wanted, quantity)


@pytest.mark.parametrize(
    "measure",
    [
        "l2", "relative_l2", "l1", "max_abs", "mean_abs", "mean_relative_percent", "cosine",
        "sign_flips", "changed",
    ],
)  # fmt: skip
def test_every_measure_equals_the_reference(spoilt_site: Site, measure: str) -> None:
    name = "transposed1d/kernel"
    x, y = spoilt_site.saved.matrices(name)
    query = spoilt_site.query(name, measure=measure)
    for number, level in enumerate(spoilt_site.levels(query)):
        wanted = kernel_reference.level(x, y, measure, level.exponent)
        assert_halves(spoilt_site.level(query, number, "difference"), wanted, measure)


def test_scales_are_those_of_the_slices(spoilt_site: Site) -> None:
    for name in ("conv2d/kernel", "embedding/embeddings", "transposed3d/kernel"):
        x, y = spoilt_site.saved.matrices(name)
        view = spoilt_site.maps.view(spoilt_site.a, spoilt_site.b, spoilt_site.query(name))
        for quantity, scale in view.scales.items():
            shown = "l2" if quantity == "difference" else quantity
            values = kernel_reference.level(x, y, shown, 0)
            values = values[np.isfinite(values)]
            assert scale.low == pytest.approx(values.min(), rel=1e-9)
            assert scale.high == pytest.approx(values.max(), rel=1e-9)
            robust = np.percentile(np.abs(values), 99.5, method="lower")
            assert scale.robust == pytest.approx(robust, rel=1e-9)


def test_weights_read_in_parts_give_the_same_map(spoilt_site: Site, streaming_site: Site) -> None:
    for name in weight_names(spoilt_site.saved):
        query = spoilt_site.query(name)
        for number in range(len(spoilt_site.levels(query))):
            found = streaming_site.level(query, number, "difference")
            wanted = spoilt_site.level(query, number, "difference")
            np.testing.assert_array_equal(found, wanted, err_msg=name)
            found = streaming_site.level(query, number, "located", CELLS)
            wanted = spoilt_site.level(query, number, "located", CELLS)
            np.testing.assert_array_equal(found, wanted, err_msg=name)


def edges_of(saved: Saved, names: list[str], bins: int) -> Array:
    changes = []
    for name in names:
        x, y = (side[name].astype(float).ravel() for side in (saved.a, saved.b))
        fine = np.isfinite(x) & np.isfinite(y)
        changes.append(y[fine] - x[fine])
    every = np.concatenate(changes)
    low, high = (every.min(), every.max()) if every.size else (0.0, 0.0)
    return bin_edges(low, high, bins)


@pytest.mark.parametrize("whole", ["layer", "tensor"])
def test_located_cells_are_exactly_the_references(spoilt_site: Site, whole: str) -> None:
    saved = spoilt_site.saved
    cells = CellsQuery(CELLS.bins, CELLS.levels, CELLS.cells, whole)
    layers = spoilt_site.workspace.architecture(spoilt_site.a, spoilt_site.b).graph.layers
    for layer in layers:
        for name in layer.tensors:
            if name not in saved.a or saved.a[name].dtype != np.float32:
                continue
            names = [other for other in layer.tensors if saved.a[other].dtype == np.float32]
            edges = edges_of(saved, names if whole == "layer" else [name], cells.bins)
            x, y = saved.matrices(name)
            marks = kernel_reference.marks(
                x, y, edges, np.linspace(0, 2, cells.levels + 1), cells.chosen()
            )
            query = KernelQuery(layer.name, name)
            _, totals = spoilt_site.maps.located(spoilt_site.a, spoilt_site.b, query, cells)
            assert totals.weights == marks.sum(), name
            assert totals.slices == marks.any(axis=(2, 3)).sum(), name
            for number, level in enumerate(spoilt_site.levels(query)):
                found = spoilt_site.level(query, number, "located", cells)
                wanted = kernel_reference.pooled(
                    marks, marks, level.exponent, lambda u, _: float(u.sum())
                )
                np.testing.assert_array_equal(found, wanted, err_msg=name)


@pytest.mark.parametrize(
    ("name", "rows_by", "columns_by"),
    [
        ("dense/kernel", "difference", "similarity"),
        ("transposed2d/kernel", "similarity", "difference"),
        ("conv1d/kernel", "index", "difference"),
        ("embedding/embeddings", "difference", "index"),
        ("batch_norm/gamma", "index", "similarity"),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_tiles_obey_the_order(
    request: pytest.FixtureRequest, streaming: bool, name: str, rows_by: str, columns_by: str
) -> None:
    site: Site = request.getfixturevalue("streaming_site" if streaming else "spoilt_site")
    query = site.query(name, rows_by=rows_by, columns_by=columns_by)
    rows, columns = site.maps.order(site.a, site.b, query)
    x, y = (side[rows][:, columns] for side in site.saved.matrices(name))
    edges = edges_of(site.saved, [name], CELLS.bins)
    cells = CellsQuery(CELLS.bins, CELLS.levels, CELLS.cells, "tensor")
    marks = kernel_reference.marks(x, y, edges, np.linspace(0, 2, 6), cells.chosen())
    for number, level in enumerate(site.levels(query)):
        wanted = kernel_reference.level(x, y, "l2", level.exponent)
        assert_halves(site.level(query, number, "difference"), wanted, name)
        counts = kernel_reference.pooled(marks, marks, level.exponent, lambda u, _: float(u.sum()))
        np.testing.assert_array_equal(site.level(query, number, "located", cells), counts)


def test_the_order_by_difference_is_that_of_the_rows_measures(spoilt_site: Site) -> None:
    name = "grouped/kernel"
    x, y = spoilt_site.saved.matrices(name)
    query = spoilt_site.query(name, rows_by="difference", columns_by="difference", measure="l1")
    rows, columns = spoilt_site.maps.order(spoilt_site.a, spoilt_site.b, query)
    of_rows = [
        kernel_reference.pixel(u.ravel(), v.ravel(), "l1") for u, v in zip(x, y, strict=True)
    ]
    assert rows.tolist() == np.argsort(-np.array(of_rows), kind="stable").tolist()
    of_columns = [
        kernel_reference.pixel(x[:, c].ravel(), y[:, c].ravel(), "l1") for c in range(x.shape[1])
    ]
    assert columns.tolist() == np.argsort(-np.array(of_columns), kind="stable").tolist()


def test_orders_are_permutations_and_kept(spoilt_site: Site) -> None:
    query = spoilt_site.query("dense/kernel", rows_by="similarity", columns_by="similarity")
    first = spoilt_site.maps.order(spoilt_site.a, spoilt_site.b, query)
    again = spoilt_site.maps.order(spoilt_site.a, spoilt_site.b, query)
    for order, repeated, size in zip(first, again, (262, 259), strict=True):
        assert sorted(order.tolist()) == list(range(size))
        np.testing.assert_array_equal(order, repeated)


def test_a_slice_holds_the_exact_weights(spoilt_site: Site) -> None:
    saved = spoilt_site.saved
    for name in weight_names(saved):
        x, y = saved.matrices(name)
        row, column = x.shape[0] - 1, x.shape[1] // 2
        pair, found = spoilt_site.maps.slice(
            spoilt_site.a, spoilt_site.b, spoilt_site.query(name), row, column
        )
        np.testing.assert_array_equal(found.a, x[row, column])
        np.testing.assert_array_equal(found.b, y[row, column])
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(found.difference, y[row, column] - x[row, column])
        index = tuple(slice(None) if text == ":" else int(text) for text in found.index)
        stored = saved.a[name][index].ravel()
        np.testing.assert_array_equal(stored, x[row, column].ravel(), err_msg=name)
        fine = np.isfinite(x[row, column]) & np.isfinite(y[row, column])
        changes = np.abs(found.difference[fine])
        assert found.measures.max_abs == (changes.max() if changes.size else None)
        assert pair.name == name


def test_an_area_has_the_distribution_of_its_weights(
    spoilt_site: Site, streaming_site: Site
) -> None:
    name = "dense/kernel"
    for site in (spoilt_site, streaming_site):
        query = site.query(name, rows_by="difference")
        rows, _ = site.maps.order(site.a, site.b, query)
        x, y = (side[rows][10:200, 3:77].ravel() for side in site.saved.matrices(name))
        found = site.maps.area_distribution(
            site.a, site.b, query, "10-199", "3-76", 20, 5, "tensor"
        )
        fine = np.isfinite(x) & np.isfinite(y)
        total = np.abs(x) + np.abs(y)
        with np.errstate(invalid="ignore"):
            change = np.divide(2 * np.abs(y - x), total, out=np.zeros_like(x), where=total != 0)
            difference = y - x
        wanted, _, _ = np.histogram2d(
            difference[fine],
            change[fine],
            bins=[edges_of(site.saved, [name], 20), np.linspace(0, 2, 6)],
        )
        np.testing.assert_array_equal(np.array(found.counts), wanted.astype(int))
        assert found.excluded == np.count_nonzero(~fine)


def test_the_whole_area_is_the_tensors_distribution(spoilt_site: Site) -> None:
    query = spoilt_site.query("conv2d/kernel")
    found = spoilt_site.maps.area_distribution(
        spoilt_site.a, spoilt_site.b, query, "0-3", "0-5", 12, 4, "tensor"
    )
    whole = spoilt_site.workspace.distribution(
        spoilt_site.a, spoilt_site.b, bins=12, levels=4, layer="conv2d", tensor="conv2d/kernel"
    )
    assert found.counts == whole.counts
    assert found.excluded == whole.excluded


def test_the_largest_tensor_is_shown_when_none_is_named(site: Site) -> None:
    assert site.maps.view(site.a, site.b, KernelQuery("conv2d")).pair.name == "conv2d/kernel"


def test_groups_and_gates_are_told_from_the_configuration(site: Site) -> None:
    grouped = site.maps.view(site.a, site.b, KernelQuery("grouped")).pair.layout
    assert not grouped.rows_are_channels
    assert "2 groups" in (grouped.note or "")
    plain = site.maps.view(site.a, site.b, KernelQuery("conv2d")).pair.layout
    assert plain.rows_are_channels
    gates = site.maps.view(site.a, site.b, site.query("lstm/lstm_cell/kernel")).pair.layout
    assert gates.column_word == "gate unit"
    assert "input, forget, cell, output: 4 each" in (gates.note or "")


@pytest.mark.parametrize(
    ("query", "error", "words"),
    [
        ({"layer": "nothing"}, NotFoundError, "'nothing'"),
        ({"layer": "image"}, NotFoundError, "no weights"),
        ({"layer": "dense", "tensor": "conv2d/kernel"}, NotFoundError, "dense/kernel"),
        ({"layer": "dense", "measure": "nan_a"}, InvalidRequestError, "nan_a"),
        ({"layer": "dense", "rows_by": "size"}, InvalidRequestError, "'size'"),
    ],
)
def test_what_is_not_there_is_said(
    site: Site, query: dict[str, str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        site.maps.view(site.a, site.b, KernelQuery(**query))


@pytest.mark.parametrize(
    ("tiles", "words"),
    [
        ("", "not level.row.column"),
        ("0.0", "not level.row.column"),
        ("0.0.-1", "not level.row.column"),
        ("9.0.0", "the levels are 0 to 1"),
        ("0.2.0", "2 x 2 tiles"),
        (",".join(["0.0.0"] * 17), "at most 16"),
    ],
)
def test_tiles_that_do_not_exist_are_refused(site: Site, tiles: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        site.maps.tiles(site.a, site.b, KernelQuery("dense"), "signed", tiles)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("", "not bins.levels"),
        ("1", "not bins.levels"),
        ("20.0", "bins 0 to 19"),
        ("0.5", "levels 0 to 4"),
        ("5-3.0", "bins 0 to 19"),
        ("0.0;1.1", "not bins.levels"),
    ],
)
def test_cells_that_do_not_exist_are_refused(site: Site, cells: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        site.maps.located(site.a, site.b, KernelQuery("dense"), CellsQuery(20, 5, cells, "layer"))


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [("0-262", "0", "places 0 to 261"), ("5-4", "0", "rows"), ("0", "x", "range of places")],
)
def test_areas_outside_the_map_are_refused(site: Site, rows: str, columns: str, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        site.maps.area_distribution(
            site.a, site.b, KernelQuery("dense"), rows, columns, 20, 5, "layer"
        )


@pytest.mark.parametrize(("row", "column"), [(262, 0), (0, 259), (-1, 0)])
def test_slices_outside_the_map_are_refused(site: Site, row: int, column: int) -> None:
    with pytest.raises(InvalidRequestError, match="tensor 'dense/kernel' has the"):
        site.maps.slice(site.a, site.b, KernelQuery("dense"), row, column)


def test_other_words_for_whole_and_quantity_are_refused(site: Site) -> None:
    query = KernelQuery("dense")
    with pytest.raises(InvalidRequestError, match="choose layer or tensor"):
        site.maps.located(site.a, site.b, query, CellsQuery(20, 5, "0.0", "model"))
    with pytest.raises(InvalidRequestError, match="quantity='l2'"):
        site.maps.tiles(site.a, site.b, query, "l2", "0.0.0")
    with pytest.raises(InvalidRequestError, match="needs bins, levels and cells"):
        site.maps.tiles(site.a, site.b, query, "located", "0.0.0")
