"""Which tensor of a is which of b, as the page, the command line and Python see it.

The rules are in `match_rules`, in this order: one name, one name without wrappers, one layer,
order; and the user's word over them. What none of them pairs is listed, with the reason.
"""

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from tb_snapshot_compare import architecture
from tb_snapshot_compare.architecture import Architecture
from tb_snapshot_compare.snapshot import Generation, Scope, TensorInfo
from tb_snapshot_compare.workspace import match_rules
from tb_snapshot_compare.workspace.graph_files import graph_generation
from tb_snapshot_compare.workspace.layouts import in_keras_layout
from tb_snapshot_compare.workspace.match_entries import Entry, entries_of, is_torch
from tb_snapshot_compare.workspace.match_files import Corrections, Match
from tb_snapshot_compare.workspace.match_rules import Found, Side
from tb_snapshot_compare.workspace.opening import (
    ConfigSource,
    OpenedSnapshot,
    PairArchitecture,
    architecture_of,
)
from tb_snapshot_compare.workspace.pairing import TensorPair
from tb_snapshot_compare.workspace.results import Rule

_COPIES = {
    "averaged": "It is an averaged copy of weights",
    "teacher": "It belongs to a teacher",
}


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An entry of one side without a partner, and why it has none."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class MatchTarget:
    """An entry as somebody chooses it; `form` is one text for all that can be compared."""

    name: str
    layer: str | None
    role: str
    shape: tuple[int, ...]
    form: str


@dataclass(frozen=True, slots=True)
class Matching:
    """Two snapshots, matched.

    `pairs` are in the order of b, then what only a has, over all scopes. `names` are the pair's
    names of the layers that a calls otherwise. `entries_a` and `entries_b` are all that can be
    matched.
    """

    architecture: PairArchitecture
    pairs: tuple[TensorPair, ...]
    entries_a: tuple[Entry, ...]
    entries_b: tuple[Entry, ...]
    unmatched_a: tuple[Unmatched, ...]
    unmatched_b: tuple[Unmatched, ...]
    partners: Mapping[str, Entry]
    names: Mapping[str, str]

    rules: Mapping[str, Rule]
    corrections: Corrections
    targets_a: tuple[MatchTarget, ...]
    targets_b: tuple[MatchTarget, ...]

    def of_scopes(self, scopes: frozenset[Scope]) -> tuple[TensorPair, ...]:
        """The pairs of these scopes."""
        return tuple(pair for pair in self.pairs if pair.either.scope in scopes)

    def matches(self) -> tuple[Match, ...]:
        """All matches of weights in use, those to nothing included, as a match file says them."""
        alone = (match for match in self.corrections if match.a is None or match.b is None)
        return (*(match for match, _ in self.ruled()), *alone)

    def ruled(self) -> tuple[tuple[Match, Rule], ...]:
        """All pairs of weights in use, each with its rule."""
        return tuple(
            (Match(self.partners[entry.name].name, entry.name), self.rules[entry.name])
            for entry in self.entries_b
            if entry.name in self.partners and entry.tensor.scope == "weights"
        )


def match(a: OpenedSnapshot, b: OpenedSnapshot, corrections: Corrections = ()) -> Matching:
    """Matches the tensors of two snapshots, and makes one graph of their layers.

    Args:
      a: The first snapshot.
      b: The second.
      corrections: What the user says, in place of what the rules say.

    Raises:
      InvalidRequestError: a correction names a tensor that is not there, or joins two whose
        shapes cannot be those of one tensor.
    """
    return _KEPT.get(a, b, corrections)


_RULES = (
    match_rules.by_name,
    match_rules.by_canonical_name,
    match_rules.by_layer,
    match_rules.by_order,
)


