"""What a pickle is read as: plain values of Python's own, and these for everything else.

A result is never compared, hashed or printed as a whole: its parts may refer to one another in
any way.
"""

from collections.abc import Callable
from dataclasses import dataclass

_KEY_PARTS_MAX = 16
_KEY_MAX = 1 << 60
_KEY_PART_MAX = 1 << 16


class PickleFormatError(Exception):
    """The bytes are not a pickle, a damaged one, or one beyond a limit."""


@dataclass(frozen=True, slots=True, eq=False)
class Payload:
    """A bytes object: `length` bytes at `offset` of the source.

    `content` has them where they are few (`PICKLE_INLINE_MAX_BYTES`). `offset` is None for
    bytes that do not lie in the source as they are (Python 2's, written as text).
    """

    offset: int | None
    length: int
    content: bytes | None


@dataclass(slots=True, eq=False)
class Unknown:
    """A global that is not in the table, or an object that is made from one.

    `args` is None for the global itself. `state` is what BUILD gave; `items` and `entries`
    are what was appended and set.
    """

    name: str
    args: tuple[object, ...] | None = None
    state: object = None
    items: list[object] | None = None
    entries: dict[object, object] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PersistentId:
    """What a pickle refers to by a persistent id, where the caller knows of none."""

    id: object


@dataclass(frozen=True, slots=True, eq=False)
class Constructor:
    """A callable of the table: a function of ours from arguments to a plain value.

    It gets the arguments as they are in the pickle, of any number and type, and raises
    PickleFormatError where they make no sense. A result with a method `set_state(state)`
    gets the object's state.
    """

    make: Callable[..., object]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a pickle is read from: `read(offset, length)` gives bytes of `size` in all."""

    read: Callable[[int, int], bytes]
    size: int

    @staticmethod
    def of(content: bytes) -> "Source":
        """A source of bytes in memory."""
        return Source(lambda offset, length: content[offset : offset + length], len(content))


@dataclass(frozen=True, slots=True, eq=False)
class Interpreted:
    """The value of a pickle, and the offset behind its last byte."""

    value: object
    end: int


def plain_key(value: object) -> object:
    """`value` as a key of a dict: itself where it is cheap to hash, else an `Unknown`.

    The hash of a tuple visits every part as often as it occurs, and large integers, and tuples
    of them, can be made to collide: a few kilobytes could keep a dict busy for years.
    """
    if isinstance(value, tuple):
        plain = len(value) <= _KEY_PARTS_MAX and all(map(_is_plain_part, value))
    elif isinstance(value, int):
        plain = -_KEY_MAX < value < _KEY_MAX
    else:
        plain = value is None or isinstance(value, str | float | Unknown | Payload)
    return value if plain else Unknown("key")


def _is_plain_part(value: object) -> bool:
    if isinstance(value, int):
        return -_KEY_PART_MAX < value < _KEY_PART_MAX
    return value is None or isinstance(value, str)
