"""Which part of the image a position of a layer's output sees.

Intervals of positions are led back through the graph, from the layer to the image, each axis for
itself: exact for every position and every size of image, borders and `same` padding included.
The formulas are those of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional
Neural Networks" (Distill 2019), and of keras/src/ops/operation_utils.py for padding.
"""

from dataclasses import dataclass

from tb_snapshot_compare.architecture.config import LayerConfig, ModelConfig, parse_model
from tb_snapshot_compare.architecture.graph import LayerGraph, flatten
from tb_snapshot_compare.architecture.topology import topological
from tb_snapshot_compare.architecture.values import MalformedConfigError
from tb_snapshot_compare.architecture.window_steps import Interval, Step, step_of
from tb_snapshot_compare.errors import InvalidRequestError

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the network's input; right and bottom are exclusive."""

_SIZES_KEPT = 16


@dataclass(frozen=True, slots=True)
class _Node:
    """A layer on the way: what it does along rows and columns, and the nodes that feed it.

    Node 0 is the image.
    """

    steps: tuple[Step, Step]
    sources: tuple[int, ...]


class ReceptiveField:
    """The receptive field of a layer, at any position and for any size of the input.

    `whole` tells that every position sees the whole image (behind a flattening or global
    pooling). `gated` tells that, beside its own field, a position also depends on the whole image
    through a branch that pools it (squeeze and excitation): such branches weight what a position
    sees, and are not counted in its field.
    """

    def __init__(self, layer: str, nodes: tuple[_Node, ...], whole: bool, gated: bool) -> None:
        self.layer = layer
        self.whole = whole
        self.gated = gated
        self._nodes = nodes
        self._sizes: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def map_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the layer's output for an input of `height` x `width` pixels.

        (1, 1) where the output has none.

        Raises:
          InvalidRequestError: the input is too small for the network.
        """
        return self._all_sizes(height, width)[-1]

    def box(self, row: int, column: int, height: int, width: int) -> Box:
        """What the position (row, column) sees of an input of `height` x `width` pixels.

        Raises:
          InvalidRequestError: there is no such position, or the input is too small.
        """
        if self.whole:
            return (0, 0, width, height)
        rows, columns = self.map_size(height, width)
        if not (0 <= row < rows and 0 <= column < columns):
            raise InvalidRequestError(
                f"{self.layer} has no position ({row}, {column}): for an input of {height} x "
                f"{width} its output has {rows} x {columns}."
            )
        sizes = self._all_sizes(height, width)
        top, bottom = self._back(0, row, [size[0] for size in sizes])
        left, right = self._back(1, column, [size[1] for size in sizes])
        return (left, top, right + 1, bottom + 1)

    def _all_sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        kept = self._sizes.get((height, width))
        if kept is not None:
            return kept
        sizes = [(height, width)]
        for node in self._nodes[1:]:
            given = [sizes[source] for source in node.sources]
            rows, columns = (
                step.size(max(size[axis] for size in given)) for axis, step in enumerate(node.steps)
            )
            if rows < 1 or columns < 1:
                raise InvalidRequestError(
                    f"An input of {height} x {width} pixels is too small for {self.layer}."
                )
            sizes.append((rows, columns))
        if len(self._sizes) >= _SIZES_KEPT:
            self._sizes.clear()
        self._sizes[height, width] = sizes
        return sizes

    def _back(self, axis: int, position: int, sizes: list[int]) -> Interval:
        """First and last pixel along an axis; a node takes the union of all that it feeds."""
        seen: list[Interval | None] = [None] * len(self._nodes)
        seen[-1] = (position, position)
        for index in range(len(self._nodes) - 1, 0, -1):
            interval = seen[index]
            if interval is None:
                continue
            node = self._nodes[index]
            for source in node.sources:
                low, high = node.steps[axis].back(*interval, sizes[source])
                low, high = _clip(low, sizes[source]), _clip(high, sizes[source])
                known = seen[source]
                seen[source] = (
                    (low, high) if known is None else (min(low, known[0]), max(high, known[1]))
                )
        found = seen[0]
        assert found is not None
        return found


def receptive_field(config: ModelConfig | str, layer: str) -> ReceptiveField | None:
    """The receptive field of a layer's output.

    Args:
      config: a Keras configuration, parsed or as JSON text.
      layer: full path of a layer.

    Returns:
      None where it cannot be told: there is no such layer, it sees no image or several, it or one
      before it is of an unknown kind, or is called several times.
    """
    try:
        model = parse_model(config) if isinstance(config, str) else config
        if isinstance(model, str):
            return None
        return _of_graph(flatten(model), layer)
    except MalformedConfigError:
        return None


def _of_graph(graph: LayerGraph, layer: str) -> ReceptiveField | None:
    leaves = {leaf.path: leaf.layer for leaf in graph.leaves}
    sources: dict[str, list[str]] = {path: [] for path in leaves}
    for source, target in graph.edges:
        sources[target].append(source)
    if layer not in leaves:
        return None
    before = _ancestors(layer, sources)
    order, _, back = topological(
        [path for path in leaves if path in before],
        [(source, path) for path in before for source in sources[path]],
    )
    if back or order[-1] != layer:
        return None
    return _field(layer, order, leaves, sources)


def _ancestors(layer: str, sources: dict[str, list[str]]) -> set[str]:
    found = {layer}
    ahead = [layer]
    while ahead:
        for source in sources[ahead.pop()]:
            if source not in found:
                found.add(source)
                ahead.append(source)
    return found


def _field(
    layer: str,
    order: list[str],
    leaves: dict[str, LayerConfig],
    sources: dict[str, list[str]],
) -> ReceptiveField | None:
    nodes = [_Node((Step(), Step()), ())]
    places: dict[str, int] = {}
    local = [True]
    gated = False
    images = 0
    for path in order:
        config = leaves[path]
        given = [places[source] for source in sources[path]]
        if not given:
            images += 1
            given = [0]
        if config.is_input:
            if not _is_image(config):
                return None
            places[path] = 0
            continue
        made = step_of(config.kind, config.config)
        if made is None or (len(given) > 1 and not made.merges) or len(config.calls) > 1:
            return None
        chosen = [index for index in given if local[index]] or given
        gated = gated or len(chosen) < len(given)
        places[path] = len(nodes)
        local.append(any(local[index] for index in chosen) and not made.whole)
        nodes.append(_Node((made.rows, made.columns), tuple(chosen)))
    if images != 1 or len(nodes) == 1:
        return None
    return ReceptiveField(layer, tuple(nodes), not local[-1], gated)


def _is_image(config: LayerConfig) -> bool:
    shape = config.config.get("batch_shape") or config.config.get("batch_input_shape")
    return shape is None or (isinstance(shape, list) and len(shape) == 4)


def _clip(position: int, size: int) -> int:
    return min(max(position, 0), size - 1)