def _matched(a: OpenedSnapshot, b: OpenedSnapshot, corrections: Corrections) -> Matching:
    of_a, of_b = architecture_of(a, fallback=b), architecture_of(b, fallback=a)
    tensors_a, tensors_b = a.contents.tensors, b.contents.tensors
    named = architecture.aligned(of_a, of_b, tensors_a, tensors_b)
    side_a = _side(entries_of(tensors_a, tensors_b, a.contents.generation), named)
    side_b = _side(entries_of(tensors_b, tensors_a, b.contents.generation), of_b)
    found = Found(torch=_torch_side(tensors_a, tensors_b))
    for rule in _RULES:
        if found.left_a(side_a) and found.left_b(side_b):
            rule(side_a, side_b, found)
    match_rules.by_user(side_a, side_b, corrections, found)
    final_a, final_b = _architectures(a, b, of_a, of_b, named, side_a, side_b, found)
    layer_of_a, layer_of_b = architecture.layer_of(final_a), architecture.layer_of(final_b)
    shared = _shared(side_b, layer_of_a, layer_of_b, found)
    graph, sides = architecture.merge(final_a, final_b, shared)
    return Matching(
        architecture=PairArchitecture(graph, sides, {**layer_of_a, **layer_of_b}),
        pairs=_pairs(a, b, side_a, side_b, layer_of_a, layer_of_b, found),
        entries_a=side_a.entries,
        entries_b=side_b.entries,
        unmatched_a=_unmatched(side_a, found.left_a(side_a), found.refused_a, side_b, found, "b"),
        unmatched_b=_unmatched(side_b, found.left_b(side_b), found.refused_b, side_a, found, "a"),
        partners=found.of_b,
        rules=found.rules,
        corrections=corrections,
        targets_a=_targets(side_a, layer_of_a),
        targets_b=_targets(side_b, layer_of_b),
        names=_new_names(of_a, final_a),
    )


class _Kept:
    """The matchings that were used last: every view of a pair asks for the same one.

    They are made one at a time, since whoever asks meanwhile mostly asks for that one.
    """

    def __init__(self, pairs: int, tensors: int) -> None:
        """Keeps up to `pairs` matchings, of up to `tensors` tensors in all."""
        self._pairs, self._tensors = pairs, tensors
        self._found: OrderedDict[Hashable, Matching] = OrderedDict()
        self._making = Lock()

    def get(self, a: OpenedSnapshot, b: OpenedSnapshot, corrections: Corrections) -> Matching:
        key = (_identity(a), _identity(b), corrections)
        with self._making:
            found = self._found.pop(key, None) or _matched(a, b, corrections)
            self._found[key] = found
            while len(self._found) > 1 and not self._fits():
                self._found.popitem(last=False)
        return found

    def _fits(self) -> bool:
        sizes = [len(found.pairs) for found in self._found.values()]
        return len(sizes) <= self._pairs and sum(sizes) <= self._tensors


_KEPT = _Kept(pairs=4, tensors=50_000)


def _identity(opened: OpenedSnapshot) -> Hashable:
    """What a matching depends on: all that is known of the snapshot but its values."""
    contents = opened.contents
    configuration = (opened.config, opened.config_source, opened.config_origin)
    graph = None if opened.config is not None else graph_generation(contents)
    return contents.path, contents.format, contents.generation, configuration, graph


def pair_architecture(
    a: OpenedSnapshot, b: OpenedSnapshot, corrections: Corrections = ()
) -> PairArchitecture:
    """The graph of both; a snapshot without configuration is read by that of the other.

    A configuration that is not the snapshot's own is used only where it fits its weights.
    """
    return match(a, b, corrections).architecture


def _targets(side: Side, layer_of: Mapping[str, str]) -> tuple[MatchTarget, ...]:
    return tuple(
        MatchTarget(
            name=entry.name,
            layer=layer_of.get(entry.stored[0].name),
            role=entry.tensor.role,
            shape=entry.tensor.shape,
            form=" ".join(map(str, side.signature(entry)[2])),
        )
        for entry in side.entries
        if entry.tensor.scope == "weights"
    )


def _side(entries: tuple[Entry, ...], known: Architecture) -> Side:
    """The entries in the order of the layers, those of no layer last."""
    layer_of = architecture.layer_of(known)
    places = {layer.name: number for number, layer in enumerate(known.layers)}
    ordered = sorted(
        entries,
        key=lambda entry: places.get(layer_of.get(entry.stored[0].name, ""), len(places)),
    )
    return Side(tuple(ordered), layer_of, {layer.name: layer.kind for layer in known.layers})


