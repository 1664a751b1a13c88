"""Validation by class, and the images of a class, of a log."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.anomalies import (
    RUN_LENGTH_DEFAULT,
    AnomalyCounts,
    anomaly_counts,
)
from tb_snapshot_compare.analysis.class_clusters import CLUSTERS_DEFAULT, class_clusters
from tb_snapshot_compare.analysis.class_errors import class_errors
from tb_snapshot_compare.analysis.time_order import by_mds
from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.limits import TRAINING_CELLS_MAX
from tb_snapshot_compare.workspace.training_states import ImageStates

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class ErrorSeries:
    """The errors of classes over time, and what follows from them alone.

    `classes` are shares float64 `[classes, passes]`, `model` those of all images; `mds` is the
    order of the classes by similarity, `cluster` the cluster of each, -1 where its error is never
    known.
    """

    classes: Floats
    model: Floats
    mds: NDArray[np.int64]
    cluster: NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return sum(each.nbytes for each in (self.classes, self.model, self.mds, self.cluster))


def error_series(states: ImageStates, clusters: int | None = None) -> ErrorSeries:
    """The errors of classes; `clusters` is how many there are, None for the published default."""
    passes = states.steps.size
    classes = np.full((len(states.classes), passes), np.nan)
    wrong, seen = np.zeros(passes, np.int64), np.zeros(passes, np.int64)
    for part, images in states.parts():
        correct, known = states.correct(images), states.known(images)
        labels = states.labels[images] - part.start
        classes[part] = class_errors(correct, labels, part.stop - part.start, known).classes
        in_pass = np.ones_like(correct) if known is None else known
        wrong += (in_pass & ~correct).sum(axis=0)
        seen += in_pass.sum(axis=0)
    model = np.divide(wrong, seen, out=np.full(passes, np.nan), where=seen > 0)
    found = class_clusters(classes, clusters or CLUSTERS_DEFAULT)
    return ErrorSeries(classes, model, by_mds(classes), found.labels)


def class_counts(states: ImageStates, run_length: int | None) -> AnomalyCounts:
    """How many images of each class changed state; `run_length` None for the published one."""
    from tb_snapshot_compare.store.log_matrices import each

    length = RUN_LENGTH_DEFAULT if run_length is None else run_length
    shape = (len(states.classes), states.steps.size)
    left, right = np.zeros(shape, np.int32), np.zeros(shape, np.int32)

    def count(classes: tuple[slice, NDArray[np.int64]]) -> None:
        part, images = classes
        labels = states.labels[images] - part.start
        states_of = states.correct(images), labels, part.stop - part.start
        counts = anomaly_counts(*states_of, length, states.known(images))
        left[part], right[part] = counts.left, counts.right

    for _ in each(count, list(states.parts())):
        pass
    return AnomalyCounts(left, right, length)


def first_images(labels: NDArray[np.int64], classes: int, pictured: NDArray[np.int64]) -> Integers:
    """The first image of each class that has a picture, `[classes]`; -1 where none has one.

    Args:
      labels: of all images; -1 where unknown.
      classes: how many there are.
      pictured: the images that have a picture, ascending.
    """
    known = pictured[pictured < labels.size]
    of_image = labels[known]
    found = np.full(classes, -1, np.int32)
    found[of_image[of_image >= 0][::-1]] = known[of_image >= 0][::-1]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class ClassImages:
    """Images of a class: indices `[n]`, names, predicted classes and probabilities `[n, passes]`.

    `order` are rows in order of similarity; `left_out` is how many images of the class there are
    besides.
    """

    images: Integers
    names: tuple[str, ...]
    predicted: Integers
    probability: NDArray[np.float16]
    order: Integers
    left_out: int


def class_images(log: "Log", index: int) -> ClassImages:
    """The images of a class, as many as can be shown.

    Args:
      log: the log.
      index: of the class; -1 for images without a label. A class that no image has is empty.

    Raises:
      NotFoundError: there is no such class, or no image without a label.
    """
    probe, passes = log.probe, log.steps("images").size
    labels = np.array([] if probe is None else probe.labels, np.int64)
    images = np.flatnonzero(labels == index if index >= 0 else labels < 0)
    if probe is None or (not images.size and not 0 <= index < len(probe.classes)):
        raise NotFoundError(f"No probe image has the class {index}.")
    shown = images[: max(1, TRAINING_CELLS_MAX // max(passes, 1))]
    predicted, probability = log.images(images=shown)
    return ClassImages(
        images=shown.astype(np.int32),
        names=tuple(probe.images[image] for image in shown.tolist()),
        predicted=predicted,
        probability=probability.astype(np.float16),
        order=by_mds(_states(predicted, index)).astype(np.int32),
        left_out=images.size - shown.size,
    )


def _states(predicted: Integers, index: int) -> NDArray[np.float32]:
    """1 for right, 0 for wrong, NaN for unknown; of images without a label what was predicted."""
    values = (predicted == index).astype(np.float32) if index >= 0 else predicted + np.float32(1)
    values[predicted < 0] = np.nan
    return values


@dataclass(frozen=True, slots=True)
class ImageHistory:
    """What was predicted for an image; see `contract_training.ImageHistory`."""

    image: int
    name: str
    label: int | None
    has_thumbnail: bool
    predicted: tuple[int | None, ...]
    probability: tuple[float | None, ...]


def pictures_of(log: "Log") -> str | None:
    """The version of a log's thumbnails, which stays while others of its tables grow.

    None where there are none.
    """
    return log.content_of("thumbnails") if log.steps("thumbnails").size else None


def image_history(log: "Log", image: int) -> ImageHistory:
    """The history of a probe image.

    Raises:
      NotFoundError: there is no such image.
    """
    probe = log.probe
    if probe is None or not 0 <= image < len(probe.images):
        raise NotFoundError(f"The log has no probe image {image}.")
    predicted, probability = log.images(images=np.array([image]))
    label = probe.labels[image]
    return ImageHistory(
        image=image,
        name=probe.images[image],
        label=label if label >= 0 else None,
        has_thumbnail=log.thumbnail(image) is not None,
        predicted=tuple(value if value >= 0 else None for value in predicted[0].tolist()),
        probability=tuple(
            value if np.isfinite(value) else None for value in probability[0].tolist()
        ),
    )
