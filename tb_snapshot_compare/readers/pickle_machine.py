"""The stack machine that a pickle is a program for, with every instruction made harmless.

`Lib/pickletools.py` of Python describes the instructions. Nothing is imported, called or built:
a global is looked up in a table, and what is called is a function of that table or an `Unknown`.
"""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any

from tb_snapshot_compare import limits
from tb_snapshot_compare.readers.pickle_objects import (
    Constructor,
    Interpreted,
    Payload,
    PickleFormatError,
    Source,
    Unknown,
    plain_key,
)
from tb_snapshot_compare.readers.pickle_stream import PickleStream

_INTEGER_MAX_BYTES = 64 * 1024
_UNICODE_EXPANSION = 4
"""One character beyond the basic plane makes Python keep every character in four bytes."""


def run_pickle(
    source: Source,
    start: int,
    table: Mapping[str, object],
    persistent: Callable[[object], object],
) -> Interpreted:
    """Runs the program that begins at `start`; arguments and errors as of `interpret`."""
    return _Machine(source, start, table, persistent).run()


class _Machine:
    """The stack machine. `_stack` is what lies above the topmost mark; `_below` the rest."""

    def __init__(
        self,
        source: Source,
        start: int,
        table: Mapping[str, object],
        persistent: Callable[[object], object],
    ) -> None:
        self._stream = PickleStream(source, start)
        self._start = start
        self._table = table
        self._persistent = persistent
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, object] = {}
        self._cost = 0
        self._skipped = 0

    def run(self) -> Interpreted:
        try:
            next_code, handlers = self._stream.byte, _HANDLERS
            for _ in range(limits.PICKLE_INSTRUCTIONS_MAX):
                code = next_code()
                if code == _STOP:
                    return Interpreted(self._pop(), self._stream.position)
                handler = handlers.get(code)
                if handler is None:
                    raise PickleFormatError(
                        f"byte {code:#04x} at offset {self._stream.position - 1} is no instruction"
                    )
                handler(self)
        except (IndexError, ValueError, OverflowError, MemoryError, RecursionError) as error:
            raise PickleFormatError(
                f"the instruction before offset {self._stream.position} is malformed"
            ) from error
        raise PickleFormatError(f"it has more than {limits.PICKLE_INSTRUCTIONS_MAX} instructions")

    # --- the stack

    def ignore(self, argument: object = None) -> None:
        """Does nothing, as the instruction says nothing about the value."""

    def push(self, value: object, cost: int = 8) -> None:
        self._cost += cost
        if self._cost > limits.PICKLE_MEMORY_FLOOR_BYTES:
            self._charge(0)
        self._stack.append(value)

    def _pop(self) -> Any:
        return self._stack.pop()

    def _pop_mark(self) -> list[Any]:
        items = self._stack
        self._stack = self._below.pop()
        return items

    def _charge(self, cost: int) -> None:
        """Counts memory: a pickle may take so many times what it has in bytes, and a floor."""
        self._cost += cost
        if self._cost > limits.PICKLE_MEMORY_FLOOR_BYTES:
            own = self._stream.position - self._start - self._skipped
            room = limits.PICKLE_MEMORY_FLOOR_BYTES + limits.PICKLE_EXPANSION_MAX * own
            if self._cost > min(room, limits.PICKLE_MEMORY_MAX_BYTES):
                raise PickleFormatError(
                    f"its first {own} bytes make more than {self._cost} bytes of objects"
                )

    def mark(self) -> None:
        self._charge(80)
        self._below.append(self._stack)
        self._stack = []

    def pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._pop_mark()

    def pop_mark(self) -> None:
        self._pop_mark()

    def dup(self) -> None:
        self.push(self._stack[-1])

    # --- memo

    def put(self, number: int) -> None:
        self._charge(100 if number != len(self._memo) else 60)
        self._memo[number] = self._stack[-1]

    def memoize(self) -> None:
        self.put(len(self._memo))

    def get(self, number: int) -> None:
        if number not in self._memo:
            raise PickleFormatError(f"its memo has no entry {number}")
        self.push(self._memo[number])

    # --- text and bytes

    def text(self, length: int, *, python2: bool = False) -> None:
        if length > limits.PICKLE_INLINE_MAX_BYTES and python2:
            self.payload(length)
            return
        self._charge(56 + length)
        data = self._stream.read(length)
        if data.isascii():
            self.push(data.decode("ascii"))
            return
        self._charge((_UNICODE_EXPANSION - 1) * length)
        if python2:
            offset = self._stream.position - length
            self.push(_utf8(data) or Payload(offset, length, data))
        else:
            self.push(data.decode("utf-8", "surrogatepass"))

    def payload(self, length: int) -> None:
        offset = self._stream.position
        if length <= limits.PICKLE_INLINE_MAX_BYTES:
            self.push(Payload(offset, length, self._stream.read(length)), 150 + length)
            return
        self._stream.skip(length)
        self._skipped += length
        self.push(Payload(offset, length, None), 120)

    def integer(self, length: int) -> None:
        if not 0 <= length <= _INTEGER_MAX_BYTES:
            raise PickleFormatError(f"an integer of {length} bytes")
        data = self._stream.read(length)
        self.push(int.from_bytes(data, "little", signed=True), 40 + length)

    # --- containers

    def tuple_of(self, count: int) -> None:
        items = tuple(self._stack[len(self._stack) - count :])
        if len(items) != count:
            raise PickleFormatError("a tuple has too few items")
        if count:
            del self._stack[-count:]
        self.push(items, 48 + 8 * count)

    def tuple_from_mark(self) -> None:
        items = tuple(self._pop_mark())
        self.push(items, 48 + 8 * len(items))

    def list_from_mark(self) -> None:
        items = self._pop_mark()
        self.push(items, 64 + 8 * len(items))

    def dict_from_mark(self) -> None:
        items = self._pop_mark()
        self.push({}, 72)
        self._set(items)

    def frozenset_from_mark(self) -> None:
        items = self._pop_mark()
        self.push(frozenset(map(plain_key, items)), 220 + 80 * len(items))

    def append(self) -> None:
        value = self._pop()
        self._append([value])

    def appends(self) -> None:
        self._append(self._pop_mark())

    def _append(self, values: list[object]) -> None:
        self._charge(9 * len(values))
        target = self._stack[-1]
        if isinstance(target, Unknown):
            if target.items is None:
                target.items = []
            target = target.items
        if not isinstance(target, list):
            raise PickleFormatError("something is appended to what is no list")
        target.extend(values)

    def set_item(self) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def set_items(self) -> None:
        self._set(self._pop_mark())

    def _set(self, pairs: list[object]) -> None:
        self._charge(60 * len(pairs))
        target = self._stack[-1]
        if isinstance(target, Unknown):
            if target.entries is None:
                target.entries = {}
            target = target.entries
        if not isinstance(target, dict) or len(pairs) % 2:
            raise PickleFormatError("entries are set in what is no dict")
        target.update(zip(map(plain_key, pairs[::2]), pairs[1::2], strict=True))

    def add_items(self) -> None:
        values = self._pop_mark()
        self._charge(80 * len(values))
        target = self._stack[-1]
        if isinstance(target, set):
            target.update(map(plain_key, values))
        elif not isinstance(target, Unknown):
            raise PickleFormatError("something is added to what is no set")

    # --- globals and objects

    def named(self, name: str) -> None:
        found = self._table.get(name, self)
        self.push(Unknown(name) if found is self else found, 120 + len(name))

    def stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise PickleFormatError("a global's name is no text")
        self.named(f"{module}.{name}")

    def reduce(self) -> None:
        args, function = self._pop(), self._pop()
        self.push(self._called(function, args))

    def new_with_keywords(self) -> None:
        _keywords, args, function = self._pop(), self._pop(), self._pop()
        self.push(self._called(function, args))

    def new_from_mark(self) -> None:
        function, *args = self._pop_mark()
        self.push(self._called(function, tuple(args)))

    def instance(self, name: str) -> None:
        args = tuple(self._pop_mark())
        self.named(name)
        self.push(self._called(self._pop(), args))

    def _called(self, function: object, args: object) -> object:
        if not isinstance(args, tuple):
            raise PickleFormatError("the arguments of a call are no tuple")
        self._charge(120 + 8 * len(args))
        if not isinstance(function, Constructor):
            name = function.name if isinstance(function, Unknown) else type(function).__name__
            return Unknown(name, args)
        self._charge(sum(map(_copied_bytes, args)))
        try:
            return function.make(*args)
        except TypeError as error:
            raise PickleFormatError(
                "a call has arguments of wrong types, or the wrong number of them"
            ) from error

    def build(self) -> None:
        state = self._pop()
        target = self._stack[-1]
        if isinstance(target, Unknown):
            target.state = state
        elif hasattr(target, "set_state"):
            target.set_state(state)

    def persistent(self, identity: object) -> None:
        self.push(self._persistent(identity), 120)

    def argument(self, read: Callable[[Any], Any]) -> Any:
        """An argument, by pickletools' function that reads such."""
        return read(self._stream)

    def number(self, width: int) -> int:
        """An argument of so many bytes, without a sign."""
        if width == 1:
            return self._stream.byte()
        return int.from_bytes(self._stream.read(width), "little")


