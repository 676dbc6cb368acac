"""A crowd that speaks Socket.IO, against a server that does: what it says, what it hears, how it goes silent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chaos.crowd.crowd import Crowd
from chaos.crowd.plan import ClientState, Mode
from chaos.journal import Outcome
from tests.unit.dialects.socketio_server import SocketIoServer, running

from .making import SHORT, WITHIN, Recorded, make_crowd, until

SPEAKING = {
    "dialect": "socket.io",
    "path": "/socket.io/",
    "send": '{n}["echo","chaos {n}"]',
    "expect": r'^{n}\["chaos {n}"\]$',
    "first_message": True,
}
BEAT = 0.05
"""Seconds between two pings of a server whose heartbeat is watched."""


@contextlib.asynccontextmanager
async def speaking(server: SocketIoServer, count: int = 1, **plan: Any) -> AsyncIterator[tuple[Crowd, Recorded]]:
    async with running(server) as address:
        crowd, recorded = make_crowd(address, count, **{**SPEAKING, **plan})
        try:
            yield crowd, recorded
        finally:
            await crowd.abandon()


async def test_a_client_is_open_once_it_is_let_in_and_answered() -> None:
    server = SocketIoServer()
    async with speaking(server, 3) as (crowd, _):
        attempts = await crowd.connect(Mode.SIMULTANEOUS)
        assert [(attempt.outcome, attempt.phase, attempt.status) for attempt in attempts] == [
            (Outcome.OPEN, "first_message", 101)
        ] * 3
        assert set(server.paths) == {"/socket.io/?EIO=4&transport=websocket"}
        assert [message for message in server.heard if message == "40"] == ["40"] * 3
        result = await crowd.exchange(4)
        assert (result.answered, result.complete) == (12, True)


async def test_an_event_answers_an_event() -> None:
    plan = {"send": '["echo","chaos {n}"]', "expect": 'echoed.*"chaos {n}"'}
    async with speaking(SocketIoServer(), **plan) as (crowd, _):
        await crowd.connect(Mode.SIMULTANEOUS)
        assert (await crowd.exchange(3)).complete


async def test_a_namespace_is_joined() -> None:
    server = SocketIoServer(namespace="/chat")
    async with speaking(server, namespace="/chat") as (crowd, _):
        (attempt,) = await crowd.connect(Mode.SIMULTANEOUS)
        assert attempt.outcome is Outcome.OPEN
        await crowd.close()
    assert server.heard[0] == "40/chat,"
    assert str(server.heard[1]).startswith("42/chat,")
    assert server.heard[-1] == "41/chat,"


async def test_who_leaves_says_so_in_both_protocols() -> None:
    server = SocketIoServer()
    async with speaking(server) as (crowd, recorded):
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.close()
        assert server.heard[-1] == "41"
        (ended,) = recorded.ends
        assert (ended.by, ended.how, ended.code) == ("client", "close", 1000)
        assert server.connections[0].close_code == 1000


@pytest.mark.parametrize("without", ["greets", "connects"])
async def test_who_is_never_let_in_is_not_open(without: str) -> None:
    async with speaking(SocketIoServer(**{without: False}), handshake=SHORT) as (crowd, _):
        (attempt,) = await crowd.connect(Mode.SIMULTANEOUS)
    assert (attempt.outcome, attempt.phase, attempt.status) == (Outcome.TIMEOUT, "joining", 101)


async def test_a_connect_error_is_a_refusal() -> None:
    async with speaking(SocketIoServer(refuses='{"message":"full"}')) as (crowd, _):
        (attempt,) = await crowd.connect(Mode.SIMULTANEOUS)
    assert (attempt.outcome, attempt.phase, attempt.code) == (Outcome.CLOSED, "joining", None)
    assert attempt.detail == """a Socket.IO connect error: '{"message":"full"}'"""


@pytest.mark.parametrize(
    ("packet", "reason"), [("41", "a Socket.IO disconnect packet"), ("1", "an Engine.IO close packet")]
)
async def test_the_server_s_goodbye_is_an_announced_end(packet: str, reason: str) -> None:
    server = SocketIoServer()
    async with speaking(server) as (crowd, _):
        await crowd.connect(Mode.SIMULTANEOUS)
        await server.connections[0].send(packet)
        (ended,) = await crowd.wait_ended(timeout=WITHIN)
    assert (ended.by, ended.how, ended.code, ended.reason, ended.announced) == ("server", "close", None, reason, True)


async def test_what_breaks_the_dialect_is_told() -> None:
    server = SocketIoServer()
    async with speaking(server) as (crowd, _):
        await crowd.connect(Mode.SIMULTANEOUS)
        await server.connections[0].send('42["a"')
        (ended,) = await crowd.wait_ended(timeout=WITHIN)
    assert (ended.by, ended.how, ended.reason) == ("server", "invalid", """no Socket.IO packet: '2["a"'""")


async def test_the_heartbeat_is_the_dialect_s() -> None:
    server = SocketIoServer(interval=BEAT, timeout=WITHIN)
    async with speaking(server, trace=True) as (crowd, recorded):
        await crowd.connect(Mode.SIMULTANEOUS)
        await until(lambda: server.pings >= 3)
        await server.connections[0].ping()
        await until(lambda: server.pings >= 5)
        pings = [frame for frame in recorded.frames if frame.opcode == "ping"]
        # Those that were sent, the last of which may be on its way: WebSocket's own ping is none of them.
        assert server.pings - 1 <= len(pings) <= server.pings
        assert (await crowd.states())[0] is ClientState.OPEN


async def test_a_late_pong_is_late_and_counts() -> None:
    server = SocketIoServer(interval=BEAT, timeout=WITHIN)
    async with speaking(server, trace=True, pong_delay=SHORT) as (crowd, recorded):
        await crowd.connect(Mode.SIMULTANEOUS)
        await until(lambda: server.heard.count("3") >= 2)
        pings = [frame.at for frame in recorded.frames if frame.opcode == "ping"]
        pongs = [frame.at for frame in recorded.frames if frame.opcode == "late pong"]
        assert all(pong - ping >= SHORT - 0.002 for ping, pong in zip(pings, pongs, strict=False))
        # Late is the heartbeat alone.
        await asyncio.wait_for(await server.connections[0].ping(), WITHIN)


async def test_a_silent_client_answers_websocket_s_pings_and_not_the_dialect_s() -> None:
    server = SocketIoServer(interval=BEAT, timeout=4 * BEAT)
    async with speaking(server, 2) as (crowd, _):
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.silence(clients=[0])
        await asyncio.wait_for(await server.connections[0].ping(), WITHIN)
        await asyncio.wait_for(await server.connections[1].ping(), WITHIN)
        # As a server of the dialect has it, the one that answers no "2" is dead.
        await until(lambda: server.given_up == 1)
        assert (await crowd.states())[1] is ClientState.OPEN


async def test_nothing_follows_half_a_frame_not_even_a_pong() -> None:
    server = SocketIoServer()
    async with speaking(server) as (crowd, _):
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.begin_frame()
        pong = await server.connections[0].ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pong), SHORT)
        await crowd.reset()


async def test_a_flood_is_of_events() -> None:
    server = SocketIoServer()
    async with speaking(server) as (crowd, _):
        await crowd.connect(Mode.SIMULTANEOUS)
        before = len(server.heard)
        await crowd.flood(messages=50, seconds=WITHIN)
        await until(lambda: len(server.heard) - before >= 50)
        assert set(server.heard[before:]) == {'420["echo","chaos 0"]'}
