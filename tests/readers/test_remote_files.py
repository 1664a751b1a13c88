"""Files in an object store, on an HTTP server and in memory are read as those on a disk are."""

import math
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest

from tb_snapshot_compare import limits
from tb_snapshot_compare.errors import (
    NotFoundError,
    SnapshotChangedError,
    SnapshotGoneError,
    UnreadableSnapshotError,
)
from tb_snapshot_compare.readers import TensorReader, open_contents
from tb_snapshot_compare.readers import files as files_of
from tb_snapshot_compare.readers.front_door import latest_checkpoint
from tb_snapshot_compare.snapshot import SnapshotContents
from tb_snapshot_compare.storage import drivers, http_driver, remote_file, stores
from tb_snapshot_compare.storage.block_cache import SLOT_BYTES, BlockCache
from tests.conftest import FORMATS, SavedPair
from tests.file_server import FileServer, file_server
from tests.object_store import (
    BUCKET,
    ObjectStore,
    Proxy,
    Request,
    connected,
    object_store,
    proxy_to,
)

SIZE = 3_000_000
CONTENT = random.Random(4).randbytes(SIZE)


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as store:
        yield store


@pytest.fixture(scope="module")
def proxied(store: ObjectStore) -> Iterator[Proxy]:
    with proxy_to(store.address) as proxy, connected(proxy.address):
        yield proxy


