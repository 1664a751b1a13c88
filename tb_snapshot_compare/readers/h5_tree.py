"""The groups of a Keras 3 weights file as a tree of layers, in the model's order."""

import heapq
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tb_snapshot_compare.readers.hdf5_messages import Description, StoredDataset

_MODEL_LAYERS = ("layers", "_layer_checkpoint_dependencies")


@dataclass(slots=True)
class Node:
    """A group that stands for a layer, a model, an optimizer or a list of them.

    `component` is the last part of its path, `name` what Keras calls it (None for lists and
    in files older than the attribute), `variables` the datasets of its `vars` by number,
    `addresses` where its own objects lie in the file. `has_vars` is whether it has a group
    `vars`, which even a layer without variables has, and a list never.
    """

    component: str
    path: str
    addresses: list[int] = field(default_factory=list)
    name: str | None = None
    variables: list[StoredDataset] = field(default_factory=list)
    children: dict[str, "Node"] = field(default_factory=dict)
    has_vars: bool = False

    @property
    def order(self) -> int:
        """Grows with the time of creation: the highest address of anything in the group.

        HDF5 appends, or fills holes that lie before; so the highest address is the one that
        most likely was appended.
        """
        return max(self._all_addresses(), default=0)

    def _all_addresses(self) -> Iterator[int]:
        pending = [self]
        while pending:
            node = pending.pop()
            yield from node.addresses
            pending.extend(node.children.values())

    @property
    def layers(self) -> "Node | None":
        """The group of a model's layers; the second name is that of Keras 2.13."""
        for component in _MODEL_LAYERS:
            if component in self.children:
                return self.children[component]
        return None

    @property
    def others(self) -> list["Node"]:
        """Children that are attributes, in the order in which Keras saved them."""
        found = [node for name, node in self.children.items() if name not in _MODEL_LAYERS]
        return sorted(found, key=lambda node: (node.component.startswith("_"), node.component))


def build_tree(description: Description) -> tuple[Node, list[StoredDataset]]:
    """The tree of a description, and the datasets that lie outside any `vars` group."""
    root = Node(component="", path="")
    strangers = []
    for group in description.groups:
        parts = group.path.split("/") if group.path else []
        node = _descend(root, parts[:-1] if parts and parts[-1] == "vars" else parts)
        node.addresses.append(group.order)
        if parts and parts[-1] == "vars":
            node.name = group.name
            node.has_vars = True
    for dataset in description.datasets:
        parts = dataset.path.split("/")
        if len(parts) >= 2 and parts[-2] == "vars":
            node = _descend(root, parts[:-2])
            node.variables.append(dataset)
            node.addresses.append(dataset.order)
            if dataset.offset is not None and not dataset.spooled:
                node.addresses.append(dataset.offset)
        else:
            strangers.append(dataset)
    _sort_variables(root)
    return root, strangers


def _descend(root: Node, parts: Iterable[str]) -> Node:
    node = root
    for part in parts:
        if part not in node.children:
            path = f"{node.path}/{part}" if node.path else part
            node.children[part] = Node(component=part, path=path)
        node = node.children[part]
    return node


def _sort_variables(root: Node) -> None:
    pending = [root]
    while pending:
        node = pending.pop()
        node.variables.sort(key=lambda dataset: _number(dataset.path.rsplit("/", 1)[-1]))
        pending.extend(node.children.values())


def _number(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() and len(text) < 10 else (1_000_000_000, text)


def class_of_component(component: str) -> tuple[str, int]:
    """Class and counter of a group in a list: `conv2d_3` is the fourth `conv2d`."""
    found = re.fullmatch(r"(.+?)_(\d{1,9})", component)
    return (found[1], int(found[2])) if found else (component, 0)


def in_saved_order(nodes: Iterable[Node]) -> list[Node]:
    """Groups of one list in the order in which Keras saved them.

    Keras numbers the groups of each class in that order, which is certain; between classes
    the addresses decide, which are likely. So this merges the classes' queues by address.
    """
    queues: dict[str, list[tuple[int, Node]]] = {}
    for node in nodes:
        layer_class, counter = class_of_component(node.component)
        queues.setdefault(layer_class, []).append((counter, node))
    for queue in queues.values():
        queue.sort(key=lambda entry: entry[0], reverse=True)
    heads = [(queue[-1][1].order, name) for name, queue in queues.items()]
    heapq.heapify(heads)
    ordered = []
    while heads:
        _, layer_class = heapq.heappop(heads)
        queue = queues[layer_class]
        ordered.append(queue.pop()[1])
        if queue:
            heapq.heappush(heads, (queue[-1][1].order, layer_class))
    return ordered
