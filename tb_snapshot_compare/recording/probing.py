"""Validation passes over the probe, as often as they may take."""

import logging
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tb_snapshot_compare.recording.probe_data import ProbeData, padded, probabilities
from tb_snapshot_compare.recording.probe_forms import count_of, shapes_of
from tb_snapshot_compare.recording.recorder import Recorder

SHARE = 0.01
"""Of the time that passes take, where no number of steps is given."""
_COLOURS = re.compile("\x1b\\[[0-9;]*m")
"""Of a terminal, in messages of Keras."""
_ERROR_LENGTH = 300
_logger = logging.getLogger(__name__)


def give_up_probe(recorder: Recorder, step: int, reason: str) -> None:
    """Says, as a warning and in the log, why no validation passes follow."""
    _logger.warning("The probe is not recorded: %s", reason)
    recorder.note_probe(step, f"The probe is not recorded: {reason}")


class Probing:
    """Runs the probe through the network when that is due; a probe that cannot be run is left."""

    def __init__(
        self,
        data: ProbeData,
        predict: Callable[[Any], Any],
        every: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Prepares.

        Args:
          data: The probe.
          predict: A batch's inputs to the network's outputs.
          every: Steps between passes; None for as many as take `SHARE` of the time.
          clock: Seconds.
        """
        self._data, self._predict, self._every, self._clock = data, predict, every, clock
        self._last_step: int | None = None
        self._due = -np.inf
        self._is_described = False
        self._is_usable = True

    def look(self, recorder: Recorder, step: int, *, is_last: bool = False) -> None:
        """Called at every dump: makes a pass where one is due, and at the last dump."""
        if not self._is_usable or self._last_step == step:
            return
        if not (is_last or self._is_due(step)):
            return
        try:
            found, seconds = self._outputs()
            if not self._is_described:
                self._is_described = True
                recorder.describe_probe(self._data.images())
            recorder.validated(step, found)
        except Exception as error:
            self._is_usable = False
            give_up_probe(recorder, step, str(error))
            return
        self._last_step = step
        self._due = self._clock() + seconds / SHARE

    def _is_due(self, step: int) -> bool:
        last = self._last_step
        if last is None:
            return True
        if self._every is not None:
            return step // self._every > last // self._every or step < last
        return self._clock() >= self._due

    def _answer(self, inputs: Any) -> Any:
        try:
            return self._predict(inputs)
        except Exception as error:
            said = " ".join(_COLOURS.sub("", str(error)).split())[:_ERROR_LENGTH]
            raise ValueError(
                f"the network does not take probe_data's inputs of {shapes_of(inputs)}: {said}"
            ) from error

    def _outputs(self) -> tuple[Any, float]:
        """The probabilities of all images, and about what a pass takes without the first trace."""
        outputs, seconds = [], []
        length = 0
        for inputs, classes in self._data.batches():
            count = count_of(inputs)
            length = max(length, count)
            started = self._clock()
            found = self._answer(padded(inputs, length))
            seconds.append(self._clock() - started)
            if not hasattr(found, "shape"):
                raise ValueError("the network has several outputs; a probe wants one, of classes")
            outputs.append(np.asarray(found)[:count])
            del classes
        if not outputs:
            raise ValueError(
                "probe_data is empty, or was read before: want what can be read again and again"
            )
        return probabilities(np.concatenate(outputs)), statistics.median(seconds) * len(seconds)
