"""Small trainings in plain NumPy, some with planted accidents, recorded as a user would.

A network of four dense layers learns ten noisy clusters by gradient descent with momentum. What
may be planted, at steps and in layers drawn from the seed:

- `rate`: for three steps the learning rate is a hundred times what it should be,
- `labels`: the labels of one step's batch are wrong, and the batch is large,
- `nan`: a weight of one layer is not a number for the steps of one dump; then the program goes on
  from what it had before, as programs do that look out for this,
- `frozen`: the update of one layer is never applied,
- `stops`: the update of one layer is not applied from some step on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = NDArray[np.float32]
KINDS = ("rate", "labels", "nan", "frozen", "stops")
LAYERS = ("stem/dense1", "body/dense2", "body/dense3", "head/dense4")
CLASSES, FEATURES, WIDTH = 10, 32, 64
STEPS, EVERY, BATCH = 800, 10, 64
PROBE_IMAGES = 400
_RATE, _MOMENTUM = 0.003, 0.9
_RESTS = ("frozen", "stops")
_NOISE = 2.0


@dataclass(frozen=True, slots=True)
class Accident:
    """What was planted: `layer` "" where it is none of its own; `last` is the last step of it."""

    kind: str
    step: int
    last: int
    layer: str


@dataclass(frozen=True, slots=True)
class Moment:
    """What a training program knows after a step.

    `weights` and `gradients` are by name, `dense1/kernel` `[in, out]`; `seconds` is not measured.
    """

    step: int
    loss: float
    learning_rate: float
    weights: dict[str, Floats]
    gradients: dict[str, Floats]
    predictions: Floats | None
    """Probabilities of the probe images `[images, classes]`, where the step is a dump."""


@dataclass(frozen=True, slots=True)
class Data:
    """Points and their classes."""

    points: Floats
    labels: NDArray[np.int64]


def accidents(
    seed: int, *, labels_first: bool = False, stops: bool = False
) -> tuple[Accident, ...]:
    """One of each kind, far from each other.

    Args:
      seed: Draws steps and layers.
      labels_first: Whether the wrong labels come before the steps of a large rate. Those end some
        trainings: a network that guesses from then on learns nothing from wrong labels either.
      stops: Whether a layer stops, which changes how all others train from then on.
    """
    rng = np.random.default_rng([seed, 1])
    early, middle, late = (
        int(rng.integers(first, first + 60)) // EVERY * EVERY + 1 for first in (180, 440, 640)
    )
    rate, labels = (middle, early) if labels_first else (early, middle)
    nan = late + EVERY - 1
    broken, frozen = rng.choice(len(LAYERS), 2, replace=False)
    found = (
        Accident("rate", rate, rate + 2, ""),
        Accident("labels", labels, labels, ""),
        Accident("nan", nan, nan, LAYERS[broken]),
        Accident("frozen", 1, STEPS, LAYERS[frozen]),
    )
    if not stops:
        return found
    others = [layer for layer in range(len(LAYERS)) if layer not in (broken, frozen)]
    stopped = LAYERS[rng.choice(others)]
    return (*found, Accident("stops", int(rng.integers(300, 620)), STEPS, stopped))


def clusters(seed: int, count: int) -> Data:
    """Points around the centres of ten classes, as many of each class as of the next."""
    centres = np.random.default_rng(7).standard_normal((CLASSES, FEATURES))
    rng = np.random.default_rng([seed, count])
    labels = np.arange(count) % CLASSES
    points = centres[labels] + _NOISE * rng.standard_normal((count, FEATURES))
    return Data(points.astype(np.float32), labels)


def probe() -> Data:
    """The points that are asked about in every pass."""
    return clusters(3, PROBE_IMAGES)


def training(seed: int, planted: tuple[Accident, ...] = ()) -> Iterator[Moment]:
    """Every step of a training."""
    run = _Run(seed, {one.kind: one for one in planted})
    for step in range(1, STEPS + 1):
        yield run.step(step)


@dataclass
class _Run:
    seed: int
    planted: dict[str, Accident]
    probe: Data = field(init=False)
    _points: Data = field(init=False)
    _weights: dict[str, Floats] = field(init=False)
    _speed: dict[str, Floats] = field(init=False)
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.probe = probe()
        self._points = clusters(self.seed, 4000)
        self._rng = np.random.default_rng([self.seed, 2])
        sizes = (FEATURES, WIDTH, WIDTH, WIDTH, CLASSES)
        self._weights = {}
        for name, (inputs, outputs) in zip(LAYERS, pairwise(sizes), strict=True):
            scale = math.sqrt(2 / inputs)
            values = scale * self._rng.standard_normal((inputs, outputs), np.float32)
            self._weights[f"{name}/kernel"] = values
            self._weights[f"{name}/bias"] = np.zeros(outputs, np.float32)
        self._speed = {name: np.zeros_like(values) for name, values in self._weights.items()}

    def step(self, step: int) -> Moment:
        batch = self._batch(step)
        loss, gradients = _gradients(self._weights, batch)
        rate = _RATE * (100 if self._is(step, "rate") else 1)
        self._apply(step, gradients, rate)
        weights = {name: values.copy() for name, values in self._weights.items()}
        if self._is(step, "nan"):
            weights[f"{self.planted['nan'].layer}/kernel"][0, 0] = np.nan
            loss = math.nan
        predictions = _outputs(weights, self.probe.points)[-1] if step % EVERY == 0 else None
        return Moment(step, loss, rate, weights, gradients, predictions)

    def _is(self, step: int, kind: str) -> bool:
        accident = self.planted.get(kind)
        return accident is not None and accident.step <= step <= accident.last

    def _batch(self, step: int) -> Data:
        wrong = self._is(step, "labels")
        chosen = self._rng.integers(0, self._points.labels.size, BATCH * (8 if wrong else 1))
        labels = self._points.labels[chosen]
        return Data(self._points.points[chosen], (labels + 3) % CLASSES if wrong else labels)

    def _apply(self, step: int, gradients: dict[str, Floats], rate: float) -> None:
        resting = {self.planted[kind].layer for kind in _RESTS if self._is(step, kind)}
        for name, gradient in gradients.items():
            speed = self._speed[name]
            speed *= _MOMENTUM
            speed -= np.float32(rate) * gradient
            if name.rpartition("/")[0] not in resting:
                self._weights[name] += speed


def _outputs(weights: dict[str, Floats], points: Floats) -> list[Floats]:
    """What every layer gives, and the probabilities last."""
    outputs = [points]
    for name in LAYERS:
        values = outputs[-1] @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]
        outputs.append(np.maximum(values, 0) if name != LAYERS[-1] else values)
    shifted = outputs[-1] - outputs[-1].max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return [*outputs, powers / powers.sum(axis=1, keepdims=True)]


def _gradients(weights: dict[str, Floats], batch: Data) -> tuple[float, dict[str, Floats]]:
    """The mean cross entropy, and its gradient by every weight."""
    *outputs, probabilities = _outputs(weights, batch.points)
    rows = np.arange(batch.labels.size)
    loss = -np.log(np.maximum(probabilities[rows, batch.labels], 1e-12)).mean()
    back: NDArray[Any] = probabilities.copy()
    back[rows, batch.labels] -= 1
    back /= rows.size
    gradients: dict[str, Floats] = {}
    for place in range(len(LAYERS) - 1, -1, -1):
        name = LAYERS[place]
        gradients[f"{name}/kernel"] = outputs[place].T @ back
        gradients[f"{name}/bias"] = back.sum(axis=0)
        back = (back @ weights[f"{name}/kernel"].T) * (outputs[place] > 0)
    return float(loss), gradients
