"""The losses of single batches, from what Keras logs of a training."""

import math
from typing import Any

_NAME = "loss"
_BATCHES_COMPARED = 3
_SAME = 1e-5
_NOT_SINCE = 0
"""Stands for False in `model.stop_evaluating` until `evaluate` begins again and sets that."""


class BatchLosses:
    """Single losses from the mean over an epoch's batches so far, which is what Keras logs.

    Batches count alike; of a smaller last batch the result lies nearer to the mean. Where somebody
    evaluates the model in the middle of an epoch, which begins that mean anew with other images,
    the metric behind it is read before and after every batch of the rest. A training step written
    in code may log each batch's own loss instead: such a loss is not what the metric has come to
    after the first few batches, and is taken as it is.
    """

    def __init__(self, model: Any) -> None:
        """Begins a training of a model that is compiled."""
        self._model = model
        self._is_mean = True
        self._compared = 0
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """The mean begins anew."""
        self._batches, self._sum = 0, 0.0
        self._is_evaluated = False
        self._before: list[tuple[float, float]] = []
        self._model.stop_evaluating = _NOT_SINCE

    def begin(self) -> None:
        """One or more batches begin."""
        self._is_evaluated = self._is_evaluated or self._model.stop_evaluating is False
        if self._is_evaluated:
            self._before = [_state(each) for each in self._metrics()]

    def last(self, batches: int, logged: float) -> float:
        """The mean over the batches since the last call.

        Args:
          batches: of the epoch so far.
          logged: what Keras says after them.
        """
        if self._compared < _BATCHES_COMPARED and self._is_mean:
            self._compared += 1
            self._is_mean = self._is_metric(logged)
        if not self._is_mean:
            return logged
        if self._is_evaluated:
            return self._gained(logged)
        total, before = batches * logged, self._sum
        count = batches - self._batches
        self._batches, self._sum = batches, total
        return (total - before) / count

    def _gained(self, logged: float) -> float:
        for metric, (sum_before, count_before) in zip(self._metrics(), self._before, strict=True):
            total, count = _state(metric)
            if count > count_before:
                return (total - sum_before) / (count - count_before)
        return logged

    def _is_metric(self, logged: float) -> bool:
        results = [float(each.result()) for each in self._metrics()]
        return any(
            math.isclose(result, logged, rel_tol=_SAME) or math.isnan(result) for result in results
        )

    def _metrics(self) -> list[Any]:
        return [
            each
            for each in self._model.metrics
            if each.name == _NAME and hasattr(each, "total") and hasattr(each, "count")
        ]


def _state(metric: Any) -> tuple[float, float]:
    """A weighted sum of losses, and the sum of the weights."""
    return float(metric.total.numpy()), float(metric.count.numpy())
