"""The routes of the matching, for the OpenAPI document."""

from tb_snapshot_compare.http_api import contract_matching as wire
from tb_snapshot_compare.http_api.endpoints import PAIR, Endpoint

ENDPOINTS = (
    Endpoint(
        "/matches",
        "Which tensor of a is which of b, by which rule, and what has no partner.",
        wire.Matches,
        PAIR,
        {},
        queued=True,
    ),
    Endpoint(
        "/correct",
        "Replace the user's matches for all snapshots of these two networks.",
        wire.Matches,
        {},
        {},
        body=wire.Correct,
    ),
    Endpoint(
        "/match_file",
        "The matches in use as a file for the command line.",
        wire.MatchFile,
        PAIR,
        {},
        queued=True,
    ),
)
