"""Which operations of a network belong to which layer, by the scopes in their names.

TensorFlow names an operation after the scopes that it is made in (`block1/conv1/Conv2D`), a
variable after the scopes that it is made in (`block1/conv1/kernel`). Mostly both are the same
scope. A layer that is called again has its operations in `conv1_1`, a traced Keras model puts
its own name in front and counts (`functional_1/conv1_1/convolution`), and variables that are
made by hand have no scope at all.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tb_snapshot_compare.architecture.assignment import numbered
from tb_snapshot_compare.architecture.values import MalformedConfigError
from tb_snapshot_compare.limits import MODEL_NESTING_MAX

SCOPE_CHARACTERS_MAX = 32_000_000
"""Of all scopes around operations that take weights; 5,000 layers have about a million."""

_NUMBER = re.compile(r"_\d{1,6}\Z")


@dataclass(frozen=True, slots=True)
class Scopes:
    """The scopes of layers.

    `layer_of` gives the layer's name by scope (or by operation), for layers with weights.
    `outer` are scopes that hold such. `root` is the number of leading scopes that all
    operations share and no layer's name has; `counted` tells whether scopes bear a number
    more than the names of their layers.
    """

    layer_of: Mapping[str, str]
    outer: frozenset[str]
    root: int
    counted: bool

    def owner(self, operation: str) -> tuple[str, bool]:
        """The scope of the layer that an operation belongs to, and whether it has weights."""
        scopes = [*prefixes(operation), operation]
        for scope in reversed(scopes):
            if scope in self.layer_of:
                return scope, True
        return next((scope for scope in scopes if scope not in self.outer), operation), False

    def path(self, scope: str) -> str:
        """What a layer without weights is called: its scope less what all share, and numbers."""
        parts = scope.split("/")
        parts = parts[self.root :] or parts[-1:]
        return "/".join(_plain(part) if self.counted else part for part in parts)


def find_scopes(readers: Mapping[str, Sequence[str]]) -> Scopes:
    """The scopes of layers with weights.

    Args:
      readers: the operations that take a layer's weights, by the layer's name.

    Raises:
      MalformedConfigError: the names are longer than any network's.
    """
    layers_below: dict[str, set[str]] = {}
    characters = 0
    for layer, operations in readers.items():
        for operation in operations:
            around = prefixes(operation)
            characters += len(operation) * len(around)
            if characters > SCOPE_CHARACTERS_MAX:
                raise MalformedConfigError("its operations have too long names")
            for scope in around:
                layers_below.setdefault(scope, set()).add(layer)
    layer_of: dict[str, str] = {}
    for layer, operations in readers.items():
        for operation in operations:
            layer_of.setdefault(_scope(layer, operation, layers_below), layer)
    outer = {prefix for scope in layer_of for prefix in prefixes(scope) if prefix not in layer_of}
    return Scopes(layer_of, frozenset(outer), _root(layer_of), _is_counted(layer_of))


def prefixes(name: str) -> list[str]:
    """`a/b/c` is in `a` and in `a/b`."""
    parts = name.split("/", MODEL_NESTING_MAX)
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _scope(layer: str, operation: str, layers_below: Mapping[str, set[str]]) -> str:
    """The scope of `layer` around an operation that takes its weights.

    Its own name, else the innermost scope that is called like it, else the innermost one, where
    that is no other layer's too, else the operation itself.
    """
    around = prefixes(operation)
    if layer in around:
        return layer
    last = numbered(layer)[0].rpartition("/")[2]
    own = [scope for scope in reversed(around) if layers_below[scope] == {layer}]
    for scope in own:
        name = scope.rpartition("/")[2]
        if last in (name, _plain(name)):
            return scope
    return own[0] if own else operation


def _root(layer_of: Mapping[str, str]) -> int:
    """How many leading scopes all layers share that are not in the layers' names."""
    before = [_before(scope, layer) for scope, layer in layer_of.items()]
    known = [parts for parts in before if parts is not None]
    if not known:
        return 0
    shared = 0
    for parts in zip(*known, strict=False):
        if len(set(parts)) > 1:
            break
        shared += 1
    return shared


def _before(scope: str, layer: str) -> list[str] | None:
    """The scopes in front of the layer's own name; None where the scope is called otherwise."""
    own = numbered(layer)[0].split("/")
    parts = scope.split("/")
    if len(parts) < len(own) or any(
        word not in (part, _plain(part)) for part, word in zip(parts[-len(own) :], own, strict=True)
    ):
        return None
    return parts[: -len(own)]


def _is_counted(layer_of: Mapping[str, str]) -> bool:
    counted = sum(_is_called(scope, layer) for scope, layer in layer_of.items())
    return counted > len(layer_of) / 2


def _is_called(scope: str, layer: str) -> bool:
    """Whether the scope is the layer's name and a number more."""
    last, name = numbered(layer)[0].rpartition("/")[2], scope.rpartition("/")[2]
    return name != last and _plain(name) == last


def _plain(name: str) -> str:
    return _NUMBER.sub("", name)