def _copied_bytes(argument: object) -> int:
    """What a call may take that copies `argument`: the same one can be given to many calls."""
    if isinstance(argument, str):
        return len(argument)
    if isinstance(argument, list | tuple):
        return 8 * len(argument)
    return 80 * len(argument) if isinstance(argument, dict | set | frozenset) else 0


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _pushed(cost: int, *names: str) -> dict[str, Callable[[_Machine], None]]:
    """Instructions that push their own argument."""

    def handler(read: Callable[[Any], Any]) -> Callable[[_Machine], None]:
        return lambda machine: machine.push(machine.argument(read), cost)

    return {name: handler(_ARGUMENTS[name]) for name in names}


def _with_argument(
    action: Callable[[_Machine, Any], None], *names: str
) -> dict[str, Callable[[_Machine], None]]:
    """Instructions that do `action` with their argument."""

    def handler(read: Callable[[Any], Any]) -> Callable[[_Machine], None]:
        return lambda machine: action(machine, machine.argument(read))

    return {name: handler(_ARGUMENTS[name]) for name in names}


def _sized(
    action: Callable[[_Machine, int], None], **widths: int
) -> dict[str, Callable[[_Machine], None]]:
    """Instructions that do `action` with a number of so many bytes, a length or a value."""

    def handler(width: int) -> Callable[[_Machine], None]:
        return lambda machine: action(machine, machine.number(width))

    return {name: handler(width) for name, width in widths.items()}


