"""Topological order of layers."""

import heapq
from collections.abc import Iterable, Sequence

from tb_snapshot_compare.architecture.values import Edge


def topological(
    nodes: Sequence[str], edges: Iterable[tuple[str, str]]
) -> tuple[list[str], list[Edge], list[Edge]]:
    """Orders `nodes` so that every edge goes forward; ties keep the order of `nodes`.

    A layer that is called on what came of it makes a cycle. It is entered at the first layer
    that already has an input, and the edges back to that layer are taken out.

    Returns:
      The ordered nodes, the edges that go forward, and those that were taken out.
    """
    position = {node: number for number, node in enumerate(nodes)}
    given = list(dict.fromkeys(edges))
    targets: dict[str, list[str]] = {node: [] for node in nodes}
    missing = dict.fromkeys(nodes, 0)
    for source, target in given:
        if source != target:
            targets[source].append(target)
            missing[target] += 1
    ready = [position[node] for node in nodes if not missing[node]]
    entered: list[int] = []
    order: list[str] = []
    done: set[str] = set()
    start = 0
    while len(order) < len(nodes):
        if ready:
            node = nodes[heapq.heappop(ready)]
        else:
            while entered and nodes[entered[0]] in done:
                heapq.heappop(entered)
            while nodes[start] in done:
                start += 1
            node = nodes[entered[0] if entered else start]
        if node in done:
            continue
        done.add(node)
        order.append(node)
        for target in targets[node]:
            missing[target] -= 1
            if target not in done:
                heapq.heappush(ready if not missing[target] else entered, position[target])
    rank = {node: number for number, node in enumerate(order)}
    forward = [Edge(s, t) for s, t in given if rank[s] < rank[t]]
    back = [Edge(s, t) for s, t in given if rank[s] >= rank[t]]
    forward.sort(key=lambda edge: (rank[edge.source], rank[edge.target]))
    return order, forward, back
