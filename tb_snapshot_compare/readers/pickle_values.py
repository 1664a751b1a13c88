"""Interprets a pickle as data: nothing that it names is imported, called or built.

A pickle is a program for a stack machine (`Lib/pickletools.py` describes every instruction).
The machine here knows plain values and a table of globals that its caller gives. Every other
global becomes an `Unknown`, which takes arguments and state without doing anything, so that
the tensors of a checkpoint can be read although it holds objects of strangers too.

Objects may refer to one another in any way, a list to itself included: whoever walks a result
remembers where it was. A result is never compared, hashed or printed as a whole.
"""

from collections.abc import Callable, Iterable, Mapping

from tb_snapshot_compare.readers.pickle_machine import run_pickle
from tb_snapshot_compare.readers.pickle_objects import (
    Constructor,
    Interpreted,
    Payload,
    PersistentId,
    PickleFormatError,
    Source,
    Unknown,
    plain_key,
)

__all__ = [
    "PYTHON_GLOBALS",
    "Constructor",
    "Interpreted",
    "Payload",
    "PersistentId",
    "PickleFormatError",
    "Source",
    "Unknown",
    "interpret",
    "plain_key",
]


def interpret(
    source: Source,
    start: int = 0,
    table: Mapping[str, object] | None = None,
    persistent: Callable[[object], object] = PersistentId,
) -> Interpreted:
    """The value of the pickle (protocols 0 to 5) that begins at `start`.

    Integers, floats, strings, booleans, None, tuples, lists, dicts and sets are Python's own;
    bytes are a `Payload`. Keys of dicts that are no plain values become an `Unknown`.

    Args:
      source: the bytes.
      start: offset of the first instruction.
      table: globals by `module.name`: a `Constructor`, or any value that stands for it. None
        has those of Python itself (`PYTHON_GLOBALS`).
      persistent: what a persistent id stands for.

    Raises:
      PickleFormatError: the one error, whatever the bytes are.
      Whatever `source.read`, the table's functions and `persistent` raise of their own.
    """
    return run_pickle(source, start, PYTHON_GLOBALS if table is None else table, persistent)


def _known(name: str, make: Callable[..., object]) -> Constructor:
    """A constructor that gives an `Unknown` for arguments that make no sense to it."""

    def made(*args: object) -> object:
        try:
            return make(*args)
        except (PickleFormatError, TypeError):
            return Unknown(name, args)

    return Constructor(made)


def _list(items: object = (), /) -> list[object]:
    return list(_iterable(items))


def _set(items: object = (), /) -> set[object]:
    return set(map(plain_key, _iterable(items)))


def _tuple(items: object = (), /) -> tuple[object, ...]:
    return tuple(_iterable(items))


def _dict(items: object = (), /) -> dict[object, object]:
    """A dict, of a dict or of pairs; what else `defaultdict` and others take is left out."""
    if isinstance(items, dict):
        return dict(items)
    made: dict[object, object] = {}
    for pair in _iterable(items):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise PickleFormatError("a dict is made of what are no pairs")
        made[plain_key(pair[0])] = pair[1]
    return made


def _iterable(items: object) -> Iterable[object]:
    if not isinstance(items, list | tuple | set | frozenset):
        raise PickleFormatError("a container is made of what is none")
    return items


def _encoded(text: object, encoding: object = "latin1", /) -> Payload:
    """Bytes in a pickle of protocol 2: `_codecs.encode(text, "latin1")`."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise PickleFormatError("bytes are encoded in a way that is not known")
    content = text.encode("latin-1")
    return Payload(None, len(content), content)


def _bytes(content: object = "", encoding: object = "latin1", /) -> object:
    """What `bytes` and `bytearray` are called with, in pickles of protocols before 5."""
    return content if isinstance(content, Payload) else _encoded(content, encoding)


def _reconstructed(of: object, _base: object = None, _state: object = None, /) -> Unknown:
    """An object in a pickle of protocol 0 or 1 (`copyreg._reconstructor`)."""
    return Unknown(of.name if isinstance(of, Unknown) else "object", ())


def _complex(real: object, imaginary: object = 0.0, /) -> complex:
    if not isinstance(real, int | float) or not isinstance(imaginary, int | float):
        raise PickleFormatError("a complex number is made of what are no numbers")
    return complex(real, imaginary)


_BUILTINS: Mapping[str, Callable[..., object]] = {
    "list": _list,
    "tuple": _tuple,
    "set": _set,
    "frozenset": lambda items=(), /: frozenset(_set(items)),
    "dict": _dict,
    "complex": _complex,
    "bytes": _bytes,
    "bytearray": _bytes,
}
_LIBRARY: Mapping[str, Callable[..., object]] = {
    **{f"builtins.{name}": make for name, make in _BUILTINS.items()},
    **{f"__builtin__.{name}": make for name, make in _BUILTINS.items()},
    "collections.OrderedDict": _dict,
    "collections.defaultdict": lambda _factory=None, items=(), /: _dict(items),
    "collections.Counter": _dict,
    "_codecs.encode": _encoded,
    "copyreg._reconstructor": _reconstructed,
    "copy_reg._reconstructor": _reconstructed,
}

PYTHON_GLOBALS: Mapping[str, object] = {name: _known(name, make) for name, make in _LIBRARY.items()}
"""The containers of Python's own library, under the names of Python 2 and 3."""
