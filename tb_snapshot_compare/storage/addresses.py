"""URLs of remote files: which texts are one, which are refused, and what may be shown of them.

A URL comes from the flags or the command line of whoever starts the program, or is the name of a
file below such a URL; never from a request or from the content of a file.
"""

import re
from urllib.parse import unquote

# TensorBoard's own test for a remote path (data_ingester.py, _parse_event_files_spec).
_REMOTE = re.compile(r"[a-zA-Z][0-9a-zA-Z.]*://")
_CHAINED = re.compile(r"[a-zA-Z][0-9a-zA-Z.]*(?:://[^:]*)?::")
_LOCAL = re.compile(r"(?:file|local)://", re.IGNORECASE)
_SECRET = re.compile(r"(://)[^/?#@]*:[^/?#]*@")
_QUERY = re.compile(r"(https?://[^?#\s]*)[?#]\S*", re.IGNORECASE)
_STEPS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")
_INDIRECT = frozenset(
    {
        "asyncwrapper",
        "blockcache",
        "cached",
        "dask",
        "data",
        "dir",
        "filecache",
        "generic",
        "libarchive",
        "reference",
        "simplecache",
        "tar",
        "zip",
    }
)
"""Drivers of fsspec that read what another URL, or a file's content, names."""


def is_remote(path: str) -> bool:
    """Whether `path` is a URL, and not a path of this machine."""
    return "://" in path and _REMOTE.match(path) is not None and _LOCAL.match(path) is None


def local_path(path: str) -> str:
    """`path`, or what a `file://` URL means."""
    return _LOCAL.sub("", path, count=1) if "://" in path else path


def protocol_of(url: str) -> str:
    """`s3` of `s3://bucket/key`."""
    return url.partition("://")[0].lower()


def tidied(url: str) -> str:
    """The URL without slashes at its end."""
    protocol, _, rest = url.partition("://")
    return f"{protocol}://{rest.rstrip('/')}"


def above(url: str) -> str:
    """The URL of the directory that `url` lies in; of a bucket or server, itself."""
    protocol, _, rest = url.partition("://")
    head = rest.rstrip("/").rpartition("/")[0]
    return f"{protocol}://{head}" if head else url


def masked(text: str) -> str:
    """`text` without the passwords and the signed parts of the URLs in it."""
    if "://" not in text:
        return text
    return _QUERY.sub(r"\1", _SECRET.sub(r"\1***@", text))


def problem_of(path: str) -> str | None:
    """Why a URL, or a chain of them, is not read, with the remedy; None for what is fine."""
    shown = masked(path)
    if "::" in path and _CHAINED.match(path):
        return (
            f"{shown} chains URLs, which is not read. Give the URL of the directory or file itself."
        )
    if not is_remote(path):
        return None
    protocol = protocol_of(path)
    rest = path.partition("://")[2]
    if protocol in _INDIRECT:
        return (
            f"{shown} leads to other URLs, which is not read. Give the URL of the directory or "
            "file itself."
        )
    if _SECRET.search(path):
        return (
            f"{shown} has a password in it, which logs and pages would show. Leave it out and "
            "give the credentials in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
            "GOOGLE_APPLICATION_CREDENTIALS, ...) or in fsspec's configuration."
        )
    if protocol in ("http", "https") and ("?" in rest or "#" in rest):
        return (
            f"{shown} was given with a query, which logs and pages would show and which is not "
            "that of the other files of a snapshot. Give a URL without one."
        )
    if _STEPS.search(unquote(rest) if protocol in ("http", "https") else rest):
        return f"{shown} has . or .. in it, which no object store has. Write it without."
    return None if rest.strip("/") else f"{shown} names no bucket or server. Write it whole."
