"""Responses: JSON, arrays, errors and files, each with the headers TensorBoard asks for."""

import msgspec
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import BusyError, SnapshotCompareError
from tb_snapshot_compare.http_api import contract
from tb_snapshot_compare.http_api.encoding import Encoded
from tb_snapshot_compare.http_api.hiding import Hide

_FOREVER = "private, max-age=31536000, immutable"
_NEVER = "no-cache"
_RETRY_AFTER_SECONDS = "2"


def respond_json(value: object, status: int = 200, immutable: bool = False) -> Response:
    """`value` as JSON; `immutable` when the URL names the generations it was computed from."""
    return _respond(msgspec.json.encode(value), "application/json", status, immutable)


def respond_bytes(body: bytes, mimetype: str, immutable: bool = False) -> Response:
    """`body` as it is."""
    return _respond(body, mimetype, 200, immutable)


def respond_encoded(request: Request, answer: Encoded, immutable: bool = False) -> Response:
    """A body that is kept, or 304 where the browser has it; see `respond_json`."""
    return _with_headers(answer.respond(request), immutable)


def unlasting(response: Response) -> Response:
    """The response, which is asked for anew every time."""
    response.headers["Cache-Control"] = _NEVER
    return response


def respond_error(error: SnapshotCompareError, hide: Hide = str) -> Response:
    """The one error shape, with the error's own status."""
    detail = contract.ErrorDetail(code=error.code, message=hide(str(error)))
    body = contract.ErrorBody(error=detail)
    response = respond_json(body, error.status)
    if isinstance(error, BusyError):
        response.headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return response


def _respond(body: bytes, mimetype: str, status: int, immutable: bool) -> Response:
    return _with_headers(Response(body, status=status, mimetype=mimetype), immutable)


def _with_headers(response: Response, immutable: bool) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = _FOREVER if immutable else _NEVER
    return response
