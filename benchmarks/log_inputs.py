"""A recorded training, from a seed: the numbers of a ResNet-50 on ImageNet, or of any smaller one.

    python -m benchmarks.log_inputs FOLDER [--tiny] [--unmerged]

No network is trained: norms decay with the learning rate and scatter from filter to filter, images
become easier one by one. Planted are bad iterations (a few filters of some layers leap, the loss
with them, and all images of one class are taken for others at that one dump) and a layer that never
trains. What was planted is returned, and known from the plan alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tb_snapshot_compare.store.log_tables import BAND_EDGES, Probe, Session, Unit
from tb_snapshot_compare.store.log_writer import LogWriter

LEAPING_FILTERS = 12
"""Of each layer that a bad iteration moves."""
_DROPS = (0.4, 0.7, 0.9)
"""Shares of the training after which the learning rate is divided by ten."""
_BANDS_OF = ("update", "gradient")
Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution: its unit, its filters, and the weights of each."""

    path: str
    filters: int
    weights: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is written: dumps at every `every`-th step, a validation pass with each."""

    layers: tuple[Layer, ...]
    dumps: int
    images: int
    classes: int
    every: int = 1600
    seed: int = 0

    @property
    def steps(self) -> range:
        """Those of the dumps."""
        return range(self.every, self.every * (self.dumps + 1), self.every)

    @property
    def filters(self) -> int:
        """Of all layers."""
        return sum(layer.filters for layer in self.layers)


@dataclass(frozen=True, slots=True)
class Incident:
    """A bad iteration: filters by layer that leap, and the class whose images are mistaken."""

    step: int
    filters: Mapping[str, tuple[int, ...]]
    label: int


@dataclass(frozen=True, slots=True)
class Planted:
    """What there is to be found."""

    incidents: tuple[Incident, ...]
    stuck: str
    """The layer that never trains."""


def resnet50() -> tuple[Layer, ...]:
    """Its 53 convolutions: 26,560 filters."""
    layers = [Layer("conv1", 64, 3 * 49)]
    before = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 2):
        for block in range(1, blocks + 1):
            path = f"stage{stage}/block{block}"
            layers += [
                Layer(f"{path}/conv1", width, before),
                Layer(f"{path}/conv2", width, 9 * width),
                Layer(f"{path}/conv3", 4 * width, width),
            ]
            if block == 1:
                layers.append(Layer(f"{path}/shortcut", 4 * width, before))
            before = 4 * width
    return tuple(layers)


def plan(tiny: bool = False) -> Plan:
    """ResNet-50 with 757 dumps and 50,000 images of 1,000 classes; or a twentieth of all that."""
    if not tiny:
        return Plan(resnet50(), 757, 50_000, 1000)
    few = tuple(Layer(layer.path, layer.filters // 8, layer.weights) for layer in resnet50()[:8])
    return Plan(few, 75, 120, 6)


def planted(plan: Plan) -> Planted:
    """What the log of a plan has to be found: one incident for each hundred dumps, at least two."""
    random = np.random.default_rng([plan.seed, 1])
    count = max(plan.dumps // 100, 2)
    dumps = np.linspace(0, plan.dumps, count + 2)[1:-1].astype(int)
    labels = random.permutation(plan.classes)[:count]
    stuck = plan.layers[len(plan.layers) // 2]
    moving = [layer for layer in plan.layers if layer is not stuck]
    incidents = []
    for dump, label in zip(dumps, labels, strict=True):
        chosen = random.choice(len(moving), 3, replace=False)
        filters = {
            moving[each].path: tuple(
                sorted(random.permutation(moving[each].filters)[:LEAPING_FILTERS].tolist())
            )
            for each in chosen
        }
        incidents.append(Incident(plan.steps[int(dump)], filters, int(label)))
    return Planted(tuple(incidents), stuck.path)


def write_log(
    directory: Path,
    plan: Plan,
    *,
    merged: bool = True,
    note: Callable[[str, float], None] | None = None,
) -> Planted:
    """Writes the log of a plan, dump by dump, as a trainer would.

    Args:
      directory: Of the log.
      plan: What to write.
      merged: Whether segments are merged.
      note: Told of every call how many seconds it took, and whether it wrote or merged.
    """
    training = _Training(plan)
    writer = LogWriter(directory, training.session())
    for dump in range(plan.dumps):
        rows = list(training.tables(dump))
        started = time.perf_counter()
        for table, columns in rows:
            writer.write(table, columns)
        written = time.perf_counter()
        if note is not None:
            note("writing", written - started)
        if merged:
            writer.compact()
            if note is not None:
                note("merging", time.perf_counter() - written)
    writer.close()
    return training.planted


class _Training:
    """The numbers of every dump, in turn."""

    def __init__(self, plan: Plan) -> None:
        self.planted = planted(plan)
        self._plan = plan
        self._random = np.random.default_rng([plan.seed, 0])
        self._incidents = {incident.step: incident for incident in self.planted.incidents}
        sizes = [layer.filters for layer in plan.layers]
        self._starts = dict(
            zip([layer.path for layer in plan.layers], np.cumsum([0, *sizes]), strict=False)
        )
        self._layer = np.repeat([layer.path for layer in plan.layers], sizes)
        self._filter = np.concatenate([np.arange(size) for size in sizes])
        self._weights = np.repeat([layer.weights for layer in plan.layers], sizes).astype(float)
        self._trains = self._layer != self.planted.stuck
        normal = self._random.normal
        self._norm = np.exp(normal(0, 0.3, plan.filters))
        self._spread = 1 / np.sqrt(self._weights) * np.exp(normal(0, 0.1, plan.filters))
        self._gradient = normal(-3, 0.5, plan.filters)
        labels = np.arange(plan.images) % plan.classes
        self._labels = self._random.permutation(labels).astype(np.int32)
        self._others = self._random.integers(0, plan.classes, (plan.images, 6), dtype=np.int32)
        self._hardness = normal(0, 1.5, plan.images)
        firm = [incident.label for incident in self.planted.incidents]
        self._hardness[np.isin(self._labels, firm)] -= 6  # right but for the incident
        self._mood = normal(0, 0.5, plan.images)
        self._units = tuple(_units(plan))

    def session(self) -> Session:
        """With the hierarchy and the probe images."""
        plan = self._plan
        return Session(
            id=f"seed-{plan.seed}",
            started=time.time(),
            first_step=0,
            origin="recorded",
            writer="benchmarks 1",
            units=self._units,
            probe=Probe(
                tuple(f"validation/{number:08d}.jpg" for number in range(plan.images)),
                tuple(self._labels.tolist()),
                tuple(f"class {number}" for number in range(plan.classes)),
            ),
            every=plan.every,
        )

    def tables(self, dump: int) -> Iterator[tuple[str, Columns]]:
        """The rows of a dump, by table."""
        step = self._plan.steps[dump]
        incident = self._incidents.get(step)
        done = dump / self._plan.dumps
        rate = 0.1 * 0.1 ** sum(done >= drop for drop in _DROPS)
        yield "scalars", self._scalars(step, done, rate, incident)
        yield "filters", self._filters(step, rate, incident)
        yield "layers", self._layers(step, rate)
        yield "images", self._images(step, done, incident)
        if incident is not None:
            yield (
                "events",
                {
                    "step": [step],
                    "time": [float(step)],
                    "kind": ["anomaly"],
                    "text": [f"The loss has leapt at step {step}."],
                    "detail": ["{}"],
                },
            )

    def _scalars(self, step: int, done: float, rate: float, incident: Incident | None) -> Columns:
        names = ("loss", "learning_rate", "seconds/step")
        loss = 6.5 * np.exp(-3 * done) + 0.8 + self._random.normal(0, 0.05)
        values = (loss * (3 if incident else 1), rate, 0.12 + self._random.exponential(0.01))
        rows = len(names)
        return {
            "step": [step] * rows,
            "time": np.full(rows, step * 0.12),
            "name": list(names),
            "value": np.array(values),
        }

    def _filters(self, step: int, rate: float, incident: Incident | None) -> Columns:
        normal, count = self._random.normal, self._plan.filters
        relative = rate * 0.1 * np.exp(normal(0, 0.3, count))
        for path, filters in incident.filters.items() if incident else ():
            relative[self._starts[path] + np.array(filters)] *= 40
        relative *= self._trains
        self._norm *= 1 + normal(0, 0.02, count) * relative
        self._gradient += normal(0, 0.1, count) - 0.05 * (self._gradient + 3)
        gradient = np.exp(self._gradient)
        root = np.sqrt(self._weights)
        change = relative * self._norm
        mean = 0.8 + normal(0, 0.01, count)
        gradient_mean = 0.8 + normal(0, 0.02, count)
        return {
            "step": np.full(count, step),
            "layer": self._layer,
            "filter": self._filter,
            "cosine": 1 - np.minimum(relative**2 / 2 * (1 + normal(0, 0.1, count)), 2),
            "euclidean": change,
            "manhattan": change * root * mean,
            "relative_l1": relative * (1 + normal(0, 0.02, count)),
            "relative_l2": relative,
            "w_l2": self._norm,
            "w_std": self._norm * self._spread,
            "g_l1": gradient * root * gradient_mean,
            "g_l2": gradient,
            "g_relative_l1": gradient * gradient_mean / self._norm,
            "g_relative_l2": gradient / self._norm,
        }

    def _layers(self, step: int, rate: float) -> Columns:
        """Rows of four kinds for every unit, as if its parameters were normally distributed."""
        kinds = ("weight", "update", "gradient", "moment1")
        units = [unit for _ in kinds for unit in self._units]
        count = np.array([unit.parameters for unit in units])
        rows, normal = len(units), self._random.normal
        scale = np.repeat([0.02, 0.002 * rate, 0.001, 0.001], len(self._units))
        scale = scale * np.exp(normal(0, 0.05, rows))
        stuck = np.array([unit.path == self.planted.stuck for unit in units])
        still = stuck & (np.arange(rows) // len(self._units) == 1)
        scale[still] = 0
        mean = scale * normal(0, 0.01, rows)
        quartile = 0.6745 * scale
        far = scale * np.sqrt(2 * np.log(count + 1.0))
        columns: dict[str, Any] = {
            "step": np.full(rows, step),
            "unit": [unit.path for unit in units],
            "kind": [kind for kind in kinds for _ in self._units],
            "count": count,
            "nan": np.zeros(rows, int),
            "inf": np.zeros(rows, int),
            "zeros": np.where(still, count, 0),
            "sum": mean * count,
            "l1": 0.8 * scale * count * (1 + normal(0, 0.01, rows)),
            "l2": scale * np.sqrt(count) * (1 + normal(0, 0.01, rows)),
            "mean": mean,
            "variance": scale**2 * (1 + normal(0, 0.01, rows)),
            "minimum": -far * (1 + normal(0, 0.05, rows)),
            "q1": mean - quartile,
            "median": mean + scale * normal(0, 0.005, rows),
            "q3": mean + quartile,
            "maximum": far * (1 + normal(0, 0.05, rows)),
            "dead": np.where(still, [unit.filters for unit in units], 0),
            "still": np.where(still, count, 0),
        }
        has_bands = np.isin(columns["kind"], _BANDS_OF)
        columns["bands"] = [
            self._bands(int(each), spread / 0.02) if known else None
            for each, spread, known in zip(count, scale, has_bands, strict=True)
        ]
        return columns

    def _bands(self, count: int, ratio: float) -> npt.NDArray[np.int64]:
        """Counts of |x / w| around `ratio`."""
        edges = np.array(BAND_EDGES[1:])
        below = edges / (edges + ratio) if ratio else np.ones(len(edges))
        shares = np.clip(below + self._random.normal(0, 1e-4, len(edges)), 0, 1)
        cumulated = np.rint(np.maximum.accumulate(shares) * count).astype(np.int64)
        unchanged = 0 if ratio else count
        return np.diff(np.concatenate([[0, unchanged], np.maximum(cumulated, unchanged), [count]]))

    def _images(self, step: int, done: float, incident: Incident | None) -> Columns:
        count = self._plan.images
        self._mood = 0.9 * self._mood + self._random.normal(0, 0.3, count)
        ease = 2.5 * done - 0.5 - self._hardness + self._mood
        if incident is not None:
            ease[self._labels == incident.label] = -4
        probability = 1 / (1 + np.exp(-1.7 * ease))
        taken = np.minimum(self._random.geometric(0.5, count) - 1, self._others.shape[1] - 1)
        other = self._others[np.arange(count), taken]
        other = np.where(other == self._labels, (other + 1) % self._plan.classes, other)
        return {
            "step": np.full(count, step),
            "image": np.arange(count),
            "predicted": np.where(probability > 0.5, self._labels, other),
            "probability": probability,
        }


def _units(plan: Plan) -> Iterator[Unit]:
    """The model, its groups, convolutions and their normalizations, from input to output."""
    leaves: list[tuple[str, str, int, int]] = []
    for layer in plan.layers:
        leaves.append((layer.path, "conv", layer.filters, layer.filters * layer.weights))
        leaves.append((f"{layer.path}_norm", "norm", layer.filters, 2 * layer.filters))
    groups: dict[str, list[int]] = {}
    for path, kind, filters, parameters in leaves:
        parts = path.split("/")
        for depth in range(len(parts)):
            sums = groups.setdefault("/".join(parts[:depth]), [0, 0])
            sums[0] += filters if kind == "conv" else 0
            sums[1] += parameters
    seen: set[str] = set()
    order = 0
    for path, kind, filters, parameters in leaves:
        parts = path.split("/")
        above = ["/".join(parts[:depth]) for depth in range(len(parts))]
        for group in above:
            if group not in seen:
                seen.add(group)
                parent = None if not group else group.rpartition("/")[0]
                filters_below, below = groups[group]
                kind_of = "group" if group else "model"
                yield Unit(group, parent, kind_of, filters_below, below, order)
                order += 1
        yield Unit(path, above[-1], kind, filters, parameters, order)
        order += 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiny", action="store_true", help="a twentieth")
    parser.add_argument("--unmerged", action="store_true", help="leave one segment for each dump")
    options = parser.parse_args()
    seconds: dict[str, list[float]] = {"writing": [], "merging": []}
    write_log(
        options.folder,
        plan(options.tiny),
        merged=not options.unmerged,
        note=lambda what, each: seconds[what].append(each),
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))
