"""Which entry of a is which of b: rules in order, none of which guesses.

Every rule looks only at what the rules before it have left over, and pairs only where there is one
choice, or equally many of one kind in one order on both sides.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tb_snapshot_compare.architecture import same_but_for_numbers
from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.snapshot import TensorInfo
from tb_snapshot_compare.workspace.layouts import arrangement
from tb_snapshot_compare.workspace.match_entries import (
    Entry,
    attention_part,
    signature,
    units_of,
)
from tb_snapshot_compare.workspace.match_files import Corrections
from tb_snapshot_compare.workspace.results import Rule

TorchSide = Literal["a", "b"] | None
Unit = tuple[str, list[Entry]]


@dataclass(frozen=True, slots=True)
class Side:
    """The entries of one snapshot, in the order of its layers.

    `layer_of` and `kinds` give the path of the layer by tensor, and its class by path.
    """

    entries: tuple[Entry, ...]
    layer_of: Mapping[str, str]
    kinds: Mapping[str, str]

    def kind_of(self, entry: Entry) -> str:
        """The class of the entry's layer, empty where it is not known."""
        kind = self.kinds.get(self.layer_of.get(entry.stored[0].name, ""), "")
        return "" if kind == "Unknown" else kind

    def signature(self, entry: Entry) -> tuple[str, str, tuple[int, ...]]:
        """See `match_entries.signature`."""
        return signature(entry, self.kind_of(entry))


@dataclass(slots=True)
class Found:
    """Partners so far: of a by the name in b, the rule by the name in b, and b's name by a's.

    `refused_a` and `refused_b` are names that the user left without a partner, `freed_a` and
    `freed_b` those whose partner the user gave to another; `torch` is the
    side in PyTorch's layout, where the other one is in Keras's.
    """

    of_b: dict[str, Entry] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    refused_a: set[str] = field(default_factory=set)
    refused_b: set[str] = field(default_factory=set)
    freed_a: set[str] = field(default_factory=set)
    freed_b: set[str] = field(default_factory=set)
    torch: TorchSide = None

    def fitting(self, a: Entry, b: Entry) -> bool:
        """Whether two entries can be one tensor: of one shape, or of one in either layout."""
        if self.torch is None:
            return a.tensor.layout == b.tensor.layout and a.tensor.shape == b.tensor.shape
        one, other = (a, b) if self.torch == "a" else (b, a)
        return arrangement(one.tensor, other.tensor) is not None

    def add(self, a: Entry, b: Entry, rule: Rule) -> None:
        """Two entries are one another's."""
        self.of_b[b.name] = a
        self.rules[b.name] = "fused" if rule != "user" and (a.is_cut or b.is_cut) else rule
        self.taken[a.name] = b.name

    def part(self, a: str | None, b: str | None) -> None:
        """Takes their partners from entries of a and of b, where they have some."""
        for name_b in {b or "", self.taken.get(a or "", "")} & self.of_b.keys():
            name_a = self.of_b.pop(name_b).name
            del self.rules[name_b], self.taken[name_a]
            self.freed_a.add(name_a)
            self.freed_b.add(name_b)

    def left_a(self, side: Side) -> list[Entry]:
        """Entries of a without a partner that may still get one."""
        gone = self.taken.keys() | self.refused_a
        return [entry for entry in side.entries if entry.name not in gone]

    def left_b(self, side: Side) -> list[Entry]:
        """Entries of b without a partner that may still get one."""
        gone = self.of_b.keys() | self.refused_b
        return [entry for entry in side.entries if entry.name not in gone]


def by_user(a: Side, b: Side, corrections: Corrections, found: Found) -> None:
    """What the user says, in place of what the rules say of these tensors.

    Whatever had been the partner of one of them has none then, so that a correction changes only
    what it names.

    Raises:
      InvalidRequestError: a name that is not there, or two shapes that are not those of one
        tensor; names them.
    """
    of_a, of_b = ({entry.name: entry for entry in side.entries} for side in (a, b))
    for match in corrections:
        for name, known, letter in ((match.a, of_a, "a"), (match.b, of_b, "b")):
            if name is not None and name not in known:
                raise InvalidRequestError(f"Snapshot {letter} has no tensor {name!r} to match.")
        found.part(match.a, match.b)
    for match in corrections:
        if match.a is None or match.b is None:
            if match.a is not None:
                found.refused_a.add(match.a)
            if match.b is not None:
                found.refused_b.add(match.b)
            continue
        one, other = of_a[match.a], of_b[match.b]
        if not found.fitting(one, other):
            raise InvalidRequestError(
                f"{match.a!r} of a has the shape {list(one.tensor.shape)} and {match.b!r} of b "
                f"{list(other.tensor.shape)}: these are not the shapes of one tensor."
            )
        found.add(one, other, "user")


