"""What charts of layers and filters show of a log, aligned with its dumps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

Singles = NDArray[np.float32]
Doubles = NDArray[np.float64]

QUARTILES = ("minimum", "q1", "mean", "q3", "maximum")
_PER_PARAMETER = ("l1", "l2")
_EDGE_TOLERANCE = 1e-6
"""Relative: an edge comes as text."""


def layer_series(log: "Log", kind: str, statistic: str, units: Sequence[str] | None) -> Singles:
    """A statistic of units over time, `[units, dumps]`; `quartiles` `[units, dumps, 5]`.

    Args:
      log: the log.
      kind: one of `log_tables.KINDS`.
      statistic: a column of `layers`; `std`, the root of the variance; or `quartiles`. l1 and l2
        are divided by the number of finite values.
      units: paths; None for all, in the order of the log.

    Returns:
      NaN where unknown.

    Raises:
      NotFoundError: a unit is not in the log.
    """
    check_units(log, units)
    if statistic == "quartiles":
        return np.moveaxis(_singles(log.layer_statistics(kind, QUARTILES, units)), 0, 2)
    if statistic == "std":
        return _singles(np.sqrt(np.maximum(log.layer_statistic(kind, "variance", units), 0.0)))
    if statistic in _PER_PARAMETER:
        names = (statistic, "count", "nan", "inf")
        values, count, nan, inf = log.layer_statistics(kind, names, units)
        with np.errstate(divide="ignore", invalid="ignore"):
            return _singles(values / (count - nan - inf))
    return _singles(log.layer_statistic(kind, statistic, units))


def not_finite_counts(log: "Log", kind: str, units: Sequence[str] | None) -> Doubles:
    """How many values of units are NaN or infinite, and of how many, `[units, dumps, 2]`.

    0 where nothing was recorded; without units where all values are finite. Arguments as of
    `layer_series`.
    """
    check_units(log, units)
    count, nan, inf = np.nan_to_num(log.layer_statistics(kind, ("count", "nan", "inf"), units))
    counts: Doubles = np.stack([nan + inf, count], axis=2)
    return counts if counts[:, :, 0].any() else counts[:0]


def band_shares(
    log: "Log", kind: str, edges: Sequence[float], units: Sequence[str] | None
) -> Singles:
    """The share of parameters per band of |x / w|, `[units, dumps, edges + 1]`, smallest first.

    Args:
      log: the log.
      kind: `update` or `gradient`.
      edges: ascending, each one of `log_tables.BAND_EDGES`.
      units: as in `layer_series`.

    Returns:
      NaN where nothing was recorded; else rows that add up to 1.

    Raises:
      NotFoundError: a unit is not in the log.
      InvalidRequestError: an edge was not recorded.
    """
    check_units(log, units)
    starts = [0, *(place + 1 for place in _places(edges))]
    counts = log.joined_bands(kind, starts, units).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _singles(counts / counts.sum(axis=2, keepdims=True))


def filter_series(
    log: "Log", layer: str, measure: str, filters: Sequence[int] | None = None
) -> Singles:
    """A measure of a layer's filters at every dump of the log, `[filters, dumps]`.

    Args:
      log: the log.
      layer: path of a unit with filters.
      measure: one of `log_tables.MEASURES`.
      filters: only these; None for all.

    Returns:
      NaN where unknown.

    Raises:
      NotFoundError: there is no such layer, or it has no such filter.
    """
    values = log.filter_measure(checked_layer(log, layer), measure)
    if filters is not None:
        if filters and max(filters) >= len(values):
            raise NotFoundError(
                f"Layer {layer!r} has {len(values):,} filters: there is no filter {max(filters)}."
            )
        values = values[list(filters)]
    return _singles(aligned(values, log.steps("filters"), log.steps("layers")))


def checked_layer(log: "Log", layer: str) -> str:
    """The path of a layer with filters.

    Raises:
      NotFoundError: there is none.
    """
    unit = next((unit for unit in log.units if unit.path == layer), None)
    if unit is None:
        raise NotFoundError(f"The log has no layer {layer!r}.")
    if not unit.filters or any(other.parent == layer for other in log.units):
        raise NotFoundError(f"{layer!r} is no layer with filters.")
    return layer


def aligned(values: NDArray[Any], of: NDArray[np.int64], to: NDArray[np.int64]) -> NDArray[Any]:
    """Columns by step brought to other steps; NaN where there is none of that step."""
    if np.array_equal(of, to):
        return values
    found = np.full((len(values), to.size), np.nan, values.dtype)
    _, there, here = np.intersect1d(of, to, assume_unique=True, return_indices=True)
    found[:, here] = values[:, there]
    return found


def dump_of(dumps: NDArray[np.int64], step: int) -> int | None:
    """The dump that tells what happened at a step: the first at or after it, else the last.

    A dump tells of the changes since the one before it. None where there are no dumps.
    """
    if not dumps.size:
        return None
    return int(dumps[min(int(np.searchsorted(dumps, step)), dumps.size - 1)])


def _places(edges: Sequence[float]) -> list[int]:
    """The indices of edges among the recorded ones."""
    from tb_snapshot_compare.store.log_tables import BAND_EDGES

    known = np.array(BAND_EDGES)
    places = []
    for edge in edges:
        place = int(np.argmin(np.abs(known - edge)))
        if not abs(known[place] - edge) <= _EDGE_TOLERANCE * known[place]:
            raise InvalidRequestError(
                f"No band of changes ends at {edge:g}. Choose from 0, 1, and one digit times "
                "0.1, 0.01, ... 0.000001."
            )
        places.append(place)
    if not places or sorted(set(places)) != places:
        raise InvalidRequestError("Edges of bands must be ascending, and at least one.")
    return places


def check_units(log: "Log", units: Sequence[str] | None) -> None:
    """Looks whether a log has these units.

    Raises:
      NotFoundError: it has not all of them.
    """
    known = {unit.path for unit in log.units}
    missing = next((path for path in units or () if path not in known), None)
    if missing is not None:
        raise NotFoundError(f"The log has no unit {missing!r}.")


def _singles(values: NDArray[Any]) -> Singles:
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
