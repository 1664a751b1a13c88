"""A network as a directed acyclic graph of layers."""

from dataclasses import dataclass
from typing import Literal

Shape = tuple[int | None, ...]
"""Sizes by axis, the batch first; None where a size is unknown."""

Source = Literal["keras_config", "event_file", "graph", "names"]

UNKNOWN = "Unknown"


class MalformedConfigError(ValueError):
    """The configuration does not describe a network; the message says what is wrong in it.

    Never leaves this stage: the names of the tensors are used instead.
    """


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, or (`is_group`) a nested model or name scope that holds layers.

    `name` is the full path (`encoder/conv1`), `parent` that of the group it lies in. `kind` is
    the Keras class or `Unknown`. `output_shape` is that of the first output. `tensors` are
    canonical names, in stored order; a group has none of its own. `parameters` counts their
    elements; a group's are those of all layers in it. `likely` is what a layer of an unknown
    class is called for people: nothing is decided by it.
    """

    name: str
    kind: str
    parent: str | None
    is_group: bool
    output_shape: Shape | None
    tensors: tuple[str, ...]
    parameters: int
    likely: str | None = None

    @property
    def shown_kind(self) -> str:
        """The class, else the one that its weights suggest, else `Unknown`."""
        return self.likely or UNKNOWN if self.kind == UNKNOWN else self.kind


@dataclass(frozen=True, slots=True)
class Edge:
    """Data flows from the layer `source` to the layer `target`; neither is a group."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Architecture:
    """The layers in topological order, each group before what it holds.

    `source` tells what it was read from; `note` says so in a sentence for the page.
    """

    source: Source
    note: str
    layers: tuple[Layer, ...]
    edges: tuple[Edge, ...]