def by_name(a: Side, b: Side, found: Found) -> None:
    """One name and one purpose; shapes may differ, which is then told."""
    of_a = {(entry.tensor.scope, entry.path): entry for entry in found.left_a(a)}
    for entry in found.left_b(b):
        partner = of_a.get((entry.tensor.scope, entry.path))
        if partner is not None:
            found.add(partner, entry, "name")


def by_canonical_name(a: Side, b: Side, found: Found) -> None:
    """One name without wrappers, which no second tensor of either side has.

    An averaged copy is its other's averaged copy. Where a side has nothing but the copy, that is
    compared with the other's plain weights. What all weights of a side lie in
    (`tf.train.Checkpoint(m=net)`) is a wrapper, whatever it is called.
    """
    _unique(
        found.left_a(a),
        found.left_b(b),
        lambda entry: (entry.tensor.scope, entry.canonical),
        found,
        "canonical",
    )
    plain_a, plain_b = _plain_names(a), _plain_names(b)
    _unique(
        [e for e in found.left_a(a) if not e.canonical.copy or e.canonical.text not in plain_a],
        [e for e in found.left_b(b) if not e.canonical.copy or e.canonical.text not in plain_b],
        lambda entry: (entry.tensor.scope, entry.canonical.text),
        found,
        "canonical",
    )
    for around_a, around_b in _surroundings(a, b):
        _unique(
            [entry for entry in found.left_a(a) if entry.tensor.scope == "weights"],
            [entry for entry in found.left_b(b) if entry.tensor.scope == "weights"],
            _without(around_a),
            found,
            "canonical",
            _without(around_b),
        )


def _surroundings(a: Side, b: Side) -> list[tuple[str, str]]:
    """What the names of a and of b may begin with and mean nothing by.

    Two such beginnings mean nothing only where all that follows them is one and the same.
    """
    names_a, names_b = (
        [e.canonical.text for e in side.entries if e.tensor.scope == "weights"] for side in (a, b)
    )
    of_a, of_b = _around(a, names_a), _around(b, names_b)
    found = [(of_a, "")] if of_a else []
    found += [("", of_b)] if of_b else []
    alike = {n.removeprefix(of_a) for n in names_a} == {n.removeprefix(of_b) for n in names_b}
    if of_a and of_b and alike and not same_but_for_numbers(of_a, of_b):
        found.append((of_a, of_b))
    return found


def _around(side: Side, names: Sequence[str]) -> str:
    """The first part of the names of all weights, with its slash, where several layers have it."""
    first = names[0].partition("/")[0] + "/" if names else ""
    weights = [entry for entry in side.entries if entry.tensor.scope == "weights"]
    several = len(units_of(weights, side.layer_of)) > 1
    return first if several and all(name.startswith(first) for name in names) else ""


def _without(beginning: str) -> Callable[[Entry], Hashable]:
    return lambda entry: (entry.canonical.copy, entry.canonical.text.removeprefix(beginning))


def _plain_names(side: Side) -> set[str]:
    names = (entry.canonical for entry in side.entries)
    return {name.text for name in names if not name.copy}


def _unique(
    of_a: Sequence[Entry],
    of_b: Sequence[Entry],
    key: Callable[[Entry], Hashable],
    found: Found,
    rule: Rule,
    key_b: Callable[[Entry], Hashable] | None = None,
) -> None:
    groups_a, groups_b = _grouped(of_a, key), _grouped(of_b, key_b or key)
    for group, ones in groups_a.items():
        others = groups_b.get(group, ())
        if len(ones) == len(others) == 1 and found.fitting(ones[0], others[0]):
            found.add(ones[0], others[0], rule)


