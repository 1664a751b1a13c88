"""Canonical names for the tensors of a bundle.

The user must see `conv1/kernel`, whatever the file calls it, and the same in every format
of the same model. The rules, in order:

1. A variable's own name is the `full_name` in the object graph, where it has the form
   `layer/.../role`; otherwise its attribute path from the root; without an object graph
   (TensorFlow 1) its key, with Keras's words for the roles.
2. `role` is the last segment. `layer` is the path of the layer below its innermost Functional
   or Sequential model: the scopes that models put in front are dropped. A scope is known to
   be a model's when the name has more segments than there are layers between the model and
   the variable in the object graph, or, without such a graph (`model.export`), when all
   weights share it.
3. Layers that Keras builds inside a traced call lose their own segment (`block/kernel` for
   `block/conv/kernel`). The optimizer's slots keep it (`adam/block_conv_kernel_momentum`)
   and give it back, less the automatic names of models around them; failing that, two such
   layers of one parent are told apart by the attribute that holds them.
4. Layers that then still share a path are numbered in model order: `conv1`, `conv1#2`.
5. Slots are `optimizer/<variable>/<slot>`, hyper-parameters `optimizer/<name>`. Counters,
   seeds and metrics have scope `state`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tb_snapshot_compare.readers.graph_walk import GraphWalk, Place, walk_graph
from tb_snapshot_compare.readers.named_slots import slots_by_name
from tb_snapshot_compare.readers.object_graph import OBJECT_GRAPH_KEY, Node
from tb_snapshot_compare.readers.slot_names import roles_of_scalers
from tb_snapshot_compare.readers.tf1_names import (
    HYPERPARAMETERS,
    ROLE_WORDS,
    SLOT_WORDS,
    STATE_ROLES,
    Tf1Keys,
)
from tb_snapshot_compare.snapshot import Scope

_ATTRIBUTES = "/.ATTRIBUTES/"
KEY_SUFFIX = f"{_ATTRIBUTES}VARIABLE_VALUE"
SLOT_MARK = "/.OPTIMIZER_SLOT/"

_AUTOMATIC_MODELS = re.compile(r"^(?:(?:sequential|functional|model)(?:_\d{1,6})?_)+(?=\D)")
_STATE_ROLES = frozenset({"seed_generator_state", "save_counter", OBJECT_GRAPH_KEY}) | STATE_ROLES
_STATE_PATHS = frozenset({"metrics", "_metrics", "_compile_metrics", "_loss_tracker", "keras_api"})
_ROLE_WORDS = {"iter": "iteration", "iterations": "iteration", "_iterations": "iteration"}


@dataclass(frozen=True, slots=True)
class TensorName:
    """What a stored tensor is called on the page; see `snapshot.TensorInfo` for the fields."""

    name: str
    layer: str | None
    role: str
    scope: Scope
    slot_of: str | None = None


@dataclass(frozen=True, slots=True)
class _Weight:
    """A weight on its way to its name: the layer's segments so far, and where it lies.

    `scoped` tells whether the segments are TensorFlow's name, which may begin with the
    scopes of models, and not an attribute path.
    """

    key: str
    segments: tuple[str, ...]
    role: str
    place: Place | None
    scoped: bool


def names_by_key(keys: Sequence[str]) -> dict[str, TensorName]:
    """Names for the tensors of a bundle without an object graph, in display order.

    Those are names of variables (TensorFlow 1, see `tf1_names`); keys of object-based
    checkpoints are read as attribute paths.
    """
    known = Tf1Keys(_plain_key(key) for key in keys)
    names = {key: _name_of_plain_key(_plain_key(key), known) for key in keys}
    return _in_order(_unique(names))


def names_by_graph(
    keys: Sequence[str], nodes: Sequence[Node], is_counter: Callable[[str], bool]
) -> dict[str, TensorName]:
    """Names for the tensors of an object-based checkpoint, in display order.

    Args:
      keys: the keys of the bundle.
      nodes: its object graph.
      is_counter: tells whether the tensor of a key is a single integer; one that the
        root refers to by name (`Checkpoint(step=...)`) is state, not a weight.
    """
    walk = walk_graph(nodes)
    weights, state = _split_state(walk, nodes, is_counter)
    slot_paths = _slot_paths(walk, nodes)
    weights = _without_model_scopes(_with_lost_segments(weights, slot_paths))
    weights = _told_apart_by_attribute(weights)
    names = _numbered(weights) | state
    names |= _optimizer_names(walk, nodes, names)
    present = set(keys)
    names = {key: name for key, name in names.items() if key in present}
    left = [key for key in keys if key not in names]
    return _in_order(_unique(names | names_by_key(left)))


def _split_state(
    walk: GraphWalk, nodes: Sequence[Node], is_counter: Callable[[str], bool]
) -> tuple[list[_Weight], dict[str, TensorName]]:
    weights: list[_Weight] = []
    state: dict[str, TensorName] = {}
    for node, place in _in_model_order(walk):
        variable = nodes[node].variable
        if variable is None:
            continue
        path = place.path if place is not None else ()
        scoped = "/" in variable.full_name.strip("/")
        segments = _segments(variable.full_name, path, variable.key)
        at_root = place is not None and place.owner == 0 and not scoped
        if (
            segments[-1] in _STATE_ROLES
            or not _STATE_PATHS.isdisjoint(path)
            or (at_root and is_counter(variable.key))
        ):
            state[variable.key] = TensorName("/".join(segments), None, segments[-1], "state")
        else:
            weights.append(_Weight(variable.key, segments[:-1], segments[-1], place, scoped))
    return weights, state


def _in_model_order(walk: GraphWalk) -> list[tuple[int, Place | None]]:
    """Places in model order; variables known only to an optimizer follow their predecessor."""
    positions = {place.node: float(index) for index, place in enumerate(walk.places)}
    last = -1.0
    step = 1.0 / (len(walk.trainables) + 2)
    for number in walk.trainables:
        last = positions.setdefault(number, last + step)
    places = {place.node: place for place in walk.places}
    ordered = sorted(positions, key=lambda number: positions[number])
    return [(number, places.get(number)) for number in ordered]


def _segments(full_name: str, path: tuple[str, ...], key: str) -> tuple[str, ...]:
    """The name's segments, of which the last is the role."""
    name = full_name.removesuffix(":0").strip("/")
    if "/" in name:
        return tuple(name.split("/"))
    return path or tuple(_plain_key(key).split("/"))


