"""What both snapshots predict: for one image, and for all images of a set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """One image's predicted classes, and the probability of its true class (None without label)."""

    image: str
    label: int | None
    predicted_a: int
    predicted_b: int
    truth_a: float | None
    truth_b: float | None


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """All images of a set; accuracies are over the `labelled` ones, None when there are none.

    `failed` names the images that could not be read.
    """

    images: tuple[ImageOutcome, ...]
    labelled: int
    accuracy_a: float | None
    accuracy_b: float | None
    failed: tuple[str, ...]


def image_outcomes(
    names: Sequence[str],
    labels: Sequence[int | None],
    a: Probabilities,
    b: Probabilities,
) -> list[ImageOutcome]:
    """The outcome of each image.

    Args:
      names: Image ids.
      labels: True classes; one beyond the network's classes counts as unknown.
      a: Class probabilities [images, classes] by the first snapshot.
      b: By the second.
    """
    rows = np.arange(len(names))
    classes = min(a.shape[1], b.shape[1])
    labels = [None if label is None or label >= classes else label for label in labels]
    known = np.array([-1 if label is None else label for label in labels])
    truth_a, truth_b = a[rows, known], b[rows, known]
    best_a, best_b = predicted(a), predicted(b)
    return [
        ImageOutcome(
            image=name,
            label=labels[row],
            predicted_a=int(best_a[row]),
            predicted_b=int(best_b[row]),
            truth_a=float(truth_a[row]) if known[row] >= 0 else None,
            truth_b=float(truth_b[row]) if known[row] >= 0 else None,
        )
        for row, name in enumerate(names)
    ]


def set_outcome(images: Sequence[ImageOutcome], failed: Sequence[str]) -> SetOutcome:
    """Adds up the images of a set."""
    labelled = [image for image in images if image.label is not None]
    return SetOutcome(
        images=tuple(images),
        labelled=len(labelled),
        accuracy_a=_share([image.predicted_a == image.label for image in labelled]),
        accuracy_b=_share([image.predicted_b == image.label for image in labelled]),
        failed=tuple(failed),
    )


def predicted(probabilities: Probabilities) -> NDArray[np.intp]:
    """The most probable class of each row; NaN counts as impossible, the first wins a tie."""
    best: NDArray[np.intp] = np.argmax(np.nan_to_num(probabilities, nan=-np.inf), axis=1)
    return best


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