def _grouped(
    entries: Iterable[Entry], key: Callable[[Entry], Hashable]
) -> dict[Hashable, list[Entry]]:
    groups: dict[Hashable, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups


def by_layer(a: Side, b: Side, found: Found) -> None:
    """Tensors of one layer by role and shape, or by shape where one format stores no roles."""
    mixed = found.torch is not None

    def keyed(side: Side, more: Callable[[TensorInfo], Hashable]) -> Callable[[Entry], Hashable]:
        def key(entry: Entry) -> Hashable:
            layer = side.layer_of.get(entry.stored[0].name)
            if layer is None or entry.tensor.scope != "weights":
                return (entry.name, side is a)
            shape = side.signature(entry)[2] if mixed else entry.tensor.shape
            return (layer, shape, more(entry.tensor))

        return key

    for more in (_by_part, _by_role, _by_shape):
        groups_a = _grouped(found.left_a(a), keyed(a, more))
        groups_b = _grouped(found.left_b(b), keyed(b, more))
        for group, ones in groups_a.items():
            others = groups_b.get(group, ())
            if len(ones) == len(others) == 1 and found.fitting(ones[0], others[0]):
                found.add(ones[0], others[0], "order")


def _by_part(tensor: TensorInfo) -> Hashable:
    """The part of a composite layer (`query` of `mha/query`) and the role."""
    return attention_part(tensor) or (tensor.layer or "").rpartition("/")[2], tensor.role


def _by_role(tensor: TensorInfo) -> Hashable:
    return tensor.role


def _by_shape(tensor: TensorInfo) -> Hashable:
    """Tensors of one shape, less those whose role is one that Keras's own layers have."""
    return None if tensor.role not in _COMMON_ROLES else tensor.role


_COMMON_ROLES = frozenset(
    {"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "embeddings"}
)


def by_order(a: Side, b: Side, found: Found) -> None:
    """Whole layers, of which nothing is matched yet, by order, kind, roles and shapes.

    The n-th layer of some roles and shapes in a is the n-th of them in b where both have equally
    many between the layers that are matched already. Layers that are told apart by a number that
    somebody gave them (`block_1`, `block_2`) are not taken for one another, nor are those of
    which Keras itself made up both names (see `architecture.aligned`).
    """
    units_a, units_b = (
        _units(side, left) for side, left in ((a, found.left_a(a)), (b, found.left_b(b)))
    )
    anchors = _anchors(a, b, found)
    keys_a = _keyed(a, units_a, {one: n for n, (one, _) in enumerate(anchors)})
    keys_b = _keyed(b, units_b, {other: n for n, (_, other) in enumerate(anchors)})
    for key, ones in keys_a.items():
        others = keys_b.get(key, [])
        if len(ones) != len(others):
            continue
        for (name, entries), (other_name, other_entries) in zip(ones, others, strict=True):
            if _may_be_one(a, name, entries, b, other_name, other_entries):
                _pair_members(a, entries, b, other_entries, found)


def _units(side: Side, left: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Layers of weights that are left as a whole."""
    free = {entry.name for entry in left if entry.tensor.scope == "weights"}
    weights = [entry for entry in side.entries if entry.tensor.scope == "weights"]
    return {
        name: entries
        for name, entries in units_of(weights, side.layer_of).items()
        if all(entry.name in free for entry in entries)
        and not any(entry.canonical.copy for entry in entries)
    }


def _anchors(a: Side, b: Side, found: Found) -> list[tuple[str, str]]:
    """Layers that are matched, as (of a, of b), where both sides have them in one order."""
    unit_a, unit_b = (
        {entry.name: unit for unit, own in units_of(s.entries, s.layer_of).items() for entry in own}
        for s in (a, b)
    )
    order_a = {unit: number for number, unit in enumerate(dict.fromkeys(unit_a.values()))}
    pairs = dict.fromkeys(
        (unit_a[found.of_b[entry.name].name], unit_b[entry.name])
        for entry in b.entries
        if entry.name in found.of_b and entry.tensor.scope == "weights"
    )
    places = [order_a[one] for one, _ in pairs]
    return list(pairs) if places == sorted(places) else []


def _keyed(
    side: Side, units: Mapping[str, list[Entry]], anchors: Mapping[str, int]
) -> dict[Hashable, list[Unit]]:
    """Layers by what they consist of and the matched layers of the same before them."""
    weights = [entry for entry in side.entries if entry.tensor.scope == "weights"]
    found: dict[Hashable, list[Unit]] = {}
    before: dict[Hashable, int] = {}
    for name, entries in units_of(weights, side.layer_of).items():
        content = tuple(sorted(side.signature(entry) for entry in entries))
        if name in anchors:
            before[content] = anchors[name] + 1
        elif name in units:
            found.setdefault((content, before.get(content, 0)), []).append((name, entries))
    return found


def _may_be_one(
    a: Side, name: str, ones: Sequence[Entry], b: Side, other: str, others: Sequence[Entry]
) -> bool:
    kinds = {a.kind_of(ones[0]), b.kind_of(others[0])} - {""}
    return len(kinds) <= 1 and not same_but_for_numbers(name, other)


def _pair_members(
    a: Side, ones: Sequence[Entry], b: Side, others: Sequence[Entry], found: Found
) -> None:
    """The tensors of two layers by part, role and shape, in order where several are alike."""
    of_a, of_b = _grouped(ones, a.signature), _grouped(others, b.signature)
    for key, members in of_a.items():
        for one, other in zip(members, of_b[key], strict=True):
            if found.fitting(one, other):
                found.add(one, other, "order")
