"""The measures in plain float64 NumPy, straight from their definitions."""

from typing import Any

import numpy as np


def measures(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> dict[str, float]:
    """Every measure of two arrays without NaN or infinity."""
    x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    difference = y - x
    total = np.abs(x) + np.abs(y)
    relative = np.divide(2 * np.abs(difference), total, out=np.zeros_like(total), where=total != 0)
    return {
        "l2": float(np.sqrt(np.sum(difference**2))),
        "relative_l2": float(np.sqrt(np.sum(difference**2) / np.sum(x**2))),
        "l1": float(np.sum(np.abs(difference))),
        "max_abs": float(np.max(np.abs(difference))),
        "mean_abs": float(np.mean(np.abs(difference))),
        "mean_relative_percent": float(np.mean(relative)),
        "cosine": float(np.sum(x * y) / np.sqrt(np.sum(x**2) * np.sum(y**2))),
        "sign_flips": int(np.sum(x * y < 0)),
        "changed": float(np.mean(x != y)),
    }
