"""Whether each probe image was predicted right in each pass, in little memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.errors import InvalidRequestError, NotFoundError
from tb_snapshot_compare.limits import TRAINING_CLASS_CELLS_MAX

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log
    from tb_snapshot_compare.store.log_tables import Probe

_IMAGES_AT_ONCE = 8192
_PASSES_AT_ONCE = 256
"""A multiple of 8: of 50,000 images these are 13 MB."""

Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ImageStates:
    """The states of all probe images, a bit each.

    `right` uint8 `[images, passes / 8]` as `np.packbits` makes it; `seen` likewise, None where
    every image was in every pass. `labels` int64 `[images]`, -1 where unknown. `counts` is how many
    images each pass has. `of` and `content` tell of which log.
    """

    right: NDArray[np.uint8]
    seen: NDArray[np.uint8] | None
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    steps: NDArray[np.int64]
    counts: NDArray[np.int64]
    of: str = ""
    content: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        arrays = (self.right, self.labels, self.steps, self.counts)
        return sum(each.nbytes for each in arrays) + (0 if self.seen is None else self.seen.nbytes)

    def correct(self, images: Indices | None = None) -> Bools:
        """Whether each image was right, `[images, passes]`; of all, or of those of the indices."""
        return _unpacked(self.right, images, self.steps.size)

    def known(self, images: Indices | None = None) -> Bools | None:
        """Whether each image was in each pass; None where all were. Images as of `correct`."""
        return None if self.seen is None else _unpacked(self.seen, images, self.steps.size)

    def parts(self) -> Iterator[tuple[slice, Indices]]:
        """All classes, a few at a time, each with the indices of all images that it has."""
        order = np.argsort(self.labels, kind="stable")
        ends = np.searchsorted(self.labels[order], np.arange(len(self.classes) + 1))
        start = 0
        while start < len(self.classes):
            most = int(np.searchsorted(ends, ends[start] + _IMAGES_AT_ONCE, "right")) - 1
            stop = min(max(most, start + 1), len(self.classes))
            yield slice(start, stop), order[ends[start] : ends[stop]]
            start = stop


def image_states(log: "Log", known: ImageStates | None = None) -> ImageStates:
    """Reads the states of a log's probe images.

    Args:
      log: the log.
      known: those of the same log as it was before. Passes that had as many images then are not
        read again, where the sessions and the probe images are the same: rows are only added.

    Raises:
      NotFoundError: it has no validation passes.
      InvalidRequestError: it has more classes and passes than can be looked at together.
    """
    probe, steps = log.probe, log.steps("images")
    if probe is None or not probe.images or not steps.size:
        raise NotFoundError("No validation passes were recorded in this log.")
    classes = len(class_names(probe))
    if classes * steps.size > TRAINING_CLASS_CELLS_MAX:
        raise InvalidRequestError(
            f"The log has {classes:,} classes in {steps.size:,} validation passes: at most "
            f"{TRAINING_CLASS_CELLS_MAX:,} errors of classes are looked at together."
        )
    of, content = _origin(log, probe), log.content_of("images")
    if known is not None and (known.of, known.content) == (of, content):
        return known
    counts = log.images_seen()
    old = _unchanged(known, steps, counts) if known is not None and known.of == of else None
    right = _grown(known.right if known else None, old, steps, log.correct)
    seen = None
    if (counts < len(right)).any():
        seen = _packed(log.seen())
    return ImageStates(
        right=right,
        seen=seen,
        labels=np.array(probe.labels, np.int64),
        classes=class_names(probe),
        steps=steps,
        counts=counts,
        of=of,
        content=content,
    )


def _origin(log: "Log", probe: "Probe") -> str:
    digest = blake2b(repr([session.id for session in log.sessions]).encode(), digest_size=10)
    digest.update(repr((len(probe.images), probe.labels)).encode())
    return digest.hexdigest()


def _unchanged(known: ImageStates, steps: Indices, counts: Indices) -> tuple[Indices, Indices]:
    """The columns of the passes that are as they were: before, and now."""
    _, before, now = np.intersect1d(known.steps, steps, assume_unique=True, return_indices=True)
    same = known.counts[before] == counts[now]
    return before[same], now[same]


def _grown(
    bits: NDArray[np.uint8] | None,
    old: tuple[Indices, Indices] | None,
    steps: Indices,
    read: Callable[[int, int], Bools],
) -> NDArray[np.uint8]:
    """Packed states of all steps; only those are read that are not among the old columns."""
    if bits is None or old is None or not old[0].size:
        return _read(steps, read)
    before, now = old
    new = np.setdiff1d(np.arange(steps.size), now)
    span = steps[int(new[0]) : int(new[-1]) + 1] if new.size else steps[:0]
    part = _read(span, read) if new.size else bits[:, :0]
    if len(part) != len(bits):  # of other images than before
        return _read(steps, read)
    found = np.empty((len(bits), -(-steps.size // 8)), np.uint8)
    for start in range(0, len(bits), _IMAGES_AT_ONCE):
        rows = slice(start, start + _IMAGES_AT_ONCE)
        whole = np.zeros((len(bits[rows]), steps.size), np.bool_)
        whole[:, now] = _unpacked(bits[rows], None, int(before.max()) + 1)[:, before]
        if new.size:
            whole[:, int(new[0]) : int(new[-1]) + 1] = _unpacked(part[rows], None, span.size)
        found[rows] = _packed(whole)
    return found


def _read(steps: Indices, read: Callable[[int, int], Bools]) -> NDArray[np.uint8]:
    """Packed states of passes, of which a few are in memory at a time."""
    parts = [
        _packed(read(int(some[0]), int(some[-1])))
        for some in (
            steps[at : at + _PASSES_AT_ONCE] for at in range(0, len(steps), _PASSES_AT_ONCE)
        )
    ]
    height = max(map(len, parts))
    filled = [np.pad(part, ((0, height - len(part)), (0, 0))) for part in parts]
    return np.concatenate(filled, axis=1)


def class_names(probe: "Probe") -> tuple[str, ...]:
    """The names of the classes, of those without one their numbers."""
    count = max(len(probe.classes), max(probe.labels, default=-1) + 1)
    return (*probe.classes, *(str(number) for number in range(len(probe.classes), count)))


def _packed(states: Bools) -> NDArray[np.uint8]:
    return np.packbits(states, axis=1)


def _unpacked(bits: NDArray[np.uint8], images: Indices | None, count: int) -> Bools:
    rows = bits if images is None else bits[images]
    return np.unpackbits(rows, axis=1, count=count).view(np.bool_)
