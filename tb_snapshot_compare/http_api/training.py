"""The routes of the Training page.

All but `training` and `training_curves` name the version of the log, so that a 200 may be cached
for ever; an old version is answered with 409.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api import contract_training as wire
from tb_snapshot_compare.http_api.arrays import MIMETYPE, encode_arrays
from tb_snapshot_compare.http_api.encoding import Encoded, encoded
from tb_snapshot_compare.http_api.endpoints_training import MEASURES, STATISTICS
from tb_snapshot_compare.http_api.event_data import EventData, kind_of
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.images import PNG
from tb_snapshot_compare.http_api.jobs import WorkQueue
from tb_snapshot_compare.http_api.parameters import (
    between,
    choice,
    integer,
    integers,
    numbers,
    required,
    texts,
)
from tb_snapshot_compare.http_api.queued import respond_queued
from tb_snapshot_compare.http_api.respond import respond_bytes, respond_encoded
from tb_snapshot_compare.limits import (
    TRAINING_CLUSTERS_MAX,
    TRAINING_FILTERS_MAX,
    TRAINING_STEPS_MAX,
    TRAINING_TOP_MAX,
    TRAINING_UNITS_MAX,
)
from tb_snapshot_compare.workspace import (
    CorrelationRule,
    TrainingAnswers,
    Trainings,
    Workspace,
)

Arrays = tuple[Mapping[str, NDArray[Any]], Mapping[str, str]]
_BAND_KINDS = ("update", "gradient")
_EDGES_MAX = 56
_RUN_LENGTH_MAX = 99
_MANY = 10**6
_IMAGES_MAX = 10**8
_KINDS: tuple[str, ...] = get_args(wire.Kind)


class TrainingRoutes:
    """Parses, asks the workspace, and puts what it gives on the wire."""

    def __init__(
        self,
        workspace: Workspace,
        trainings: Trainings,
        events: EventData,
        queue: WorkQueue,
        hide: Hide,
    ) -> None:
        self._workspace = workspace
        self._trainings = trainings
        self._answers = TrainingAnswers(trainings)
        self._events = events
        self._queue = queue
        self._hide = hide

    def training(self, request: Request) -> Response:
        """What is known of the training of a run."""
        overview, found, examined = self._trainings.overview(required(request, "run"))
        fields = {name: getattr(overview, name) for name in overview.__dataclass_fields__}
        fields |= {
            "problems": [self._hide(text) for text in overview.problems],
            "findings": found.findings,
            "suggested_threshold": found.threshold,
            "suggested_run_length": found.run_length,
            "examined": examined,
            "published_threshold": self._answers.published_threshold,
            "published_run_length": self._answers.published_run_length,
        }
        body = msgspec.json.encode(msgspec.convert(fields, wire.Training, from_attributes=True))
        return respond_encoded(request, encoded(body))

    def curves(self, request: Request) -> Response:
        """TensorBoard's scalar series, brought to the steps of the log, and those of the log."""
        name = required(request, "run")
        own = self._trainings.series(name)
        run = self._workspace.run(name)
        curves = [
            on_steps(curve, own.steps_per_epoch) for curve in self._events.curves(run.event_runs)
        ]
        known = {curve.tag for curve in curves if curve.axis == own.axis}
        curves += [
            contract.Curve(
                run=name,
                tag=series.name,
                kind=kind_of(series.name),
                axis="step",
                x=list(series.x),
                y=[value if np.isfinite(value) else None for value in series.y],
            )
            for series in own.series
            if series.name not in known
        ]
        body = msgspec.json.encode(wire.TrainingCurves(run=name, curves=curves))
        return respond_encoded(request, encoded(body))

    def layers(self, request: Request) -> Response:
        """A statistic of units over time."""
        kind = choice(request, "kind", _KINDS)
        statistic = choice(request, "statistic", (*STATISTICS, "quartiles"))
        units = texts(request, "units", TRAINING_UNITS_MAX)
        return self._arrays(
            request,
            "Reading the statistics of layers",
            lambda run, version: self._answers.layers(run, version, kind, statistic, units),
            kind,
            statistic,
            json.dumps(units),
        )

    def bands(self, request: Request) -> Response:
        """The share of parameters per band of |x/w|."""
        kind = choice(request, "kind", _BAND_KINDS)
        edges = numbers(request, "edges", _EDGES_MAX)
        units = texts(request, "units", TRAINING_UNITS_MAX)
        return self._arrays(
            request,
            "Reading the changes of layers",
            lambda run, version: self._answers.bands(run, version, kind, edges, units),
            kind,
            repr(edges),
            json.dumps(units),
        )

    def filters(self, request: Request) -> Response:
        """A measure of every filter of a layer."""
        layer, measure = required(request, "layer"), choice(request, "measure", MEASURES)
        filters = integers(request, "filters", TRAINING_FILTERS_MAX)
        return self._arrays(
            request,
            f"Reading the filters of {layer}",
            lambda run, version: self._answers.filters(run, version, layer, measure, filters),
            layer,
            measure,
            repr(filters),
        )

    def classes(self, request: Request) -> Response:
        """Validation by class."""
        length = between(request, "run_length", 0, _RUN_LENGTH_MAX, None)
        clusters = between(request, "clusters", 1, TRAINING_CLUSTERS_MAX, None)
        return self._arrays(
            request,
            "Reading the validation passes",
            lambda run, version: self._answers.classes(run, version, length, clusters),
            repr(length),
            repr(clusters),
        )

    def images(self, request: Request) -> Response:
        """The images of a class."""
        required(request, "class")
        index = between(request, "class", -1, _MANY, -1)
        return self._arrays(
            request,
            "Reading the images of a class",
            lambda run, version: self._answers.images(run, version, index),
            repr(index),
        )

    def image(self, request: Request) -> Response:
        """The history of a probe image."""
        required(request, "image")
        index = between(request, "image", 0, _IMAGES_MAX, 0)
        return self._values(
            request,
            "Reading the history of an image",
            lambda run, version: self._answers.image(run, version, index),
            wire.ImageHistory,
            repr(index),
        )

    def top(self, request: Request) -> Response:
        """The filters that changed most at every one of some dumps."""
        steps = integers(request, "steps", TRAINING_STEPS_MAX)
        if steps is None:
            raise InvalidRequestError("Parameter 'steps' is missing.")
        count = between(request, "count", 1, TRAINING_TOP_MAX, None)
        every = bool(between(request, "all_layers", 0, 1, 0))
        return self._values(
            request,
            "Looking for the filters that changed most",
            lambda run, version: self._answers.top(run, version, steps, count, every),
            wire.TopFilters,
            repr((steps, count, every)),
        )

    def correlation(self, request: Request) -> Response:
        """Which filters changed most when which class had an anomaly."""
        required(request, "threshold")
        threshold = between(request, "threshold", 1, _MANY, 1)
        length = between(request, "run_length", 0, _RUN_LENGTH_MAX, None)
        count = between(request, "count", 1, TRAINING_TOP_MAX, None)
        keep = between(request, "keep", 1, _MANY, None)
        every = bool(between(request, "all_layers", 0, 1, 0))
        rule = CorrelationRule(threshold, length, count, keep, every)
        return self._values(
            request,
            "Looking for filters that change when classes do",
            lambda run, version: self._answers.correlation(run, version, rule),
            wire.Correlation,
            repr(rule),
        )

    def forensics(self, request: Request) -> Response:
        """What moved first around a step."""
        required(request, "step")
        step = integer(request, "step", 0)
        return self._values(
            request,
            "Looking for what moved first",
            lambda run, version: self._answers.forensics(run, version, step),
            wire.Forensics,
            repr(step),
        )

    def thumbnail(self, request: Request) -> Response:
        """A probe image."""
        run, pictures = required(request, "run"), required(request, "pictures")
        required(request, "image")
        index = between(request, "image", 0, _IMAGES_MAX, 0)
        return respond_bytes(self._answers.thumbnail(run, pictures, index), PNG, immutable=True)

    def _arrays(
        self,
        request: Request,
        label: str,
        work: Callable[[str, str], Arrays],
        *key: str,
    ) -> Response:
        """Arrays that the workspace gives for a run and a version, in the safetensors layout."""

        def run(name: str, version: str) -> bytes:
            arrays, metadata = work(name, version)
            return encode_arrays(arrays, metadata)

        return self._queued(
            request, label, run, lambda body: respond_bytes(body, MIMETYPE, immutable=True), key
        )

    def _values(
        self,
        request: Request,
        label: str,
        work: Callable[[str, str], object],
        kind: type[contract.Struct],
        *key: str,
    ) -> Response:
        """A value of the workspace as JSON."""

        def run(name: str, version: str) -> Encoded:
            return encoded(
                msgspec.json.encode(
                    msgspec.convert(work(name, version), kind, from_attributes=True)
                )
            )

        return self._queued(
            request, label, run, lambda body: respond_encoded(request, body, immutable=True), key
        )

    def _queued(
        self,
        request: Request,
        label: str,
        work: Callable[[str, str], object],
        respond: Callable[[Any], Response],
        key: tuple[str, ...],
    ) -> Response:
        run, version = required(request, "run"), required(request, "v")
        self._trainings.check(run, version)
        return respond_queued(
            self._queue,
            (request.path, run, version, *key),
            label,
            lambda _progress: work(run, version),
            respond,
        )


def on_steps(curve: contract.Curve, steps_per_epoch: int | None) -> contract.Curve:
    """A curve by epoch brought to steps, where it is known how many an epoch has."""
    if curve.axis == "step" or steps_per_epoch is None:
        return curve
    return msgspec.structs.replace(
        curve, axis="step", x=[value * steps_per_epoch for value in curve.x]
    )
