from __future__ import annotations

import pytest

from .servers import Server, running
from .wire import Wire, address_of, arrives


@pytest.mark.parametrize("body", [b"[]", b"null"])
def test_nothing_to_populate(server: Server, body: bytes):
    answer = server.request("POST", "/populate", body)
    assert (answer.status, answer.content_type, answer.text) == (201, "application/json", '{"proxies":null}')


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "bad request body: EOF"),
        (b"[{", "bad request body: unexpected EOF"),
        (b"{}", "bad request body: json: cannot unmarshal object into Go"),
        (b"[1]", "bad request body: json: cannot unmarshal number into Go"),
        (b"[[]]", "bad request body: json: cannot unmarshal array into Go"),
        (b'[{"name": 5}]', "bad request body: json: cannot unmarshal number into Go"),
        (b'[{"enabled": "x"}]', "bad request body: json: cannot unmarshal string into Go"),
        (b"[null]", "missing required field: name at proxy 1"),
        (b'[{"name": "a", "upstream": "u"}, {"name": "b"}]', "missing required field: upstream at proxy 2"),
    ],
)
def test_what_cannot_be_populated_is_json_and_makes_nothing(server: Server, body: bytes, message: str):
    answer = server.request("POST", "/populate", body)
    assert (answer.status, answer.content_type, answer.error) == (400, "application/json", message)
    assert answer.text.endswith('","status":400,"proxies":null}')
    assert server.request("GET", "/proxies/a").status == 404


def test_proxies_are_made_enabled_or_not(server: Server):
    body = [
        {"name": "on", "listen": "127.0.0.1:0", "upstream": "u:1", "toxics": [{"type": "latency"}]},
        {"name": "off", "listen": "127.0.0.1:0", "upstream": "u:1", "enabled": False},
        {"name": "also on", "listen": "127.0.0.1:0", "upstream": "u:1", "enabled": None},
    ]
    answer = server.request("POST", "/populate", body)
    assert answer.status == 201
    shown = answer.json["proxies"]
    assert [(proxy["name"], proxy["enabled"]) for proxy in shown] == [
        ("on", True),
        ("off", False),
        ("also on", True),
    ]
    assert all(proxy["toxics"] == [] for proxy in shown)
    assert shown[0] == server.ok("GET", "/proxies/on")
    for name in ("on", "off", "also%20on"):
        server.ok("DELETE", f"/proxies/{name}")


def test_what_has_the_same_addresses_stays_as_it_is(wire: Wire):
    wire.add("latency", latency=1)
    client, server = wire.established()
    specification = {
        "name": wire.name,
        "listen": f"localhost:{wire.port}",
        "upstream": address_of(wire.upstream),
        "enabled": False,
    }
    [shown] = wire.server.ok("POST", "/populate", [specification])["proxies"]
    assert (shown["enabled"], len(shown["toxics"])) == (True, 1)
    client.sendall(b"still here")
    assert arrives(server) == b"still here"


def test_what_has_other_addresses_is_replaced_toxics_and_all(wire: Wire):
    wire.add("latency", latency=1)
    client, _ = wire.established()
    specification = {"name": wire.name, "listen": f"127.0.0.1:{wire.port}", "upstream": "127.0.0.1:1"}
    [shown] = wire.server.ok("POST", "/populate", [specification])["proxies"]
    assert (shown["enabled"], shown["toxics"]) == (True, [])
    assert arrives(client) == "FIN"


def test_it_goes_on_until_the_first_failure(wire: Wire):
    body = [
        {"name": "first", "listen": "127.0.0.1:0", "upstream": "u:1"},
        {"name": wire.name, "listen": "foo", "upstream": "u:1"},
        {"name": "third", "listen": "127.0.0.1:0", "upstream": "u:1"},
    ]
    answer = wire.server.request("POST", "/populate", body)
    assert (answer.status, answer.error) == (500, "address foo: missing port in address")
    assert [proxy["name"] for proxy in answer.json["proxies"]] == ["first"]
    assert wire.server.request("GET", "/proxies/third").status == 404
    assert wire.server.ok("GET", wire.path)["enabled"] is True
    wire.server.ok("DELETE", "/proxies/first")


def test_a_replacement_that_cannot_listen_leaves_the_old_one_stopped(wire: Wire):
    specification = {"name": wire.name, "listen": address_of(wire.upstream), "upstream": "u:1"}
    answer = wire.server.request("POST", "/populate", [specification])
    assert (answer.status, answer.json["proxies"]) == (500, None)
    shown = wire.server.ok("GET", wire.path)
    assert (shown["enabled"], shown["listen"]) == (False, f"127.0.0.1:{wire.port}")


def test_reset_enables_and_takes_toxics_away_whatever_its_body(wire: Wire):
    wire.add("latency", latency=1)
    wire.add("latency", name="up", stream="upstream", latency=1)
    wire.server.ok("PATCH", wire.path, {"enabled": False})
    answer = wire.server.request("POST", "/reset", b"not JSON")
    assert (answer.status, answer.text) == (204, "")
    shown = wire.server.ok("GET", wire.path)
    assert (shown["enabled"], shown["toxics"]) == (True, [])


def test_reset_lets_connections_live(wire: Wire):
    client, server = wire.established()
    wire.add("latency", latency=1)
    wire.server.ok("POST", "/reset")
    client.sendall(b"still here")
    assert arrives(server) == b"still here"


def test_reset_fails_where_a_proxy_cannot_be_enabled(kind: str):
    with running(kind) as server:
        body = {"name": "n", "listen": f"127.0.0.1:{server.port}", "upstream": "u", "enabled": False}
        server.ok("POST", "/proxies", body)
        answer = server.request("POST", "/reset")
        message = f"listen tcp 127.0.0.1:{server.port}: bind: address already in use"
        assert (answer.status, answer.error) == (500, message)