def _slot_paths(walk: GraphWalk, nodes: Sequence[Node]) -> dict[str, str]:
    """The keys of variables to their layers' path as their slots' names spell it.

    Keras 3 names a slot `<optimizer>/<variable path with "_" for "/">_<slot>`.
    """
    paths: dict[str, str] = {}
    for slot in walk.slots.values():
        variable, own = nodes[slot.target].variable, nodes[slot.node].variable
        if variable is None or own is None or not slot.list_name:
            continue
        flat = own.full_name.partition("/")[2]
        role = variable.full_name.rpartition("/")[2]
        end = flat.rfind(f"_{role}_")
        if role and end > 0:
            paths.setdefault(variable.key, flat[:end])
    return paths


def _with_lost_segments(weights: Iterable[_Weight], slot_paths: Mapping[str, str]) -> list[_Weight]:
    owners: dict[int, tuple[str, ...]] = {}
    repaired = []
    for weight in weights:
        flat, spelled = "_".join(weight.segments), slot_paths.get(weight.key, "")
        if flat and spelled.startswith(f"{flat}_"):
            lost = spelled[len(flat) + 1 :]
            if weight.place is not None and weight.place.anchor not in (None, 0):
                lost = _AUTOMATIC_MODELS.sub("", lost)
            segments = (*weight.segments, lost)
            if weight.place is not None and weight.place.owner is not None:
                owners[weight.place.owner] = segments
            weight = replace(weight, segments=segments)
        repaired.append(weight)
    return [
        replace(weight, segments=owners[weight.place.owner])
        if weight.place is not None and weight.place.owner in owners
        else weight
        for weight in repaired
    ]


