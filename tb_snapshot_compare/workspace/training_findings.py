"""What nobody asked about but should know: the findings of a log, most important first."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import TRAINING_FINDINGS_MAX
from tb_snapshot_compare.workspace.findings_classes import ClassFindings, findings_of_classes
from tb_snapshot_compare.workspace.findings_layers import (
    findings_of_layers,
    layer_history,
    not_finite,
)
from tb_snapshot_compare.workspace.findings_steps import findings_of_steps
from tb_snapshot_compare.workspace.findings_stopped import findings_of_stops
from tb_snapshot_compare.workspace.training_states import ImageStates, image_states
from tb_snapshot_compare.workspace.training_values import Axis, Examination, Finding

if TYPE_CHECKING:
    from tb_snapshot_compare.store.log_reader import Log

_SEVERITIES = ("problem", "warning", "note")
_KINDS = (
    "not_finite",
    "never_trained",
    "stopped",
    "frozen_statistics",
    "spike",
    "anomaly",
    "dead_filters",
    "lost",
)
"""Of one severity, in this order."""


def examine(
    log: "Log",
    axis: Axis,
    pause: Callable[[], None] = lambda: None,
    states: Callable[[], ImageStates] | None = None,
) -> Examination:
    """Looks through a log.

    Args:
      log: the log.
      axis: what its steps count.
      pause: called between the parts; may raise to stop.
      states: gives those of its probe images, of which it has validation passes; None reads them.
    """
    layers = layer_history(log, axis)
    found: list[Finding] = [
        *findings_of_layers(layers),
        *findings_of_stops(log, layers),
        *not_finite(log, layers),
    ]
    pause()
    found += findings_of_steps(log, axis)
    pause()
    classes = ClassFindings((), None, None)
    if log.probe is not None and log.steps("images").size:
        with suppress(InvalidRequestError):  # of more than can be looked at there is no finding
            classes = findings_of_classes(states() if states else image_states(log), axis)
    found += classes.findings
    found.sort(key=_importance)
    return Examination(tuple(found[:TRAINING_FINDINGS_MAX]), classes.threshold, classes.run_length)


def _importance(finding: Finding) -> tuple[int, int]:
    return _SEVERITIES.index(finding.severity), _KINDS.index(finding.kind)
