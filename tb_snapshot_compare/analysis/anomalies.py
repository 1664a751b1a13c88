"""Anomaly iterations: passes at which many images of a class leave, or enter, a long stable state.

The rule is DeepTracker's (Liu, Cui, Jin, Guo and Qu, "DeepTracker: Visualizing the Training
Process of Convolutional Neural Networks", ACM TIST 10(1), 2018). In a validation pass an image is
right, wrong, or unknown. An image *changes* at pass t when it was right at t - 1 and is wrong at
t, or the other way round.

- It counts as *left* at t when it changes at t after at least d + 1 passes in one state,
  t - 1 - d ... t - 1: a long stable state breaks.
- It counts as *right* at t when it changes at t and stays so for at least d + 1 passes,
  t ... t + d: a long stable state begins. The change lies between t - 1, the last pass of the old
  state, and t, where it is recorded and drawn.

So both sides name the same pass for the same change, and a lasting one counts on both. A state
must have been seen for d + 1 passes: nothing counts as left before pass d + 1, nor as right after
pass `passes` - 1 - d, of which the future is not known yet. An unknown pass is in no state: it ends
the run before it, and a run after it starts anew. d is called `run_length` throughout, as
published: 0 counts every change.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

RUN_LENGTH_DEFAULT = 30
THRESHOLD_DEFAULT = 5
"""Images, of the 50 that a class has in ImageNet's validation set."""
IMMEDIATE_RUN_LENGTH = 0
IMMEDIATE_THRESHOLD = 30
MODEL_RUN_LENGTH_DEFAULT = 49
RUN_LENGTHS = 100
"""Published systems count for d = 0 ... 99."""

_BLOCK_CELLS = 1 << 20
"""Images x passes that are looked at together: some 30 bytes each where all images change."""
_UNKNOWN = 2

Side = Literal["left", "right"]
Counts = NDArray[Any]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class AnomalyCounts:
    """How many images of each class count on either side, for one d.

    `left` and `right` are int32 `[classes, passes]`; 0 where nothing can count yet.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    run_length: int

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.left.nbytes + self.right.nbytes

    @property
    def left_known(self) -> slice:
        """The passes at which an image can count as left."""
        return slice(self.run_length + 1, max(self.left.shape[1], self.run_length + 1))

    @property
    def right_known(self) -> slice:
        """The passes at which an image can count as right; later ones wait for the future."""
        return slice(1, max(self.right.shape[1] - self.run_length, 1))

    def whole(self) -> "AnomalyCounts":
        """The counts of all classes together, as those of one class `[1, passes]`."""
        left, right = (side.sum(0, np.int32, keepdims=True) for side in (self.left, self.right))
        return AnomalyCounts(left, right, self.run_length)


@dataclass(frozen=True, slots=True)
class AllAnomalyCounts:
    """The same for every d: int16 or int32 `[classes, passes, RUN_LENGTHS]`."""

    left: Counts
    right: Counts

    def of(self, run_length: int) -> AnomalyCounts:
        """The counts for one d, 0 ... `RUN_LENGTHS` - 1."""
        left, right = (side[:, :, run_length].astype(np.int32) for side in (self.left, self.right))
        return AnomalyCounts(left, right, run_length)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Images of a class that left, or entered, a stable state together at a pass."""

    class_index: int
    pass_index: int
    side: Side
    count: int


def anomaly_counts(
    correct: NDArray[Any],
    labels: NDArray[Any],
    classes: int,
    run_length: int = RUN_LENGTH_DEFAULT,
    known: NDArray[np.bool_] | None = None,
) -> AnomalyCounts:
    """Counts for one d.

    Time grows with the images x passes, and with the changes. 50,000 images x 757 passes take
    some tenths of a second; memory is that of the result and about 30 MB.

    Args:
      correct: whether an image was right, bool or uint8 `[images, passes]`; not 0 is right.
      labels: the class of each image, whole numbers `[images]`; images below 0 have none and
        are left out.
      classes: how many there are.
      run_length: d.
      known: False where it is not known whether an image was right, bool `[images, passes]`;
        None where all is known.

    Raises:
      ValueError: shapes do not match, a label is not below `classes`, or d is negative.
    """
    _check(correct, labels, classes, known)
    if run_length < 0:
        raise ValueError(f"a run length of {run_length}: want 0 or more")
    passes = correct.shape[1]
    left, right = (np.zeros(classes * passes, np.int32) for _ in range(2))
    for changes in _changes(correct, labels, known, run_length):
        _count(changes.cells[changes.before > run_length], left)
        _count(changes.cells[changes.after > run_length], right)
    shape = (classes, passes)
    return AnomalyCounts(left.reshape(shape), right.reshape(shape), run_length)


def all_anomaly_counts(
    correct: NDArray[Any],
    labels: NDArray[Any],
    classes: int,
    known: NDArray[np.bool_] | None = None,
) -> AllAnomalyCounts:
    """Counts for every d below `RUN_LENGTHS`; arguments and errors as of `anomaly_counts`.

    The result is large: two bytes for each side, class, pass and d where no class has more than
    32,767 images (300 MB for 1000 classes x 757 passes), else four.
    """
    _check(correct, labels, classes, known)
    passes = correct.shape[1]
    largest = np.bincount(labels[labels >= 0]).max(initial=0)
    dtype = np.int16 if largest <= np.iinfo(np.int16).max else np.int32
    left, right = (np.zeros(classes * passes * RUN_LENGTHS, dtype) for _ in range(2))
    for changes in _changes(correct, labels, known):
        first = changes.cells * RUN_LENGTHS - 1
        _count(first + np.minimum(changes.before, RUN_LENGTHS), left)
        _count(first + np.minimum(changes.after, RUN_LENGTHS), right)
    sides = [side.reshape(classes, passes, RUN_LENGTHS) for side in (left, right)]
    for side in sides:  # a run of r passes counts for every d below r
        down = side[:, :, ::-1]
        np.cumsum(down, axis=2, dtype=dtype, out=down)
    return AllAnomalyCounts(*sides)