@pytest.fixture
def proxy(proxied: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The proxy that this process takes for the store; its counts begin at 0."""
    monkeypatch.setattr(drivers, "_FIRST_PAUSE_SECONDS", 0.01)
    forget_blocks(monkeypatch)
    proxied.reset()
    yield proxied
    proxied.fault = None


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(drivers, "_FIRST_PAUSE_SECONDS", 0.01)
    forget_blocks(monkeypatch)
    with file_server(tmp_path) as server:
        yield server


def forget_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_file, "CACHE", BlockCache(limits.REMOTE_CACHE_BYTES))


def read(url: str, offset: int, length: int) -> bytes:
    with files_of.regular_file(url) as (handle, _):
        return files_of.read_bytes(handle, url, offset, length)


def put_in(kind: str, name: str, content: bytes, store: ObjectStore, server: FileServer) -> str:
    if kind == "s3":
        return store.put(name, content)
    if kind == "memory":
        url = f"memory://{name}"
        fsspec.filesystem("memory").pipe_file(url, content)
        return url
    place = server.folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return f"{server.address}/{name}"


@pytest.mark.parametrize("kind", ["s3", "http", "memory"])
def test_any_range_of_a_file_comes_from_every_kind_of_store(
    kind: str, store: ObjectStore, proxy: Proxy, server: FileServer
) -> None:
    url = put_in(kind, "ranges/file.bin", CONTENT, store, server)
    chance = random.Random(5)
    with files_of.regular_file(url) as (handle, status):
        assert status.st_size == SIZE
        assert abs(time.time() - status.st_mtime) < 60 or kind == "http"
        for _ in range(60):
            offset = chance.randrange(SIZE)
            length = min(int(2 ** chance.uniform(0, 21)), SIZE - offset)
            wanted = CONTENT[offset : offset + length]
            assert files_of.read_bytes(handle, url, offset, length) == wanted
        with pytest.raises(UnreadableSnapshotError, match="truncated"):
            files_of.read_bytes(handle, url, SIZE - 5, 10)
    assert files_of.names_in(url.rpartition("/")[0]) == ["file.bin"]
    assert files_of.is_directory(url.rpartition("/")[0])
    assert files_of.exists(url)
    assert not files_of.exists(f"{url}.other")
    with pytest.raises(SnapshotGoneError, match=r"other does not exist"):
        read(f"{url}.other", 0, 1)


def values_of(contents: SnapshotContents) -> dict[str, Any]:
    with TensorReader(contents.generation) as reader:
        return {
            tensor.name: reader.read_array(tensor).copy()
            for tensor in contents.tensors
            if tensor.extents
        }


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", ["s3", "http"])
def test_a_snapshot_in_a_store_has_what_the_file_has(
    kind: str, form: str, saved: SavedPair, store: ObjectStore, proxy: Proxy
) -> None:
    with file_server(saved.folder) as server:
        if kind == "s3":
            store.upload(saved.folder, "saved")
        base = f"s3://{BUCKET}/saved" if kind == "s3" else server.address
        relative = Path(saved.a[form]).relative_to(saved.folder)
        remote = open_contents(f"{base}/{relative}")
        local = open_contents(saved.a[form])
        assert remote.format is local.format
        assert remote.position == local.position
        assert remote.model_config == local.model_config
        assert [(t.name, t.dtype, t.shape, t.role) for t in remote.tensors] == [
            (t.name, t.dtype, t.shape, t.role) for t in local.tensors
        ]
        ours, theirs = values_of(remote), values_of(local)
    assert ours.keys() == theirs.keys()
    for name, values in theirs.items():
        np.testing.assert_array_equal(ours[name], values, strict=True)


def test_compressed_weights_in_a_store_are_decoded_by_the_confined_child(
    tmp_path: Path, store: ObjectStore, proxy: Proxy
) -> None:
    import h5py

    values = np.random.default_rng(6).integers(0, 9, (700, 900)).astype("float32")
    path = tmp_path / "packed.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("packed", data=values, chunks=(100, 90), compression="gzip")
    contents = open_contents(store.put("packed/packed.h5", path.read_bytes()))
    assert contents.tensors[0].problem is None
    np.testing.assert_array_equal(values_of(contents)["packed"], values)


def test_what_was_read_is_not_fetched_again(store: ObjectStore, proxy: Proxy) -> None:
    url = store.put("again/file.bin", CONTENT)
    with files_of.regular_file(url) as (handle, _):
        assert files_of.read_bytes(handle, url, 1000, 2_000_000) == CONTENT[1000:2_001_000]
        fetched = proxy.count("GET")
        for offset, length in ((1000, 2_000_000), (500_000, 20), (1_999_000, 2_000)):
            assert (
                files_of.read_bytes(handle, url, offset, length)
                == CONTENT[offset : offset + length]
            )
    assert read(url, 4000, 100) == CONTENT[4000:4100]
    assert proxy.count("GET") == fetched


def test_long_reads_fetch_exactly_their_bytes_and_several_parts_at_once(
    store: ObjectStore, proxy: Proxy
) -> None:
    url = store.put("exact/file.bin", CONTENT)
    assert read(url, 123_457, 2_500_001) == CONTENT[123_457 : 123_457 + 2_500_001]
    spans = sorted(span for request in proxy.requests if (span := request.span) is not None)
    assert spans[0][0] == 123_457
    assert spans[-1][1] == 123_457 + 2_500_001
    assert sum(end - start for start, end in spans) == 2_500_001
    assert all(end - start <= limits.REMOTE_RANGE_BYTES for start, end in spans)


def test_waiting_for_many_ranges_is_hidden_by_asking_ahead(
    store: ObjectStore, proxy: Proxy, saved: SavedPair
) -> None:
    """16 blocks of a megabyte, 0.4 s late each, come in far less than 6.4 s."""
    from tb_snapshot_compare.snapshot import Extent, TensorInfo

    data = random.Random(7).randbytes(16 * limits.MIB)
    url = store.put("ahead/file.bin", data)

    def late(request: Request, answer: bytes) -> bytes:
        time.sleep(0.4 if request.span else 0)
        return answer

    proxy.fault = late
    extent = Extent(url, 0, len(data))
    tensor = TensorInfo("x", "x", "uint8", (len(data),), (extent,))
    started = time.monotonic()
    with TensorReader() as reader:
        blocks = [block.tobytes() for block in reader.read_blocks(tensor, limits.MIB)]
    assert b"".join(blocks) == data
    one_after_the_other = 16 * 0.4
    print(f"16 MiB in {time.monotonic() - started:.2f} s; in turn at least {one_after_the_other}")
    assert time.monotonic() - started < one_after_the_other


def test_a_file_that_is_replaced_is_never_read_as_a_mixture(
    store: ObjectStore, proxy: Proxy
) -> None:
    url = store.put("mixed/file.bin", CONTENT)
    with files_of.regular_file(url) as (handle, _):
        assert files_of.read_bytes(handle, url, 0, 100_000) == CONTENT[:100_000]
        store.put("mixed/file.bin", CONTENT[::-1])
        with pytest.raises(SnapshotChangedError, match=r"file\.bin was replaced"):
            files_of.read_bytes(handle, url, 200_000, 100_000)


@pytest.mark.parametrize("kind", ["s3", "http", "memory"])
def test_a_rewrite_of_the_same_size_in_the_same_second_is_noticed(
    kind: str, store: ObjectStore, proxy: Proxy, server: FileServer
) -> None:
    from tb_snapshot_compare.readers.generation import check_generation, generation_of

    url = put_in(kind, "same/file.bin", CONTENT[:5000], store, server)
    generation = generation_of([url])
    check_generation(generation)
    put_in(kind, "same/file.bin", CONTENT[5000:10_000], store, server)
    with pytest.raises(SnapshotChangedError):
        check_generation(generation)


def test_a_deleted_file_is_gone(store: ObjectStore, proxy: Proxy) -> None:
    url = store.put("gone/file.bin", CONTENT)
    with files_of.regular_file(url) as (handle, _):
        store.client().delete_object(Bucket=BUCKET, Key="gone/file.bin")
        with pytest.raises(SnapshotGoneError, match=r"gone/file\.bin does not exist"):
            files_of.read_bytes(handle, url, 0, 10)


def slow_down(_request: Request, _answer: bytes) -> bytes:
    body = (
        b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    )
    head = f"HTTP/1.1 503 Slow Down\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def cut_off(_request: Request, answer: bytes) -> bytes:
    return answer[: len(answer) - min(4000, len(answer) // 3)]


def no_answer(_request: Request, _answer: bytes) -> None:
    return None


def shortened(_request: Request, answer: bytes) -> bytes:
    """Half a body, whose head says that this is all."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    body = body[: len(body) // 2]
    lines.append(b"Content-Length: " + str(len(body)).encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


FAULTS = {"503": slow_down, "cut off": cut_off, "no answer": no_answer, "shortened": shortened}


def of_ranges(fault: Callable[..., bytes | None], times: float) -> Callable[..., bytes | None]:
    """The fault, for the first `times` ranges that are asked for."""
    left = [times]

    def faulty(request: Request, answer: bytes) -> bytes | None:
        if request.span is None or left[0] <= 0:
            return answer
        left[0] -= 1
        return fault(request, answer)

    return faulty


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_twice_is_asked_for_again(fault: str, store: ObjectStore, proxy: Proxy) -> None:
    url = store.put("twice/file.bin", CONTENT)
    proxy.fault = of_ranges(FAULTS[fault], 2)
    assert read(url, 10, 2_000_000) == CONTENT[10:2_000_010]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_always_fails_is_one_error_that_names_url_and_remedy(
    fault: str, store: ObjectStore, proxy: Proxy
) -> None:
    url = store.put("always/file.bin", CONTENT)
    proxy.fault = of_ranges(FAULTS[fault], math.inf)
    with pytest.raises(UnreadableSnapshotError) as raised:
        read(url, 10, 1000)
    text = str(raised.value)
    assert text.startswith(f"{url} could not be read: its server failed")
    assert "try again" in text
    spans = [request.span for request in proxy.requests if request.span]
    # The HTTP library itself asks a second time where a kept connection was closed.
    assert limits.REMOTE_ATTEMPTS <= len(spans) <= 2 * limits.REMOTE_ATTEMPTS


def test_a_server_that_does_not_answer_is_left_after_a_while(
    store: ObjectStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = store.put("late/file.bin", CONTENT)
    monkeypatch.setattr(drivers, "REMOTE_REQUEST_SECONDS", 0.2)
    over = threading.Event()

    def late(request: Request, answer: bytes) -> bytes:
        if request.span:
            over.wait(20)
        return answer

    proxy.fault = late
    started = time.monotonic()
    with pytest.raises(UnreadableSnapshotError, match=r"late/file\.bin could not be read"):
        read(url, 10, 1000)
    over.set()
    assert time.monotonic() - started < 5


def test_a_store_that_fails_while_the_child_reads_is_not_called_a_damaged_file(
    saved: SavedPair, store: ObjectStore, proxy: Proxy
) -> None:
    url = store.put("failing/a.weights.h5", Path(saved.a["weights_h5"]).read_bytes())
    proxy.fault = of_ranges(slow_down, math.inf)
    with pytest.raises(UnreadableSnapshotError, match="its server failed") as raised:
        open_contents(url)
    assert "damaged" not in str(raised.value)
    proxy.fault = None
    assert open_contents(url).tensors


def test_wrong_credentials_are_named_with_the_remedy(store: ObjectStore, proxy: Proxy) -> None:
    url = store.put("denied/file.bin", CONTENT)

    def denied(_request: Request, _answer: bytes) -> bytes:
        return b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    proxy.fault = denied
    with pytest.raises(UnreadableSnapshotError, match="AWS_ACCESS_KEY_ID"):
        read(url, 0, 1)
    assert len(proxy.requests) == 1


def test_a_server_that_ignores_ranges_is_refused_and_not_read_whole(server: FileServer) -> None:
    url = put_in("http", "whole.bin", CONTENT, None, server)  # type: ignore[arg-type]
    server.ranges = False
    with pytest.raises(UnreadableSnapshotError, match="whole files only"):
        read(url, 10, 100)
    assert read(put_in("http", "s.bin", b"abc", None, server), 0, 3) == b"abc"  # type: ignore[arg-type]


def test_a_redirect_is_followed_within_the_host_only(server: FileServer) -> None:
    put_in("http", "real.bin", CONTENT, None, server)  # type: ignore[arg-type]
    server.redirects = {
        "/near.bin": "/real.bin",
        "/far.bin": "http://169.254.169.254/latest",
        "/file.bin": "file:///etc/passwd",
        "/round.bin": "/round.bin",
    }
    assert read(f"{server.address}/near.bin", 5, 1000) == CONTENT[5:1005]
    for name, why in (("far", "169.254.169.254"), ("file", "redirects"), ("round", "again")):
        with pytest.raises(UnreadableSnapshotError, match=why):
            read(f"{server.address}/{name}.bin", 5, 1000)


def test_without_tags_a_replaced_file_shows_by_its_size(server: FileServer) -> None:
    server.tags = False
    url = put_in("http", "untagged.bin", CONTENT, None, server)  # type: ignore[arg-type]
    with files_of.regular_file(url) as (handle, _):
        put_in("http", "untagged.bin", CONTENT[:-1], None, server)  # type: ignore[arg-type]
        with pytest.raises(SnapshotChangedError):
            files_of.read_bytes(handle, url, 10, 10)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("gs://bucket/x.keras", "pip install gcsfs"),
        ("unheard.of://bucket/x.keras", "no driver for unheard.of://"),
        ("s3://key:secret@bucket/x.keras", "has a password in it"),
        ("https://host/x.keras?X-Amz-Signature=secret", "query"),
        ("zip://x.keras::s3://bucket/y.zip", "chains URLs"),
        ("s3://bucket/run/../../x.keras", r"\.\."),
        ("https://host/run/%2e%2E/x.keras", r"\.\."),
    ],
)
def test_a_url_that_is_not_read_says_why_and_shows_no_secret(
    url: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    with pytest.raises(UnreadableSnapshotError, match=why) as raised:
        open_contents(url)
    assert "secret" not in str(raised.value) + caplog.text


@pytest.mark.parametrize(
    "name", ["http://evil.example/ckpt", "../other/ckpt", "s3://other/ckpt", "a/../../ckpt", "a//b"]
)
def test_a_state_file_never_leads_to_another_place(name: str, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/state/checkpoint", f'model_checkpoint_path: "{name}"\n'.encode())
    (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n')
    try:
        prefix = latest_checkpoint("memory://state")
    except UnreadableSnapshotError as error:
        assert "outside its directory" in str(error)  # noqa: PT017
    else:
        assert prefix == "memory://state/ckpt"
    if name != "a//b":
        with pytest.raises(UnreadableSnapshotError, match="outside"):
            latest_checkpoint(str(tmp_path))


def test_an_absolute_name_in_a_state_file_is_taken_relative_to_it(
    saved: SavedPair, store: ObjectStore, proxy: Proxy
) -> None:
    store.upload(saved.folder, "moved")
    store.put("moved/checkpoint", b'model_checkpoint_path: "/home/me/run/epoch-4-tf"\n')
    contents = open_contents(f"s3://{BUCKET}/moved")
    assert contents.path == f"s3://{BUCKET}/moved/epoch-4-tf"


def test_what_is_no_snapshot_is_said(store: ObjectStore, proxy: Proxy) -> None:
    url = store.put("other/notes.txt", b"x")
    with pytest.raises(NotFoundError, match="is not a snapshot"):
        open_contents(url)
    with pytest.raises(NotFoundError, match="There is no snapshot"):
        open_contents(f"s3://{BUCKET}/other/nothing.keras")


def test_the_block_cache_keeps_what_fits_and_forgets_what_is_oldest() -> None:
    cache = BlockCache(4 * SLOT_BYTES)
    data = random.Random(8).randbytes(3 * SLOT_BYTES)
    cache.write(("a",), 100, data)
    into = bytearray(len(data))
    assert cache.read(("a",), 100, memoryview(into)) == []
    assert into == data
    assert cache.missing(("a",), 0, 100) == [(0, 100)]
    assert cache.missing(("b",), 0, 10) == [(0, 10)]
    cache.write(("b",), 0, data)
    assert cache.missing(("b",), 0, len(data)) == []
    assert cache.missing(("a",), 100, len(data)) != []


def test_the_block_cache_does_without_a_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = BlockCache(4 * SLOT_BYTES)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    cache.write(("a",), 0, b"abc")
    assert cache.missing(("a",), 0, 3) == [(0, 3)]


def test_the_block_cache_asks_the_store_where_its_disk_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = BlockCache(4 * SLOT_BYTES)
    cache.write(("file",), 0, b"known")

    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    assert cache.read(("file",), 0, memoryview(bytearray(5))) == [(0, 5)]


def test_links_that_lead_out_of_a_directory_are_no_entries() -> None:
    names = ("one.npz", "run/", "%2e%2e/", ".%2E/", "../up/", "a%2fb.npz", "/", "with%20space.npz")
    page = "".join(f'<a href="{name}">' for name in names)
    found = http_driver._linked(page, "http://host/models/")
    assert found == {"one.npz", "run/", "with%20space.npz"}


def test_a_range_that_comes_at_once_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(work: Any) -> Future[bytes]:
        future = start(work)
        wait([future])
        return future

    start = drivers.start
    monkeypatch.setattr(drivers, "start", at_once)
    forget_blocks(monkeypatch)
    fsspec.filesystem("memory").pipe_file("/quick/file.bin", CONTENT)
    assert read("memory://quick/file.bin", 5, 2_000_000) == CONTENT[5:2_000_005]


def test_many_threads_read_the_same_file_right(store: ObjectStore, proxy: Proxy) -> None:
    url = store.put("threads/file.bin", CONTENT)
    remote_file.CACHE._slots_max = 3  # smaller than the file: blocks come and go
    wrong: list[tuple[int, int]] = []
    handle = stores.open_remote(url)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            offset = chance.randrange(SIZE - 1)
            length = min(chance.choice((10, 3000, 300_000)), SIZE - offset)
            got = bytearray(length)
            handle.read_into(offset, memoryview(got))
            if got != CONTENT[offset : offset + length]:
                wrong.append((offset, length))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_lands_between_two_looks_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment between what is missing and what is under way is held open."""
    forget_blocks(monkeypatch)
    fsspec.filesystem("memory").pipe_file("/window/file.bin", CONTENT)
    handle = stores.open_remote("memory://window/file.bin")
    fetched: list[Any] = []
    looked = remote_file.CACHE.read
    content = handle._content
    launch = content._launch

    def counted(*span: Any) -> Any:
        fetched.append(span)
        return launch(*span)

    monkeypatch.setattr(content, "_launch", counted)

    def look_then_wait(key: Any, offset: int, into: memoryview) -> Any:
        gaps = looked(key, offset, into)
        monkeypatch.setattr(remote_file.CACHE, "read", looked)
        handle.read_into(0, memoryview(bytearray(500_000)))  # by another thread
        return gaps

    monkeypatch.setattr(remote_file.CACHE, "read", look_then_wait)
    into = bytearray(500_000)
    handle.read_into(0, memoryview(into))
    assert into == CONTENT[:500_000]
    assert len(fetched) == 1


class Hanging(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A driver that is not asynchronous and whose store does not answer."""

    protocol = "hanging"
    cachable = False
    until = threading.Event()

    def info(self, path: str, **_options: Any) -> Any:
        self.until.wait()
        return {"name": path, "size": 1, "type": "file"}


def test_a_store_that_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drivers, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(drivers, "REMOTE_REQUEST_SECONDS", 0.02)
    forget_blocks(monkeypatch)
    fsspec.register_implementation("hanging", Hanging, clobber=True)
    before = threading.active_count()
    try:
        for number in range(12):
            with pytest.raises(UnreadableSnapshotError) as caught:
                stores.status_of(f"hanging://store/{number}")
        assert "16 calls of its driver have not come back" in str(caught.value)
        assert "Check the network" in str(caught.value)
        assert threading.active_count() - before <= limits.REMOTE_REQUESTS_AT_ONCE + 1
        monkeypatch.setattr(drivers, "REMOTE_REQUEST_SECONDS", 20.0)
        fsspec.filesystem("memory").pipe_file("/well/file.bin", CONTENT)
        assert read("memory://well/file.bin", 7, 100) == CONTENT[7:107]
    finally:
        Hanging.until.set()
    deadline = time.monotonic() + 20
    while stores._driver("hanging://store")._calls._under_way and time.monotonic() < deadline:  # type: ignore[attr-defined]
        time.sleep(0.01)
    status = stores.status_of("hanging://store/again")
    assert status is not None
    assert status.st_size == 1


def test_a_process_ends_while_its_store_hangs() -> None:
    code = (
        "import asyncio, threading, time\n"
        "from tb_snapshot_compare.storage import drivers\n"
        "from tb_snapshot_compare.storage.calls import Calls\n"
        "work = Calls(4).run(threading.Event().wait)\n"
        "future = drivers.start(asyncio.wait_for(work, 0.1))\n"
        "print(type(future.exception()).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "TimeoutError"
