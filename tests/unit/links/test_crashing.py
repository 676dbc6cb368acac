"""A Toxiproxy that dies: of what it is not asked any more, and in words where it does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from chaos.address import Address
from chaos.errors import LinkError
from chaos.links.link import Link, ToxicHandle
from chaos.links.toxics import BandwidthToxic
from chaos.links.toxiproxy import Toxiproxy
from chaos.links.traits import LinkKind
from tests.unit.links.servers import PATIENCE, Pair, pair_through, running

SLOW, FAST = BandwidthToxic(rate=10_000), BandwidthToxic(rate=10**9)
CHUNK = b"x" * 30_000
"""Of which SLOW lets 1,000 bytes pass each 100 ms."""


@contextlib.contextmanager
def _many(address: Address, listener: socket.socket) -> Iterator[list[Pair]]:
    with contextlib.ExitStack() as open_now:
        yield [open_now.enter_context(pair_through(address, listener)) for _ in range(20)]


async def _let_go(link: Link, handle: ToxicHandle, how: str) -> None:
    if how == "removed":
        await link.remove(handle)
    else:
        raised = await link.update(handle, FAST)
        assert (raised.name, raised.toxic, raised.stream) == (handle.name, FAST, handle.stream)
        await link.remove(raised)


async def _hold_and_let_go(link: Link, pairs: list[Pair], how: str, *, rounds: int) -> None:
    """Where a link wakes from its 100 ms just when its rate is raised, Toxiproxy dies: in one round of two or so."""
    for number in range(rounds):
        handle = await link.add(SLOW)
        for pair in pairs:
            pair.server.sendall(CHUNK)
        await asyncio.sleep(0.199 + number % 5 / 1000)
        await _let_go(link, handle, how)
        for pair in pairs:
            assert _arrives(pair.client) == len(CHUNK)


def _arrives(client: socket.socket) -> int:
    """How many bytes of a chunk come."""
    client.settimeout(PATIENCE)
    size = 0
    while size < len(CHUNK) and (got := client.recv(len(CHUNK) - size)):
        size += len(got)
    return size


@pytest.mark.parametrize("how", ["removed", "raised"])
async def test_data_that_waits_is_let_go_by_a_proxy_that_lives(
    how: str, upstream: Address, listener: socket.socket
) -> None:
    with running(LinkKind.TOXIPROXY) as (api, process):
        async with Toxiproxy(api) as toxiproxy, await toxiproxy.create_link("held", upstream) as link:
            with _many(link.address, listener) as pairs:
                await _hold_and_let_go(link, pairs, how, rounds=5)
        assert process.poll() is None


async def test_a_proxy_that_dies_of_a_request_is_said_to_have_ended() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        api = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        with pytest.raises(LinkError) as caught:
            await Toxiproxy(api).version()
    assert str(caught.value) == (
        f"Toxiproxy at {api} hung up on asking for its version (no answer): it has ended, or was ended; "
        "its log says why"
    )