def _torch_side(a: Sequence[TensorInfo], b: Sequence[TensorInfo]) -> match_rules.TorchSide:
    of_a, of_b = is_torch(a), is_torch(b)
    return None if of_a == of_b else "a" if of_a else "b"


def _pairs(
    a: OpenedSnapshot,
    b: OpenedSnapshot,
    side_a: Side,
    side_b: Side,
    layer_of_a: Mapping[str, str],
    layer_of_b: Mapping[str, str],
    found: Found,
) -> tuple[TensorPair, ...]:
    generations = a.contents.generation, b.contents.generation
    pairs = []
    for entry in _as_stored(side_b.entries, b.contents.tensors):
        layer = layer_of_b.get(entry.stored[0].name)
        partner = found.of_b.get(entry.name)
        if partner is None:
            pairs.append(TensorPair(entry.name, layer, None, entry.tensor))
            continue
        one, other = _in_one_layout(partner, entry, generations, found)
        stored = partner.stored[0], entry.stored[0]
        pairs.append(TensorPair(entry.name, layer, one, other, found.rules[entry.name], *stored))
    taken = {pair.name for pair in pairs}
    for entry in _as_stored(side_a.entries, a.contents.tensors):
        if entry.name not in found.taken:
            layer = layer_of_a.get(entry.stored[0].name)
            name = f"{entry.name} (a)" if entry.name in taken else entry.name
            pairs.append(TensorPair(name, layer, entry.tensor, None))
    return tuple(pairs)


def _as_stored(entries: Iterable[Entry], tensors: Sequence[TensorInfo]) -> list[Entry]:
    places = {tensor.name: number for number, tensor in enumerate(tensors)}
    return sorted(entries, key=lambda entry: places[entry.stored[0].name])


def _in_one_layout(
    a: Entry, b: Entry, generations: tuple[Generation, Generation], found: Found
) -> tuple[TensorInfo, TensorInfo]:
    """Both tensors, that of PyTorch as Keras would have stored it where the other is Keras's."""
    one, other = a.tensor, b.tensor
    if found.torch == "a":
        one = in_keras_layout(one, other, generations[0]) or one
    elif found.torch == "b":
        other = in_keras_layout(other, one, generations[1]) or other
    return one, other


def _unmatched(
    side: Side,
    left: Sequence[Entry],
    refused: set[str],
    other: Side,
    found: Found,
    letter: str,
) -> tuple[Unmatched, ...]:
    left_there = found.left_b(other) if letter == "b" else found.left_a(other)
    freed = found.freed_a if letter == "b" else found.freed_b
    alike = Counter(other.signature(entry) for entry in left_there)
    listed = {entry.name for entry in left} | refused
    return tuple(
        Unmatched(entry, _reason(entry, alike[side.signature(entry)], refused, freed, letter))
        for entry in side.entries
        if entry.name in listed and entry.tensor.scope == "weights"
    )


def _reason(entry: Entry, alike: int, refused: set[str], freed: set[str], letter: str) -> str:
    if entry.name in refused:
        return "You left it without a partner."
    if entry.name in freed:
        return "You gave its partner to another tensor, or to none."
    if entry.canonical.copy:
        return f"{_COPIES[entry.canonical.copy]}; {letter} has none to compare it with."
    if alike == 1:
        return f"One tensor of its role and shape is left in {letter}, in a layer that differs."
    if alike:
        return (
            f"{alike} tensors of its role and shape are left in {letter}: which one it is, names "
            "and order do not tell."
        )
    return f"No tensor of its role and shape is left in {letter}."


