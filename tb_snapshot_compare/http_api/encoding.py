"""Answers as they go over the wire: encoded once, and told apart by a tag.

A result that is asked for again is the same object, since whoever computes keeps it; so is what
it looks like on the wire. Text is compressed for browsers that take it: TensorBoard itself does
so for its own answers, again with every request.
"""

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from werkzeug.wrappers import Request, Response

_TEXT = "application/json"
_ZIPPED_FROM = 4_096
"""Bytes below which compressing saves less than it costs."""
_ZIP_LEVEL = 1
"""Names that differ in a few letters shrink to a tenth by any level, and fastest by this."""
_KEPT_FROM = 16_384
"""Bytes below which encoding anew costs nothing."""
KEPT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Encoded:
    """A body; `zipped` is the same compressed, None where that is not worth it."""

    body: bytes
    mimetype: str
    zipped: bytes | None
    tag: str

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory."""
        return len(self.body) + len(self.zipped or b"")

    def respond(self, request: Request) -> Response:
        """The body as the browser takes it, or that what it has is still the same (304)."""
        zipped = self.zipped if request.accept_encodings.quality("gzip") else None
        # Two representations of one answer: a tag belongs to one of them.
        tag = self.tag if zipped is None else f"{self.tag}-gzip"
        if tag in request.if_none_match:
            response = Response(status=304)
        else:
            response = Response(self.body if zipped is None else zipped, mimetype=self.mimetype)
            if zipped is not None:
                response.headers["Content-Encoding"] = "gzip"
        response.set_etag(tag)
        if self.zipped is not None:
            response.headers["Vary"] = "Accept-Encoding"
        return response


def encoded(body: bytes, mimetype: str = _TEXT) -> Encoded:
    """Compresses text of some length."""
    zipped = None
    if mimetype == _TEXT and len(body) >= _ZIPPED_FROM:
        zipped = gzip.compress(body, _ZIP_LEVEL, mtime=0)
    return Encoded(body, mimetype, zipped, blake2b(body, digest_size=12).hexdigest())


class Encodings:
    """What the results that were asked for last look like on the wire. Thread-safe."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        """Keeps up to `kept_bytes` of bodies, each with the result that it is of."""
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[object, ...], tuple[object, Encoded]] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self,
        result: object,
        encode: Callable[[], bytes],
        mimetype: str = _TEXT,
        more: tuple[str, ...] = (),
    ) -> Encoded:
        """The body that `encode` makes of `result`; of an object that is kept it is not called.

        Args:
          result: What is encoded; never changes.
          encode: Its body.
          mimetype: Of the body.
          more: What the body depends on besides.
        """
        key = (id(result), mimetype, *more)
        with self._lock:
            known = self._kept.get(key)
            if known is not None:  # which keeps the object alive, so that its id is its own
                self._kept.move_to_end(key)
                return known[1]
        made = encoded(encode(), mimetype)
        if made.nbytes >= _KEPT_FROM:
            with self._lock:
                self._kept[key] = (result, made)
                while sum(kept.nbytes for _, kept in self._kept.values()) > self._kept_bytes:
                    self._kept.popitem(last=False)
        return made
