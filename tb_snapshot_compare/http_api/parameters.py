"""Query parameters, parsed and bounded."""

import math
import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from werkzeug.wrappers import Request

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.snapshot import SnapshotRef
from tb_snapshot_compare.workspace import Workspace

_TEXT_MAX = 1_024
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
Word = TypeVar("Word", bound=str)
Default = TypeVar("Default", int, None)


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


def between(request: Request, name: str, low: int, high: int, default: Default) -> int | Default:
    """A whole number within bounds; `default` when absent."""
    if optional(request, name) is None:
        return default
    value = integer(request, name, low)
    if not low <= value <= high:
        raise InvalidRequestError(
            f"{name}={value}: choose a whole number from {low:,} to {high:,}."
        )
    return value


def integers(request: Request, name: str, most: int) -> list[int] | None:
    """Up to `most` whole numbers from 0 on, separated by commas, in their order; None when absent.

    May be as long as a URL may be.
    """
    value = request.args.get(name, "")
    if not value:
        return None
    parts = value.split(",")
    if len(parts) > most or not all(_WHOLE.fullmatch(part) for part in parts):
        raise InvalidRequestError(
            f"Parameter {name!r} must hold up to {most:,} whole numbers separated by commas."
        )
    return [int(part) for part in parts]


def texts(request: Request, name: str, most: int) -> list[str] | None:
    """Up to `most` texts, as a JSON list; None when absent. May be as long as a URL may be."""
    value = request.args.get(name, "")
    if not value:
        return None
    try:
        found = msgspec.json.decode(value, type=list[str])
    except msgspec.MsgspecError:
        found = [""] * (most + 1)
    if len(found) > most:
        raise InvalidRequestError(
            f"Parameter {name!r} must be a JSON list of up to {most:,} texts."
        )
    return found


def choice(request: Request, name: str, choices: Sequence[Word]) -> Word:
    """One of some words; the first when absent."""
    value = optional(request, name)
    if value is None:
        return choices[0]
    for word in choices:
        if word == value:
            return word
    raise InvalidRequestError(f"{name}={value!r}: choose from {', '.join(choices)}.")


def numbers(request: Request, name: str, most: int) -> tuple[float, ...]:
    """Up to `most` finite numbers, separated by commas."""
    value = optional(request, name)
    if value is None:
        return ()
    parts = value.split(",")
    try:
        found = tuple(float(part) for part in parts)
    except ValueError:
        found = (math.nan,)
    if len(parts) > most or not all(math.isfinite(number) for number in found):
        raise InvalidRequestError(
            f"Parameter {name!r} must hold up to {most} numbers separated by commas, not {value!r}."
        )
    return found


def ranges(request: Request, name: str, most: int) -> list[int]:
    """Whole numbers as `0-3,7`, ascending and without duplicates, at most `most` of them.

    May be as long as a URL may be; empty when absent.
    """
    found: set[int] = set()
    for part in filter(None, request.args.get(name, "").split(",")):
        matched = _RANGE.fullmatch(part)
        first = int(matched[1]) if matched else 0
        last = int(matched[2] or matched[1]) if matched else -1
        if last < first:
            raise InvalidRequestError(f"Parameter {name!r} holds {part!r}: write 0-3,7.")
        if len(found) + last - first >= most:
            raise InvalidRequestError(f"Parameter {name!r} names more than {most:,} numbers.")
        found.update(range(first, last + 1))
    return sorted(found)


def snapshot_pair(request: Request, workspace: Workspace) -> tuple[SnapshotRef, SnapshotRef]:
    """The snapshots that `a`, `b` and their generations `ga`, `gb` name."""
    a = workspace.snapshot(required(request, "a"), required(request, "ga"))
    b = workspace.snapshot(required(request, "b"), required(request, "gb"))
    return a, b
