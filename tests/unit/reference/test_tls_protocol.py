"""TLS beneath the server's protocols, on a transport that goes nowhere."""

from __future__ import annotations

import asyncio
import gc
import ssl
import weakref

import pytest
from reference_server.environment import load_settings
from reference_server.parts import build
from reference_server.secure_transport import SecureTransport
from reference_server.tls_protocol import TlsProtocol
from uvicorn.server import ServerState

from .wired import RecordingTransport, configured

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


class Stingy:
    """A TLS object that takes few bytes at a time, as one may on any write."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = b""

    def write(self, data: memoryview) -> int:
        """Takes what it takes."""
        part = bytes(data[: self.most])
        self.taken += part
        return len(part)


def connected(state: ServerState) -> tuple[TlsProtocol, RecordingTransport]:
    """A connection on which nothing has been said yet."""
    config = configured(build(load_settings({}, profile="fast")))
    config.tls = CONTEXT
    protocol, transport = TlsProtocol(config, state, {}), RecordingTransport()
    protocol.connection_made(transport)
    return protocol, transport


@pytest.mark.parametrize("most", [1, 10, 1000])
async def test_what_tls_takes_in_parts_is_written_whole(most: int) -> None:
    transport = SecureTransport(RecordingTransport(), asyncio.Protocol(), CONTEXT)
    transport._tls = stingy = Stingy(most)  # type: ignore[assignment]  # it is asked for nothing else
    transport.write(b"0123456789" * 3)
    assert stingy.taken == b"0123456789" * 3


async def test_who_has_not_shaken_hands_is_in_the_server_s_books_and_reset_when_it_goes_down() -> None:
    """uvicorn tells whoever is in this set that it goes down: nobody else knows of a handshake under way."""
    state = ServerState()
    protocol, transport = connected(state)
    assert protocol in state.connections
    for each in list(state.connections):
        each.shutdown()
    assert transport.ended
    protocol.connection_lost(None)
    assert state.connections == set()


async def test_who_has_shaken_hands_is_in_them_no_more_as_what_it_was() -> None:
    state = ServerState()
    protocol, _ = connected(state)
    protocol._begin()
    assert protocol not in state.connections
    assert protocol._http in state.connections
    assert protocol._deadline is None


async def test_what_is_over_is_gone_before_python_looks_for_rings() -> None:
    protocol, _ = connected(ServerState())
    protocol._begin()
    gc.disable()
    try:
        left = [weakref.ref(each) for each in (protocol.transport._tls, protocol.transport, protocol._http)]
        protocol.connection_lost(None)
        del protocol
        assert [each() for each in left] == [None, None, None]
    finally:
        gc.enable()
