"""What every kind of network in the child can do: rebuilt from Keras, from a graph, from code."""

from collections.abc import Callable
from typing import Protocol

from tb_snapshot_compare.inference.values import MixtureResult, ModelDescription, RunRequest

Report = Callable[[int, int], None]
"""Called between batches with what is done and in all; raises to stop the work."""


class Network(Protocol):
    """A network in the child process, kept for as long as its source is asked for.

    `keras_network.open_keras`, `saved_model.open_saved_model` and `code_model.open_code_model`
    each take a `ModelSource` and return one, or raise ModelUnavailableError. They are imported
    by the child only, since they import TensorFlow.
    """

    @property
    def description(self) -> ModelDescription:
        """Inputs, outputs and layers."""

    def run(self, request: RunRequest, report: Report) -> tuple[MixtureResult, ...]:
        """Runs every mixture on the images in batches, `report`ing after each batch.

        Raises:
          ModelUnavailableError: the network cannot be run with these weights.
          SnapshotGoneError, SnapshotChangedError, UnreadableSnapshotError: of its weights.
          InvalidRequestError: no such layer or channel, or images of another shape.
        """
