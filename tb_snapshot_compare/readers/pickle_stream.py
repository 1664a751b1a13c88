"""The bytes of a pickle, fetched in windows as its instructions need them."""

from tb_snapshot_compare.readers.pickle_objects import PickleFormatError, Source

_WINDOW_BYTES = 256 * 1024
_LINE_MAX_BYTES = 64 * 1024


class PickleStream:
    """The bytes of a source from `start` on.

    `read` and `readline` are what the functions of pickletools that read arguments call. All of
    them raise PickleFormatError where the source ends before.
    """

    def __init__(self, source: Source, start: int) -> None:
        self._source = source
        self._window = b""
        self._base = start
        self._at = 0

    @property
    def position(self) -> int:
        """The offset of the next byte in the source."""
        return self._base + self._at

    def byte(self) -> int:
        """The next byte."""
        if self._at == len(self._window):
            self._load(1)
        self._at += 1
        return self._window[self._at - 1]

    def read(self, length: int) -> bytes:
        """The next `length` bytes."""
        end = self._at + length
        if end > len(self._window):
            self._load(length)
            end = length
        data = self._window[self._at : end]
        self._at = end
        return data

    def skip(self, length: int) -> None:
        """Goes on behind the next `length` bytes, without reading them."""
        self._check(length)
        self._base, self._window, self._at = self.position + length, b"", 0

    def readline(self) -> bytes:
        """The next bytes up to a line feed, of which there may be _LINE_MAX_BYTES."""
        found = self._window.find(b"\n", self._at)
        if found < 0:
            self._load(min(_LINE_MAX_BYTES, self._source.size - self.position))
            found = self._window.find(b"\n", 0, _LINE_MAX_BYTES)
        if found < 0:
            raise PickleFormatError(f"the line at offset {self.position} has no end")
        return self.read(found + 1 - self._at)

    def _load(self, length: int) -> None:
        """Moves the window to the position; it then holds `length` bytes or more."""
        self._check(length)
        start = self.position
        wanted = max(length, min(_WINDOW_BYTES, self._source.size - start))
        self._window, self._base, self._at = self._source.read(start, wanted), start, 0
        if len(self._window) < length:
            raise PickleFormatError(f"it ends at offset {start + len(self._window)}")

    def _check(self, length: int) -> None:
        if self.position + length > self._source.size:
            raise PickleFormatError(
                f"{length} bytes are declared at offset {self.position}, of {self._source.size}"
            )
