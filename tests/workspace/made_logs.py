"""Small recorded logs whose every number is known."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.store.log_tables import (
    BANDS,
    MEASURES,
    STATISTICS,
    Probe,
    Session,
    Unit,
)
from tb_snapshot_compare.store.log_writer import LogWriter

UNITS = (
    Unit("", None, "Model", 15, 400, 0),
    Unit("stage", "", "Group", 10, 300, 1),
    Unit("stage/conv1", "stage", "Conv2D", 4, 100, 2),
    Unit("stage/conv2", "stage", "Conv2D", 6, 200, 3),
    Unit("norm", "", "BatchNormalization", 0, 40, 4),
    Unit("head", "", "Dense", 5, 60, 5),
)
LAYERS = {unit.path: unit.filters for unit in UNITS if unit.filters and "/" in unit.path} | {
    "head": 5
}
CLASSES = ("ant", "bee", "cat")
KINDS = ("weight", "update", "gradient")
PNG = b"\x89PNG\r\n\x1a\n picture"


@dataclass
class MadeLog:
    """What is written: every dump and pass at once, or some first and others later.

    `statistics[kind][name]` `[units, dumps]`, `bands[kind]` `[units, dumps, BANDS]`,
    `filters[layer][measure]` `[filters, dumps]`, `predicted` and `probability` `[images, passes]`.
    """

    dumps: NDArray[np.int64]
    passes: NDArray[np.int64]
    statistics: dict[str, dict[str, NDArray[Any]]]
    bands: dict[str, NDArray[np.int64]]
    filters: dict[str, dict[str, NDArray[Any]]]
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]
    loss_steps: NDArray[np.int64]
    loss: NDArray[np.float64]
    rates: NDArray[np.float64]
    events: list[tuple[int, str, str, dict[str, Any]]] = field(default_factory=list)
    every: int = 10
    writer: LogWriter | None = None

    @classmethod
    def of(cls, dumps: int = 12, passes: int = 12, images: int = 60, seed: int = 0) -> "MadeLog":
        """A quiet training: everything moves a little, and images seldom change."""
        random = np.random.default_rng(seed)
        units = len(UNITS)
        noise = random.normal(scale=0.05, size=(len(KINDS), units, dumps))
        statistics: dict[str, dict[str, NDArray[Any]]] = {}
        for kind, wobble in zip(KINDS, noise, strict=True):
            parameters = np.array([unit.parameters for unit in UNITS])[:, None]
            size = {"weight": 1.0, "update": 0.01, "gradient": 0.1}[kind]
            l2 = size * np.sqrt(parameters) * np.exp(wobble)
            of = {name: random.normal(size=(units, dumps)) * size for name in STATISTICS}
            of |= {"l2": l2, "l1": l2 * 3, "variance": np.square(l2) / parameters}
            of |= {
                "count": np.broadcast_to(parameters, l2.shape).copy(),
                **{name: np.zeros(l2.shape, int) for name in ("nan", "inf", "zeros", "dead")},
                "still": np.broadcast_to(parameters // 50, l2.shape).copy(),
            }
            statistics[kind] = of
        labels = np.arange(images) % len(CLASSES)
        predicted = np.repeat(labels[:, None], passes, axis=1)
        wrong = random.random(images) < 0.3
        predicted[wrong] = (predicted[wrong] + 1) % len(CLASSES)
        loss_steps = np.arange(1, dumps * 10 + 1)
        return cls(
            dumps=np.arange(1, dumps + 1) * 10,
            passes=np.arange(1, passes + 1) * 10,
            statistics=statistics,
            bands={
                kind: random.integers(0, 9, (units, dumps, BANDS))
                for kind in KINDS
                if kind != "weight"
            },
            filters={
                layer: {
                    name: (
                        1 - random.random((count, dumps)) * 1e-3
                        if name == "cosine"
                        else random.random((count, dumps)).astype(np.float32)
                    )
                    for name in MEASURES
                }
                for layer, count in LAYERS.items()
            },
            labels=labels,
            predicted=predicted,
            probability=random.random((images, passes)).astype(np.float32),
            loss_steps=loss_steps,
            loss=1 + 0.05 * random.normal(size=loss_steps.size),
            rates=np.where(loss_steps <= dumps * 5, 0.1, 0.01),
        )

    def write(
        self,
        directory: Path,
        since: int = 0,
        until: int | None = None,
        session: str = "session",
    ) -> Path:
        """Writes dumps and passes `since` to `until`, and what belongs to their steps."""
        until = max(self.dumps.size, self.passes.size) if until is None else until
        if self.writer is None:
            names = tuple(f"image-{number}.png" for number in range(self.labels.size))
            self.writer = LogWriter(
                directory,
                Session(
                    id=session,
                    started=1000.0,
                    first_step=0,
                    origin="recorded",
                    writer="tests 1",
                    units=UNITS,
                    probe=Probe(names, tuple(self.labels.tolist()), CLASSES),
                    every=self.every,
                ),
            )
            self.writer.write(
                "thumbnails",
                {"image": [0, 3], "width": [8, 8], "height": [8, 8], "png": [PNG, PNG]},
            )
        rows: dict[str, list[dict[str, Any]]] = {"layers": [], "filters": [], "images": []}
        for place in range(since, until):
            if place < self.dumps.size:
                rows["layers"] += self._layers(place)
                rows["filters"] += self._filters(place)
            if place < self.passes.size:
                rows["images"].append(self._images(place))
        for table, parts in rows.items():
            if parts:
                self._write(table, **{name: _joined(parts, name) for name in parts[0]})
        low, high = since * 10, until * 10
        steps = np.flatnonzero((self.loss_steps > low) & (self.loss_steps <= high))
        for name, values in (("loss", self.loss), ("learning_rate", self.rates)):
            self._write(
                "scalars",
                step=self.loss_steps[steps],
                time=2000.0 + self.loss_steps[steps],
                name=[name] * steps.size,
                value=values[steps],
            )
        for step, kind, text, detail in self.events:
            if low < step <= high:
                self._write(
                    "events",
                    step=[step],
                    time=[2000.0 + step],
                    kind=[kind],
                    text=[text],
                    detail=[json.dumps(detail)],
                )
        return directory

    def _write(self, table: str, **columns: Any) -> None:
        assert self.writer is not None
        self.writer.write(table, columns)

    def _layers(self, place: int) -> list[dict[str, Any]]:
        return [
            {
                "step": [int(self.dumps[place])] * len(UNITS),
                "unit": [unit.path for unit in UNITS],
                "kind": [kind] * len(UNITS),
                "bands": self.bands[kind][:, place].tolist()
                if kind in self.bands
                else [None] * len(UNITS),
                **{name: values[:, place] for name, values in of.items()},
            }
            for kind, of in self.statistics.items()
            if kind != "update" or place
        ]

    def _filters(self, place: int) -> list[dict[str, Any]]:
        return [
            {
                "step": [int(self.dumps[place])] * LAYERS[layer],
                "layer": [layer] * LAYERS[layer],
                "filter": np.arange(LAYERS[layer]),
                **{name: values[:, place] for name, values in measures.items()},
            }
            for layer, measures in self.filters.items()
        ]

    def _images(self, place: int) -> dict[str, Any]:
        images = self.labels.size
        return {
            "step": [int(self.passes[place])] * images,
            "image": np.arange(images),
            "predicted": self.predicted[:, place],
            "probability": self.probability[:, place],
        }


def _joined(parts: list[dict[str, Any]], name: str) -> Any:
    values = [part[name] for part in parts]
    if isinstance(values[0], list):
        return [value for part in values for value in part]
    return np.concatenate(values)