def _without_model_scopes(weights: Sequence[_Weight]) -> list[_Weight]:
    groups: dict[int | None, list[_Weight]] = {}
    for weight in weights:
        if weight.scoped:
            groups.setdefault(weight.place.anchor if weight.place else None, []).append(weight)
    loose = groups.pop(None, [])
    scopes: set[str] = set()
    short: dict[str, tuple[str, ...]] = {}
    for group in groups.values():
        short |= _strip_group(group, scopes)
    if not groups and any(len(weight.segments) > 1 for weight in loose):
        first = {weight.segments[0] for weight in loose}
        scopes = first if len(first) == 1 else set()
    short |= {weight.key: weight.segments[1:] for weight in loose if weight.segments[0] in scopes}
    return [replace(weight, segments=short.get(weight.key, weight.segments)) for weight in weights]


def _strip_group(group: Sequence[_Weight], scopes: set[str]) -> dict[str, tuple[str, ...]]:
    """The segments below their model of the weights of one; adds what it drops to `scopes`."""
    depths = [weight.place.depth if weight.place else 0 for weight in group]
    segments = [weight.segments for weight in group]
    while any(depths) and any(len(s) > depth for s, depth in zip(segments, depths, strict=True)):
        first = {s[:1] for s in segments}
        if len(first) != 1 or () in first:
            break
        scopes.add(segments[0][0])
        segments = [s[1:] for s in segments]
    return {
        weight.key: s[max(0, len(s) - depth) :] if any(depths) else s
        for weight, s, depth in zip(group, segments, depths, strict=True)
    }


def _told_apart_by_attribute(weights: Sequence[_Weight]) -> list[_Weight]:
    """Appends the attribute where two layers of one parent came out with one path."""
    owners: dict[tuple[object, ...], set[int]] = {}
    for weight in weights:
        place = weight.place
        if place is not None and place.owner is not None:
            owners.setdefault((place.parent_of_owner, weight.segments), set()).add(place.owner)
    told = []
    for weight in weights:
        place = weight.place
        if (
            place is not None
            and place.owner is not None
            and len(owners[place.parent_of_owner, weight.segments]) > 1
            and len(weight.segments) < place.depth
            and not place.path[-2].isdecimal()
        ):
            weight = replace(weight, segments=(*weight.segments, place.path[-2].lstrip("_")))
        told.append(weight)
    return told


def _numbered(weights: Sequence[_Weight]) -> dict[str, TensorName]:
    """Numbers the layers that share a path, in the order of `weights`."""
    instances: dict[tuple[str, ...], dict[object, int]] = {}
    roles: dict[object, set[str]] = {}
    previous: tuple[str, ...] | None = None
    names: dict[str, TensorName] = {}
    for weight in weights:
        known = instances.setdefault(weight.segments, {})
        owner: object = weight.place.owner if weight.place is not None else None
        if owner is None:
            # Variables of one layer follow each other, each role once.
            owner = next(reversed(known), None)
            if owner is None or previous != weight.segments or weight.role in roles[owner]:
                owner = object()
        number = known.setdefault(owner, len(known) + 1)
        roles.setdefault(owner, set()).add(weight.role)
        previous = weight.segments
        path = "/".join(weight.segments)
        layer = (path if number == 1 else f"{path}#{number}") or None
        name = f"{layer}/{weight.role}" if layer else weight.role
        names[weight.key] = TensorName(name, layer, weight.role, "weights")
    return names


def _optimizer_names(
    walk: GraphWalk, nodes: Sequence[Node], names: Mapping[str, TensorName]
) -> dict[str, TensorName]:
    found = _slots_by_name(walk, nodes, names)
    owned = (nodes[number].variable for number in walk.hyperparameters)
    of_scalers = roles_of_scalers(variable.full_name for variable in owned if variable is not None)
    for number, local_name in walk.hyperparameters.items():
        variable = nodes[number].variable
        if variable is not None and variable.key not in names and variable.key not in found:
            last = variable.full_name.rpartition("/")[2] or local_name
            role = of_scalers.get(variable.full_name) or _ROLE_WORDS.get(last, last)
            found[variable.key] = TensorName(f"optimizer/{role}", None, role, "optimizer")
    for slot in walk.slots.values():
        variable, target = nodes[slot.node].variable, nodes[slot.target].variable
        if variable is None or variable.key in names:
            continue
        of = names.get(target.key) if target is not None else None
        role = slot.slot_name or _slot_role(variable.full_name, of, slot.list_name)
        role = SLOT_WORDS.get(role, role)
        base = of.name if of is not None else variable.full_name.rpartition("/")[2]
        found[variable.key] = TensorName(
            name=f"optimizer/{base}/{role}",
            layer=of.layer if of is not None else None,
            role=role,
            scope="optimizer",
            slot_of=of.name if of is not None else None,
        )
    return found


