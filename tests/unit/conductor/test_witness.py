"""The second witness: read at a steady rate and on demand, counted nowhere, and never in anybody's way."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from statistics import median

import pytest

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.agent.own_address import OWN_ADDRESS
from chaos.conductor.witness import EVERY, LARGEST_SHARE, Witness
from chaos.errors import AgentError
from chaos.journal import Note, Statistics
from chaos.server_view import ServerView
from chaos.target import Statistics as Where
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import Peer, raw_server
from tests.unit.faults.stage import IMPATIENCE, PATIENCE
from tests.unit.probes.answering import with_body

WHERE = Where(path="/stats", connections="/connections")
ANSWER = with_body(b'{"connections": 7}')
CLOSING = with_body(b'{"connections": 7}', headers="Connection: close\r\n")

Script = Callable[[Peer], Awaitable[None]]


@pytest.fixture
async def agent(agent_socket: Path) -> AsyncIterator[AsyncAgent]:
    async with await AsyncAgent.open(agent_socket) as made:
        yield made


def seen_at(address: Address) -> ServerView:
    return ServerView(address=address, port=address.port, root_pids=())


class Observed:
    """A witness, and what it has written down."""

    def __init__(self, agent: AsyncAgent | None, *, along: bool = True, patience: float = PATIENCE) -> None:
        self.events: list[Statistics | Note] = []
        self.witness = Witness(WHERE, agent, self.events.append, patience=patience, along=along)

    async def __aenter__(self) -> Observed:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.witness.pause()

    def readings(self, *, steady: bool = True) -> list[Statistics]:
        return [event for event in self.events if isinstance(event, Statistics) and event.steady is steady]

    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]

    async def until_read(self, count: int) -> None:
        """Wait until there are so many steady readings more."""
        wanted = len(self.readings()) + count
        await until(lambda: len(self.readings()) >= wanted)


def telling(
    answer: bytes | Callable[[], Awaitable[bytes]] = ANSWER, *, slow: float = 0.0, peers: list[Peer] | None = None
) -> Script:
    """Answer every request of a connection; `peers` gets the server's ends."""

    async def script(peer: Peer) -> None:
        if peers is not None:
            peers.append(peer)
        while True:
            try:
                await peer.request()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            await asyncio.sleep(slow)
            await peer.send(answer if isinstance(answer, bytes) else await answer())

    return script


# -- at a steady rate ---------------------------------------------------------------------------------------------


async def test_it_reads_at_a_steady_rate_over_one_connection(agent: AsyncAgent) -> None:
    peers: list[Peer] = []
    async with raw_server(telling(peers=peers)) as address, Observed(agent) as observed:
        await observed.witness.follow(seen_at(address))
        await observed.until_read(6)
    readings = observed.readings()
    assert all(reading.values == {"connections": 7.0} and not reading.error for reading in readings)
    starts = [reading.at - reading.took for reading in readings]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert min(gaps) >= EVERY * 0.99  # the loop's clock is a millisecond coarse
    assert len(peers) == 1
    assert observed.notes() == []


async def test_what_it_takes_is_part_of_a_reading(agent: AsyncAgent) -> None:
    async with raw_server(telling(slow=IMPATIENCE)) as address, Observed(agent) as observed:
        began = time.monotonic()
        await observed.witness.follow(seen_at(address))
        await observed.until_read(1)
        (reading,) = observed.readings()
        assert IMPATIENCE <= reading.took <= reading.at - began


async def test_a_reading_that_is_slow_is_made_less_often(agent: AsyncAgent) -> None:
    """Three times as slow as what is worth it at the usual rate."""
    slow = 3 * EVERY * LARGEST_SHARE
    async with raw_server(telling(slow=slow)) as address, Observed(agent) as observed:
        await observed.witness.follow(seen_at(address))
        await observed.until_read(6)
    readings = observed.readings()
    starts = [reading.at - reading.took for reading in readings]
    fastest = [min(reading.took for reading in readings[: number + 1]) for number in range(len(readings))]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    # Two tell nothing yet: the first makes the connection, one may be an accident. From then on the fastest counts.
    assert all(gap >= cost / LARGEST_SHARE * 0.99 for gap, cost in zip(gaps[2:], fastest[2:-1], strict=True))
    assert median(gaps[2:]) >= 3 * EVERY * 0.99
    (note,) = observed.notes()
    assert note.startswith("reading the statistics takes ")
    assert ", so it is done every " in note


