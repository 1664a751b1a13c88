"""The route of the timeline's trend."""

from tb_snapshot_compare.http_api import contract_trend as trend
from tb_snapshot_compare.http_api.endpoints import TEXT, Endpoint, whole

ENDPOINTS = (
    Endpoint(
        "/trend",
        "How every layer changed from each snapshot of a run to the next, as far as it is known; "
        "the rest is computed in the background.",
        trend.Trend,
        {"run": ("name of a run", TEXT)},
        {"since": ("a version of the trend that is known already", whole(0, 2**53 - 1))},
    ),
)
