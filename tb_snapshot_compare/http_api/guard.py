"""The one guard in front of every route: who may ask, and how.

TensorBoard itself checks neither the host name nor the origin of a request, so a page of
another site could reach these routes through the user's browser, directly or by DNS
rebinding. A request passes when its Host is this server's own name and its origin is this
server's own page.
"""

import ipaddress
import logging
import re
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import ForbiddenError, InvalidRequestError, SnapshotCompareError
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.respond import respond_error
from tb_snapshot_compare.limits import REQUEST_BODY_MAX

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

POST_HEADER = "X-TB-Snapshot-Compare"
"""Forces a CORS preflight, which is never answered, on any page of another origin."""

_UNEXPECTED = "The server met an unexpected error. TensorBoard's log has the details."

_AUTHORITY = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{1,5})?")

logger = logging.getLogger(__name__)

Handler = Callable[[Request], Response]


class Guard:
    """Wraps handlers into WSGI applications that refuse foreign and oversized requests."""

    def __init__(self, hosts: Iterable[str], any_address: bool = False, hide: Hide = str) -> None:
        """Allows loopback names and addresses, and `hosts`.

        Args:
          hosts: Further host names or addresses, without port.
          any_address: Allow every literal IP address: for a server bound to all interfaces.
            A literal address cannot be rebound.
          hide: Takes from error messages what clients must not see.
        """
        self._hosts = frozenset(_normal(host) for host in hosts if host)
        self._any_address = any_address
        self._hide = hide

    def wrap(self, handler: Handler, methods: tuple[str, ...] = ("GET",)) -> "WSGIApplication":
        """A WSGI application that calls `handler` for what passes."""

        def application(
            environ: "WSGIEnvironment", start_response: "StartResponse"
        ) -> Iterable[bytes]:
            request = Request(environ)
            try:
                self.check(request, methods)
                response = handler(request)
            except SnapshotCompareError as error:
                response = respond_error(error, self._hide)
            except Exception:  # the last resort: details go to the log, never to the client
                logger.exception("%s failed", request.path)
                response = respond_error(SnapshotCompareError(_UNEXPECTED))
            return response(environ, start_response)

        application.guarded = True  # type: ignore[attr-defined]
        return application

    def check(self, request: Request, methods: tuple[str, ...]) -> None:
        """Raises ForbiddenError or InvalidRequestError for what must not pass."""
        served = (*methods, "HEAD") if "GET" in methods else methods
        if request.method not in served:
            raise InvalidRequestError(
                f"Method {request.method} is not served here: use {' or '.join(methods)}."
            )
        self._check_host(request.headers.get("Host", ""))
        _check_site(request)
        if request.method == "POST":
            _check_post(request)

    def _check_host(self, header: str) -> None:
        host = _host_of(header)
        if host in self._hosts or _is_loopback(host):
            return
        if self._any_address and _address(host) is not None:
            return
        raise ForbiddenError(
            f"This server is not known as {host or '(no name)'!r}. If a proxy serves it under "
            "that name, start TensorBoard with --snapshot_compare_allowed_hosts and the name."
        )


def own_names(flags: Any) -> tuple[list[str], bool]:
    """The host names that TensorBoard's flags give this server, and whether it is bound to all.

    Args:
      flags: TensorBoard's parsed flags; attributes may be missing.
    """
    names = [name.strip() for name in _flag(flags, "snapshot_compare_allowed_hosts").split(",")]
    host = _flag(flags, "host")
    address = _address(host)
    unspecified = address is not None and address.is_unspecified
    everywhere = unspecified or bool(getattr(flags, "bind_all", False))
    names.append(host)
    if everywhere:
        names += [socket.gethostname(), socket.getfqdn()]
    return [name for name in names if name], everywhere


def _flag(flags: Any, name: str) -> str:
    return getattr(flags, name, None) or ""


def _check_site(request: Request) -> None:
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        raise ForbiddenError("Requests from other sites are refused.")
    if origin is not None and _origin_authority(origin) != request.headers.get("Host", "").lower():
        raise ForbiddenError(f"Requests from {origin} are refused: it is another site.")


def _check_post(request: Request) -> None:
    if request.headers.get(POST_HEADER) is None or request.mimetype != "application/json":
        raise ForbiddenError(f"A POST needs the header {POST_HEADER} and a JSON body.")
    if request.content_length is None or request.content_length > REQUEST_BODY_MAX:
        raise InvalidRequestError(
            f"The body must state its length and hold at most {REQUEST_BODY_MAX:,} bytes."
        )


def _origin_authority(origin: str) -> str:
    return origin.lower().partition("://")[2]


def _host_of(header: str) -> str:
    """The host of a Host header, without port; empty when malformed."""
    matched = _AUTHORITY.fullmatch(header.strip())
    return _normal(matched["six"] or matched["name"]) if matched else ""


def _normal(host: str) -> str:
    return host.strip().lower().removesuffix(".")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback
