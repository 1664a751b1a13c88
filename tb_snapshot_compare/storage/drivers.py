"""How stores are asked: the status of a file, the names in a directory, a range of bytes.

Everything runs on the event loop of `fsspec`, which has a thread of its own; a driver that is
not asynchronous is called in threads of its own. Each request has a time-out and is repeated,
with growing pauses, where its fault may pass. What compares local files does not load `asyncio`.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from tb_snapshot_compare.limits import (
    REMOTE_ATTEMPTS,
    REMOTE_REQUEST_SECONDS,
    REMOTE_REQUESTS_AT_ONCE,
)
from tb_snapshot_compare.snapshot import RemoteStatus
from tb_snapshot_compare.storage.addresses import protocol_of
from tb_snapshot_compare.storage.calls import Calls
from tb_snapshot_compare.storage.faults import (
    ChangedError,
    Fault,
    ShortAnswerError,
    fault_of,
)
from tb_snapshot_compare.storage.status import status_of_info

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

T = TypeVar("T")
_FIRST_PAUSE_SECONDS = 0.1
_CACHE_OPTIONS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a directory; `status` is None for directories and where listing does not tell."""

    name: str
    is_directory: bool
    status: RemoteStatus | None


class Driver(Protocol):
    """One kind of store. Every method makes one attempt and raises what its library raises."""

    async def status(self, url: str) -> RemoteStatus | None:
        """The status of a file, None for a directory; FileNotFoundError where nothing is."""

    async def entries(self, url: str) -> list[Entry]:
        """What lies in a directory; empty or FileNotFoundError where nothing does."""

    async def fetch(self, url: str, status: RemoteStatus, start: int, end: int) -> bytes:
        """The bytes of exactly this content of a file.

        Raises:
          ChangedError: it has another content.
          ShortAnswerError: the answer has another length.
        """

    def flat(self, url: str, /) -> AsyncIterator[tuple[str, RemoteStatus]] | None:
        """All files below a directory by relative path, in pages; None where that is not cheap."""


def loop() -> "asyncio.AbstractEventLoop":
    """The event loop on which everything remote runs, in its own thread."""
    from fsspec.asyn import get_loop

    running: asyncio.AbstractEventLoop = get_loop()
    return running


def start(work: Awaitable[T]) -> "Future[T]":
    """Runs `work` on the event loop."""
    import asyncio

    return asyncio.run_coroutine_threadsafe(_awaited(work), loop())


def run(work: Awaitable[T]) -> T:
    """Runs `work` on the event loop and waits for it."""
    future = start(work)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def _awaited(work: Awaitable[T]) -> T:
    return await work


class _Gate:
    """Bounds the requests that are under way; made on the loop that it is used on."""

    def __init__(self) -> None:
        self._semaphore: asyncio.Semaphore | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> "asyncio.Semaphore":
        import asyncio

        running = asyncio.get_running_loop()
        if self._semaphore is None or self._loop is not running:
            self._semaphore = asyncio.Semaphore(REMOTE_REQUESTS_AT_ONCE)
            self._loop = running
        return self._semaphore


