"""Clusters of classes have the least inertia there is, and the best come first."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.class_clusters import ClassClusters, class_clusters

Array = NDArray[Any]


def z_scores(errors: Array) -> Array:
    spread = errors.std(axis=0)
    return (errors - errors.mean(axis=0)) / np.where(spread > 0, spread, 1)


def inertia(points: Array, labels: Array) -> float:
    return sum(
        float(np.square(points[labels == k] - points[labels == k].mean(axis=0)).sum())
        for k in set(labels.tolist())
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("clusters", [2, 3])
def test_no_partition_of_a_few_classes_has_less_inertia(seed: int, clusters: int) -> None:
    errors = np.random.default_rng(seed).random((7, 5))
    points = z_scores(errors)
    least = min(inertia(points, np.array(labels)) for labels in product(range(clusters), repeat=7))
    found = class_clusters(errors, clusters)
    assert inertia(points, found.labels) == pytest.approx(least)


def planted(seed: int) -> tuple[Array, Array]:
    """40 classes in four kinds: how soon they are learned."""
    random = np.random.default_rng(seed)
    kinds = random.permutation(np.arange(40) % 4)
    passes = np.arange(100)
    pace = np.array([5, 20, 60, 400])[kinds]
    return np.exp(-passes / pace[:, None]) * 0.9 + random.normal(0, 0.01, (40, 100)), kinds


@pytest.mark.parametrize("seed", range(5))
def test_planted_clusters_come_back_best_first(seed: int) -> None:
    errors, kinds = planted(seed)
    found = class_clusters(errors)
    np.testing.assert_array_equal(found.labels, kinds)
    for number, members in enumerate(found.members):
        assert sorted(members) == np.flatnonzero(kinds == number).tolist()
        means = errors[list(members)].mean(axis=1)
        assert (np.diff(means) >= 0).all()
        np.testing.assert_allclose(found.errors[number], errors[list(members)].mean(axis=0))


def test_how_far_training_was_does_not_matter() -> None:
    """A pass in which everything is a hundred times as large counts as any other."""
    errors, kinds = planted(9)
    errors[:, 50] = errors[::-1, 50] * 100
    np.testing.assert_array_equal(class_clusters(errors).labels, kinds)


def consistent(found: ClassClusters, classes: int, passes: int) -> None:
    listed = [member for members in found.members for member in members]
    assert sorted(listed) == np.flatnonzero(found.labels >= 0).tolist()
    assert found.labels.shape == (classes,)
    assert found.errors.shape == (len(found.members), passes)
    for number, members in enumerate(found.members):
        assert members
        assert set(found.labels[list(members)].tolist()) == {number}


@given(data=st.data(), n=st.integers(0, 7), passes=st.integers(0, 4), clusters=st.integers(1, 5))
def test_any_errors_have_clusters_without_empty_ones(
    data: st.DataObject, n: int, passes: int, clusters: int
) -> None:
    value = st.sampled_from([0.0, 1.0, 0.5, 0.1, float("nan")])
    rows = [[data.draw(value) for _ in range(passes)] for _ in range(n)]
    errors = np.array(rows, np.float64).reshape(n, passes)
    found = class_clusters(errors, clusters)
    consistent(found, n, passes)
    assert len(found.members) <= clusters
    assert (found.labels < 0).tolist() == np.isnan(errors).all(axis=1).tolist()
    means = [np.nanmean(line) for line in found.errors]
    np.testing.assert_array_equal(class_clusters(errors.copy(), clusters).labels, found.labels)
    assert not np.isnan(means).any()


def test_fewer_different_classes_than_clusters_are_a_cluster_each() -> None:
    errors = np.repeat(np.array([[0.9, 0.8], [0.1, 0.2], [0.5, 0.4]]), 2, axis=0)
    found = class_clusters(errors, 4)
    assert found.members == ((2, 3), (4, 5), (0, 1))
    assert class_clusters(np.full((3, 4), 0.25)).members == ((0, 1, 2),)


def test_no_clusters_are_named() -> None:
    with pytest.raises(ValueError, match="0 clusters: want 1 or more"):
        class_clusters(np.zeros((2, 2)), 0)
