"""What is being done, on standard error."""

import sys
import time

_started = time.monotonic()


def say(what: str) -> None:
    """One line; on a terminal in place of the one before."""
    minutes, seconds = divmod(int(time.monotonic() - _started), 60)
    begin, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
    sys.stderr.write(f"{begin}  {minutes:2}:{seconds:02} {what}{end}")
    sys.stderr.flush()


def clear() -> None:
    """Ends the line, before something is printed."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
