"""Links on one Toxiproxy or on several, and what goes wrong in making them: each exact message."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chaos.address import Address
from chaos.errors import LinkError
from chaos.links.toxics import LatencyToxic, SlowCloseToxic
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkKind
from tests.unit.links.servers import PATIENCE, free_port, pair_through, quickest, running


async def test_it_knows_its_version_and_kind(toxiproxy: Toxiproxy, kind: LinkKind) -> None:
    assert await toxiproxy.version() == "2.12.0"
    assert await toxiproxy.kind() is kind


async def test_two_servers_at_once(upstream: Address, listener: socket.socket) -> None:
    with running(LinkKind.TOXIPROXY) as (one, _), running(LinkKind.EMBEDDED) as (two, _):
        async with Toxiproxy(one) as first, Toxiproxy(two) as second:
            fast, slow = links = await asyncio.gather(
                first.create_link("same-name", upstream), second.create_link("same-name", upstream)
            )
            await asyncio.gather(fast.add(SlowCloseToxic(delay=1.0)), slow.add(LatencyToxic(latency=0.05)))
            assert [toxic.toxic.type for link in links for toxic in await link.toxics()] == ["slow_close", "latency"]
            with pair_through(fast.address, listener) as pair:
                assert quickest(pair.downstream) < 0.05
            with pair_through(slow.address, listener) as pair:
                assert quickest(pair.downstream) >= 0.05
            await fast.close()
            assert await first.proxies() == ()
            assert await second.proxies() == ("same-name",)


async def test_the_package_itself_is_left_as_it_was(api: Address) -> None:
    import toxiproxy.api

    before = (toxiproxy.api.APIConsumer.host, toxiproxy.api.APIConsumer.port, toxiproxy.api.requests)
    names = {name for name in sys.modules if "toxiproxy" in name}
    Toxiproxy(api)
    assert (toxiproxy.api.APIConsumer.host, toxiproxy.api.APIConsumer.port, toxiproxy.api.requests) == before
    assert {name for name in sys.modules if "toxiproxy" in name} == names


async def test_http_proxy_is_not_followed(api: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert await Toxiproxy(api).version() == "2.12.0"


async def test_a_link_listens_where_it_is_told_and_is_reached_elsewhere(
    toxiproxy: Toxiproxy, api: Address, upstream: Address, listener: socket.socket
) -> None:
    """As in a container: it binds every address, and clients come by another one."""
    contained = Toxiproxy(api, listen_host="0.0.0.0", reach_host="127.0.0.2")
    async with await contained.create_link("contained", upstream) as link:
        assert link.listen == f"[::]:{link.address.port}"
        assert link.address.host == "127.0.0.2"
        with pair_through(link.address, listener) as pair:
            pair.upstream(b"x")
    async with await Toxiproxy(api, listen_host="0.0.0.0").create_link("contained", upstream) as link:
        assert link.address.host == api.host


async def test_ports_of_a_pool_are_used_given_back_and_run_out(api: Address, upstream: Address) -> None:
    ports = [free_port(), free_port()]
    async with Toxiproxy(api, ports=ports) as toxiproxy:
        one = await toxiproxy.create_link("one", upstream)
        two = await toxiproxy.create_link("two", upstream)
        assert [one.address.port, two.address.port] == ports
        with pytest.raises(LinkError) as caught:
            await toxiproxy.create_link("three", upstream)
        assert str(caught.value) == (
            f"no port is left of those that reach Toxiproxy at {api}; close a link, or publish more ports"
        )
        await one.close()
        assert (await toxiproxy.create_link("three", upstream)).address.port == ports[0]


async def test_closing_removes_every_link_made_here_and_no_other(api: Address, upstream: Address) -> None:
    async with Toxiproxy(api) as mine:
        async with Toxiproxy(api) as other:
            await other.create_link("other", upstream)
            await mine.create_link("mine", upstream)
        assert await mine.proxies() == ("mine",)
    assert await mine.proxies() == ()


async def test_what_somebody_else_left_can_be_removed(api: Address, upstream: Address) -> None:
    left = Toxiproxy(api)
    await left.create_link("left", upstream)
    async with Toxiproxy(api) as toxiproxy:
        await toxiproxy.remove("left")
        await toxiproxy.remove("left")
        assert await toxiproxy.proxies() == ()


async def test_a_link_cancelled_while_it_is_made_is_removed(api: Address, upstream: Address) -> None:
    toxiproxy = Toxiproxy(api)
    await toxiproxy.kind()
    making = asyncio.create_task(toxiproxy.create_link("cancelled", upstream))
    async with asyncio.timeout(PATIENCE):
        while "cancelled" not in await toxiproxy.proxies():
            pass
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    await toxiproxy.close()
    assert await toxiproxy.proxies() == ()


# -- each exact message ---------------------------------------------------------------------------------------------


async def test_a_port_that_is_taken(toxiproxy: Toxiproxy, api: Address, upstream: Address) -> None:
    with pytest.raises(LinkError) as caught:
        await toxiproxy.create_link("taken", upstream, listen_port=upstream.port)
    assert str(caught.value) == (
        f"Toxiproxy at {api} refused creating 'taken': listen tcp {upstream}: bind: address already in use (HTTP 500); "
        "something else listens there: choose another port, or 0 for any"
    )
    assert await toxiproxy.proxies() == ()
    await toxiproxy.create_link("taken", upstream)


async def test_a_name_that_somebody_else_took(toxiproxy: Toxiproxy, api: Address, upstream: Address) -> None:
    async with Toxiproxy(api) as other:
        await other.create_link("name", upstream)
        with pytest.raises(LinkError) as caught:
            await toxiproxy.create_link("name", upstream)
        assert str(caught.value) == (
            f"Toxiproxy at {api} refused creating 'name': proxy already exists (HTTP 409); "
            "every link has a name of its own: close the other one first, or choose another name"
        )
        await toxiproxy.close()
        assert await other.proxies() == ("name",)


async def test_a_name_that_was_taken_here(toxiproxy: Toxiproxy, upstream: Address) -> None:
    await toxiproxy.create_link("name", upstream)
    with pytest.raises(LinkError) as caught:
        await toxiproxy.create_link("name", upstream)
    assert str(caught.value) == "there is a link 'name' already; close it first, or choose another name"
    assert [link.name for link in toxiproxy.links] == ["name"]


@pytest.mark.parametrize("name", ["", "a/b", "a b", "?", "../version"])
async def test_a_name_that_is_another_url(toxiproxy: Toxiproxy, upstream: Address, name: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        await toxiproxy.create_link(name, upstream)
    assert str(caught.value) == f"a link's name is letters, digits, '.', '_' and '-'; found {name!r}"


async def test_an_api_that_nobody_serves() -> None:
    nowhere = Address("127.0.0.1", free_port())
    with pytest.raises(LinkError) as caught:
        await Toxiproxy(nowhere).version()
    assert str(caught.value) == (
        f"no Toxiproxy answers at {nowhere} (asking for its version: connection refused); "
        "start it, or correct the address of its API"
    )


class _Fake(BaseHTTPRequestHandler):
    """Answers every request with what the class says."""

    status = 200
    body = b"<html>It works!</html>"

    def _answer(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """An HTTP server that is no Toxiproxy."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Fake) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Address("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


