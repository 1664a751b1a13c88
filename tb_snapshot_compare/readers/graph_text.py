"""Operations from a graph in text form (`graph.pbtxt`).

What `tf.io.write_graph` and estimators write: a GraphDef in the text format of protocol buffers
(https://protobuf.dev/reference/protobuf/textformat-spec/). Read in one pass over its tokens,
without recursion and with one operation in memory at a time: the library's own parser takes ten
times as long, and nests as deep as the file says.
"""

import re
from collections.abc import Iterator
from typing import Any

from tb_snapshot_compare.limits import GRAPH_NODES_MAX
from tb_snapshot_compare.readers import protos

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<string>"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')"""
    r"""|(?P<word>[-+.\w/]+)|(?P<mark>[{}<>\[\]:,;])"""
)
_DEPTH_MAX = 64
_OPENING, _CLOSING = frozenset("{<"), frozenset("}>")
_OPERATION = "node"
_WANTED = frozenset(
    {
        (),
        ("name",),
        ("op",),
        ("input",),
        ("attr", "key"),
        ("attr", "value", "list", "shape"),
        ("attr", "value", "list", "shape", "dim", "size"),
        ("attr", "value", "list", "shape", "unknown_rank"),
        ("attr", "value", "func", "name"),
    }
)
"""Fields of an operation that are kept; constants, which make up most of a file, are not."""


def text_nodes(text: str) -> Iterator[Any]:
    """Yields the operations of a GraphDef in text form as `NodeDef` messages of `protos`.

    Raises:
      ProtoError: the text is malformed, nests deeper than any graph, or has too many operations.
    """
    path: list[str] = []
    node: Any = None
    count = 0
    name: str | None = None
    in_list = False
    for kind, part in _tokens(text):
        if kind == "mark" and part in _OPENING:
            if name is None:
                raise protos.ProtoError("a block has no name")
            path.append(name)
            if len(path) > _DEPTH_MAX:
                raise protos.ProtoError(f"it nests deeper than {_DEPTH_MAX} blocks")
            if path == [_OPERATION]:
                node = protos.new("NodeDef")
                count += 1
                if count > GRAPH_NODES_MAX:
                    raise protos.ProtoError(f"it has more than {GRAPH_NODES_MAX:,} operations")
            elif path[0] == _OPERATION:
                _open(node, tuple(path[1:]))
            name = name if in_list else None
        elif kind == "mark" and part in _CLOSING:
            if not path:
                raise protos.ProtoError("a block ends that did not begin")
            closed = path.pop()
            if not path and closed == _OPERATION:
                yield node
            name = closed if in_list else None
        elif kind == "mark":
            in_list = (in_list or part == "[") and part != "]"
            name = None if part in "];" else name
        elif name is None:
            name = part
        else:
            if len(path) > 0 and path[0] == _OPERATION:
                _set(node, (*path[1:], name), part)
            name = name if in_list else None
    if path:
        raise protos.ProtoError(f"it ends within {'/'.join(path)}")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise protos.ProtoError(f"character {position:,} belongs to nothing")
        position = match.end()
        if match.lastgroup is not None:
            yield match.lastgroup, match[0]


def _open(node: Any, path: tuple[str, ...]) -> None:
    """Makes the message that the block at `path` fills."""
    if path == ("attr",):
        node.attr.add()
    elif path == ("attr", "value", "list", "shape"):
        node.attr[-1].value.list.shape.add()
    elif path == ("attr", "value", "list", "shape", "dim"):
        node.attr[-1].value.list.shape[-1].dim.add()


def _set(node: Any, path: tuple[str, ...], part: str) -> None:
    if path not in _WANTED:
        return
    if path[0] != "attr":
        value = _string(part)
        if path == ("input",):
            node.input.append(value)
        else:
            setattr(node, path[0], value)
    elif path == ("attr", "key"):
        node.attr[-1].key = _string(part)
    elif path == ("attr", "value", "func", "name"):
        node.attr[-1].value.func.name = _string(part)
    elif path[-1] == "size":
        node.attr[-1].value.list.shape[-1].dim[-1].size = _integer(part)
    elif path[-1] == "unknown_rank":
        node.attr[-1].value.list.shape[-1].unknown_rank = part == "true"


def _string(part: str) -> str:
    if part[0] not in "\"'":
        raise protos.ProtoError(f"{part[:40]!r} stands where a name should")
    content = part[1:-1]
    if "\\" not in content:
        return content
    try:
        return content.encode().decode("unicode_escape").encode("latin-1").decode()
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise protos.ProtoError(f"{part[:40]!r} is not a string") from None


def _integer(part: str) -> int:
    try:
        value = int(part)
    except ValueError:
        raise protos.ProtoError(f"{part[:40]!r} stands where a number should") from None
    if not -(2**63) <= value < 2**63:
        raise protos.ProtoError(f"the size {part[:40]} overflows")
    return value
