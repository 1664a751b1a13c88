"""The most changed filters of many dumps at once against sorting each dump."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tb_snapshot_compare.store.log_reader import FilterRows
from tb_snapshot_compare.store.log_tables import Session, Unit
from tb_snapshot_compare.workspace import training_tops
from tb_snapshot_compare.workspace.training_tops import FilterLayers, filter_layers, top_index


class Layers:
    """Stands for a log: cosines of layers `[filters, dumps]`."""

    def __init__(self, cosines: Mapping[str, NDArray[np.float64]]) -> None:
        self.cosines = cosines
        self.units: tuple[Unit, ...] = ()
        self.sessions: tuple[Session, ...] = ()
        self.read: list[int] = []
        """How many dumps were read at once."""

    def content_of(self, table: str) -> str:
        return repr(self.steps(table).tolist())

    def steps(self, table: str) -> NDArray[np.int64]:
        assert table == "filters"
        return np.arange(next(iter(self.cosines.values())).shape[1]) * 5

    def filters_over(self, steps: Sequence[int], measures: Sequence[str]) -> FilterRows:
        assert list(measures) == ["cosine"]
        self.read.append(len(steps))
        sizes = [len(rows) for rows in self.cosines.values()]
        return FilterRows(
            tuple(self.cosines),
            np.repeat(np.arange(len(sizes), dtype=np.int32), sizes),
            np.concatenate([np.arange(size, dtype=np.int32) for size in sizes]),
            {"cosine": np.concatenate(list(self.cosines.values()))[:, np.array(steps) // 5]},
        )


@given(data=st.data(), depth=st.integers(1, 6))
def test_every_dump_has_its_smallest_cosines_in_order(data: st.DataObject, depth: int) -> None:
    dumps = data.draw(st.integers(1, 4))
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    values = st.sampled_from([0.1, 0.2, 0.3, 1.0, float("nan")])
    cosines = {
        f"layer{place}": np.array([[data.draw(values) for _ in range(dumps)] for _ in range(size)])
        for place, size in enumerate(sizes)
    }
    left_out = frozenset({0}) if data.draw(st.booleans()) else frozenset[int]()
    index = top_index(Layers(cosines), FilterLayers(tuple(cosines), left_out), depth)  # type: ignore[arg-type]
    for dump in range(dumps):
        everything = [
            (rows[number, dump], place, number)
            for place, rows in enumerate(cosines.values())
            for number in range(len(rows))
            if place not in left_out and rows[number, dump] < 1
        ]
        want = sorted(everything)[:depth]
        found = index.at(dump * 5, depth)
        got = zip(
            found.cosines.tolist(), found.layers.tolist(), found.filters.tolist(), strict=True
        )
        assert list(got) == want
        assert len(index.at(dump * 5, 1)) == min(1, len(want))


def test_many_dumps_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    cosines = {"a": np.random.default_rng(0).random((3, 600))}
    log = Layers(cosines)
    pauses: list[int] = []
    layers = FilterLayers(("a",), frozenset())
    index = top_index(log, layers, 2, pause=lambda: pauses.append(1))  # type: ignore[arg-type]
    for dump in (0, 255, 256, 599):
        assert index.at(dump * 5, 1).cosines[0] == cosines["a"][:, dump].min()
    assert index.depth == 2
    assert log.read == [64] * 9 + [24]
    assert len(pauses) == 10
    monkeypatch.setattr(training_tops, "_CELLS_AT_ONCE", 400)
    log.units = (unit("", "Model", 0, 40, None), unit("a", "Conv2D", 1, 40))
    log.read = []
    again = top_index(log, layers, 2)  # type: ignore[arg-type]
    assert log.read == [10] * 60
    np.testing.assert_array_equal(again.filters, index.filters)


def test_only_new_dumps_are_read_of_a_log_that_grows() -> None:
    cosines = np.random.default_rng(0).random((3, 60))
    layers = FilterLayers(("a",), frozenset())
    log = Layers({"a": cosines[:, :50]})
    first = top_index(log, layers, 2)  # type: ignore[arg-type]
    assert top_index(log, layers, 2, first) is first  # type: ignore[arg-type]
    log.cosines = {"a": cosines}
    second = top_index(log, layers, 2, first)  # type: ignore[arg-type]
    assert log.read == [50, 10]
    whole = top_index(Layers({"a": cosines}), layers, 2)  # type: ignore[arg-type]
    np.testing.assert_array_equal(second.cosines, whole.cosines)
    np.testing.assert_array_equal(second.filters, whole.filters)
    log.sessions = (Session(id="x", started=0, first_step=0, origin="recorded", writer="t"),)
    top_index(log, layers, 2, second)  # type: ignore[arg-type]
    assert log.read == [50, 10, 60]


def unit(path: str, kind: str, order: int, filters: int = 4, parent: str | None = "") -> Unit:
    return Unit(path, parent, kind, filters, 10, order)


@pytest.mark.parametrize(
    ("kinds", "left_out"),
    [
        (("Conv2D", "Conv2D", "Dense"), ("l0", "l2")),
        (("Dense", "Conv2D", "Conv2D", "Dense"), ("l1", "l3")),
        (("Dense", "Dense", "Dense"), ("l2",)),
        (("Conv2D", "Dense"), ()),
        (("Dense",), ()),
    ],
)
def test_the_first_convolution_and_the_last_layer_are_left_out_unless_nothing_else_is_there(
    kinds: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    log = Layers({})
    whole = unit("", "Model", 0, filters=40, parent=None)
    bare = unit("norm", "BatchNormalization", 99, filters=0)
    layers = [unit(f"l{place}", kind, place + 1) for place, kind in enumerate(kinds)]
    log.units = (whole, *reversed(layers), bare)
    found = filter_layers(log, every=False)  # type: ignore[arg-type]
    assert found.paths == tuple(f"l{place}" for place in range(len(kinds)))
    assert found.left_out_paths() == left_out
    assert filter_layers(log, every=True).left_out == frozenset()  # type: ignore[arg-type]
