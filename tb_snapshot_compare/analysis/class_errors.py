"""The share of wrong images of each class in each validation pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ClassErrors:
    """`classes` float64 `[classes, passes]`, `model` float64 `[passes]`, of all labelled images.

    Shares of the images that are known in a pass, 0 to 1; NaN where none is.
    """

    classes: NDArray[np.float64]
    model: NDArray[np.float64]


def class_errors(
    correct: NDArray[Any],
    labels: NDArray[Any],
    classes: int,
    known: NDArray[np.bool_] | None = None,
) -> ClassErrors:
    """Counts what is wrong, by class.

    Args:
      correct: whether an image was right, bool or uint8 `[images, passes]`; not 0 is right.
      labels: the class of each image, whole numbers `[images]`; images below 0 have none and
        are left out.
      classes: how many there are.
      known: False where it is not known whether an image was right; None where all is known.

    Raises:
      ValueError: a label is not below `classes`.
    """
    if labels.size and labels.max() >= classes:
        raise ValueError(f"label {labels.max()}: want less than {classes}, the number of classes")
    passes = correct.shape[1]
    wrong, seen = (np.zeros((classes, passes), np.int64) for _ in range(2))
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], np.arange(classes + 1))
    for index in np.flatnonzero(np.diff(ends)):
        rows = order[ends[index] : ends[index + 1]]
        is_wrong = correct[rows] == 0
        if known is None:
            seen[index] = rows.size
        else:
            is_known = known[rows]
            is_wrong &= is_known
            seen[index] = np.count_nonzero(is_known, axis=0)
        wrong[index] = np.count_nonzero(is_wrong, axis=0)
    return ClassErrors(_shares(wrong, seen), _shares(wrong.sum(axis=0), seen.sum(axis=0)))


def _shares(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    shares = np.full(part.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
