"""Orders of series over time, so that series of one shape lie together.

The distance of two series is 1 - cosine, and 1 if either is zero. Dividing distances by the
largest, as published systems do, changes no order. `by_mds` places every series on a line by
classical multidimensional scaling (Torgerson, "Multidimensional scaling: I. Theory and method",
Psychometrika 17, 1952) of these distances, and orders them along it. Above `MDS_MAX` series the
line is found from a seeded sample of so many, and the others are placed on it by their distances
to these: Landmark MDS (de Silva and Tenenbaum, "Sparse multidimensional scaling using landmark
points", Stanford 2004), which gives the same coordinates where the distances are those of points
on it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.ordering import by_difference

MDS_MAX = 600
"""Series that are scaled exactly: 0.1 s; time grows with the cube."""

_ROWS = 4_096
"""Series whose distances to the landmarks are in memory together."""
_SMALL = 32
_NOTHING = 1e-12
"""Smaller distances are rounding errors of cosines."""
_SAME = 1e-9
"""Coordinates this close, relative to their range, are one: equal series keep their order."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def by_mds(
    series: NDArray[Any], most: int = MDS_MAX, seed: int = 0, *, zeros_apart: bool = True
) -> Indices:
    """The order of series along the line that keeps their distances best.

    Series that are zero throughout have no direction. As published they are as far from each other
    as from all others, and where they are many (images that are never right) that is what the line
    keeps, not how the others differ. So they come first, and the line is that of the others.

    The direction is that in which series with small means come first, on the whole; the series
    themselves decide it, so that a new pass seldom turns the order round. Equal places keep the
    order of the input. The result is the same for the same input.

    Args:
      series: floats or bool `[n, passes]`. Where a value is NaN the pass is left out of the
        distances of that series; a pass that is NaN in all series is thus ignored.
      most: above so many series, a sample of so many landmarks is used.
      seed: of the sample.
      zeros_apart: False to place zero series on the line too, as published.

    Returns:
      int64 `[n]`: indices in order.

    Raises:
      ValueError: `most` is below 3.
    """
    if most < 3:
        raise ValueError(f"{most} landmarks: want 3 or more")
    if zeros_apart:
        moves = (np.nan_to_num(series) != 0).any(axis=1)
        still, rest = np.flatnonzero(~moves), np.flatnonzero(moves)
        if still.size:
            order = by_mds(series[rest], most, seed, zeros_apart=False)
            return np.concatenate([still, rest[order]])
    places = _along_means(mds_coordinates(series, most, seed), series)
    reach = float(np.ptp(places)) if places.size else 0.0
    steps = np.round(places / (reach * _SAME)) if reach > 0 else np.zeros(places.size)
    return np.argsort(steps, kind="stable").astype(np.int64)


def by_peak(series: NDArray[Any]) -> Indices:
    """The order by largest value, largest first, of series `[n, passes]`.

    Equal ones keep their order; series without a value, or all NaN, come last.
    """
    peaks = np.fmax.reduce(np.asarray(series, np.float64), axis=1, initial=-np.inf)
    return by_difference(np.where(np.isneginf(peaks), np.nan, peaks))


def mds_coordinates(series: NDArray[Any], most: int = MDS_MAX, seed: int = 0) -> Floats:
    """The first coordinate of each series, float64 `[n]`; arguments as of `by_mds`.

    Mean 0 over the landmarks; the sign is arbitrary. 0 for all where no two differ.
    """
    count = series.shape[0]
    if count < 2:
        return np.zeros(count)
    if count <= most:
        chosen = np.arange(count)
    else:
        chosen = np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
    landmarks = _Series.of(series[chosen])
    squares = np.square(_distances(landmarks, landmarks, np.arange(chosen.size)))
    value, vector = _leading(_centred(squares))
    if value <= 0.0:
        return np.zeros(count)
    if count <= most:
        exact: Floats = vector * np.sqrt(value)
        return exact
    # Row i of the squares goes to -v . (row i - mean row) / (2 sqrt(value)).
    mean, axis = squares.mean(axis=0), vector / np.sqrt(value)
    places = np.empty(count)
    itself = np.full(count, -1)
    itself[chosen] = np.arange(chosen.size)
    for start in range(0, count, _ROWS):
        rows = slice(start, start + _ROWS)
        far = np.square(_distances(_Series.of(series[rows]), landmarks, itself[rows]))
        places[rows] = (mean - far) @ axis / 2
    return places