async def test_an_api_that_is_something_else(fake: Address) -> None:
    with pytest.raises(LinkError) as caught:
        await Toxiproxy(fake).version()
    assert str(caught.value) == (
        f"what answers at {fake} is not Toxiproxy (asking for its version gave no JSON that it would give); "
        "correct the address of its API"
    )


async def test_a_5xx_without_json(fake: Address, upstream: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Fake, "status", 502)
    monkeypatch.setattr(_Fake, "body", b"Bad Gateway\nof somebody's")
    with pytest.raises(LinkError) as caught:
        await Toxiproxy(fake, kind=LinkKind.TOXIPROXY).create_link("any", upstream)
    assert str(caught.value) == f"Toxiproxy at {fake} refused creating 'any': Bad Gateway (HTTP 502)"


async def test_the_503_of_a_request_that_hung(fake: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Fake, "status", 503)
    with pytest.raises(LinkError) as caught:
        await Toxiproxy(fake).version()
    assert str(caught.value) == (
        f"Toxiproxy at {fake} hangs: asking for its version was given up by Toxiproxy itself after 25s (HTTP 503)"
    )


async def test_a_proxy_that_is_not_as_it_was_sent(
    fake: Address, upstream: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {"name": "any", "upstream": str(upstream), "listen": "127.0.0.1:4242", "enabled": False}
    monkeypatch.setattr(_Fake, "body", json.dumps(shown).encode())
    with pytest.raises(LinkError) as caught:
        await Toxiproxy(fake, kind=LinkKind.TOXIPROXY).create_link("any", upstream)
    assert str(caught.value) == (
        "the link 'any' was accepted but is not as it was sent: enabled: sent True, read False; "
        "is this Toxiproxy 2.x, and does nobody else change it?"
    )
