"""HTTP servers: ranges of one ETag, and the pages in which servers list their directories.

A server that ignores ranges is refused instead of read whole. A redirect may lead to another
path of the same host; another host is not asked, since whoever starts the program chose this one.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import aiohttp

from tb_snapshot_compare.limits import MIB
from tb_snapshot_compare.snapshot import RemoteStatus
from tb_snapshot_compare.storage.drivers import Entry
from tb_snapshot_compare.storage.faults import (
    ChangedError,
    ForeignRedirectError,
    NoRangesError,
    ShortAnswerError,
)
from tb_snapshot_compare.storage.status import status_of_info

_PAGE_MAX_BYTES = 16 * MIB
"""A directory of 100,000 files is listed in about 10 MB."""
_REDIRECTS_MAX = 5
_PLAIN = {"Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpDriver:
    """See `drivers.Driver`; sessions and their settings (headers, proxies) are fsspec's."""

    def __init__(self, protocol: str) -> None:
        import fsspec

        self._filesystem = fsspec.filesystem(protocol)

    async def status(self, url: str) -> RemoteStatus | None:
        """A URL whose server leads to one that ends with a slash is a directory."""
        async with self._answer("HEAD", url, {}) as (answer, final):
            if final.endswith("/"):
                return None
            length = answer.headers.get("Content-Length", "")
            return _status(answer.headers, int(length) if length.isdecimal() else None)

    async def entries(self, url: str) -> list[Entry]:
        """The links of the directory's page that lead to something right in it."""
        base = url.rstrip("/") + "/"
        async with self._answer("GET", base, {}) as (answer, final):
            if answer.content_type != "text/html":
                return []
            page = await answer.content.read(_PAGE_MAX_BYTES)
            while len(page) < _PAGE_MAX_BYTES and not answer.content.at_eof():
                page += await answer.content.read(_PAGE_MAX_BYTES - len(page))
        names = _linked(page.decode("utf-8", "replace"), final)
        return [Entry(name.rstrip("/"), name.endswith("/"), None) for name in sorted(names)]

    async def fetch(self, url: str, status: RemoteStatus, start: int, end: int) -> bytes:
        """See `drivers.Driver`."""
        wanted = {"Range": f"bytes={start}-{end - 1}"}
        if status.tag:
            wanted["If-Match"] = f'"{status.tag}"'
        async with self._answer("GET", url, wanted) as (answer, _):
            whole = start == 0 and end == status.st_size
            if answer.status != 206 and not whole:
                raise NoRangesError(
                    "its server sends whole files only, not ranges; copy the file to a disk"
                )
            given = answer.headers.get("Content-Range", "")
            if answer.status == 206 and not given.startswith(f"bytes {start}-{end - 1}/"):
                raise ShortAnswerError(f"the range {start}-{end - 1} was asked for, {given} came")
            _check_same(answer.headers, given, status)
            if answer.content_length not in (None, end - start):
                raise ShortAnswerError(f"{answer.content_length} bytes announced")
            try:
                return await answer.content.readexactly(end - start)
            except EOFError as error:
                raise ShortAnswerError(f"fewer than {end - start} bytes came") from error

    def flat(self, _url: str, /) -> AsyncIterator[tuple[str, RemoteStatus]] | None:
        """HTTP has no listing of a whole tree."""
        return None

    @asynccontextmanager
    async def _answer(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[tuple[aiohttp.ClientResponse, str]]:
        """The answer after redirects within the host, and the URL that gave it."""
        session = await self._filesystem.set_session()
        options: dict[str, Any] = dict(self._filesystem.kwargs)
        options["headers"] = {**options.get("headers", {}), **_PLAIN, **headers}
        target = url
        for _ in range(_REDIRECTS_MAX):
            request = session.request(
                method, self._filesystem.encode_url(target), allow_redirects=False, **options
            )
            async with request as answer:
                if answer.status not in _REDIRECTS:
                    if answer.status == 404:
                        raise FileNotFoundError(url)
                    answer.raise_for_status()
                    yield answer, target
                    return
                target = urljoin(target, answer.headers.get("Location", ""))
            if _server(target) not in (_server(url), _secured(url)):
                raise ForeignRedirectError(
                    f"its server redirects to {urlsplit(target).hostname}; give the URL there, if "
                    "that is where it shall be read"
                )
        raise ForeignRedirectError("its server redirects again and again")


def _server(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port; what is sent to one server is not sent to another."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _secured(url: str) -> tuple[str, str | None, int | None]:
    """Where a server on the usual port that now insists on https redirects to."""
    scheme, host, port = _server(url)
    return ("https", host, 443) if (scheme, port) == ("http", 80) else (scheme, host, port)


def _check_same(headers: Mapping[str, str], content_range: str, status: RemoteStatus) -> None:
    """Servers need not know `If-Match`."""
    size = content_range.rpartition("/")[2]
    if size.isdecimal() and int(size) != status.st_size:
        raise ChangedError
    now = _status(headers, status.st_size)
    if (now.tag and now.tag != status.tag) or (
        not status.tag and now.st_mtime_ns and now.st_mtime_ns != status.st_mtime_ns
    ):
        raise ChangedError


def _status(headers: Mapping[str, str], size: int | None) -> RemoteStatus:
    told = ("ETag", "Content-MD5", "Last-Modified")
    return status_of_info({**{name: headers.get(name) for name in told}, "size": size})


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects the targets of links."""
        if tag == "a":
            self.targets += [value for name, value in attrs if name == "href" and value]


def _linked(page: str, base: str) -> set[str]:
    """The names right below `base` that the page links to; directories end with a slash."""
    links = _Links()
    links.feed(page)
    names = set()
    for target in links.targets:
        try:
            absolute = urljoin(base, target)
        except ValueError:
            continue
        name = absolute.removeprefix(base) if absolute.startswith(base) else ""
        if _is_name(name.removesuffix("/")):
            names.add(name)
    return names


def _is_name(name: str) -> bool:
    """Whether it leads to something right in a directory; clients resolve `%2e%2e` too."""
    plain = unquote(name)
    return plain not in ("", ".", "..") and "/" not in plain and not set(name) & set("?#")