@dataclass(frozen=True, slots=True)
class _Series:
    """Values with 0 for NaN, and where they are not NaN; None where all are known."""

    values: Floats
    known: Floats | None

    @classmethod
    def of(cls, series: NDArray[Any]) -> "_Series":
        values = np.asarray(series, np.float64)
        missing = np.isnan(values)
        if not missing.any():
            return cls(values, None)
        return cls(np.where(missing, 0.0, values), (~missing).astype(np.float64))

    def squares_in(self, other: "_Series") -> Floats:
        """The squared length of each series over what the other ones know: `[n, others or 1]`."""
        squares = np.square(self.values)
        if other.known is None:
            return np.asarray(squares.sum(axis=1, keepdims=True))
        return squares @ other.known.T


def _distances(rows: _Series, columns: _Series, itself: Indices) -> Floats:
    """1 - cosine `[rows, columns]`; 0 in the column that is the row itself, -1 for none."""
    lengths = np.sqrt(rows.squares_in(columns) * columns.squares_in(rows).T)
    products = rows.values @ columns.values.T
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    distances = 1 - cosines.clip(-1.0, 1.0)
    distances[distances < _NOTHING] = 0.0
    here = np.flatnonzero(itself >= 0)
    distances[here, itself[here]] = 0.0
    return distances


def _centred(squares: Floats) -> Floats:
    """-1/2 J D2 J, where J takes away the mean."""
    rows = squares.mean(axis=0)
    centred: Floats = (rows + rows[:, None] - squares - rows.mean()) / 2
    return centred


def _leading(matrix: Floats) -> tuple[float, Floats]:
    """The largest eigenvalue of a symmetric matrix and its vector."""
    size = matrix.shape[0]
    if size <= _SMALL:
        values, vectors = np.linalg.eigh(matrix)
        return float(values[-1]), vectors[:, -1]
    if not matrix.any():
        return 0.0, np.zeros(size)
    from scipy.sparse.linalg import LinearOperator, eigsh  # slow to import

    # Threads of BLAS wait for each other in thousands of short calls where a training program has
    # all processors: seconds for what takes milliseconds. einsum has none.
    operator = LinearOperator((size, size), lambda v: np.einsum("ij,j->i", matrix, v.ravel()))
    start = np.random.default_rng(0).standard_normal(size)
    values, vectors = eigsh(operator, 1, which="LA", v0=start)
    return float(values[0]), vectors[:, 0]


def _along_means(places: Floats, series: NDArray[Any]) -> Floats:
    """The places, turned so that they grow with the means of the series.

    Where they do not grow with them either way, the first place that is not 0 is made negative.
    """
    means = _means(series)
    slope = float((places - places.mean()) @ (means - means.mean())) if places.size else 0.0
    largest = float(np.abs(places).max(initial=0.0))
    if abs(slope) <= _SAME * largest * float(np.abs(means).sum()):
        away = places[np.abs(places) > _SAME * largest]
        slope = -float(away[0]) if away.size else 0.0
    return -places if slope < 0 else places


def _means(series: NDArray[Any]) -> Floats:
    """Of what is known of each; 0 where nothing is."""
    means = np.zeros(series.shape[0])
    for start in range(0, means.size, _ROWS):
        rows = slice(start, start + _ROWS)
        part = _Series.of(series[rows])
        known = np.asarray(series.shape[1] if part.known is None else part.known.sum(axis=1))
        means[rows] = part.values.sum(axis=1) / np.maximum(known, 1)
    return means