def left_counts_of_newest(
    correct: NDArray[Any],
    labels: NDArray[Any],
    classes: int,
    run_length: int = RUN_LENGTH_DEFAULT,
    known: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """The left counts of the last pass, int32 `[classes]`: all that is known while training.

    Looks at the last d + 2 passes only, so that those suffice as `correct`. Arguments and errors
    as of `anomaly_counts`; 0 where there are fewer passes.
    """
    _check(correct, labels, classes, known)
    if correct.shape[1] < run_length + 2:
        return np.zeros(classes, np.int32)
    last = slice(correct.shape[1] - run_length - 2, None)
    known_last = None if known is None else known[:, last]
    counts = anomaly_counts(correct[:, last], labels, classes, run_length, known_last)
    return counts.left[:, -1].copy()


def anomalies(counts: AnomalyCounts, threshold: int) -> tuple[Anomaly, ...]:
    """Where at least `threshold` images count, by pass, then class, left before right.

    Raises:
      ValueError: the threshold is not positive.
    """
    if threshold < 1:
        raise ValueError(f"a threshold of {threshold} images: want 1 or more")
    found = []
    sides: tuple[tuple[Side, NDArray[np.int32]], ...] = (
        ("left", counts.left),
        ("right", counts.right),
    )
    for side, values in sides:
        for class_index, pass_index in np.argwhere(values >= threshold).tolist():
            count = int(values[class_index, pass_index])
            found.append(Anomaly(class_index, pass_index, side, count))
    return tuple(sorted(found, key=lambda each: (each.pass_index, each.class_index, each.side)))


def class_iterations(found: Iterable[Anomaly]) -> tuple[Anomaly, ...]:
    """One anomaly for each class and pass, by class, then pass: the side with the larger count.

    Left where both have as many. These are the columns of the correlation of layers and classes.
    """
    best: dict[tuple[int, int], Anomaly] = {}
    for each in found:
        key = (each.class_index, each.pass_index)
        other = best.get(key)
        if other is None or (-each.count, each.side) < (-other.count, other.side):
            best[key] = each
    return tuple(best[key] for key in sorted(best))


@dataclass(frozen=True, slots=True)
class _Changes:
    """Images that change: class x passes + pass, and the passes of the runs on either side.

    Only those of which either run is longer than was asked for.
    """

    cells: Indices
    before: NDArray[np.int32]
    after: NDArray[np.int32]


def _changes(
    correct: NDArray[Any],
    labels: NDArray[Any],
    known: NDArray[np.bool_] | None,
    longer_than: int = 0,
) -> Iterator[_Changes]:
    passes = correct.shape[1]
    images = np.flatnonzero(labels >= 0)
    block = max(_BLOCK_CELLS // max(passes, 1), 1)
    if passes < 2:
        return
    for start in range(0, images.size, block):
        chosen = images[start : start + block]
        rows: Any = chosen
        if chosen[-1] - chosen[0] + 1 == chosen.size:
            rows = slice(chosen[0], chosen[-1] + 1)  # nothing is copied
        states = np.not_equal(correct[rows], 0).view(np.uint8)
        if known is not None:
            states[~known[rows]] = _UNKNOWN
        yield _changes_of(states, labels[rows].astype(np.int64), longer_than)


def _changes_of(states: NDArray[np.uint8], labels: Indices, longer_than: int) -> _Changes:
    """The changes in states `[images, passes]` of 0, 1 or `_UNKNOWN`."""
    passes = states.shape[1]
    starts = np.empty(states.shape, np.bool_)
    starts[:, 0] = True
    np.not_equal(states[:, 1:], states[:, :-1], out=starts[:, 1:])
    first = np.flatnonzero(starts).astype(np.int32)
    length = np.diff(first, append=np.int32(states.size))
    before, after, first = length[:-1], length[1:], first[1:]
    long = np.maximum(before, after) > longer_than
    before, after, first = before[long], after[long], first[long]
    flat = states.reshape(-1)
    # 0 and 1 differ in the lowest bit alone, an unknown pass from either in the next.
    change = (flat[first] ^ flat[first - 1]) == 1
    image, at = np.divmod(first, np.int32(passes))
    change &= at > 0
    cells = labels[image[change]] * passes + at[change]
    return _Changes(cells, before[change], after[change])


def _count(cells: Indices, counts: Counts) -> None:
    """Adds 1 at every cell named; where they are many, all cells are gone through at once."""
    if 4 * cells.size > counts.size:
        counts += np.bincount(cells, minlength=counts.size).astype(counts.dtype)
    else:
        np.add.at(counts, cells, np.ones((), counts.dtype))


def _check(
    correct: NDArray[Any], labels: NDArray[Any], classes: int, known: NDArray[np.bool_] | None
) -> None:
    if correct.ndim != 2 or labels.shape != correct.shape[:1]:
        raise ValueError(
            f"states of shape {correct.shape} and labels of shape {labels.shape}: want "
            "[images, passes] and [images]"
        )
    if known is not None and known.shape != correct.shape:
        raise ValueError(f"known of shape {known.shape}: want {correct.shape}, as the states")
    if labels.size and labels.max() >= classes:
        raise ValueError(f"label {labels.max()}: want less than {classes}, the number of classes")
