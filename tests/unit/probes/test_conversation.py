"""Connections of our own: nothing that a library or the environment adds on its own account."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from chaos.probes.conversation import open_connection
from tests.unit.crowd.servers import Peer, raw_server, unused_port, websocket_server
from tests.unit.probes.answering import answering, with_body

PATIENCE = 2.0


async def test_the_request_offers_nothing_and_goes_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with unused_port() as nowhere:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, nowhere.url("http", ""))
        requests: list[bytes] = []

        async def script(peer: Peer) -> None:
            requests.append(await peer.request())
            peer.writer.write(peer.accept())
            await peer.reader.read()

        async with raw_server(script) as address:
            connection = await open_connection(
                address, "/echo", within=PATIENCE, headers={"X-Token": "secret"}, subprotocol=None
            )
            connection.transport.abort()
    (request,) = requests
    assert request.startswith(b"GET /echo HTTP/1.1\r\n")
    assert b"\r\nX-Token: secret\r\n" in request
    assert b"sec-websocket-extensions" not in request.lower()
    assert b"sec-websocket-protocol" not in request.lower()


async def test_a_subprotocol_is_offered() -> None:
    async with websocket_server(subprotocols=["chat"]) as address:
        connection = await open_connection(address, "/", within=PATIENCE, subprotocol="chat")
        assert connection.subprotocol == "chat"
        connection.transport.abort()


async def test_a_refusal_is_the_libraries_own_error() -> None:
    async with answering(with_body(b"", status="503 Service Unavailable")) as address:
        with pytest.raises(InvalidStatus):
            await open_connection(address, "/", within=PATIENCE)


async def test_a_handshake_that_hangs_is_given_up() -> None:
    async def listen(peer: Peer) -> None:
        await peer.reader.read()

    async with raw_server(listen) as address:
        with pytest.raises(TimeoutError):
            await open_connection(address, "/", within=0.1)
