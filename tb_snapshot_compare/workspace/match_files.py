"""Corrections of the matching by its user, and the file that carries them.

`{"version": 1, "matches": [{"a": "conv1/kernel", "b": "features/0/kernel"}, ...]}`; a name of
null says that the other tensor has no partner. A tensor may stand in one entry only.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.limits import MATCH_FILE_MAX_BYTES, MATCHES_MAX

VERSION = 1
_NAME_MAX_CHARACTERS = 4_096


@dataclass(frozen=True, slots=True)
class Match:
    """`a` and `b` are the names of one tensor; None where the other has no partner."""

    a: str | None
    b: str | None

    @property
    def swapped(self) -> "Match":
        """The same for b compared with a."""
        return Match(self.b, self.a)


Corrections = tuple[Match, ...]


def parse_matches(payload: bytes, source: str) -> Corrections:
    """The matches that a file says.

    Args:
      payload: the file's bytes.
      source: what to call it in messages.

    Raises:
      InvalidRequestError: not such a file; says what is wrong where.
    """
    if len(payload) > MATCH_FILE_MAX_BYTES:
        raise InvalidRequestError(
            f"{source} has {len(payload):,} bytes; a match file has at most "
            f"{MATCH_FILE_MAX_BYTES:,}."
        )
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{source} is not JSON: {error}.") from error
    if not isinstance(value, dict) or value.get("version") != VERSION:
        raise InvalidRequestError(
            f'{source} is not a match file: it must be {{"version": {VERSION}, "matches": [...]}}.'
        )
    entries = value.get("matches")
    if not isinstance(entries, list):
        raise InvalidRequestError(f"{source}: matches must be a list.")
    matches = [_match(entry, f"{source}, match {n}") for n, entry in enumerate(entries, 1)]
    return checked(matches, f"{source}, ")


def checked(matches: Sequence[Match], where: str = "") -> Corrections:
    """The matches, when there are not too many and no tensor is in two of them.

    Args:
      matches: to check.
      where: put before the number of a match in messages.

    Raises:
      InvalidRequestError: names the tensor.
    """
    if len(matches) > MATCHES_MAX:
        raise InvalidRequestError(f"{len(matches):,} matches: at most {MATCHES_MAX:,} are taken.")
    for number, match in enumerate(matches, 1):
        if match.a is None and match.b is None:
            raise InvalidRequestError(f"{where}match {number} names no tensor.")
    for side in ("a", "b"):
        seen: set[str] = set()
        for match in matches:
            name = match.a if side == "a" else match.b
            if name is not None and name in seen:
                raise InvalidRequestError(
                    f"Tensor {name!r} of {side} is in two matches. Give it one partner."
                )
            if name is not None:
                seen.add(name)
    return tuple(matches)


def format_matches(matches: Iterable[Match]) -> str:
    """The text of a match file."""
    entries = [{"a": match.a, "b": match.b} for match in matches]
    lines = ",\n".join(f"  {json.dumps(entry)}" for entry in entries)
    body = f"[\n{lines}\n ]" if entries else "[]"
    return f'{{"version": {VERSION},\n "matches": {body}}}\n'


def digest(matches: Corrections) -> str:
    """A short text that tells sets of corrections apart; empty for none."""
    if not matches:
        return ""
    return hashlib.blake2b(format_matches(matches).encode(), digest_size=8).hexdigest()


def _match(entry: Any, where: str) -> Match:
    if not isinstance(entry, dict) or not entry.keys() <= {"a", "b"}:
        raise InvalidRequestError(f'{where} must be {{"a": NAME, "b": NAME or null}}.')
    a, b = (_name(entry.get(side), f"{where}, {side}") for side in ("a", "b"))
    return Match(a, b)


def _name(value: Any, where: str) -> str | None:
    if value is not None and not (isinstance(value, str) and value):
        raise InvalidRequestError(f"{where} must be a name or null, not {value!r:.100}.")
    if value is not None and len(value) > _NAME_MAX_CHARACTERS:
        raise InvalidRequestError(f"{where} is longer than {_NAME_MAX_CHARACTERS:,} characters.")
    return value