_GATE = _Gate()


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of `attempt`, repeated while its faults may pass; then its last error."""
    import asyncio

    for number in range(1, REMOTE_ATTEMPTS + 1):
        try:
            async with _GATE.open():
                return await asyncio.wait_for(attempt(), REMOTE_REQUEST_SECONDS)
        except Exception as error:
            if number == REMOTE_ATTEMPTS or fault_of(error) is not Fault.PASSING:
                raise
        pause = _FIRST_PAUSE_SECONDS * 4 ** (number - 1)
        await asyncio.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311  spreads the load
    raise AssertionError


class FsspecDriver:
    """Any file system of fsspec.

    No store in general can be asked for a range of one certain content, so the status is asked
    for again behind every range.
    """

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem
        self._calls = Calls(REMOTE_REQUESTS_AT_ONCE)

    async def status(self, url: str) -> RemoteStatus | None:
        """See `Driver`."""
        info = await self._call("info", self._key(url))
        return None if info.get("type") == "directory" else status_of_info(info)

    async def entries(self, url: str) -> list[Entry]:
        """See `Driver`."""
        self._filesystem.invalidate_cache()
        key = self._key(url)
        found = await self._call("ls", key, detail=True)
        return [entry for info in found if (entry := _entry(key, info)) is not None]

    async def fetch(self, url: str, status: RemoteStatus, start: int, end: int) -> bytes:
        """See `Driver`."""
        data: bytes = await self._call("cat_file", self._key(url), start=start, end=end)
        self._filesystem.invalidate_cache()
        if await self.status(url) != status:
            raise ChangedError
        return checked(data, end - start)

    def flat(self, _url: str, /) -> AsyncIterator[tuple[str, RemoteStatus]] | None:
        """See `Driver`."""
        return None

    def _key(self, url: str) -> str:
        key: str = self._filesystem._strip_protocol(url)
        return key

    async def _call(self, method: str, *arguments: object, **options: object) -> Any:
        if self._filesystem.async_impl:
            return await getattr(self._filesystem, f"_{method}")(*arguments, **options)
        call = partial(getattr(self._filesystem, method), *arguments, **options)
        return await self._calls.run(call)


class S3Driver(FsspecDriver):
    """S3 through s3fs: ranges of one ETag (`If-Match`), listings of a whole prefix in pages."""

    async def fetch(self, url: str, status: RemoteStatus, start: int, end: int) -> bytes:
        """See `Driver`."""
        bucket, key, _ = self._filesystem.split_path(self._key(url))
        wanted = {"IfMatch": f'"{status.tag}"'} if status.tag else {}
        answer = await self._filesystem._call_s3(
            "get_object", Bucket=bucket, Key=key, Range=f"bytes={start}-{end - 1}", **wanted
        )
        if answer.get("ContentLength") != end - start:
            answer["Body"].close()
            raise ShortAnswerError(
                f"{answer.get('ContentLength')} bytes announced, {end - start} wanted"
            )
        try:
            return checked(await answer["Body"].read(), end - start)
        finally:
            answer["Body"].close()

    def flat(self, url: str, /) -> AsyncIterator[tuple[str, RemoteStatus]] | None:
        """See `Driver`."""
        bucket, key, _ = self._filesystem.split_path(self._key(url))
        return self._below(bucket, f"{key.rstrip('/')}/" if key else "") if bucket else None

    async def _below(self, bucket: str, prefix: str) -> AsyncIterator[tuple[str, RemoteStatus]]:
        first = partial(self._filesystem._call_s3, "list_objects_v2", Bucket=bucket, Prefix=prefix)
        ask = first
        while True:
            page = await patiently(ask)
            for item in page.get("Contents", ()):
                name = item["Key"][len(prefix) :]
                if name and not name.endswith("/"):
                    yield name, status_of_info({**item, "size": item["Size"]})
            if not page.get("IsTruncated"):
                return
            ask = partial(first, ContinuationToken=page["NextContinuationToken"])


def checked(data: bytes, length: int) -> bytes:
    """`data`, which must have `length` bytes."""
    if len(data) != length:
        raise ShortAnswerError(f"{len(data)} bytes came, {length} were wanted")
    return bytes(data)


def made(url: str) -> Driver:
    """A new driver for the protocol of `url`.

    Raises:
      ImportError, ValueError: there is none, or it is not installed.
    """
    protocol = protocol_of(url)
    if protocol in ("http", "https"):
        from tb_snapshot_compare.storage.http_driver import HttpDriver

        return HttpDriver(protocol)
    import fsspec

    filesystem = fsspec.filesystem(protocol, **_options(protocol))
    if protocol in ("s3", "s3a") and hasattr(filesystem, "_call_s3"):
        filesystem.retries = 1
        return S3Driver(filesystem)
    return FsspecDriver(filesystem)


def _options(protocol: str) -> Mapping[str, Any]:
    """What is asked of a driver beyond the user's own configuration of fsspec."""
    if protocol not in _CACHE_OPTIONS:
        return {}
    if protocol not in ("s3", "s3a"):
        return {"use_listings_cache": False}
    from fsspec.config import conf

    own = conf.get(protocol, {}).get("config_kwargs", {})
    once = {"retries": {"total_max_attempts": 1}, "max_pool_connections": REMOTE_REQUESTS_AT_ONCE}
    return {"use_listings_cache": False, "config_kwargs": {**once, **own}}


def _entry(directory: str, info: Mapping[str, Any]) -> Entry | None:
    """The entry of a listing; None for the directory itself and what is not right in it."""
    name = str(info.get("name", "")).rstrip("/")
    head, _, last = name.rpartition("/")
    if not last or head.strip("/") != directory.strip("/"):
        return None
    if info.get("type") == "directory":
        return Entry(last, True, None)
    try:
        return Entry(last, False, status_of_info(info))
    except OSError:
        return Entry(last, False, None)
