"""Orders of the rows or columns of a matrix, so that what belongs together lies together."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SERIATION_MAX = 1_024
"""Up to so many items are seriated exactly for their tree: the optimal order of the leaves of
1,024 takes about a second, and its time grows with the square to the cube."""


def by_difference(values: Floats, cosine: bool = False) -> Indices:
    """The indices of the most different first, equal ones in order, NaN last.

    Args:
      values: a measure of each item, float64 `[n]`.
      cosine: the measure is a cosine: small is different.
    """
    keys = values if cosine else -values
    return np.argsort(keys, kind="stable").astype(np.int64)


def by_similarity(items: Floats) -> Indices:
    """An order in which neighbours are alike.

    Up to `SERIATION_MAX` items: hierarchical clustering by average linkage of Euclidean
    distances, the leaves ordered so that the sum of distances between neighbours is the least
    that the tree allows (Bar-Joseph, Gifford and Jaakkola, "Fast optimal leaf ordering for
    hierarchical clustering", Bioinformatics 17, 2001). More items: by their place along the
    first principal axis, the best line through them; exact for items that differ in one way,
    and a sketch of the order else (Friendly, "Corrgrams", The American Statistician 56(4), 2002,
    orders by principal axes likewise).

    The direction is that in which the first item comes in the first half.

    Args:
      items: float64 `[n, features]`; NaN counts as 0.

    Returns:
      int64 `[n]`.
    """
    count = len(items)
    if count < 3:
        return np.arange(count)
    filled = np.nan_to_num(items, nan=0.0, posinf=0.0, neginf=0.0)
    largest = np.abs(filled).max(initial=0.0)
    if largest == 0.0:
        return np.arange(count)
    scaled = filled / largest
    order = _leaves(scaled) if count <= SERIATION_MAX else _along_first_axis(scaled)
    first = int(np.flatnonzero(order == 0)[0])
    return order if 2 * first < count else order[::-1].copy()


def _leaves(items: Floats) -> Indices:
    from scipy.cluster.hierarchy import leaves_list, linkage

    tree = linkage(items, method="average", metric="euclidean", optimal_ordering=True)
    order: Indices = leaves_list(tree).astype(np.int64)
    return order


def _along_first_axis(items: Floats) -> Indices:
    centred = items - items.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.argsort(centred @ axes[:, -1], kind="stable").astype(np.int64)