async def test_one_reading_that_is_slow_changes_nothing(agent: AsyncAgent) -> None:
    hangs = asyncio.Event()

    async def answer() -> bytes:
        if hangs.is_set():
            hangs.clear()
            await asyncio.sleep(5 * EVERY)
        return ANSWER

    async with raw_server(telling(answer)) as address, Observed(agent) as observed:
        await observed.witness.follow(seen_at(address))
        await observed.until_read(3)
        hangs.set()
        await observed.until_read(4)
    took = [reading.took for reading in observed.readings()]
    assert max(took) >= 5 * EVERY
    assert observed.notes() == []


async def test_a_reading_that_fails_is_written_with_its_error_and_the_next_ones_go_on(agent: AsyncAgent) -> None:
    answers = itertools.chain([b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"], itertools.repeat(ANSWER))

    async def answer() -> bytes:
        return next(answers)

    async with raw_server(telling(answer)) as address, Observed(agent) as observed:
        await observed.witness.follow(seen_at(address))
        await observed.until_read(3)
    first, second, *_ = observed.readings()
    assert (first.values, first.error) == ({}, "GET /stats: status 503 where 200 was expected")
    assert (second.values, second.error) == ({"connections": 7.0}, "")


async def test_a_server_that_is_dead_is_an_error_and_no_more(agent: AsyncAgent) -> None:
    async with Observed(agent) as observed:
        async with raw_server(telling()) as address:
            await observed.witness.follow(seen_at(address))
            await observed.until_read(1)
        await observed.until_read(3)  # one may be at its very end
    last = observed.readings()[-1]
    assert last.error == f"GET /stats: cannot connect to 127.0.0.1 port {address.port}: Connection refused"
    assert last.values == {}


async def test_a_server_that_hangs_keeps_nobody_waiting_but_who_asks(agent: AsyncAgent) -> None:
    asked = asyncio.Event()

    async def silent(peer: Peer) -> None:
        # It is called off whenever that is: also when the next question has a connection and is not asked yet.
        with contextlib.suppress(asyncio.IncompleteReadError):
            await peer.request()
            asked.set()
            await peer.reader.read()

    async with raw_server(silent) as address, Observed(agent, patience=2.0) as observed:
        began = time.monotonic()
        await observed.witness.follow(seen_at(address))
        assert time.monotonic() - began < 2.0
        await asked.wait()
        began = time.monotonic()
        assert await observed.witness.ask() == {}
        assert time.monotonic() - began < 3.0  # the steady reading that hangs before it is part of its patience
        await until(lambda: observed.readings() != [])
        began = time.monotonic()
        await observed.witness.pause()  # in the middle of a question
        assert time.monotonic() - began < 2.0
    error = "GET /stats: no answer within 2s"
    assert {reading.error for reading in observed.readings()} == {error}
    assert [reading.error for reading in observed.readings(steady=False)] == [error]


# -- on demand ----------------------------------------------------------------------------------------------------


async def test_who_asks_is_answered_over_the_same_connection(agent: AsyncAgent) -> None:
    peers: list[Peer] = []
    async with raw_server(telling(peers=peers)) as address, Observed(agent) as observed:
        await observed.witness.follow(seen_at(address))
        await observed.until_read(1)
        assert [await observed.witness.ask() for _ in range(3)] == [{"connections": 7.0}] * 3
        assert len(observed.readings(steady=False)) == 3
        assert len(peers) == 1


async def test_who_asks_is_told_what_is_so_now(agent: AsyncAgent) -> None:
    """Not what the server said to the steady reading that was on its way."""
    asked = 0

    async def answer() -> bytes:
        nonlocal asked
        asked += 1
        said = with_body(f'{{"connections": {asked}}}'.encode())
        await asyncio.sleep(EVERY / 2)
        return said

    async with raw_server(telling(answer)) as address, Observed(agent) as observed:
        await observed.witness.follow(seen_at(address))
        await until(lambda: asked == 1)
        assert await observed.witness.ask() == {"connections": 2.0}


@pytest.mark.parametrize("answer", [ANSWER, CLOSING])
async def test_where_it_is_not_read_along_no_connection_stays(agent: AsyncAgent, answer: bytes) -> None:
    peers: list[Peer] = []
    async with raw_server(telling(answer, peers=peers)) as address, Observed(agent, along=False) as observed:
        await observed.witness.follow(seen_at(address))
        for _ in range(2):
            assert await observed.witness.ask() == {"connections": 7.0}
            await until(peers[-1].reader.at_eof)
        assert len(peers) == 2
        assert observed.readings() == []
        assert observed.notes() == []


async def test_after_a_pause_it_is_read_when_asked_only_and_no_connection_stays(agent: AsyncAgent) -> None:
    peers: list[Peer] = []
    async with raw_server(telling(peers=peers)) as address, Observed(agent) as observed:
        await observed.witness.follow(seen_at(address))
        await observed.until_read(1)
        await observed.witness.pause()
        count = len(observed.readings())
        await until(peers[0].reader.at_eof)
        assert await observed.witness.ask() == {"connections": 7.0}
        await until(peers[1].reader.at_eof)
        await asyncio.sleep(2 * EVERY)
        assert len(observed.readings()) == count
        await observed.witness.follow(seen_at(address))
        await observed.until_read(1)


async def test_a_server_that_was_started_again_is_asked_from_then_on(agent: AsyncAgent) -> None:
    peers: list[Peer] = []
    again = with_body(b'{"connections": 8}')
    async with (
        raw_server(telling(peers=peers)) as first,
        raw_server(telling(again)) as second,
        Observed(agent) as observed,
    ):
        await observed.witness.follow(seen_at(first))
        await observed.until_read(1)
        await observed.witness.follow(seen_at(second))
        await until(peers[0].reader.at_eof)
        await observed.until_read(1)
        assert observed.readings()[-1].values == {"connections": 8.0}


# -- counted nowhere ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [ANSWER, CLOSING])
async def test_no_connection_of_it_is_counted(agent: AsyncAgent, answer: bytes) -> None:
    peers: list[Peer] = []
    async with raw_server(telling(answer, peers=peers)) as address, Observed(agent) as observed:
        await observed.witness.follow(seen_at(address))
        counts = []
        while len(observed.readings()) < 3:
            await observed.witness.ask()
            counts.append((await agent.sample(port=address.port, root_pids=[])).connections)
        assert set(counts) == {0}
        assert {peer.writer.get_extra_info("peername")[0] for peer in peers} == {OWN_ADDRESS}
        with socket.create_connection((address.host, address.port)):
            assert (await agent.sample(port=address.port, root_pids=[])).connections == 1


async def test_without_an_agent_nobody_counts() -> None:
    peers: list[Peer] = []
    async with raw_server(telling(peers=peers)) as address, Observed(None) as observed:
        await observed.witness.follow(seen_at(address))
        await observed.until_read(2)
        assert [peer.writer.get_extra_info("peername")[0] for peer in peers] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("family", "bound", "reached", "along"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1", True),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1", True),
        (socket.AF_INET, "127.0.0.9", "127.0.0.9", True),
        (socket.AF_INET6, "::", "127.0.0.1", True),
        (socket.AF_INET6, "::", "localhost", True),
        (socket.AF_INET6, "::", "::1", False),  # it may refuse IPv4
        (socket.AF_INET6, "::1", "::1", False),
    ],
)
async def test_where_it_listens_decides(
    agent: AsyncAgent, family: socket.AddressFamily, bound: str, reached: str, along: bool
) -> None:
    peers: list[Peer] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await telling(peers=peers)(Peer(reader, writer))
        finally:
            writer.close()

    listener = socket.create_server((bound, 0), family=family, dualstack_ipv6=bound == "::")
    port = listener.getsockname()[1]
    async with await asyncio.start_server(connected, sock=listener), Observed(agent) as observed:
        await observed.witness.follow(seen_at(Address(reached, port)))
        assert await observed.witness.ask() == {"connections": 7.0}
        from_where = {peer.writer.get_extra_info("peername")[0].removeprefix("::ffff:") for peer in peers}
        assert (OWN_ADDRESS in from_where) is along
        if along:
            await observed.until_read(2)
            assert observed.notes() == []
        else:
            assert observed.notes() == [
                "the server listens on IPv6 alone, where every local client has the same address: its statistics are "
                "read only when a scenario asks, because the connection that takes is counted among its clients'"
            ]
            assert observed.readings() == []


async def test_an_agent_that_is_gone_is_an_error(agent: AsyncAgent) -> None:
    await agent.close()
    observed = Observed(agent)
    with pytest.raises(AgentError, match="this connection was closed"):
        await observed.witness.follow(seen_at(Address("127.0.0.1", 9)))