_CODES = {opcode.name: ord(opcode.code) for opcode in pickletools.opcodes}
_ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    opcode.name: opcode.arg.reader for opcode in pickletools.opcodes if opcode.arg is not None
}
_STOP = _CODES["STOP"]
_HANDLERS: dict[int, Callable[[_Machine], None]] = {
    _CODES[name]: handler
    for name, handler in {
        **_with_argument(_Machine.ignore, "PROTO", "FRAME"),
        "READONLY_BUFFER": _Machine.ignore,
        "NEXT_BUFFER": lambda machine: machine.push(Unknown("buffer"), 120),
        "MARK": _Machine.mark,
        "POP": _Machine.pop,
        "POP_MARK": _Machine.pop_mark,
        "DUP": _Machine.dup,
        **_with_argument(_Machine.put, "PUT"),
        **_sized(_Machine.put, BINPUT=1, LONG_BINPUT=4),
        "MEMOIZE": _Machine.memoize,
        **_with_argument(_Machine.get, "GET"),
        **_sized(_Machine.get, BINGET=1, LONG_BINGET=4),
        "NONE": lambda machine: machine.push(None),
        "NEWTRUE": lambda machine: machine.push(True),
        "NEWFALSE": lambda machine: machine.push(False),
        **_pushed(40, "INT", "LONG", "BININT", "FLOAT", "BINFLOAT"),
        **_sized(_Machine.push, BININT1=1, BININT2=2),
        **_sized(_Machine.integer, LONG1=1, LONG4=4),
        **_pushed(120, "STRING", "UNICODE"),
        **_sized(_Machine.text, SHORT_BINUNICODE=1, BINUNICODE=4, BINUNICODE8=8),
        **_sized(
            lambda machine, length: machine.text(length, python2=True),
            SHORT_BINSTRING=1,
            BINSTRING=4,
        ),
        **_sized(_Machine.payload, SHORT_BINBYTES=1, BINBYTES=4, BINBYTES8=8, BYTEARRAY8=8),
        "EMPTY_LIST": lambda machine: machine.push([], 64),
        "EMPTY_DICT": lambda machine: machine.push({}, 72),
        "EMPTY_SET": lambda machine: machine.push(set(), 220),
        "EMPTY_TUPLE": lambda machine: machine.push(()),
        "TUPLE1": lambda machine: machine.tuple_of(1),
        "TUPLE2": lambda machine: machine.tuple_of(2),
        "TUPLE3": lambda machine: machine.tuple_of(3),
        "TUPLE": _Machine.tuple_from_mark,
        "LIST": _Machine.list_from_mark,
        "DICT": _Machine.dict_from_mark,
        "FROZENSET": _Machine.frozenset_from_mark,
        "APPEND": _Machine.append,
        "APPENDS": _Machine.appends,
        "SETITEM": _Machine.set_item,
        "SETITEMS": _Machine.set_items,
        "ADDITEMS": _Machine.add_items,
        **_with_argument(lambda machine, name: machine.named(name.replace(" ", ".", 1)), "GLOBAL"),
        "STACK_GLOBAL": _Machine.stack_global,
        **_with_argument(
            lambda machine, number: machine.named(f"copyreg.extension.{number}"),
            "EXT1",
            "EXT2",
            "EXT4",
        ),
        "REDUCE": _Machine.reduce,
        "NEWOBJ": _Machine.reduce,
        "NEWOBJ_EX": _Machine.new_with_keywords,
        "OBJ": _Machine.new_from_mark,
        **_with_argument(lambda machine, name: machine.instance(name.replace(" ", ".", 1)), "INST"),
        "BUILD": _Machine.build,
        **_with_argument(_Machine.persistent, "PERSID"),
        "BINPERSID": lambda machine: machine.persistent(machine._pop()),
    }.items()
}