def _architectures(
    a: OpenedSnapshot,
    b: OpenedSnapshot,
    of_a: Architecture,
    of_b: Architecture,
    named: Architecture,
    side_a: Side,
    side_b: Side,
    found: Found,
) -> tuple[Architecture, Architecture]:
    """The architectures with one name for what is one layer.

    A snapshot of which nothing but names is known is read by the configuration of the other,
    where its weights, under the names of the other, fit that; layers then have those names.
    Otherwise they have those of b.
    """
    pairs = [
        (found.of_b[entry.name], entry) for entry in side_b.entries if entry.name in found.of_b
    ]
    if of_b.source == "names" != of_a.source:
        described = _described(b, a, [(two, one) for one, two in pairs], of_a)
        if described is not None:
            return of_a, described
    elif of_a.source == "names" != of_b.source:
        described = _described(a, b, pairs, of_b)
        if described is not None:
            return described, of_b
    names = _new_layers(pairs, side_a, side_b)
    own = {layer.name for layer in named.layers}
    # What a itself calls so is another layer, of which b has nothing.
    displaced = {name: f"{name} (a)" for name in names.values() if name in own - names.keys()}
    return architecture.renamed(named, names | displaced), of_b


def _shared(
    side_b: Side, layer_of_a: Mapping[str, str], layer_of_b: Mapping[str, str], found: Found
) -> frozenset[str]:
    """Layers of either side with weights that have partners."""
    places = [
        place
        for entry in side_b.entries
        if entry.name in found.of_b and entry.tensor.scope == "weights"
        for place in (
            layer_of_a.get(found.of_b[entry.name].stored[0].name),
            layer_of_b.get(entry.stored[0].name),
        )
    ]
    return frozenset(place for place in places if place is not None)


def _described(
    snapshot: OpenedSnapshot,
    other: OpenedSnapshot,
    pairs: Sequence[tuple[Entry, Entry]],
    known: Architecture,
) -> Architecture | None:
    """A snapshot by the configuration that describes the other; None where it does not fit.

    Args:
      snapshot: of which only names are known.
      other: which has a configuration.
      pairs: entries of `snapshot` and of `other` that are one another's.
      known: the architecture of `other`.
    """
    if other.config is None:
        return None
    own_names: dict[str, list[str]] = {}
    under: dict[str, TensorInfo] = {}
    matched: set[str] = set()
    for own, theirs in pairs:
        for tensor in theirs.stored:
            under[tensor.name] = tensor
            own_names.setdefault(tensor.name, []).extend(each.name for each in own.stored)
        matched |= {each.name for each in own.stored}
    rest = [tensor for tensor in snapshot.contents.tensors if tensor.name not in matched]
    tensors = [*under.values(), *(tensor for tensor in rest if tensor.name not in under)]
    if not architecture.fits(other.config, tensors):
        return None
    source: ConfigSource = "event_file" if known.source == "event_file" else "keras_config"
    made = architecture.from_keras_config(other.config, tensors, source, other.config_origin)
    layers = (
        replace(
            layer,
            tensors=tuple(
                dict.fromkeys(
                    name for tensor in layer.tensors for name in own_names.get(tensor, (tensor,))
                )
            ),
        )
        for layer in made.layers
    )
    return replace(made, layers=tuple(layers), note=known.note)


def _new_layers(pairs: Sequence[tuple[Entry, Entry]], side_a: Side, side_b: Side) -> dict[str, str]:
    """Names in b of layers of a whose tensors all have partners in one layer that is theirs."""
    forth: dict[str, set[str]] = {}
    back: dict[str, set[str]] = {}
    for one, other in pairs:
        layer_a = side_a.layer_of.get(one.stored[0].name)
        layer_b = side_b.layer_of.get(other.stored[0].name)
        if layer_a is not None and layer_b is not None:
            forth.setdefault(layer_a, set()).add(layer_b)
            back.setdefault(layer_b, set()).add(layer_a)
    return {
        layer: name
        for layer, (name, *more) in ((layer, list(names)) for layer, names in forth.items())
        if not more and len(back[name]) == 1 and layer != name
    }


def _new_names(before: Architecture, after: Architecture) -> dict[str, str]:
    """What layers are called now, by what they were called, by the tensors that they have."""
    if before.source == after.source and len(before.layers) == len(after.layers):
        pairs = zip(before.layers, after.layers, strict=True)
        return {own.name: layer.name for own, layer in pairs if own.name != layer.name}
    now = architecture.layer_of(after)
    return {
        layer.name: now[tensor]
        for layer in before.layers
        for tensor in layer.tensors[:1]
        if tensor in now and now[tensor] != layer.name
    }
