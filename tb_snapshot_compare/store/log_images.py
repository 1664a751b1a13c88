"""What a log has of the probe images, from a state of it.

Axes of passes are the steps that are asked for; those of images all probe images, or some of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.store.log_listing import State
from tb_snapshot_compare.store.log_matrices import Rows, Target, empty, every, fill, targets
from tb_snapshot_compare.store.log_segments import Grid, Steps


def images(
    state: State, steps: Steps, chosen: npt.ArrayLike | None, count: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Predicted classes and true classes' probabilities, [images, passes]."""
    found, height = _image_targets(state, steps, chosen, count)
    predicted = empty(np.int32, -1, height, len(steps))
    probability = empty(np.float32, np.nan, height, len(steps))
    fill(state.tables["images"], found, {"predicted": predicted, "probability": probability})
    return predicted, probability


def correct(
    state: State, steps: Steps, chosen: npt.ArrayLike | None, labels: npt.NDArray[np.int32]
) -> npt.NDArray[np.bool_]:
    """Whether the predicted class is the label, [images, passes]; never where that is -1."""
    found, height = _image_targets(state, steps, chosen, len(labels))
    wanted = np.full(height, -1, np.int32)
    indices = np.arange(height) if chosen is None else np.asarray(chosen)
    known = indices < len(labels)
    wanted[known] = labels[indices[known]]
    answer = empty(np.bool_, False, height, len(steps))

    def is_right(target: Target, part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        label = wanted[target.rows][:, None]
        right: npt.NDArray[Any] = (part == label) & (label >= 0)
        return right

    fill(state.tables["images"], found, {"predicted": answer}, is_right)
    return answer


def seen(
    state: State, steps: Steps, chosen: npt.ArrayLike | None, count: int
) -> npt.NDArray[np.bool_]:
    """Whether a pass has rows of an image, [images, passes]; no rows are read."""
    found, height = _image_targets(state, steps, chosen, count)
    answer = empty(np.bool_, False, height, len(steps))
    everywhere = np.ones((1, 1), np.bool_)
    for target in (target for part in found for target in part):
        target.put(everywhere, answer)
    return answer


def images_seen(state: State, steps: Steps) -> npt.NDArray[np.int64]:
    """How many different images each pass has rows of, [passes]; no rows are read."""
    masks: list[list[npt.NDArray[np.bool_]]] = [[] for _ in steps]
    for source in state.tables["images"].sources:
        segment, counted = source.segment, source.part.steps
        grids = [grid for block in segment.blocks for grid in block.grids]
        for number, axis in enumerate(segment.axes):
            of_axis = [grid for grid in grids if grid.axis == number]
            mask = np.zeros(max((grid.end for grid in of_axis), default=0), np.bool_)
            for grid in of_axis:
                mask[grid.indices()] = True
            of_part = axis if counted is None else np.intersect1d(axis, counted)
            for place in np.flatnonzero(np.isin(steps, of_part)).tolist():
                masks[place].append(mask)
    sizes = {id(mask): int(np.count_nonzero(mask)) for each in masks for mask in each[:1]}
    return np.array([_united(each, sizes) for each in masks], np.int64)


def _united(masks: Sequence[npt.NDArray[np.bool_]], sizes: Mapping[int, int]) -> int:
    """How many places are true in any of some masks; `sizes` tells it of single ones."""
    if len(masks) < 2:
        return sizes[id(masks[0])] if masks else 0
    union = np.zeros(max(map(len, masks)), np.bool_)
    for mask in masks:
        union[: len(mask)] |= mask
    return int(np.count_nonzero(union))


def _image_targets(
    state: State, steps: Steps, chosen: npt.ArrayLike | None, count: int
) -> tuple[list[list[Target]], int]:
    """Where images lie, and how many rows the answer has."""
    sources = state.tables["images"].sources
    if chosen is None:
        found = targets(sources, steps, every)
        ends = [int(target.rows.max()) + 1 for part in found for target in part]
        return found, max([count, *ends])
    indices = np.asarray(chosen, np.int64)
    if indices.ndim != 1 or (indices < 0).any() or len(np.unique(indices)) != len(indices):
        raise InvalidRequestError("Images are asked for by different indices from 0.")
    place = np.full(int(indices.max(initial=0)) + 1, -1, np.intp)
    place[indices] = np.arange(len(indices))

    def rows(grid: Grid) -> Rows | None:
        members = grid.indices()
        of_answer = np.where(members < len(place), place[np.minimum(members, len(place) - 1)], -1)
        return of_answer if (of_answer >= 0).any() else None

    return targets(sources, steps, rows), len(indices)