def _slots_by_name(
    walk: GraphWalk, nodes: Sequence[Node], names: Mapping[str, TensorName]
) -> dict[str, TensorName]:
    full_names = {
        node.variable.key: node.variable.full_name for node in nodes if node.variable is not None
    }
    variables = (nodes[number].variable for number in walk.hyperparameters)
    attached = slots_by_name(
        [(variable.key, variable.full_name) for variable in variables if variable is not None],
        [(key, full_names.get(key, "")) for key, name in names.items() if name.scope == "weights"],
    )
    return {
        slot: TensorName(
            f"optimizer/{names[of].name}/{role}", names[of].layer, role, "optimizer", names[of].name
        )
        for slot, (of, role) in attached.items()
    }


def _slot_role(full_name: str, of: TensorName | None, list_name: str) -> str:
    """The slot's name: what follows the variable's role in `adam/conv1_kernel_momentum`."""
    flat = full_name.partition("/")[2]
    role = of.role if of is not None else ""
    end = flat.rfind(f"_{role}_")
    if role and end > 0:
        return flat[end + len(role) + 2 :]
    if role and flat.startswith(f"{role}_"):
        return flat[len(role) + 1 :]
    return list_name.strip("_")


def _plain_key(key: str) -> str:
    return key.removesuffix(KEY_SUFFIX)


def _name_of_plain_key(plain: str, keys: Tf1Keys) -> TensorName:
    if SLOT_MARK in plain:
        of, _, slot = plain.partition(SLOT_MARK)
        word = slot.rpartition("/")[2]
        role = SLOT_WORDS.get(word, word)
        layer = of.rpartition("/")[0] or None
        return TensorName(f"optimizer/{of}/{role}", layer, role, "optimizer", of)
    role = plain.rpartition("/")[2]
    if _ATTRIBUTES in plain:  # what else objects save: lookup tables, iterators
        return TensorName(plain.replace(_ATTRIBUTES, "/"), None, role, "state")
    if role in _STATE_ROLES or not _STATE_PATHS.isdisjoint(plain.split("/")):
        return TensorName(plain, None, role, "state")
    if role in HYPERPARAMETERS:
        return TensorName(f"optimizer/{role}", None, role, "optimizer")
    if (slot_of := keys.slot(plain)) is not None:
        of_layer, of_name = _weight_name(slot_of.of)
        name = f"optimizer/{of_name}/{slot_of.role}"
        return TensorName(name, of_layer, slot_of.role, "optimizer", of_name)
    if plain.startswith("optimizer/") and "_trainable_variables" not in plain:
        word = _ROLE_WORDS.get(role, role.lstrip("_"))
        return TensorName(f"optimizer/{word}", None, word, "optimizer")
    layer, name = _weight_name(keys.shadowed(plain) or plain)
    return TensorName(name, layer, name.rpartition("/")[2], "weights")


def _weight_name(plain: str) -> tuple[str | None, str]:
    """The layer and the canonical name of a weight."""
    layer, _, role = plain.rpartition("/")
    role = ROLE_WORDS.get(role, role) if layer else role
    return layer or None, f"{layer}/{role}" if layer else role


def _unique(names: Mapping[str, TensorName]) -> dict[str, TensorName]:
    seen: Counter[str] = Counter()
    unique: dict[str, TensorName] = {}
    taken = {name.name for name in names.values()}
    for key, name in names.items():
        seen[name.name] += 1
        if seen[name.name] == 1:
            unique[key] = name
            continue
        number = seen[name.name]
        while f"{name.name}#{number}" in taken:
            number += 1
        taken.add(f"{name.name}#{number}")
        unique[key] = replace(name, name=f"{name.name}#{number}")
    return unique


def _in_order(names: Mapping[str, TensorName]) -> dict[str, TensorName]:
    order = {"weights": 0, "optimizer": 1, "state": 2}
    return dict(sorted(names.items(), key=lambda item: order[item[1].scope]))
