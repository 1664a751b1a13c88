"""Classes in clusters: those whose errors went up and down together.

K-means (Lloyd 1982; started as by Arthur and Vassilvitskii, "k-means++", SODA 2007) on the series
of errors, z-scored in each pass: what counts is how a class stands among the others at the time,
not how far training was.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLUSTERS_DEFAULT = 4

_RESTARTS = (6, 60)
_RESTARTED_VALUES = 1 << 20
"""Small series are clustered again more often, within these limits: it costs nothing."""
_ROUNDS = 8
"""Of each restart; the best one goes on until nothing changes."""
_ROUNDS_MAX = 100

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ClassClusters:
    """Clusters, that with the least mean error first.

    `labels` int64 `[classes]` is the cluster of each class, -1 for classes whose error is never
    known; `members` lists the classes of each cluster, least mean error first; `errors` float64
    `[clusters, passes]` is the mean of their errors, NaN where none is known.
    """

    labels: Indices
    members: tuple[tuple[int, ...], ...]
    errors: Floats


def class_clusters(
    errors: NDArray[Any], clusters: int = CLUSTERS_DEFAULT, seed: int = 0
) -> ClassClusters:
    """Clusters classes by their errors over time; the same input gives the same clusters.

    Takes a few tenths of a second for 1000 classes x 757 passes.

    Args:
      errors: shares of wrong images, floats `[classes, passes]`, NaN where unknown. An unknown
        value stands for the mean of the classes in that pass.
      clusters: how many; fewer where fewer classes differ.
      seed: of the first guesses.

    Raises:
      ValueError: `clusters` is below 1.
    """
    if clusters < 1:
        raise ValueError(f"{clusters} clusters: want 1 or more")
    values = np.asarray(errors, np.float64)
    known = ~np.isnan(values)
    rows = np.flatnonzero(known.any(axis=1))
    labels = np.full(values.shape[0], -1, np.int64)
    if rows.size:
        labels[rows] = _labels(_z_scores(values[rows]), clusters, seed)
    return _sorted(labels, values)


def _z_scores(errors: Floats) -> Floats:
    """Of each pass over the classes; 0 for what is unknown and where all are equal."""
    known = ~np.isnan(errors)
    counts = np.maximum(known.sum(axis=0), 1)
    away = np.where(known, errors - np.where(known, errors, 0.0).sum(axis=0) / counts, 0.0)
    spread = np.sqrt(np.square(away).sum(axis=0) / counts)
    # A spread of rounding errors is none.
    varies = spread > 1e-9 * np.abs(np.where(known, errors, 0.0)).max(axis=0, initial=0.0)
    scores: Floats = np.divide(away, spread, out=np.zeros_like(away), where=varies)
    return scores


def _labels(points: Floats, clusters: int, seed: int) -> Indices:
    """The cluster of each point, numbered without gaps; the best of some runs."""
    numbers: dict[bytes, int] = {}
    which = [numbers.setdefault(point.tobytes(), len(numbers)) for point in points]
    if len(numbers) <= clusters:
        return np.array(which, np.int64)
    random = np.random.default_rng(seed)
    best: tuple[float, Floats] | None = None
    fewest, most = _RESTARTS
    for _ in range(min(max(_RESTARTED_VALUES // points.size, fewest), most)):
        centres = _spread(points, clusters, random)
        for _ in range(_ROUNDS):
            used, labels = np.unique(_nearest(points, centres)[0], return_inverse=True)
            if used.size < clusters:  # a cluster lost its last point
                break
            centres = _centres(points, labels.ravel(), clusters)
        else:
            inertia = float(_nearest(points, centres)[1].sum())
            if best is None or inertia < best[0]:
                best = (inertia, centres)
    if best is None:
        return _labels(points, clusters - 1, seed)
    return _settled(points, best[1])


def _spread(points: Floats, count: int, random: np.random.Generator) -> Floats:
    """Points far from each other: each next one with a chance of its squared distance to them."""
    chosen = [int(random.integers(len(points)))]
    nearest = _nearest(points, points[chosen])[1]
    while len(chosen) < count:
        chances = np.cumsum(nearest)
        place = int(np.searchsorted(chances, random.random() * chances[-1], side="right"))
        chosen.append(min(place, len(points) - 1))
        nearest = np.minimum(nearest, _nearest(points, points[chosen[-1:]])[1])
    return points[chosen]


def _nearest(points: Floats, centres: Floats) -> tuple[Indices, Floats]:
    """The nearest centre of each point, and its squared distance.

    Threads of BLAS wait for each other where other programs have all processors, and these are
    many short calls: tens of seconds for what takes tenths of one. einsum has none.
    """
    products = np.einsum("ij,kj->ik", points, centres)
    lengths = np.einsum("ij,ij->i", points, points)
    squares = lengths[:, None] - 2 * products + np.einsum("ij,ij->i", centres, centres)
    labels = squares.argmin(axis=1)
    return labels, np.maximum(squares[np.arange(len(points)), labels], 0.0)


def _centres(points: Floats, labels: Indices, count: int) -> Floats:
    """The means of the points of each cluster, none of which is empty."""
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels, minlength=count)
    sums = np.add.reduceat(points[order], np.cumsum(sizes) - sizes, axis=0)
    means: Floats = sums / sizes[:, None]
    return means


def _settled(points: Floats, centres: Floats) -> Indices:
    """The clusters after rounds that change nothing any more, numbered without gaps."""
    labels = _nearest(points, centres)[0]
    for _ in range(_ROUNDS_MAX):
        used, labels = np.unique(labels, return_inverse=True)
        labels = labels.ravel()
        before, labels = labels, _nearest(points, _centres(points, labels, used.size))[0]
        if np.array_equal(before, labels):
            break
    return np.asarray(labels, np.int64)


def _sorted(labels: Indices, errors: Floats) -> ClassClusters:
    """Clusters and their classes, least mean error first; equal ones in order."""
    means = _means(errors, axis=1)
    numbers = range(int(labels.max(initial=-1)) + 1)
    series = [_means(errors[labels == number], axis=0) for number in numbers]
    overall = [float(_means(line[None], axis=1)[0]) for line in series]
    best_first = sorted(numbers, key=lambda number: overall[number])
    renamed = np.full(labels.size, -1, np.int64)
    members = []
    for new, old in enumerate(best_first):
        chosen = np.flatnonzero(labels == old)
        renamed[chosen] = new
        members.append(tuple(chosen[np.argsort(means[chosen], kind="stable")].tolist()))
    lines = np.array([series[number] for number in best_first])
    return ClassClusters(renamed, tuple(members), lines.reshape(len(numbers), errors.shape[1]))


def _means(errors: Floats, axis: int) -> Floats:
    """Of what is known; NaN where nothing is."""
    known = ~np.isnan(errors)
    sums, counts = np.where(known, errors, 0.0).sum(axis=axis), known.sum(axis=axis)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means
