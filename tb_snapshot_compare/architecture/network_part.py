"""Which operations of a computation graph are the network.

The graph of a training program also holds its input pipeline, losses, gradients, optimizers,
summaries and savers. The network is what depends on the data that reach the weights, and on no
other data: labels reach losses and metrics only. Gradients are known by the scope that
TensorFlow puts them in (`tf.gradients`, `python/ops/gradients_util.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tb_snapshot_compare.architecture.values import MalformedConfigError
from tb_snapshot_compare.snapshot import Operation, OperationGraph

STEPS_MAX = 8_000_000
"""Of all walks through a graph; a real one takes a few for each of its operations."""

_TRAINING_SCOPE = re.compile(r"(?:^|/)(?:gradients(?:_\d+)?|gradient_tape)(?:/|$)")
_TRAINING = re.compile(
    r"(?:(?:Resource)?(?:Sparse)?Apply|Assign|Save|Restore|ShardedFilename|MergeV2"
    r"|IsVariableInit|VarIsInit|DestroyResource|Print|Assert|WriteFile)"
    r"|.*(?:Grad(?:V\d)?|Summary(?:V\d)?|BackpropFilter(?:V\d)?)\Z"
)
_DATA = re.compile(r"Placeholder|Iterator\w*GetNext|Queue\w*Dequeue|.*Dataset\w*GetNext|Arg\Z")
_RANDOM = re.compile(r"(?:Stateless)?(?:Random|TruncatedNormal|Multinomial)")


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """The operations of the network.

    `operations` are in the order of the graph, `inputs` those of them that give its data.
    `readers` are, for each variable's key, those that take its value.
    """

    operations: Mapping[str, Operation]
    inputs: tuple[str, ...]
    readers: Mapping[str, tuple[str, ...]]


def network_part(graph: OperationGraph, keys: Iterable[str]) -> NetworkPart | None:
    """Finds the network around the variables `keys`; None where none of them meets data.

    Raises:
      MalformedConfigError: the graph is more tangled than any network's.
    """
    finder = _Finder(graph, frozenset(keys))
    return finder.found(_DATA) or finder.found(_RANDOM)


@dataclass(slots=True)
class Steps:
    """Counts the steps of walks, whose number a crafted graph could make as large as it likes."""

    taken: int = field(default=0)

    def take(self, count: int = 1) -> None:
        """Counts; raises MalformedConfigError after too many."""
        self.taken += count
        if self.taken > STEPS_MAX:
            raise MalformedConfigError("its operations are connected in too many ways")


class _Finder:
    def __init__(self, graph: OperationGraph, keys: frozenset[str]) -> None:
        self._operations = {o.name: o for o in graph.operations if not _is_training(o)}
        self._outputs = graph.outputs
        self._keys = keys
        self._steps = Steps()
        self._takers: dict[str, list[str]] = {}
        self._takers_of_tensor: dict[str, list[str]] = {}
        for operation in self._operations.values():
            for tensor in dict.fromkeys(operation.inputs):
                self._takers_of_tensor.setdefault(tensor, []).append(operation.name)
            for before in dict.fromkeys(base(tensor) for tensor in operation.inputs):
                self._takers.setdefault(before, []).append(operation.name)

    def found(self, sources: re.Pattern[str]) -> NetworkPart | None:
        """The network that begins at operations of the types `sources`."""
        given = [n for n, o in self._operations.items() if sources.match(o.op)]
        dependent = self._after(given)
        readers = self._readers(dependent)
        around = self._before(name for names in readers.values() for name in names)
        main = [name for name in given if name in around]
        if not main:
            return None
        live = self._after(main) - self._after(self._of_other_data(given, around))
        if self._outputs and not live.isdisjoint(self._outputs):
            live &= self._before(self._outputs)
        return NetworkPart(
            operations={n: o for n, o in self._operations.items() if n in live},
            inputs=tuple(name for name in main if name in live),
            readers={
                key: kept
                for key, names in readers.items()
                if (kept := tuple(name for name in names if name in live))
            },
        )

    def _readers(self, dependent: set[str]) -> dict[str, tuple[str, ...]]:
        """The nearest operations that take both the variable and data, by its key."""
        found: dict[str, dict[str, None]] = {}
        for operation in self._operations.values():
            if operation.variable in self._keys and operation.variable is not None:
                names = self._nearest(operation.name, dependent)
                found.setdefault(operation.variable, {}).update(dict.fromkeys(names))
        for name in dict.fromkeys(name for names in found.values() for name in names):
            if any(name not in found.get(key, {}) for key in self._behind(name, dependent)):
                for readers in found.values():
                    readers.pop(name, None)
        return {key: tuple(names) for key, names in found.items() if names}

    def _behind(self, name: str, dependent: set[str]) -> set[str]:
        """The keys of the variables whose values, with no data in them, an operation takes.

        One that also takes variables which others take before it is no layer: a loss adds up
        penalties on all of them.
        """
        keys = set()
        seen = {name}
        pending = [name]
        while pending:
            operation = self._operations[pending.pop()]
            self._steps.take(len(operation.inputs) + 1)
            if operation.variable in self._keys and operation.variable is not None:
                keys.add(operation.variable)
            for before in map(base, operation.inputs):
                if before in self._operations and before not in seen and before not in dependent:
                    seen.add(before)
                    pending.append(before)
        return keys

    def _nearest(self, start: str, dependent: set[str]) -> list[str]:
        seen = {start}
        level = [start]
        while level:
            ahead = []
            for name in level:
                takers = self._takers.get(name, ())
                self._steps.take(len(takers) + 1)
                for taker in takers:
                    if taker not in seen:
                        seen.add(taker)
                        ahead.append(taker)
            reached = [name for name in ahead if name in dependent]
            if reached:
                return reached
            level = ahead
        return []

    def _of_other_data(self, given: Sequence[str], around: set[str]) -> Iterator[str]:
        """What takes data that never reach a weight."""
        sources = set(given)
        for tensor, takers in self._takers_of_tensor.items():
            if base(tensor) in sources and around.isdisjoint(takers):
                yield from takers

    def _after(self, starts: Iterable[str]) -> set[str]:
        """`starts` and everything that depends on them."""
        seen = set(starts)
        pending = list(seen)
        while pending:
            for taker in self._takers.get(pending.pop(), ()):
                if taker not in seen:
                    seen.add(taker)
                    pending.append(taker)
        return seen

    def _before(self, ends: Iterable[str]) -> set[str]:
        """`ends` and everything that they depend on."""
        seen = {name for name in ends if name in self._operations}
        pending = list(seen)
        while pending:
            for tensor in self._operations[pending.pop()].inputs:
                before = base(tensor)
                if before not in seen and before in self._operations:
                    seen.add(before)
                    pending.append(before)
        return seen


def base(tensor: str) -> str:
    """The operation that gives `tensor`."""
    return tensor.partition(":")[0]


def _is_training(operation: Operation) -> bool:
    return (
        _TRAINING_SCOPE.search(operation.name) is not None
        or _TRAINING.match(operation.op) is not None
    )
