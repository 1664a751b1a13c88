"""Roots in object stores are listed in few requests, seldom, within limits, in the background."""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import fsspec
import pytest

from tb_snapshot_compare.snapshot import RemoteStatus
from tb_snapshot_compare.sources import Watcher, parse_roots, remote_walk, scan
from tb_snapshot_compare.sources.remote_walk import RemoteRoots, walk_remote
from tb_snapshot_compare.sources.scan import Bounds
from tb_snapshot_compare.storage import drivers, stores
from tests.file_server import file_server
from tests.object_store import BUCKET, ObjectStore, Proxy, connected, object_store, proxy_to

FILES = {
    "alexnet/epoch-1.keras": 10,
    "alexnet/epoch-2.keras": 20,
    "alexnet/train/events.out.tfevents.1.host": 5,
    "alexnet/notes.txt": 3,
    "tf/checkpoint": 9,
    "tf/ckpt-7.index": 11,
    "tf/ckpt-7.data-00000-of-00001": 22,
    "export/saved_model.pb": 12,
    "export/variables/variables.index": 13,
    "export/variables/variables.data-00000-of-00001": 14,
}


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    with object_store() as store:
        for name, size in FILES.items():
            store.put(f"logs/{name}", b"x" * size)
        yield store


@pytest.fixture
def proxy(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setattr(drivers, "_FIRST_PAUSE_SECONDS", 0.01)
    with proxy_to(store.address) as proxy, connected(proxy.address):
        yield proxy


def fill(folder: Path) -> None:
    for name, size in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * size)


def places(url: str) -> tuple[list[tuple[str, str, int]], tuple[str, ...]]:
    (root,) = parse_roots(url, None, None)
    walked = walk_remote(root)
    assert walked.problem is None
    found = [
        (f.directory, f.file_set.path.removeprefix(f"{url}/"), f.file_set.size)
        for f in walked.found
    ]
    return found, walked.event_directories


EXPECTED = (
    [
        (".", "export", 39),
        ("alexnet", "alexnet/epoch-1.keras", 10),
        ("alexnet", "alexnet/epoch-2.keras", 20),
        ("tf", "tf/ckpt-7", 33),
    ],
    ("alexnet/train",),
)


def test_an_object_store_is_listed_in_one_request(proxy: Proxy) -> None:
    assert places(f"s3://{BUCKET}/logs") == EXPECTED
    assert [request.method for request in proxy.requests] == ["GET"]
    assert "list-type=2" in proxy.requests[0].target


def test_a_server_and_memory_are_listed_directory_by_directory(tmp_path: Path) -> None:
    fill(tmp_path)
    with file_server(tmp_path) as server:
        assert places(server.address) == EXPECTED
    memory = fsspec.filesystem("memory")
    for name, size in FILES.items():
        memory.pipe_file(f"/listed/{name}", b"x" * size)
    assert places("memory://listed") == EXPECTED


def test_stamps_of_a_listing_are_those_of_the_files(proxy: Proxy) -> None:
    from tb_snapshot_compare.readers.generation import generation_of

    (root,) = parse_roots(f"s3://{BUCKET}/logs", None, None)
    for found in walk_remote(root).found:
        stamps = generation_of([stamp.path for stamp in found.stamps]).stamps
        assert stamps == tuple(sorted(found.stamps, key=lambda stamp: stamp.path))
        assert all(stamp.tag for stamp in stamps)


def test_a_listing_stops_at_its_limits_and_says_so(proxy: Proxy) -> None:
    (root,) = parse_roots(f"s3://{BUCKET}/logs", None, None)
    few = walk_remote(root, max_entries=4)
    assert [found.file_set.path.rpartition("/")[2] for found in few.found] == [
        "epoch-1.keras",
        "epoch-2.keras",
    ]
    assert "stopped after 4 files" in (few.problem or "")
    shallow = walk_remote(root, max_depth=0)
    assert shallow.found == ()
    assert "below depth 0" in (shallow.problem or "")


