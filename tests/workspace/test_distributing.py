from typing import Any

import numpy as np
import pytest

from tb_snapshot_compare import compare, open_snapshot
from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.workspace import distribution
from tests.conftest import FORMATS, SavedPair


def ask(saved: SavedPair, form: str = "keras", **options: Any) -> Any:
    a, b = open_snapshot(saved.a[form]), open_snapshot(saved.b[form])
    return distribution(a, b, compare(a, b), **{"bins": 20, "levels": 5, **options})


def expected(saved: SavedPair, names: list[str], edges: Any, levels: int) -> Any:
    a = np.concatenate([saved.weights_a[name].ravel() for name in names]).astype(float)
    b = np.concatenate([saved.weights_b[name].ravel() for name in names]).astype(float)
    total = np.abs(a) + np.abs(b)
    relative = np.divide(2 * np.abs(b - a), total, out=np.zeros_like(total), where=total != 0)
    counts, _, _ = np.histogram2d(b - a, relative, bins=[edges, np.linspace(0, 2, levels + 1)])
    return counts.astype(int)


@pytest.mark.parametrize("form", FORMATS)
def test_a_layers_distribution_equals_the_reference(saved: SavedPair, form: str) -> None:
    found = ask(saved, form, layer="conv2")
    reference = expected(saved, ["conv2/kernel", "conv2/bias"], found.bin_edges, 5)
    np.testing.assert_array_equal(np.array(found.counts), reference)
    assert found.total == saved.weights_a["conv2/kernel"].size + 12
    assert found.excluded == 0


def test_the_models_distribution_covers_every_weight(saved: SavedPair) -> None:
    found = ask(saved, bins=33, levels=7)
    reference = expected(saved, list(saved.weights_a), found.bin_edges, 7)
    np.testing.assert_array_equal(np.array(found.counts), reference)
    assert len(found.bin_edges) == 34
    assert len(found.level_edges) == 8


def test_one_tensor_alone(saved: SavedPair) -> None:
    found = ask(saved, layer="conv1", tensor="conv1/bias")
    assert found.total == 8


@pytest.mark.parametrize(("bins", "levels"), [(1, 5), (513, 5), (-3, 5), (20, 0), (20, 33)])
def test_absurd_numbers_are_refused(saved: SavedPair, bins: int, levels: int) -> None:
    with pytest.raises(InvalidRequestError, match="choose from"):
        ask(saved, bins=bins, levels=levels)


def test_a_layer_that_was_not_compared_has_no_distribution(saved: SavedPair) -> None:
    with pytest.raises(NotFoundError, match="relu1"):
        ask(saved, layer="relu1")


def test_equal_snapshots_lie_in_the_bin_that_holds_zero(saved: SavedPair) -> None:
    a = open_snapshot(saved.a["keras"])
    found = distribution(a, a, compare(a, a), bins=20, levels=5, layer="fc")
    (index,) = np.flatnonzero(np.array(found.counts).sum(axis=1))
    assert found.bin_edges[index] <= 0 <= found.bin_edges[index + 1]
    assert found.counts[index][0] == found.total
