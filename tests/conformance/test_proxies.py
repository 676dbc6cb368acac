from __future__ import annotations

import socket

import pytest

from .servers import Server
from .wire import Wire, address_of, arrives, listening


def test_a_proxy_as_it_is_shown(server: Server):
    body = {"name": "shown", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
    made = server.request("POST", "/proxies", body)
    listen = made.json["listen"]
    assert (made.status, made.content_type) == (201, "application/json")
    text = f'{{"name":"shown","listen":"{listen}","upstream":"127.0.0.1:1","enabled":true,"Logger":{{}},"toxics":[]}}'
    assert made.text == text
    shown = server.request("GET", "/proxies/shown")
    assert (shown.status, shown.text) == (200, text)
    assert f'"shown":{text}' in server.request("GET", "/proxies").text
    assert server.request("DELETE", "/proxies/shown").status == 204
    assert server.request("GET", "/proxies/shown").status == 404


def test_proxies_are_listed_by_name(server: Server):
    names = ["b-2", "é", "a-1", "Z"]
    for name in names:
        server.ok("POST", "/proxies", {"name": name, "upstream": "u", "enabled": False})
    listed = [name for name in server.ok("GET", "/proxies") if name in names]
    assert listed == ["Z", "a-1", "b-2", "é"]


def test_a_disabled_proxy_keeps_its_address_as_it_was_written(server: Server):
    body = {"name": "off", "listen": "localhost:0", "upstream": "u", "enabled": False}
    made = server.ok("POST", "/proxies", body)
    assert (made["listen"], made["enabled"]) == ("localhost:0", False)
    enabled = server.ok("PATCH", "/proxies/off", {"enabled": True})
    host, port = enabled["listen"].split(":")
    assert (host, enabled["enabled"]) == ("127.0.0.1", True)
    assert listening(int(port))
    server.ok("DELETE", "/proxies/off")
    assert not listening(int(port))


@pytest.mark.parametrize("listen", ["", ":0", "0.0.0.0:0", "[::]:0"])
def test_a_wildcard_listens_on_both_families(server: Server, listen: str):
    if not socket.has_dualstack_ipv6():
        pytest.skip("no dual-stack sockets here")
    made = server.ok("POST", "/proxies", {"name": "wild", "listen": listen, "upstream": "u"})
    server.ok("DELETE", "/proxies/wild")
    assert made["listen"].startswith("[::]:")
    assert not made["listen"].endswith(":0")


def test_a_missing_field(server: Server):
    for body, field in (({}, "name"), ({"name": ""}, "name"), ({"name": "n"}, "upstream")):
        answer = server.request("POST", "/proxies", body)
        assert (answer.status, answer.error) == (400, f"missing required field: {field}")


def test_a_name_that_is_taken(wire: Wire):
    answer = wire.server.request("POST", "/proxies", {"name": wire.name, "listen": "nonsense", "upstream": "u"})
    assert (answer.status, answer.error) == (409, "proxy already exists")


ADDRESSES = [
    ("foo", "address foo: missing port in address"),
    ("a:b:c", "address a:b:c: too many colons in address"),
    ("[::1:5", "address [::1:5: missing ']' in address"),
    ("[::1]x:5", "address [::1]x:5: missing port in address"),
    ("x]:5", "address x]:5: unexpected ']' in address"),
    ("127.0.0.1:99999", "address 99999: invalid port"),
    ("127.0.0.1:nosuch", "lookup tcp/nosuch: unknown port"),
]


@pytest.mark.parametrize(("listen", "why"), ADDRESSES)
def test_addresses_nobody_can_listen_on(wire: Wire, listen: str, why: str):
    answer = wire.server.request("POST", "/proxies", {"name": "n", "listen": listen, "upstream": "u"})
    assert (answer.status, answer.error) == (500, f"listen tcp: {why}")
    assert wire.server.request("GET", "/proxies/n").status == 404
    answer = wire.server.request("PATCH", wire.path, {"listen": listen})
    assert (answer.status, answer.error) == (500, why)
    assert wire.server.ok("GET", wire.path)["enabled"] is True, "refused before anything was touched"


def test_a_busy_port(wire: Wire):
    taken = address_of(wire.upstream)
    message = f"listen tcp {taken}: bind: address already in use"
    answer = wire.server.request("POST", "/proxies", {"name": "n", "listen": taken, "upstream": "u"})
    assert (answer.status, answer.error) == (500, message)
    assert wire.server.request("GET", "/proxies/n").status == 404
    answer = wire.server.request("PATCH", wire.path, {"listen": taken})
    assert (answer.status, answer.error) == (500, message)
    shown = wire.server.ok("GET", wire.path)
    assert (shown["listen"], shown["enabled"]) == (taken, False)


def test_an_address_of_another_machine(server: Server):
    body = {"name": "n", "listen": "192.0.2.1:0", "upstream": "u"}
    answer = server.request("POST", "/proxies", body)
    expected = (500, "listen tcp 192.0.2.1:0: bind: cannot assign requested address")
    assert (answer.status, answer.error) == expected


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_a_change_does_not_mention_stays(wire: Wire, method: str):
    before = wire.server.ok("GET", wire.path)
    client, server = wire.established()
    body = {"name": "another", "toxics": [], "enabled": None, "unknown": 1}
    assert wire.server.ok(method, wire.path, body) == before
    client.sendall(b"still here")
    assert arrives(server) == b"still here"


def test_a_name_for_the_same_address_is_no_change(wire: Wire):
    client, server = wire.established()
    wire.server.ok("PATCH", wire.path, {"listen": f"localhost:{wire.port}"})
    client.sendall(b"still here")
    assert arrives(server) == b"still here"


@pytest.mark.parametrize("body", [{"enabled": False}, {"upstream": "127.0.0.1:1"}, {"listen": "127.0.0.1:0"}])
def test_a_real_change_cuts_the_connections(wire: Wire, body: dict[str, object]):
    client, server = wire.established()
    shown = wire.server.ok("PATCH", wire.path, body)
    assert shown["enabled"] is body.get("enabled", True)
    assert arrives(client) == "FIN"
    assert arrives(server) == "FIN"


def test_disabled_it_refuses_and_enabled_it_is_where_it_was(wire: Wire):
    wire.server.ok("PATCH", wire.path, {"enabled": False})
    wire.server.ok("PATCH", wire.path, {"enabled": False})
    assert not listening(wire.port)
    shown = wire.server.ok("PATCH", wire.path, {"enabled": True})
    assert shown["listen"] == f"127.0.0.1:{wire.port}"
    wire.established()


def test_a_change_with_enabled_false_moves_and_disables(wire: Wire):
    shown = wire.server.ok("PATCH", wire.path, {"listen": "127.0.0.1:0", "enabled": False})
    assert (shown["listen"], shown["enabled"]) == ("127.0.0.1:0", False)


def test_a_new_upstream_takes_the_new_connections(wire: Wire):
    with socket.create_server(("127.0.0.1", 0)) as other:
        wire.server.ok("PATCH", wire.path, {"upstream": address_of(other)})
        client = wire.connect()
        server, _ = other.accept()
        with server:
            client.sendall(b"hello")
            assert arrives(server) == b"hello"


def test_toxics_outlive_changes_of_the_proxy(wire: Wire):
    wire.add("latency", latency=1)
    for body in ({"enabled": False}, {"upstream": "127.0.0.1:2"}, {"enabled": True}):
        assert [toxic["name"] for toxic in wire.server.ok("PATCH", wire.path, body)["toxics"]] == ["latency"]


def test_an_upstream_that_is_not_there(wire: Wire):
    wire.server.ok("PATCH", wire.path, {"upstream": "127.0.0.1:1"})
    assert arrives(wire.connect()) == "FIN"


def test_deleting_cuts_the_connections(wire: Wire):
    client, server = wire.established()
    wire.server.ok("DELETE", wire.path)
    assert arrives(client) == "FIN"
    assert arrives(server) == "FIN"
    assert not listening(wire.port)
