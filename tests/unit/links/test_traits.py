"""What a link is said to do to TCP is what it does."""

from __future__ import annotations

import socket

import pytest

from chaos.address import Address
from chaos.errors import Unsupported
from chaos.links.direct import DirectLink
from chaos.links.toxics import LatencyToxic
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkTraits
from tests.unit.links.servers import Pair, ending, linger_zero, pair_through


async def test_rst_through(toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket) -> None:
    link = await toxiproxy.create_link("rst", upstream)
    assert _seen_after_rst(pair_through(link.address, listener)) == ("RST" if link.traits.rst_through else "FIN")


async def test_half_close_through(toxiproxy: Toxiproxy, upstream: Address, listener: socket.socket) -> None:
    link = await toxiproxy.create_link("half", upstream)
    assert _answers_after_half_close(pair_through(link.address, listener)) is link.traits.half_close_through


async def test_a_direct_link_does_nothing_to_tcp(upstream: Address, listener: socket.socket) -> None:
    async with DirectLink(upstream) as link:
        assert link.traits == LinkTraits(
            rst_through=True, half_close_through=True, acks_for_the_dead=False, resets_established=False
        )
        assert _seen_after_rst(pair_through(link.address, listener)) == "RST"
        assert _answers_after_half_close(pair_through(link.address, listener))
        assert await link.toxics() == ()
        assert await link.connections() is None


async def test_a_direct_link_refuses_what_takes_a_proxy(upstream: Address) -> None:
    link = DirectLink(upstream)
    with pytest.raises(Unsupported) as caught:
        await link.add(LatencyToxic(latency=0.05))
    assert str(caught.value) == (
        f"a latency toxic needs a proxy, and the link to {upstream} has none; take one through Toxiproxy"
    )
    for call in (link.prepare_reset, link.reset_all, link.end_reset, link.down, link.up):
        with pytest.raises(Unsupported, match="needs a proxy"):
            await call()


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
