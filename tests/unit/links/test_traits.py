"""What each kind of proxy is said to do to TCP is what it does."""

from __future__ import annotations

import socket

from chaos.address import Address
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkKind
from tests.unit.links.servers import Pair, ending, linger_zero, pair_through


async def test_rst_through(toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket) -> None:
    link = await toxiproxy.create_link("rst", upstream)
    assert _seen_after_rst(pair_through(link.address, listener)) == ("RST" if link.kind is LinkKind.EMBEDDED else "FIN")


async def test_half_close_through(toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket) -> None:
    link = await toxiproxy.create_link("half", upstream)
    assert _answers_after_half_close(pair_through(link.address, listener)) is (link.kind is LinkKind.EMBEDDED)


def _seen_after_rst(pair: Pair) -> str:
    with pair:
        pair.upstream(b"x")
        linger_zero(pair.client)
        pair.client.close()
        return ending(pair.server)


def _answers_after_half_close(pair: Pair) -> bool:
    with pair:
        pair.upstream(b"x")
        pair.client.shutdown(socket.SHUT_WR)
        assert ending(pair.server) == "FIN"
        try:
            pair.downstream(b"answer")
        except (ConnectionError, AssertionError):
            return False
        return True
