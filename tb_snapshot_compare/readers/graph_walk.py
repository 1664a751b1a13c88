"""Walks an object graph: which variable belongs to which layer, model and optimizer.

How the graphs look was taken from files of Keras 3.15 and TensorFlow 2.21: a Functional
model numbers its layers under `_operations`, a Sequential one holds a `_functional`, tf.keras
2 has `layer-N`; a Keras 3 optimizer lists `_trainable_variables` (the model's), `_variables`
(its own) and one list per slot (`_momentums`), in the same order as the former; tf.keras 2
and TensorFlow 1 optimizers have slot variables.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tb_snapshot_compare.readers.object_graph import Node

PATH_MAX_DEPTH = 32
"""Deeper paths are cut: no model nests so deep, and a hostile graph may be one chain."""

_MODEL_CHILDREN = frozenset({"_operations", "_functional", "layer-0", "layer_with_weights-0"})
_OWN_LISTS = frozenset({"_variables", "_trainable_variables", "_trainable_variables_indices"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the model refers to a variable.

    `path` is the attribute path from the root. `owner` is the object that holds it as an
    attribute (None: only a list does). `anchor` is the innermost model around it, and
    `depth` the number of layers from there down to the variable: 1 for `conv1/kernel`, 2
    for `mha/query/kernel`.
    """

    node: int
    path: tuple[str, ...]
    owner: int | None
    parent_of_owner: int | None
    anchor: int | None
    depth: int


@dataclass(frozen=True, slots=True)
class OptimizerSlot:
    """The variable `node` is the optimizer's slot for the variable `target`."""

    node: int
    target: int
    list_name: str
    slot_name: str | None


@dataclass(slots=True)
class GraphWalk:
    """The variables of a graph by what they are for.

    `places` is in model order: depth first, in the order in which the model lists its
    layers. `trainables` are the variables that an optimizer trains, in its order.
    `hyperparameters` maps the optimizer's other variables to their attribute name.
    """

    places: list[Place] = field(default_factory=list)
    trainables: list[int] = field(default_factory=list)
    slots: dict[int, OptimizerSlot] = field(default_factory=dict)
    hyperparameters: dict[int, str] = field(default_factory=dict)


def walk_graph(nodes: Sequence[Node]) -> GraphWalk:
    """Finds every variable of the graph whose root is `nodes[0]`."""
    walk = GraphWalk()
    optimizers = [number for number, node in enumerate(nodes) if _is_optimizer(node)]
    for optimizer in optimizers:
        _collect_optimizer(nodes, optimizer, walk)
    walk.trainables = list(dict.fromkeys(walk.trainables))
    _collect_slot_variables(nodes, walk)
    own = walk.slots.keys() | walk.hyperparameters.keys()
    walk.places = [
        place for place in _depth_first(nodes, frozenset(optimizers)) if place.node not in own
    ]
    return walk


def _is_optimizer(node: Node) -> bool:
    names = node.child_names
    return bool(
        "_iterations" in names
        or {"_variables", "_trainable_variables_indices"} <= names
        or {"iter", "learning_rate"} <= names
        or node.slots
    )


def _collect_optimizer(nodes: Sequence[Node], optimizer: int, walk: GraphWalk) -> None:
    lists = {name: nodes[target] for name, target in nodes[optimizer].children}
    trained = (
        dict(lists["_trainable_variables"].children) if "_trainable_variables" in lists else {}
    )
    walk.trainables += trained.values()
    for name, target in nodes[optimizer].children:
        if nodes[target].variable is not None:
            walk.hyperparameters.setdefault(target, name)
        elif name not in _OWN_LISTS and nodes[target].is_list:
            for index, slot in nodes[target].children:
                if index in trained and nodes[slot].variable is not None:
                    walk.slots[slot] = OptimizerSlot(slot, trained[index], name, None)
    for name, target in lists["_variables"].children if "_variables" in lists else ():
        if nodes[target].variable is not None and target not in walk.slots:
            walk.hyperparameters.setdefault(target, name)


def _collect_slot_variables(nodes: Sequence[Node], walk: GraphWalk) -> None:
    for node in nodes:
        for slot in node.slots:
            if nodes[slot.slot].variable is not None:
                walk.slots[slot.slot] = OptimizerSlot(slot.slot, slot.variable, "", slot.slot_name)


def _depth_first(nodes: Sequence[Node], skipped: frozenset[int]) -> Iterator[Place]:
    """Yields each variable once, where a depth-first walk around `skipped` first meets it."""
    models = [_is_model(node) for node in nodes]
    models[0] = _root_is_model(nodes[0])
    parents: dict[int, tuple[int, str]] = {}
    seen = {0} | skipped
    stack = [0]
    pending: dict[int, tuple[int, str]] = {}
    while stack:
        number = stack.pop()
        if number in pending:
            if number in seen:
                continue
            parents[number] = pending[number]
            seen.add(number)
        if nodes[number].variable is not None:
            yield _place(nodes, number, parents, models)
        for name, target in reversed(nodes[number].children):
            if target not in seen:
                pending[target] = (number, name)
                stack.append(target)


def _place(
    nodes: Sequence[Node],
    number: int,
    parents: dict[int, tuple[int, str]],
    models: Sequence[bool],
) -> Place:
    steps: list[tuple[int, str]] = []
    current = number
    while current in parents and len(steps) < PATH_MAX_DEPTH:
        steps.append(parents[current])
        current = parents[current][0]
    path = tuple(name for _, name in reversed(steps))
    if not steps or path[-1].isdecimal():
        return Place(number, path, None, None, None, 0)
    owner = steps[0][0]
    depth = 0
    anchor = owner
    for above, _ in steps[1:]:
        if models[anchor] or (above == 0 and not models[0]):
            break
        depth += not nodes[anchor].is_list
        anchor = above
    parent = parents[owner][0] if owner in parents else None
    return Place(number, path, owner, parent, anchor, depth)


def _is_model(node: Node) -> bool:
    return not node.child_names.isdisjoint(_MODEL_CHILDREN)


def _root_is_model(root: Node) -> bool:
    """Whether the root is what was saved, and not a tf.train.Checkpoint that names it.

    `Checkpoint(model)` adds the child `root` to the model's own; a SavedModel `signatures`.
    """
    return _is_model(root) or ("root", 0) in root.children or "signatures" in root.child_names
