import numpy as np
import pytest

from tb_snapshot_compare.analysis import ordering
from tb_snapshot_compare.analysis.ordering import by_difference, by_similarity


def test_the_most_different_come_first_and_the_unknown_last() -> None:
    values = np.array([1.0, np.nan, 3.0, 3.0, 0.0])
    assert by_difference(values).tolist() == [2, 3, 0, 4, 1]


def test_a_small_cosine_is_a_great_difference() -> None:
    assert by_difference(np.array([1.0, -1.0, np.nan, 0.5]), cosine=True).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize("exact", [True, False])
def test_shuffled_points_of_a_line_come_back_in_order(
    monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    if not exact:
        monkeypatch.setattr(ordering, "SERIATION_MAX", 10)
    random = np.random.default_rng(4)
    places = random.permutation(60).astype(float)
    items = np.outer(places, [1.0, -2.0, 0.5]) + 7.0
    order = by_similarity(items)
    steps = np.diff(places[order])
    assert np.all(steps == 1) or np.all(steps == -1)
    assert np.flatnonzero(order == 0)[0] < 30


def test_clusters_lie_together() -> None:
    random = np.random.default_rng(5)
    labels = random.integers(3, size=90)
    items = np.eye(3)[labels] * 10 + random.normal(scale=0.1, size=(90, 3))
    found = labels[by_similarity(items)]
    assert np.count_nonzero(np.diff(found)) == 2


@pytest.mark.parametrize("items", [np.zeros((5, 2)), np.full((4, 3), np.nan), np.ones((2, 2))])
def test_items_that_are_all_alike_keep_their_order(items: np.ndarray) -> None:
    assert by_similarity(items).tolist() == list(range(len(items)))


def test_values_near_the_limits_of_float64_are_ordered() -> None:
    items = np.array([[1e300], [-1e300], [0.0], [np.inf]])
    assert sorted(by_similarity(items).tolist()) == [0, 1, 2, 3]
