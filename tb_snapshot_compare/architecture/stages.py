"""Groups of layers whose names alone tell the hierarchy: `conv2_block1_1_conv` of a ResNet.

Networks of `keras.applications` are flat: their stages and blocks are beginnings of names. A
beginning is a group where it ends in a number (`conv2`, `conv2_block1`, `block_3`, `block1a`, and
`block1` around that) and several layers side by side share it. The numbers that Keras gives layers
without a name (`conv2d_4`) are no hierarchy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tb_snapshot_compare.architecture.names import unique_path
from tb_snapshot_compare.architecture.values import UNKNOWN, Layer

_PART = re.compile(r"[^_]+")
_WORD = re.compile(r"[A-Za-z]+")
_NUMBERED = re.compile(r"(?P<stage>[A-Za-z]+\d+)[a-z]?")
_AUTOMATIC = frozenset({"conv1d", "conv2d", "conv3d"})
"""Beginnings of `conv2d_1`, which is one name."""


def with_stages(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers with groups of those that stand side by side and begin alike.

    Layers keep their names and their order; each group comes before what it holds. Only layers
    that have weights are looked at; what is grouped already is grouped within its group.
    """
    weighted = [layer for layer in layers if layer.parameters and not layer.is_group]
    around = _around(weighted)
    taken = {layer.name for layer in layers}
    known: dict[_Run, str] = {}
    found: list[Layer] = []
    for layer in layers:
        parent = layer.parent
        for run in around.get(layer.name, ()):
            if run not in known:
                known[run] = unique_path(run.beginning, taken)
                taken.add(known[run])
                total = sum(each.parameters for each in weighted[run.start : run.stop])
                found.append(Layer(known[run], UNKNOWN, parent, True, None, (), total))
            parent = known[run]
        found.append(replace(layer, parent=parent))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Run:
    """Layers side by side, by place, that share the beginning of their names."""

    beginning: str
    start: int
    stop: int


def _around(layers: Sequence[Layer]) -> dict[str, tuple[_Run, ...]]:
    """The groups around each layer, outermost first: of two with the same layers the inner one."""
    runs: dict[str, list[_Run]] = {}
    for place, layer in enumerate(layers):
        beside = place > 0 and layers[place - 1].parent == layer.parent
        for beginning in _beginnings(layer):
            known = runs.setdefault(beginning, [])
            if known and known[-1].stop == place and beside:
                known[-1] = replace(known[-1], stop=place + 1)
            else:
                known.append(_Run(beginning, place, place + 1))
    around: list[dict[tuple[int, int], _Run]] = [{} for _ in layers]
    ordered = sorted(
        (run for each in runs.values() for run in each), key=lambda r: len(r.beginning)
    )
    for run in ordered:
        if 1 < run.stop - run.start < len(layers):
            for place in range(run.start, run.stop):
                around[place].pop((run.start, run.stop), None)
                around[place][run.start, run.stop] = run
    return {layer.name: tuple(own.values()) for layer, own in zip(layers, around, strict=True)}


def _beginnings(layer: Layer) -> tuple[str, ...]:
    """What may be groups around a layer, outermost first, with the path that it lies in."""
    around, separator, name = layer.name.rpartition("/")
    ends = [match.end() for match in _PART.finditer(name)][:-1]
    found: list[str] = []
    start = 0
    for end in ends:
        part = name[start:end]
        if _WORD.fullmatch(part):
            continue
        start = end + 1
        numbered = _NUMBERED.fullmatch(part.replace("_", ""))
        if numbered is None or part in _AUTOMATIC:
            break
        if numbered["stage"] != part.replace("_", ""):
            found.append(name[: end - 1])
        found.append(name[:end])
    return tuple(f"{around}{separator}{beginning}" for beginning in found)
