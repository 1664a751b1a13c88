"""What the views of the Training page show: numbers of a run's log at one version.

Every method takes the name of a run and the version of its log, and raises NotFoundError for a run
that is not there and SnapshotChangedError for a version that is not the newest. Arrays come with
texts that go beside them on the wire.
"""

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tb_snapshot_compare.analysis.anomalies import RUN_LENGTH_DEFAULT, THRESHOLD_DEFAULT
from tb_snapshot_compare.analysis.time_order import by_peak
from tb_snapshot_compare.errors import NotFoundError, SnapshotChangedError
from tb_snapshot_compare.limits import TRAINING_KEPT_CELLS_MAX
from tb_snapshot_compare.workspace.training import Trainings
from tb_snapshot_compare.workspace.training_classes import (
    ImageHistory,
    class_images,
    first_images,
    image_history,
    pictures_of,
)
from tb_snapshot_compare.workspace.training_correlation import (
    Correlation,
    CorrelationRule,
    TopFilters,
    correlation_of,
    top_of_steps,
)
from tb_snapshot_compare.workspace.training_forensics import Forensics, forensics_of
from tb_snapshot_compare.workspace.training_series import (
    band_shares,
    check_units,
    filter_series,
    layer_series,
    not_finite_counts,
)
from tb_snapshot_compare.workspace.training_tops import filter_layers

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

Arrays = tuple[Mapping[str, NDArray[Any]], Mapping[str, str]]


