"""The built page, served from the package.

The names that exist are listed once; a request can name one of them and nothing else.
"""

from importlib import resources

from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.http_api.respond import respond_bytes

ENTRY = "index.js"
_MIMETYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


class StaticFiles:
    """Serves the files of `tb_snapshot_compare/static`."""

    def __init__(self) -> None:
        folder = resources.files("tb_snapshot_compare") / "static"
        self._files = {entry.name: entry for entry in folder.iterdir() if entry.is_file()}

    def serve(self, request: Request) -> Response:
        """The file named by the last part of the path."""
        name = request.path.rpartition("/")[2]
        entry = self._files.get(name)
        suffix = "." + name.rpartition(".")[2]
        if entry is None or suffix not in _MIMETYPES:
            raise NotFoundError(f"The page has no file {name!r}.")
        # The entry keeps its name from build to build; every other name holds a hash.
        return respond_bytes(entry.read_bytes(), _MIMETYPES[suffix], immutable=name != ENTRY)
