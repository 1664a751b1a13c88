"""A small HTTP server of the files in a folder: ranges, ETags, pages of links, redirects."""

import hashlib
import html
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class FileServer:
    """`tags` and `ranges` say what it can; `redirects` leads paths elsewhere."""

    folder: Path
    address: str = ""
    tags: bool = True
    ranges: bool = True
    redirects: dict[str, str] = field(default_factory=dict)
    sent: int = 0


@contextmanager
def file_server(folder: Path) -> Iterator[FileServer]:
    """The files below `folder` at `address`."""
    state = FileServer(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            path = unquote(self.path)
            if path in state.redirects:
                self._send(302, {"Location": state.redirects[path]}, b"", with_body)
                return
            place = folder / path.strip("/")
            if place.is_dir() and not path.endswith("/"):
                self._send(301, {"Location": quote(f"{path}/")}, b"", with_body)
            elif place.is_dir():
                names = [
                    f"{each.name}/" if each.is_dir() else each.name for each in place.iterdir()
                ]
                links = "".join(
                    f'<a href="{quote(name)}">{html.escape(name)}</a>' for name in sorted(names)
                )
                page = f'<a href="../">up</a><a href="?C=N">sort</a>{links}'.encode()
                self._send(200, {"Content-Type": "text/html; charset=utf-8"}, page, with_body)
            elif place.is_file():
                self._send_file(place.read_bytes(), with_body)
            else:
                self._send(404, {}, b"", with_body)

        def _send_file(self, data: bytes, with_body: bool) -> None:
            headers = {"Content-Type": "application/octet-stream"}
            tag = f'"{hashlib.md5(data).hexdigest()}"'
            if state.tags:
                headers["ETag"] = tag
                if self.headers.get("If-Match", tag) != tag:
                    self._send(412, headers, b"", with_body)
                    return
            found = _RANGE.fullmatch(self.headers.get("Range", ""))
            if found is None or not state.ranges:
                self._send(200, headers, data, with_body)
                return
            start, end = int(found[1]), min(int(found[2]) + 1, len(data))
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
            self._send(206, headers, data[start:end], with_body)

        def _send(self, status: int, headers: dict[str, str], body: bytes, with_body: bool) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)
                state.sent += len(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
