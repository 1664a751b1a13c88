"""An object store on loopback (moto), and a proxy before it that counts bytes and makes faults."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BUCKET = "models"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_START_SECONDS = 30.0
_HEAD_MAX_BYTES = 65536


@dataclass(frozen=True)
class ObjectStore:
    """A store with one bucket; `address` is its endpoint."""

    address: str

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find the store."""
        return environment(self.address)

    def client(self) -> Any:
        """A client of the AWS library."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.address,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            region_name="us-east-1",
        )

    def put(self, key: str, content: bytes) -> str:
        """Stores an object; returns its URL."""
        self.client().put_object(Bucket=BUCKET, Key=key, Body=content)
        return f"s3://{BUCKET}/{key}"

    def upload(self, folder: Path, prefix: str) -> str:
        """Stores every file below a folder; returns the URL of the prefix."""
        client = self.client()
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = f"{prefix}/{path.relative_to(folder).as_posix()}"
                client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        return f"s3://{BUCKET}/{prefix}"


def environment(address: str) -> dict[str, str]:
    """The environment in which the store at `address` is the store."""
    return {**ENVIRONMENT, "AWS_ENDPOINT_URL": address}


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A store in a process of its own, with an empty bucket."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **ENVIRONMENT},
    )
    try:
        _await_listening(port, server)
        store = ObjectStore(f"http://127.0.0.1:{port}")
        store.client().create_bucket(Bucket=BUCKET)
        yield store
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, "the object store ended"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("the object store does not listen")


@dataclass(frozen=True)
class Request:
    """The head of a request that came through the proxy."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def span(self) -> tuple[int, int] | None:
        """The range that it asks for, if any."""
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        return (int(found[1]), int(found[2]) + 1) if found else None


Fault = Callable[[Request, bytes], bytes | None]
"""From a request and its whole answer to what is sent instead; None closes the connection."""


@dataclass
class Proxy:
    """Passes requests on to a server, one answer for each connection."""

    address: str
    requests: list[Request] = field(default_factory=list)
    bytes_out: int = 0
    fault: Fault | None = None

    def reset(self) -> None:
        """Forgets what was counted, and makes no more faults."""
        self.requests.clear()
        self.bytes_out = 0
        self.fault = None

    def count(self, method: str) -> int:
        """How many requests of a method came."""
        return sum(request.method == method for request in self.requests)


@contextmanager
def proxy_to(address: str) -> Iterator[Proxy]:
    """A proxy before the server at `address`."""
    host, _, port = address.removeprefix("http://").partition(":")
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    proxy = Proxy(f"http://127.0.0.1:{listener.getsockname()[1]}")
    lock = threading.Lock()

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(30)
            head = _head(connection)
            if not head:
                return
            request = _parsed(head)
            with lock:
                proxy.requests.append(request)
            answer = _passed_on((host, int(port)), head, request, connection)
            if proxy.fault is not None:
                changed = proxy.fault(request, answer)
                if changed is None:
                    return
                answer = changed
            with lock:
                proxy.bytes_out += len(answer)
            connection.sendall(answer)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield proxy
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()


def _head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _HEAD_MAX_BYTES:
        block = connection.recv(4096)
        if not block:
            return b""
        head += block
    return head


def _parsed(head: bytes) -> Request:
    lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    pairs = (line.partition(":") for line in lines[1:])
    return Request(method, target, {name.lower(): value.strip() for name, _, value in pairs})


def _passed_on(
    server: tuple[str, int], head: bytes, request: Request, connection: socket.socket
) -> bytes:
    """The whole answer of the server, which closes the connection behind it."""
    start, _, body = head.partition(b"\r\n\r\n")
    lines = [line for line in start.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    missing = int(request.headers.get("content-length", "0")) - len(body)
    while missing > 0:
        block = connection.recv(missing)
        if not block:
            break
        body += block
        missing -= len(block)
    with socket.create_connection(server, timeout=30) as behind:
        behind.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        answer = bytearray()
        while block := behind.recv(65536):
            answer += block
    return bytes(answer)


@contextmanager
def connected(address: str) -> Iterator[None]:
    """This process finds the store at `address`, with nothing left of another one."""
    import fsspec
    from fsspec.registry import _registry

    from tb_snapshot_compare.storage import stores

    def forget() -> None:
        stores._DRIVERS.clear()
        if "s3" in _registry:
            fsspec.get_filesystem_class("s3").clear_instance_cache()

    before = {name: os.environ.get(name) for name in environment(address)}
    forget()
    os.environ.update(environment(address))
    try:
        yield
    finally:
        forget()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
