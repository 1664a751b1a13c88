"""`trend`: every layer's change from each snapshot of a run to the next."""

import math
from collections.abc import Mapping, Sequence

import msgspec
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.http_api import contract_trend as contract
from tb_snapshot_compare.http_api.encoding import encoded
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.listing import label
from tb_snapshot_compare.http_api.parameters import integer, required
from tb_snapshot_compare.http_api.respond import respond_encoded
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.workspace import RunTrend, TrendPair, Trends


class TrendRoute:
    """Answers at once with what is known; the rest is computed in the background."""

    def __init__(self, trends: Trends, hide: Hide) -> None:
        self._trends = trends
        self._hide = hide

    def trend(self, request: Request) -> Response:
        """The changes of a run."""
        known = self._trends.of(required(request, "run"))
        body = msgspec.json.encode(wire_trend(known, integer(request, "since", 0), self._hide))
        return respond_encoded(request, encoded(body))


def wire_trend(trend: RunTrend, since: int, hide: Hide = str) -> contract.Trend:
    """A trend as the page sees it, without the values of pairs that were done before `since`."""
    layers = _layers(trend.pairs)
    snapshots: dict[tuple[str, str], SnapshotRef] = {}
    for pair in trend.pairs:
        for ref in (pair.a, pair.b):
            snapshots.setdefault((ref.id, ref.generation), ref)
    places = {key: place for place, key in enumerate(snapshots)}
    return contract.Trend(
        run=trend.run,
        version=trend.version,
        layers=list(layers),
        snapshots=[_snapshot(ref, ref.id in trend.gone) for ref in snapshots.values()],
        pairs=[_pair(pair, places, layers, since, hide) for pair in trend.pairs],
    )


def _snapshot(ref: SnapshotRef, gone: bool) -> contract.TrendSnapshot:
    return contract.TrendSnapshot(
        id=ref.id,
        generation=ref.generation,
        label=label(ref.position) or ref.name,
        step=ref.position.step,
        epoch=ref.position.epoch,
        modified=ref.modified,
        gone=gone,
    )


def _pair(
    pair: TrendPair,
    places: Mapping[tuple[str, str], int],
    layers: Mapping[str, int],
    since: int,
    hide: Hide,
) -> contract.TrendPair:
    changes = pair.changes
    sent = changes if pair.version > since else None
    names = sent.layers if sent else ()
    return contract.TrendPair(
        a=places[pair.a.id, pair.a.generation],
        b=places[pair.b.id, pair.b.generation],
        state=pair.state,
        fraction=pair.fraction,
        problem=None if pair.problem is None else hide(pair.problem),
        compared=changes.compared if changes else 0,
        total=changes.total if changes else 0,
        l2=_spread(names, sent.l2, layers) if sent else None,
        relative_l2=_spread(names, sent.relative_l2, layers) if sent else None,
    )


def _layers(pairs: Sequence[TrendPair]) -> dict[str, int]:
    """The place of every layer: in the order of the newest pair, then what only others have."""
    places: dict[str, int] = {}
    for pair in reversed(pairs):
        for name in pair.changes.layers if pair.changes else ():
            places.setdefault(name, len(places))
    return places


def _spread(
    names: Sequence[str], values: Sequence[float | None], layers: Mapping[str, int]
) -> list[float | None]:
    row: list[float | None] = [None] * len(layers)
    for name, value in zip(names, values, strict=True):
        row[layers[name]] = value if value is not None and math.isfinite(value) else None
    return row
