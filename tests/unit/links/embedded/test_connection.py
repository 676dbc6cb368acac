"""How connections end, seen on both sides' sockets and in the ledger."""

from __future__ import annotations

import asyncio
import socket

import pytest

from chaos.links.embedded.toxics.bandwidth import Bandwidth
from chaos.links.embedded.toxics.latency import Latency
from chaos.links.embedded.toxics.limit_data import LimitData
from chaos.links.embedded.toxics.reset_peer import ResetPeer
from chaos.links.embedded.toxics.slow_close import SlowClose
from chaos.links.embedded.toxics.timeout import Timeout

from .peers import DEADLINE, Pair, arrival, pair_through, reset

HOLD = 60_000
"""Milliseconds: longer than any test waits."""
UNNOTICED = 0.1
"""Seconds in which nothing may arrive. What does arrive on loopback takes well under a millisecond."""


def ends(pair: Pair, first: str) -> tuple[socket.socket, socket.socket]:
    """The side that acts first, and the other."""
    return (pair.client, pair.server) if first == "client" else (pair.server, pair.client)


SIDES = [("client", "upstream"), ("upstream", "client")]


@pytest.mark.parametrize(("here", "there"), SIDES)
async def test_a_reset_passes_as_a_reset(here: str, there: str):
    async with pair_through() as pair:
        near, far = ends(pair, here)
        reset(near)
        assert await arrival(far) == "RST"
        assert await pair.events() == [(here, "rst_received"), (there, "rst_sent")]


@pytest.mark.parametrize(("here", "there"), SIDES)
async def test_data_sent_before_a_reset_arrives_first(here: str, there: str):
    async with pair_through() as pair:
        near, far = ends(pair, here)
        near.send(b"last words")
        reset(near)
        assert await arrival(far) == b"last words"
        assert await arrival(far) == "RST"


@pytest.mark.parametrize(("here", "there"), SIDES)
async def test_a_half_close_passes_and_the_other_direction_goes_on(here: str, there: str):
    async with pair_through() as pair:
        near, far = ends(pair, here)
        near.send(b"all")
        near.shutdown(socket.SHUT_WR)
        assert await arrival(far) == b"all"
        assert await arrival(far) == "FIN"
        for word in (b"one", b"two"):
            far.send(word)
            assert await arrival(near) == word
        far.close()
        assert await arrival(near) == "FIN"
        expected = [(here, "fin_received"), (there, "fin_sent"), (there, "fin_received"), (here, "fin_sent")]
        assert await pair.events() == expected


async def test_what_a_toxic_holds_still_arrives_after_both_have_said_their_last():
    async with pair_through() as pair:
        await pair.add(Latency(latency=50))
        pair.client.shutdown(socket.SHUT_WR)
        assert await arrival(pair.server) == "FIN"
        pair.server.send(b"held")
        pair.server.close()
        assert await arrival(pair.client) == b"held"
        assert await arrival(pair.client) == "FIN"


async def test_a_reset_after_a_half_close_passes_too():
    async with pair_through() as pair:
        pair.client.shutdown(socket.SHUT_WR)
        assert await arrival(pair.server) == "FIN"
        reset(pair.client)
        assert await pair.events() == [
            ("client", "fin_received"),
            ("upstream", "fin_sent"),
            ("client", "rst_received"),
            ("upstream", "rst_sent"),
        ]


async def test_a_client_that_closed_for_good_resets_a_server_that_goes_on_sending():
    async with pair_through() as pair:
        pair.client.close()
        assert await arrival(pair.server) == "FIN"
        pair.server.send(b"anybody there?")
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    pair.server.send(b"x")
                except (ConnectionResetError, BrokenPipeError):
                    break
                await asyncio.sleep(0)
        assert ("client", "rst_received") in await pair.events()


async def stall(sender: socket.socket) -> int:
    """Send until nobody takes any more; the bytes taken."""
    loop = asyncio.get_running_loop()
    sent = 0
    while True:
        try:
            async with asyncio.timeout(UNNOTICED):
                await loop.sock_sendall(sender, b"x" * 65_536)
        except TimeoutError:
            return sent
        sent += 65_536


@pytest.mark.parametrize(("here", "there"), SIDES)
async def test_a_reset_passes_while_a_stalled_peer_keeps_the_proxy_from_reading(here: str, there: str):
    async with pair_through() as pair:
        near, far = ends(pair, here)
        assert await stall(near) > 0
        reset(near)
        async with asyncio.timeout(DEADLINE):
            while (got := await arrival(far)) != "RST":
                assert isinstance(got, bytes)
        assert (there, "rst_sent") in await pair.events()


async def test_a_stalled_reader_stops_the_sender_within_bounds_and_gets_everything_in_the_end():
    async with pair_through() as pair:
        pair.server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        taken = await stall(pair.server)
        record = await pair.last_connection(ended=False)
        held = record["bytes"]["from_upstream"] - record["bytes"]["to_client"]
        assert 0 <= held <= 32_768, "the proxy itself holds one read at most, the kernel's buffers the rest"
        pair.server.shutdown(socket.SHUT_WR)
        received = 0
        while (data := await arrival(pair.client)) != "FIN":
            received += len(data)
        assert received >= taken