def test_a_listing_of_many_pages_is_whole(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    filesystem = fsspec.filesystem("s3")
    driver = drivers.S3Driver(filesystem)
    real = filesystem._call_s3
    monkeypatch.setattr(
        filesystem, "_call_s3", lambda method, **options: real(method, MaxKeys=3, **options)
    )
    monkeypatch.setitem(stores._DRIVERS, "s3", driver)
    assert places(f"s3://{BUCKET}/logs") == EXPECTED
    assert len(proxy.requests) == 4


def test_a_page_that_fails_is_asked_for_again(proxy: Proxy) -> None:
    left = [2]

    def slow_down(_request: object, answer: bytes) -> bytes:
        left[0] -= 1
        if left[0] < 0:
            return answer
        return b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    proxy.fault = slow_down
    assert places(f"s3://{BUCKET}/logs") == EXPECTED


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"s3://{BUCKET}/nothing", "nothing here (yet)"),
        ("s3://no-such-bucket/x", "nothing here (yet)"),
        ("gs://bucket/x", "pip install gcsfs"),
        ("s3://key:secret@bucket/x", "password"),
    ],
)
def test_what_cannot_be_listed_is_a_problem_of_the_root(url: str, why: str, proxy: Proxy) -> None:
    (root,) = parse_roots(url, None, None)
    assert why in (walk_remote(root).problem or "")


def test_a_store_that_fails_is_a_problem_of_the_root(proxy: Proxy) -> None:
    proxy.fault = lambda _request, _answer: None
    (root,) = parse_roots(f"s3://{BUCKET}/logs", None, None)
    assert "try again" in (walk_remote(root).problem or "")


def test_a_store_is_not_listed_again_before_its_time(proxy: Proxy) -> None:
    (root,) = parse_roots(f"s3://{BUCKET}/logs", None, None)
    roots = RemoteRoots(12, 1000, patience=20)
    first = roots.walk(root)
    assert len(first.found) == 4
    for _ in range(50):
        assert roots.walk(root) is first
    assert len(proxy.requests) == 1


def test_a_new_snapshot_is_seen_by_the_next_listing(
    store: ObjectStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_walk, "REMOTE_SCAN_SECONDS", 0.2)
    store.put("growing/run/e-1.keras", b"x")
    watcher = Watcher(parse_roots(f"s3://{BUCKET}/growing", None, None), 0.1)
    assert watcher.wait_first(20)
    store.put("growing/run/e-2.keras", b"x")
    deadline = time.monotonic() + 40
    names: list[str] = []
    while time.monotonic() < deadline:
        names = [ref.name for run in watcher.catalog().runs for ref in run.snapshots]
        if names == ["e-1", "e-2"]:
            break
        time.sleep(0.05)
    watcher.close()
    assert names == ["e-1", "e-2"]


def test_local_roots_do_not_wait_for_a_slow_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    over = threading.Event()
    real = stores.tree_of

    def slow(*arguments: object, **options: object) -> object:
        over.wait(20)
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(remote_walk, "tree_of", slow)
    roots = parse_roots(str(tmp_path), None, "far:memory://listed")
    started = time.monotonic()
    found = scan(roots, bounds=Bounds(remote_patience=0.2))
    assert time.monotonic() - started < 5
    assert {run.name for run in found.runs} == {".", "alexnet", "tf"}
    assert "takes long" in (found.roots[1].problem or "")
    over.set()


def test_names_that_no_directory_has_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(drivers.FsspecDriver):
        async def _names(self) -> AsyncIterator[tuple[str, RemoteStatus]]:
            for name in ("a//1.keras", "../2.keras", "a/./3.keras", "/4.keras", "run/5.keras"):
                yield name, RemoteStatus(1, 0, "tag")

        def flat(self, _url: str, /) -> AsyncIterator[tuple[str, RemoteStatus]]:
            return self._names()

    monkeypatch.setitem(stores._DRIVERS, "memory", Odd(fsspec.filesystem("memory")))
    (root,) = parse_roots("memory://odd", None, None)
    assert [found.file_set.path for found in walk_remote(root).found] == [
        "memory://odd/run/5.keras"
    ]
