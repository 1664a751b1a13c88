"""The learning rate that TensorBoard knows of a run."""

from collections.abc import Mapping
from typing import Any

from tensorboard.data import provider as data

from tb_snapshot_compare.http_api.event_data import EventData

Points = Mapping[str, Mapping[str, list[data.ScalarDatum]]]


class Provider:
    """Answers with what it was given, whatever runs are asked for."""

    def __init__(self, points: Points) -> None:
        self.points = points

    def read_scalars(self, _context: object, **_asked: Any) -> Points:
        return self.points


def points(*values: float) -> list[data.ScalarDatum]:
    return [data.ScalarDatum(step, 0.0, value) for step, value in enumerate(values)]


def test_series_are_told_by_their_names_and_epochs_are_counted_from_one() -> None:
    events = EventData(
        Provider(
            {
                "run/train": {
                    "epoch_learning_rate": points(0.1, 0.01),
                    "epoch_loss": points(1.0, 2.0),
                    "optimizer/lr": points(0.5, float("nan")),
                },
                "run/validation": {"color": points(1.0)},
            }
        )  # type: ignore[arg-type]
    )
    by_epoch, by_step = sorted(
        events.learning_rates(("run/train", "run/validation")), key=lambda each: each.name
    )
    assert (by_epoch.name, by_epoch.x, by_epoch.y, by_epoch.per_epoch) == (
        "epoch_learning_rate",
        (1.0, 2.0),
        (0.1, 0.01),
        True,
    )
    assert (by_step.name, by_step.x, by_step.per_epoch) == ("optimizer/lr", (0.0, 1.0), False)
    assert by_step.y[0] == 0.5
    assert by_step.y[1] != by_step.y[1]


def test_without_events_there_are_none() -> None:
    assert EventData(None).learning_rates(("run",)) == []
    assert EventData(Provider({})).learning_rates(()) == []  # type: ignore[arg-type]