async def test_the_server_s_reset_ends_a_half_open_connection_for_good():
    async with pair_through() as pair:
        await pair.add(SlowClose(delay=HOLD), stream="upstream")
        reset(pair.client)
        assert await arrival(pair.server, within=UNNOTICED) == "nothing"
        reset(pair.server)
        assert await pair.events() == [("client", "rst_received"), ("upstream", "rst_received")]


async def test_the_server_s_close_ends_a_half_open_connection_for_good():
    async with pair_through() as pair:
        await pair.add(SlowClose(delay=HOLD), stream="upstream")
        reset(pair.client)
        assert await arrival(pair.server, within=UNNOTICED) == "nothing"
        pair.server.close()
        assert await pair.events() == [
            ("client", "rst_received"),
            ("upstream", "fin_received"),
            ("upstream", "fin_sent"),
        ]


async def test_a_server_that_closed_first_still_hears_of_the_client_s_reset_when_the_toxic_says():
    async with pair_through() as pair:
        await pair.add(SlowClose(delay=50), stream="upstream")
        pair.server.shutdown(socket.SHUT_WR)
        assert await arrival(pair.client) == "FIN"
        reset(pair.client)
        assert await arrival(pair.server) == "RST"
        assert await pair.events() == [
            ("upstream", "fin_received"),
            ("client", "fin_sent"),
            ("client", "rst_received"),
            ("upstream", "rst_sent"),
        ]


async def test_a_half_open_server_s_window_closes():
    async with pair_through() as pair:
        await pair.add(SlowClose(delay=HOLD), stream="upstream")
        pair.server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        reset(pair.client)
        await stall(pair.server)
        record = await pair.last_connection(ended=False)
        assert record["bytes"]["from_upstream"] == 0


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
async def test_reset_peer_resets_both_sides_of_an_established_connection(stream: str):
    async with pair_through() as pair:
        await pair.add(ResetPeer(), stream=stream)
        (pair.client if stream == "upstream" else pair.server).send(b"x")
        assert await arrival(pair.client) == "RST"
        assert await arrival(pair.server) == "RST"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
async def test_limit_data_closes_both_sides_in_order(stream: str):
    async with pair_through() as pair:
        await pair.add(LimitData(bytes=3), stream=stream)
        near, far = (pair.client, pair.server) if stream == "upstream" else (pair.server, pair.client)
        near.send(b"abcdef")
        assert await arrival(far) == b"abc"
        assert await arrival(far) == "FIN"
        assert await arrival(near) == "FIN"
        assert sorted(await pair.events()) == [("client", "fin_sent"), ("upstream", "fin_sent")]


async def test_closing_with_bytes_unread_is_noted_as_the_reset_it_is():
    async with pair_through() as pair:
        await pair.add(Bandwidth(rate=0), stream="upstream")
        for _ in range(5):
            pair.client.send(b"x" * 200_000)
            await asyncio.sleep(0)
        await pair.api("PATCH", "/proxies/p", {"enabled": False})
        assert ("client", "rst_sent") in await pair.events()
        assert await arrival(pair.client) == "RST"
        assert await arrival(pair.server) == "FIN"


async def test_toxics_act_on_established_connections():
    async with pair_through() as pair:
        await pair.add(Timeout())
        pair.server.send(b"lost")
        assert await arrival(pair.client, within=UNNOTICED) == "nothing"
        await pair.api("DELETE", "/proxies/p/toxics/timeout_downstream")
        assert await arrival(pair.client) == "FIN"
        assert await arrival(pair.server) == "FIN"


async def test_a_reset_takes_its_time_through_a_latency():
    async with pair_through() as pair:
        await pair.add(Latency(latency=HOLD), stream="upstream")
        pair.client.send(b"held")
        reset(pair.client)
        assert await arrival(pair.server, within=UNNOTICED) == "nothing"
        await pair.api("DELETE", "/proxies/p/toxics/latency_upstream")
        assert await arrival(pair.server) in (b"held", "RST")


async def test_the_ledger_knows_addresses_bytes_and_draws():
    async with pair_through() as pair:
        await pair.add(Latency(), toxicity=0)
        await pair.add(Timeout(), stream="upstream")
        pair.server.send(b"12345")
        assert await arrival(pair.client) == b"12345"
        pair.client.send(b"123")
        async with asyncio.timeout(DEADLINE):
            while (record := await pair.last_connection(ended=False))["bytes"]["from_client"] < 3:
                pass
        names = [
            f"{host}:{port}"
            for host, port in (
                pair.client.getsockname(),
                pair.client.getpeername(),
                pair.server.getpeername(),
                pair.server.getsockname(),
            )
        ]
        assert [record[key] for key in ("client", "listen", "local", "upstream")] == names
        assert record["bytes"] == {"from_client": 3, "to_client": 5, "from_upstream": 5, "to_upstream": 0}
        assert record["toxics"] == {"latency_downstream": False, "timeout_upstream": True}
        assert (record["number"], record["ended_at"], record["events"]) == (1, None, [])
        assert record["accepted_at"] <= record["connected_at"] <= asyncio.get_running_loop().time()
