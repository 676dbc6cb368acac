"""Numbered messages over real connections: who sends them, what they look like, and what is written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.address import Address
from chaos.crowd.numbered import Numbered
from chaos.crowd.plan import Mode
from chaos.errors import CrowdError
from chaos.journal import Correspondence

from .making import WITHIN, Recorded, make_crowd, until
from .servers import TEXT, Peer, raw_server, websocket_server

ECHO = Numbered(send="chaos {n} {payload}", answer="^chaos {n} {payload}$", every=0.005, size=60)


def books(recorded: Recorded) -> list[Correspondence]:
    return [event for event in recorded.events if isinstance(event, Correspondence)]


async def test_messages_are_sent_answered_and_counted() -> None:
    async with websocket_server() as address:
        crowd, recorded = make_crowd(address, 2, numbered=ECHO)
        await crowd.connect(Mode.SIMULTANEOUS)
        assert await crowd.begin_numbered() == [0, 1]
        crowd.write_traffic()
        await until(lambda: crowd._meter.answered >= 6)
        assert await crowd.settle(timeout=WITHIN) == []
        crowd.write_traffic()
        await crowd.abandon()
    closed = books(recorded)
    assert [each.client for each in closed] == [0, 1]
    assert all(each.sent == each.answered > 0 for each in closed)
    assert sum(each.answered for each in closed) == sum(second.answered for second in recorded.traffic)
    assert not any(each.lost or each.unknown or each.unanswered or each.corrupted for each in closed)


async def test_a_message_is_divided_into_frames() -> None:
    found: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        while True:
            found.put_nowait(await peer.frame())

    async with raw_server(script) as address:
        crowd, _ = make_crowd(address, numbered=ECHO)
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.begin_numbered()
        async with asyncio.timeout(WITHIN):
            frames = [await found.get() for _ in range(4)]
        await crowd.abandon()
    assert [opcode for opcode, _ in frames] == [TEXT, 0, 0, TEXT]
    assert b"".join(data for _, data in frames[:3]).decode() == ECHO.text(1)


async def test_what_was_not_answered_at_the_cut_is_unknown() -> None:
    async def silent(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.recv()
        connection.transport.abort()

    async with websocket_server(silent) as address:
        crowd, recorded = make_crowd(address, numbered=ECHO)
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.begin_numbered()
        await crowd.wait_ended(timeout=WITHIN)
        await crowd.settle(timeout=WITHIN)
        (closed,) = books(recorded)
    assert closed.unknown == closed.sent >= 2
    assert (closed.lost, closed.unanswered) == (0, 0)


@dataclass
class Sessions:
    """A server with one session: it numbers an event for each message, and cuts the first connection at the third."""

    events: list[str] = field(default_factory=list)
    applied: set[int] = field(default_factory=set)
    paths: list[str] = field(default_factory=list)

    async def serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        path = connection.request.path
        self.paths.append(path)
        if "last=" in path:
            await connection.send("resumed t0")
            for event in self.events[int(path.rpartition("=")[2]) :]:
                await connection.send(event)
        else:
            await connection.send("session t0")
        async for message in connection:
            number = json.loads(message)["id"]
            if number not in self.applied:
                self.applied.add(number)
                text = json.loads(message)["text"]
                self.events.append(f"event {len(self.events) + 1}: applied {number} {text}")
                if len(self.paths) == 1 and len(self.events) == 3:
                    connection.transport.abort()  # applied, and neither told nor acknowledged
                    return
                await connection.send(self.events[-1])
            await connection.send(f"ack {number}")


SESSION = Numbered(
    send='{"id": {n}, "text": "{payload}"}',
    answer="^ack {n}$",
    applied="applied {n} {payload}$",
    sequence=r"^event (\d+)",
    session=r"^session (\w+)$",
    resumed=r"^resumed (\w+)$",
    resume="/back?session={token}&last={last}",
    every=0.005,
    size=60,
)


@asynccontextmanager
async def sessions() -> AsyncIterator[tuple[Sessions, Address]]:
    server = Sessions()
    async with websocket_server(server.serve) as address:
        yield server, address


async def test_a_client_goes_on_where_it_was() -> None:
    async with sessions() as (server, address):
        crowd, recorded = make_crowd(
            address, numbered=SESSION, path="/first", greeting="^(session|resumed) ", first_message=True
        )
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.begin_numbered()
        await crowd.wait_ended(timeout=WITHIN)
        assert len(await crowd.reconnect()) == 1
        await until(lambda: len(server.events) >= 6)
        assert await crowd.reconnect() == []  # who is connected stays
        assert await crowd.settle(timeout=WITHIN) == []
        await crowd.abandon()
    (closed,) = books(recorded)
    assert server.paths == ["/first", "/back?session=t0&last=2"]
    assert (closed.resumed, closed.lost, closed.duplicated, closed.reordered, closed.corrupted) == (1, 0, 0, 0, 0)
    assert closed.heard == len(server.events)
    assert closed.unknown == closed.settled >= 1


async def test_only_plans_with_numbers_keep_books() -> None:
    async with websocket_server() as address:
        crowd, _ = make_crowd(address)
        with pytest.raises(CrowdError, match="numbers no messages; give it numbered"):
            await crowd.begin_numbered()
        with pytest.raises(CrowdError, match="numbers no messages; give it numbered"):
            await crowd.settle(timeout=1.0)


async def test_a_server_that_answers_nothing_is_not_waited_for_longer_than_is_said() -> None:
    async def deaf(connection: ServerConnection) -> None:
        async for _ in connection:
            pass

    async with websocket_server(deaf) as address:
        crowd, recorded = make_crowd(address, numbered=replace(ECHO, every=0.001))
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.begin_numbered()
        await until(lambda: crowd._meter.sent >= 2)
        assert await crowd.settle(timeout=0.05) == [0]
        await crowd.abandon()
    (closed,) = books(recorded)
    assert closed.unanswered == closed.sent
    assert closed.waited >= 0.05
