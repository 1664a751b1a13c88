"""`matches`, `correct` and `match_file`: which tensor is which, and the user's word on it."""

from collections.abc import Callable

import msgspec
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.http_api import contract_matching as wire
from tb_snapshot_compare.http_api.encoding import Encoded, Encodings
from tb_snapshot_compare.http_api.jobs import WorkQueue
from tb_snapshot_compare.http_api.parameters import optional, snapshot_pair
from tb_snapshot_compare.http_api.queued import pair_key, respond_queued
from tb_snapshot_compare.http_api.respond import respond_encoded, respond_json, unlasting
from tb_snapshot_compare.workspace import Match, Matching, MatchTarget, Unmatched, Workspace
from tb_snapshot_compare.workspace.match_files import VERSION

Handler = Callable[[Request], Response]


class MatchingRoutes:
    """Nothing here may be cached: the user changes it."""

    def __init__(self, workspace: Workspace, queue: WorkQueue, encodings: Encodings) -> None:
        self._workspace = workspace
        self._queue = queue
        self._encodings = encodings

    def matches(self, request: Request) -> Response:
        """The matching of two snapshots."""
        a, b = snapshot_pair(request, self._workspace)
        return respond_queued(
            self._queue,
            ("matches", *pair_key(a, b)),
            f"Matching {a.name} with {b.name}",
            lambda _progress: self._workspace.matching(a, b),
            lambda found: respond_encoded(request, self._encoded(found)),
        )

    def _encoded(self, found: Matching) -> Encoded:
        return self._encodings.of(
            found,
            lambda: msgspec.json.encode(self._wire(found, saved=True)),
            more=(self._workspace.matches_token, str(self._workspace.keeps_matches)),
        )

    def correct(self, request: Request) -> Response:
        """Replaces the corrections; answers the matching that results."""
        try:
            body = msgspec.json.decode(request.get_data(), type=wire.Correct)
        except msgspec.MsgspecError as error:
            raise InvalidRequestError(f"The body is no correction: {error}.") from error
        a = self._workspace.snapshot(body.a, body.ga)
        b = self._workspace.snapshot(body.b, body.gb)
        corrections = tuple(Match(match.a, match.b) for match in body.matches)
        found = self._workspace.matching_with(a, b, corrections)
        saved = not body.save or self._workspace.correct(a, b, corrections)
        return respond_json(self._wire(found, saved=saved))

    def match_file(self, request: Request) -> Response:
        """All matches in use, as a download."""
        a, b = snapshot_pair(request, self._workspace)
        return respond_queued(
            self._queue,
            ("match_file", *pair_key(a, b)),
            f"Matching {a.name} with {b.name}",
            lambda _progress: self._workspace.matching(a, b),
            _download,
        )

    def of_matches(self, handler: Handler) -> Handler:
        """The handler of a pair, whose answers last only under the matches that they are of.

        The page says in the URL (`m`) under which matches it asks; an answer made under others
        must not be kept for that URL.
        """

        def handle(request: Request) -> Response:
            before = self._workspace.matches_token
            response = handler(request)
            asked = optional(request, "m") or ""
            return (
                response
                if asked == before == self._workspace.matches_token
                else unlasting(response)
            )

        return handle

    def _wire(self, found: Matching, *, saved: bool) -> wire.Matches:
        return wire.Matches(
            tensors_a=[_tensor(target) for target in found.targets_a],
            tensors_b=[_tensor(target) for target in found.targets_b],
            pairs=[
                wire.MatchPair(a=match.a or "", b=match.b or "", rule=rule)
                for match, rule in found.ruled()
            ],
            unmatched_a=_unmatched(found.unmatched_a),
            unmatched_b=_unmatched(found.unmatched_b),
            corrections=[wire.Match(a=match.a, b=match.b) for match in found.corrections],
            saved=saved and self._workspace.keeps_matches,
            matches=self._workspace.matches_token,
        )


def _tensor(target: MatchTarget) -> wire.MatchTensor:
    return wire.MatchTensor(
        name=target.name,
        layer=target.layer,
        role=target.role,
        shape=list(target.shape),
        form=target.form,
    )


def _unmatched(entries: tuple[Unmatched, ...]) -> list[wire.UnmatchedTensor]:
    return [wire.UnmatchedTensor(name=each.entry.name, reason=each.reason) for each in entries]


def _download(found: Matching) -> Response:
    matches = [wire.Match(a=match.a, b=match.b) for match in found.matches()]
    response = respond_json(wire.MatchFile(version=VERSION, matches=matches))
    response.headers["Content-Disposition"] = 'attachment; filename="matches.json"'
    return response