class TrainingAnswers:
    """Numbers for the views; see the module. Safe to call from any thread."""

    published_threshold = THRESHOLD_DEFAULT
    published_run_length = RUN_LENGTH_DEFAULT

    def __init__(self, trainings: Trainings) -> None:
        """Answers from the logs of these trainings."""
        self._trainings = trainings

    def layers(
        self, run: str, version: str, kind: str, statistic: str, units: Sequence[str] | None
    ) -> Arrays:
        """`values` of units over time; see `training_series.layer_series` and `_not_finite`."""
        with self._trainings.reading(run, version) as log:
            values = self._of_units(
                log,
                units,
                ("layers", kind, statistic),
                lambda some: layer_series(log, kind, statistic, some),
            )
            return {"values": values, **self._not_finite(log, kind, units)}, _units(log, units)

    def bands(
        self,
        run: str,
        version: str,
        kind: str,
        edges: Sequence[float],
        units: Sequence[str] | None,
    ) -> Arrays:
        """`values`: shares by band; see `training_series.band_shares` and `_not_finite`."""
        with self._trainings.reading(run, version) as log:
            values = self._of_units(
                log,
                units,
                ("bands", kind, *edges),
                lambda some: band_shares(log, kind, edges, some),
            )
            return {"values": values, **self._not_finite(log, kind, units)}, _units(log, units)

    def filters(
        self, run: str, version: str, layer: str, measure: str, filters: Sequence[int] | None
    ) -> Arrays:
        """`values` of a layer's filters; see `training_series.filter_series`."""
        with self._trainings.reading(run, version) as log:
            return {"values": filter_series(log, layer, measure, filters)}, {"layer": layer}

    def classes(
        self, run: str, version: str, run_length: int | None, clusters: int | None
    ) -> Arrays:
        """Validation by class: what `endpoints_training` says of `training_classes`."""
        with self._trainings.reading(run, version) as log:
            states = self._trainings.states(log)
            errors = self._trainings.errors(log, states, clusters)
            first = first_images(states.labels, len(states.classes), log.pictured())
        counts = self._trainings.counts(states, run_length)
        whole, peak = counts.whole(), by_peak(np.maximum(counts.left, counts.right))
        arrays: dict[str, NDArray[Any]] = {
            "error": errors.classes.astype(np.float32),
            "model_error": errors.model.astype(np.float32),
            "left": counts.left,
            "right": counts.right,
            "model_left": whole.left[0],
            "model_right": whole.right[0],
            "mds": errors.mds.astype(np.int32),
            "peak": peak.astype(np.int32),
            "cluster": errors.cluster.astype(np.int32),
            "first_image": first,
        }
        return arrays, {"run_length": str(counts.run_length)}

    def images(self, run: str, version: str, index: int) -> Arrays:
        """The images of a class; see `training_classes.ClassImages`."""
        with self._trainings.reading(run, version) as log:
            found = class_images(log, index)
        arrays: dict[str, NDArray[Any]] = {
            "image": found.images,
            "predicted": found.predicted,
            "probability": found.probability,
            "order": found.order,
        }
        return arrays, {"names": json.dumps(found.names), "left_out": str(found.left_out)}

    def image(self, run: str, version: str, image: int) -> ImageHistory:
        """The history of a probe image."""
        with self._trainings.reading(run, version) as log:
            return image_history(log, image)

    def thumbnail(self, run: str, pictures: str, image: int) -> bytes:
        """A probe image as PNG, of the version `pictures` of them: they outlast the log's."""
        with self._trainings.reading(run, None) as log:
            if pictures_of(log) != pictures:
                raise SnapshotChangedError("The log has other pictures. Ask for `training` again.")
            found = log.thumbnail(image)
        if found is None:
            raise NotFoundError(f"The log has no picture of the probe image {image}.")
        return found.png

    def top(
        self, run: str, version: str, steps: Sequence[int], count: int | None, every: bool
    ) -> TopFilters:
        """The filters that changed most at every one of some steps."""
        with self._trainings.reading(run, version) as log:
            index = self._trainings.tops_known(log, every=every)
            return top_of_steps(log, steps, count, every=every, index=index)

    def correlation(self, run: str, version: str, rule: CorrelationRule) -> Correlation:
        """Which filters changed most when which class had an anomaly."""
        with self._trainings.reading(run, version) as log:
            states = self._trainings.states(log)
            order = self._trainings.errors(log, states, None).mds
            index = self._trainings.tops(log, every=rule.every, depth=rule.count or 0)
            layers = filter_layers(log, every=rule.every)
        counts = self._trainings.counts(states, rule.run_length)
        return correlation_of(counts, states.steps, order, index, layers, rule)

    def forensics(self, run: str, version: str, step: int) -> Forensics:
        """What moved first around a step."""
        with self._trainings.reading(run, version) as log:
            return forensics_of(log, step)

    def _not_finite(
        self, log: "Log", kind: str, units: Sequence[str] | None
    ) -> dict[str, NDArray[Any]]:
        """`not_finite` and `count` of units, where some value of theirs is NaN or infinite."""
        counts = self._of_units(
            log, units, ("not finite", kind), lambda some: not_finite_counts(log, kind, some)
        )
        if not counts[:, :, 0].any():
            return {}
        return {"not_finite": counts[:, :, 0], "count": counts[:, :, 1]}

    def _of_units(
        self,
        log: "Log",
        units: Sequence[str] | None,
        key: tuple[Hashable, ...],
        make: Callable[[Sequence[str] | None], NDArray[Any]],
    ) -> NDArray[Any]:
        """What `make` gives of units: it reads all of them anyway, so that these are kept.

        What it gives of none stands for all.
        """
        check_units(log, units)
        paths = [unit.path for unit in log.units]
        if len(paths) * log.steps("layers").size > TRAINING_KEPT_CELLS_MAX:
            return make(units)
        whole = self._trainings.kept((*key, log.directory, log.version), lambda: make(None))
        if units is None:
            return whole
        places = {path: place for place, path in enumerate(paths)}
        return whole[[places[path] for path in units]] if len(whole) else whole


def _units(log: "Log", units: Sequence[str] | None) -> dict[str, str]:
    """Which units rows are of, where not those that were asked for."""
    return {} if units is not None else {"units": json.dumps([unit.path for unit in log.units])}
