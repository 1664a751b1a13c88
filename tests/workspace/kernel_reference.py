"""What the kernel map shows, straight from the definitions in float64 NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def pixel(x: Array, y: Array, quantity: str) -> float:
    """A quantity of the weights x of a and y of b under one pixel."""
    if quantity in ("a", "b"):
        own = x if quantity == "a" else y
        own = own[np.isfinite(own)]
        if not own.size:
            return np.nan
        return float(np.copysign(np.sqrt(np.mean(own**2)), np.sum(own)))
    if quantity == "changed":
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        return float(np.mean(~same))
    fine = np.isfinite(x) & np.isfinite(y)
    x, y = x[fine], y[fine]
    if not x.size:
        return np.nan
    return MEASURES[quantity](x, y)


def _relative(x: Array, y: Array) -> float:
    total = np.abs(x) + np.abs(y)
    parts = np.divide(2 * np.abs(y - x), total, out=np.zeros_like(total), where=total != 0)
    return float(np.mean(parts))


def _relative_l2(x: Array, y: Array) -> float:
    over, under = np.sum((y - x) ** 2), np.sum(x**2)
    if under == 0:
        return 0.0 if over == 0 else np.nan
    return float(np.sqrt(over / under))


def _cosine(x: Array, y: Array) -> float:
    a, b = np.sum(x**2), np.sum(y**2)
    if a == 0 or b == 0:
        return 1.0 if a == b else np.nan
    return float(np.sum(x * y) / np.sqrt(a * b))


def _signed(x: Array, y: Array) -> float:
    return float(np.copysign(np.sqrt(np.mean((y - x) ** 2)), np.sum(y - x)))


MEASURES: dict[str, Callable[[Array, Array], float]] = {
    "l2": lambda x, y: float(np.sqrt(np.mean((y - x) ** 2))),
    "l1": lambda x, y: float(np.mean(np.abs(y - x))),
    "mean_abs": lambda x, y: float(np.mean(np.abs(y - x))),
    "max_abs": lambda x, y: float(np.max(np.abs(y - x))),
    "mean_relative_percent": _relative,
    "relative": _relative,
    "relative_l2": _relative_l2,
    "cosine": _cosine,
    "sign_flips": lambda x, y: float(np.mean(x * y < 0)),
    "signed": _signed,
}


def level(x: Array, y: Array, quantity: str, exponent: int) -> Array:
    """A whole level `[rows, columns]` of matrices `[rows, columns, cell_rows, cell_columns]`.

    The exponent is -1 for single weights, else pixels are of 2^exponent slices a side.
    """
    return pooled(x, y, exponent, lambda u, v: pixel(u.ravel(), v.ravel(), quantity))


def pooled(x: Array, y: Array, exponent: int, value: Callable[[Array, Array], float]) -> Array:
    """`value` of the weights under every pixel."""
    if exponent < 0:
        x, y = (_weights(side) for side in (x, y))
        exponent = 0
    side = 1 << exponent
    rows, columns = -(-x.shape[0] // side), -(-x.shape[1] // side)
    found = np.empty((rows, columns))
    for r in range(rows):
        for c in range(columns):
            part = slice(r * side, (r + 1) * side), slice(c * side, (c + 1) * side)
            found[r, c] = value(x[part], y[part])
    return found


def _weights(matrix: Array) -> Array:
    rows, columns, height, width = matrix.shape
    flat = matrix.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    return flat[:, :, None, None]


def marks(x: Array, y: Array, low_edges: Array, level_edges: Array, chosen: Array) -> Array:
    """Which weights lie in chosen cells: 1 or 0, of the shape of x.

    Bins and levels are those of `np.histogram`: half-open, the last one closed.
    """
    with np.errstate(all="ignore"):
        difference, total = y - x, np.abs(x) + np.abs(y)
        change = np.divide(
            2 * np.abs(difference), total, out=np.zeros_like(total), where=total != 0
        )
    fine = np.isfinite(x) & np.isfinite(y)
    bins = np.clip(np.searchsorted(low_edges, difference, side="right") - 1, 0, len(chosen) - 1)
    levels = np.clip(np.searchsorted(level_edges, change, side="right") - 1, 0, chosen.shape[1] - 1)
    return (chosen[bins, levels] & fine).astype(float)
