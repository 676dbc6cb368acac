from __future__ import annotations

import pytest

from .servers import Server
from .wire import Wire

TEXT = "text/plain; charset=utf-8"


def test_the_version(server: Server):
    answer = server.request("GET", "/version")
    expected = (200, "application/json;charset=utf-8", '{"version": "2.12.0"}\n')
    assert (answer.status, answer.content_type, answer.text) == expected


@pytest.mark.parametrize("path", ["/", "/nope", "/proxies/", "/proxies/a/b", "/proxies/a/toxics/b/c", "/metrics"])
def test_unknown_paths(server: Server, path: str):
    answer = server.request("GET", path)
    assert (answer.status, answer.content_type, answer.text) == (404, TEXT, "404 page not found\n")
    assert "X-Toxiproxy-Request-Id" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/reset"),
        ("GET", "/populate"),
        ("PUT", "/proxies"),
        ("DELETE", "/proxies"),
        ("HEAD", "/version"),
        ("OPTIONS", "/proxies"),
        ("PUT", "/proxies/a"),
        ("PATCH", "/proxies/a/toxics"),
        ("PUT", "/proxies/a/toxics/b"),
        ("get", "/version"),
    ],
)
def test_unknown_methods(server: Server, method: str, path: str):
    answer = server.request(method, path)
    assert (answer.status, answer.content_type, answer.text) == (405, "", "")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("//proxies", "/proxies"),
        ("/proxies/../version", "/version"),
        ("/./version?x=1", "/version?x=1"),
        ("//a%20b/", "/a%20b/"),
        ("/a%2f..%2fversion", "/version"),
    ],
)
def test_unclean_paths_are_redirected(server: Server, path: str, location: str):
    answer = server.request("GET", path)
    assert (answer.status, answer.headers["Location"], answer.text) == (301, location, "")


def test_browsers_are_turned_away(server: Server):
    answer = server.request("GET", "/version", headers={"User-Agent": "Mozilla/5.0 (X11)"})
    assert (answer.status, answer.content_type, answer.text) == (403, TEXT, "User agent not allowed\n")
    assert server.request("GET", "/nope", headers={"User-Agent": "Mozilla/5.0"}).status == 404
    assert server.request("GET", "/version", headers={"User-Agent": "x Mozilla/5.0"}).status == 200


def test_every_answer_of_a_route_has_an_id_of_its_own(server: Server):
    ids = {server.request("GET", "/version").headers["X-Toxiproxy-Request-Id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(len(one) == 20 for one in ids)


def test_query_and_percent_escapes_do_not_matter(wire: Wire):
    shown = wire.server.request("GET", f"/pr%6fxies/{wire.name}?x=1")
    assert (shown.status, shown.json["name"]) == (200, wire.name)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/proxies/nope", ["GET", "POST", "PATCH", "DELETE"]),
        ("/proxies/nope/toxics", ["GET", "POST"]),
        ("/proxies/nope/toxics/x", ["GET", "POST", "PATCH", "DELETE"]),
    ],
)
def test_a_proxy_that_is_not_there(server: Server, path: str, methods: list[str]):
    for method in methods:
        not_there(server, method, path)


def not_there(server: Server, method: str, path: str) -> None:
    answer = server.request(method, path, b"{")  # looked for before the body is
    assert (answer.status, answer.content_type) == (404, TEXT)
    assert answer.text == '{"error":"proxy not found","status":404}\n'


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_a_toxic_that_is_not_there(wire: Wire, method: str):
    answer = wire.server.request(method, f"{wire.path}/toxics/nope", b"{")
    assert (answer.status, answer.text) == (404, '{"error":"toxic not found","status":404}\n')
