"""The canary and the caller where the target speaks Socket.IO."""

from __future__ import annotations

import asyncio

import pytest

from chaos.conductor.caller import Caller
from chaos.conductor.canary import Canary
from chaos.journal import Beat, Source
from chaos.target import Data, Echo
from tests.unit.crowd.making import until
from tests.unit.dialects.socketio_server import SocketIoServer, running

PATIENCE = 2.0
SHORT = 0.1
ECHO = Echo(path="/socket.io/", send='{n}["echo","chaos {n}"]', expect=r'^{n}\["chaos {n}"\]$')
DATA = Data(path="/socket.io/", send='{n}["echo","live"]', live="live")


async def beats_of(server: SocketIoServer, *, count: int, patience: float = PATIENCE) -> list[Beat]:
    beats: list[Beat] = []
    async with running(server) as address:
        canary = Canary(address, ECHO, beats.append, patience=patience, dialect="socket.io")
        canary.start()
        await until(lambda: len(beats) >= count)
        await canary.stop()
    return beats


async def test_the_canary_joins_and_is_answered() -> None:
    server = SocketIoServer()
    beats = await beats_of(server, count=3)
    assert [beat.ok for beat in beats[:3]] == [True] * 3
    assert server.heard[:2] == ["40", '421["echo","chaos 1"]']


async def test_the_canary_answers_the_heartbeat() -> None:
    server = SocketIoServer(interval=SHORT, timeout=PATIENCE)
    await beats_of(server, count=12)
    assert server.heard.count("3") >= 2
    assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("server", "detail"),
    [
        (
            SocketIoServer(refuses='{"message":"full"}'),
            """Dismissed: a Socket.IO connect error: '{"message":"full"}'""",
        ),
        (SocketIoServer(greets=False), "TimeoutError: "),
    ],
    ids=["turned away", "never greeted"],
)
async def test_a_canary_that_is_not_let_in_says_so(server: SocketIoServer, detail: str) -> None:
    beats = await beats_of(server, count=1, patience=4 * SHORT)
    assert (beats[0].ok, beats[0].detail) == (False, detail)


async def test_the_caller_answers_the_heartbeat_between_two_calls() -> None:
    server = SocketIoServer(interval=SHORT, timeout=PATIENCE)
    async with running(server) as address:
        caller = Caller(address, DATA, patience=PATIENCE, dialect="socket.io")
        assert (await caller.call()).source is Source.LIVE
        await until(lambda: server.heard.count("3") >= 3)
        assert (await caller.call()).source is Source.LIVE
        await caller.close()
    assert len(server.connections) == 1


async def test_an_end_between_two_calls_is_no_answer() -> None:
    server = SocketIoServer()
    async with running(server) as address:
        caller = Caller(address, DATA, patience=PATIENCE, dialect="socket.io")
        await caller.call()
        await server.connections[0].send("41")
        await asyncio.sleep(SHORT)
        call = await caller.call()
        assert (call.source, call.detail) == (Source.NONE, "Dismissed: a Socket.IO disconnect packet")
        assert (await caller.call()).source is Source.LIVE
        await caller.close()
