"""Keeps the place of the logdir out of what clients see: messages name files relative to it."""

import os
import re
from collections.abc import Callable, Iterable

Hide = Callable[[str], str]


def hide_roots(paths: Iterable[str]) -> Hide:
    """A function that makes the files below `paths` relative to them in any text."""
    places = sorted({form for path in paths for form in _forms(path)}, key=len, reverse=True)
    if not places:
        return str
    place = "|".join(re.escape(form) for form in places)
    separator = re.escape(os.sep)
    end = rf"(?:(?P<below>{separator})|(?![\w\-]|\.\w))"
    found = re.compile(rf"(?<![\w.\-{separator}])(?:{place}){end}")

    def hide(text: str) -> str:
        return found.sub(lambda match: "" if match["below"] else "the logdir", text)

    return hide


def _forms(path: str) -> Iterable[str]:
    """The path as given and resolved, but for the root of the file system, which hides nothing."""
    return (form.rstrip(os.sep) for form in (path, os.path.realpath(path)) if form.strip(os.sep))
