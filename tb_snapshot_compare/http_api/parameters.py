"""Query parameters, parsed and bounded."""

from werkzeug.wrappers import Request

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.workspace import Workspace

_TEXT_MAX = 1_024


def required(request: Request, name: str) -> str:
    """A text parameter that must be there."""
    value = optional(request, name)
    if value is None:
        raise InvalidRequestError(f"Parameter {name!r} is missing.")
    return value


def optional(request: Request, name: str) -> str | None:
    """A text parameter, or None when absent or empty."""
    value = request.args.get(name, "")
    if len(value) > _TEXT_MAX:
        raise InvalidRequestError(f"Parameter {name!r} is longer than {_TEXT_MAX} characters.")
    return value or None


def integer(request: Request, name: str, default: int) -> int:
    """A whole number."""
    value = optional(request, name)
    if value is None:
        return default
    if not (value.isascii() and value.removeprefix("-").isdigit() and len(value) <= 18):
        raise InvalidRequestError(f"Parameter {name!r} must be a whole number, not {value!r}.")
    return int(value)


def snapshot_pair(request: Request, workspace: Workspace) -> tuple[SnapshotRef, SnapshotRef]:
    """The snapshots that `a`, `b` and their generations `ga`, `gb` name."""
    a = workspace.snapshot(required(request, "a"), required(request, "ga"))
    b = workspace.snapshot(required(request, "b"), required(request, "gb"))
    return a, b
