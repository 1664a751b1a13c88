"""Who may ask: TensorBoard checks neither host nor origin, so every case is tested here."""

import json

import pytest
from werkzeug.test import Client, create_environ, run_wsgi_app
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import NotFoundError
from tb_snapshot_compare.http_api.guard import POST_HEADER, Guard, own_names
from tb_snapshot_compare.http_api.respond import respond_json


def handler(_request: Request) -> Response:
    return respond_json({"ok": True})


def client(guard: Guard | None = None, methods: tuple[str, ...] = ("GET",)) -> Client:
    return Client((guard or Guard([])).wrap(handler, methods))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:6006",
        "LOCALHOST:1",
        "localhost.",
        "127.0.0.1",
        "127.8.8.8:80",
        "[::1]:6006",
    ],
)
def test_loopback_names_pass(host: str) -> None:
    assert client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:6006",
        "localhost.evil.example",
        "localhost:6006@evil.example",
        "localhost, evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "[::2]",
        "[::1",
        "localhost:abc",
        "0.0.0.0",
        "",
    ],
)
def test_foreign_names_are_refused(host: str) -> None:
    environ = create_environ("/") | {"HTTP_HOST": host}
    body, status, _ = run_wsgi_app(Guard([]).wrap(handler), environ)
    assert status.startswith("403")
    assert json.loads(b"".join(body))["error"]["code"] == "forbidden"


def test_a_refusal_names_the_flag_that_allows_the_host() -> None:
    message = json.loads(client().get("/", headers={"Host": "proxy.example"}).data)["error"][
        "message"
    ]
    assert "'proxy.example'" in message
    assert "--snapshot_compare_allowed_hosts" in message


def test_allowed_hosts_pass() -> None:
    guard = Guard(["Proxy.Example"])
    assert client(guard).get("/", headers={"Host": "proxy.example:443"}).status_code == 200
    assert client(guard).get("/", headers={"Host": "other.example"}).status_code == 403


def test_a_server_bound_to_all_interfaces_answers_to_any_address_but_to_no_foreign_name() -> None:
    guard = Guard([], any_address=True)
    assert client(guard).get("/", headers={"Host": "10.1.2.3:6006"}).status_code == 200
    assert client(guard).get("/", headers={"Host": "[2001:db8::1]:6006"}).status_code == 200
    assert client(guard).get("/", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_requests_from_other_sites_are_refused(site: str) -> None:
    answer = client().get("/", headers={"Host": "localhost", "Sec-Fetch-Site": site})
    assert answer.status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_requests_from_the_page_and_from_the_address_bar_pass(site: str) -> None:
    answer = client().get("/", headers={"Host": "localhost", "Sec-Fetch-Site": site})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:6006", 200),
        ("http://localhost:7007", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
def test_origin_must_be_this_server(origin: str, status: int) -> None:
    answer = client().get("/", headers={"Host": "localhost:6006", "Origin": origin})
    assert answer.status_code == status


def test_a_post_needs_the_header_and_json() -> None:
    poster = client(methods=("POST",))
    good = {"Host": "localhost", POST_HEADER: "1"}
    assert poster.post("/", json={}, headers=good).status_code == 200
    assert poster.post("/", json={}, headers={"Host": "localhost"}).status_code == 403
    assert poster.post("/", data="{}", headers=good, content_type="text/plain").status_code == 403


def test_a_post_route_refuses_get_and_a_get_route_refuses_post() -> None:
    assert client(methods=("POST",)).get("/", headers={"Host": "localhost"}).status_code == 400
    answer = client().post("/", json={}, headers={"Host": "localhost", POST_HEADER: "1"})
    assert answer.status_code == 400


def test_an_oversized_body_is_refused_before_it_is_read() -> None:
    answer = client(methods=("POST",)).post(
        "/",
        data=b"{}",
        headers={"Host": "localhost", POST_HEADER: "1"},
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(10**12)},
    )
    assert answer.status_code == 400


def test_every_answer_has_the_headers_tensorboard_asks_for() -> None:
    for host in ("localhost", "evil.example"):
        answer = client().get("/", headers={"Host": host})
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"].startswith("application/json")


def test_an_expected_failure_keeps_its_status_and_words() -> None:
    def missing(_request: Request) -> Response:
        raise NotFoundError("No snapshot 'x'.")

    answer = Client(Guard([]).wrap(missing)).get("/", headers={"Host": "localhost"})
    assert answer.status_code == 404
    assert json.loads(answer.data) == {
        "error": {"code": "not_found", "message": "No snapshot 'x'."}
    }


def test_an_unexpected_failure_tells_the_client_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_request: Request) -> Response:
        raise RuntimeError("/secret/path")

    answer = Client(Guard([]).wrap(broken)).get("/", headers={"Host": "localhost"})
    assert answer.status_code == 500
    assert b"secret" not in answer.data
    assert "/secret/path" in caplog.text


class Flags:
    host = "gpu-box"
    bind_all = True
    snapshot_compare_allowed_hosts = "proxy.example, hub.example"


def test_the_flags_name_the_server() -> None:
    names, everywhere = own_names(Flags())
    assert everywhere
    assert {"gpu-box", "proxy.example", "hub.example"} <= set(names)
    assert own_names(None) == ([], False)
