"""The caller: one question at a time, and where each answer came from by the target's own expressions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.conductor.caller import Caller
from chaos.journal import Source
from chaos.target import Data
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import Peer, raw_server, unused_port, websocket_server

PATIENCE = 2.0
SHORT = 0.1
"""Seconds of patience with an answer that does not come."""

DATA = Data(path="/data", send="get {n}", live="^live", cached="^cached", unavailable="^sorry")

Answer = Callable[[str], str | bytes | None]


@asynccontextmanager
async def calling(answer: Answer, *, data: Data = DATA, patience: float = PATIENCE) -> AsyncIterator[Caller]:
    """A caller of a server that answers each question as told, or not at all."""

    async def serve(connection: ServerConnection) -> None:
        async for question in connection:
            found = answer(str(question))
            if found is not None:
                await connection.send(found)

    async with websocket_server(serve) as address:
        caller = Caller(address, data, patience=patience)
        try:
            yield caller
        finally:
            await caller.close()


@pytest.mark.parametrize(
    ("answer", "source", "detail"),
    [
        ("live 7", Source.LIVE, ""),
        ("cached 7", Source.CACHED, ""),
        (b"live, in bytes", Source.LIVE, ""),
        ("sorry, later", Source.UNAVAILABLE, "sorry, later"),
    ],
)
async def test_the_target_s_expressions_tell_the_source(answer: str | bytes, source: Source, detail: str) -> None:
    async with calling(lambda _: answer) as caller:
        call = await caller.call()
    assert (call.source, call.detail) == (source, detail)
    assert 0 < call.round_trip < PATIENCE


async def test_an_answer_that_fits_nothing_is_other_and_quoted() -> None:
    async with calling(lambda _: "oops " * 100, patience=SHORT) as caller:
        call = await caller.call()
    assert call.source is Source.OTHER
    assert call.detail == ("oops " * 100)[:200]


async def test_what_the_target_does_not_declare_fits_nothing() -> None:
    bare = Data(path="/data", send="get {n}", live="^live")
    async with calling(lambda _: "cached 7", data=bare, patience=SHORT) as caller:
        assert (await caller.call()).source is Source.OTHER


async def test_silence_is_no_answer() -> None:
    async with calling(lambda _: None, patience=SHORT) as caller:
        call = await caller.call()
    assert (call.source, call.detail) == (Source.NONE, "no answer within 0.1s")
    assert call.round_trip >= SHORT


async def test_nobody_there_is_no_answer() -> None:
    with unused_port() as address:
        call = await Caller(address, DATA, patience=PATIENCE).call()
    assert call.source is Source.NONE
    assert call.detail.startswith("ConnectionRefusedError: ")


async def test_questions_are_numbered_on_one_connection() -> None:
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return "live"

    async with calling(answer) as caller:
        for _ in range(3):
            await caller.call()
    assert questions == ["get 1", "get 2", "get 3"]


async def test_its_upgrade_request_says_what_the_target_declares() -> None:
    asked: list[tuple[str | None, str | None]] = []

    async def serve(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append((connection.request.headers.get("Authorization"), connection.subprotocol))
        await connection.recv()
        await connection.send("live")

    declared = DATA.model_copy(update={"headers": {"Authorization": "Bearer x"}, "subprotocol": "rpc"})
    async with websocket_server(serve, subprotocols=["rpc"]) as address:
        caller = Caller(address, declared, patience=PATIENCE)
        await caller.call()
        await caller.close()
    assert asked == [("Bearer x", "rpc")]


async def test_a_notice_in_between_is_passed_over() -> None:
    async def notify(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send("by the way")
            await connection.send("live")

    async with websocket_server(notify) as address:
        caller = Caller(address, DATA, patience=PATIENCE)
        assert [(await caller.call()).source for _ in range(2)] == [Source.LIVE, Source.LIVE]
        await caller.close()


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one() -> None:
    late = asyncio.Event()

    async def serve(connection: ServerConnection) -> None:
        async for question in connection:
            if question == "get 1":
                await late.wait()
                await connection.send("live, but late")
            else:
                await connection.send("cached")

    async with websocket_server(serve) as address:
        caller = Caller(address, DATA, patience=SHORT)
        first = await caller.call()
        late.set()
        second = await caller.call()
        await caller.close()
    assert (first.source, second.source) == (Source.NONE, Source.CACHED)


async def test_after_an_ended_connection_it_makes_a_new_one() -> None:
    ended: list[ServerConnection] = []

    async def hang_up_once(connection: ServerConnection) -> None:
        await connection.recv()
        if not ended:
            ended.append(connection)
            await connection.close(1011, "broken")
            return
        await connection.send("live")
        await connection.wait_closed()

    async with websocket_server(hang_up_once) as address:
        caller = Caller(address, DATA, patience=PATIENCE)
        first, second = await caller.call(), await caller.call()
        await caller.close()
    assert (first.source, second.source) == (Source.NONE, Source.LIVE)
    assert (
        first.detail
        == "ConnectionClosedError: received 1011 (internal error) broken; then sent 1011 (internal error) broken"
    )


@pytest.mark.parametrize(
    ("code", "second"),
    [(1001, Source.LIVE), (4000, Source.LIVE), (1011, Source.NONE), (None, Source.NONE)],
    ids=["going away", "of its own", "an error", "without a word"],
)
async def test_who_was_closed_between_two_questions_comes_back(code: int | None, second: Source) -> None:
    """As the idle timeout has it; only what a server does with the question is an answer."""
    ended = asyncio.Event()

    async def answer_and_end(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("live")
        if ended.is_set():
            await connection.wait_closed()
        elif code is None:
            connection.transport.abort()
        else:
            await connection.close(code)
        ended.set()

    async with websocket_server(answer_and_end) as address:
        caller = Caller(address, DATA, patience=PATIENCE)
        first = await caller.call()
        keeping = caller._keeping
        assert keeping is not None
        await until(keeping.done)
        again = await caller.call()
        await caller.close()
    assert (first.source, again.source) == (Source.LIVE, second)


async def test_the_time_of_connecting_is_not_the_answers() -> None:
    pause = 0.1

    async def slow_handshake(peer: Peer) -> None:
        await peer.request()
        await asyncio.sleep(pause)
        await peer.send(peer.accept())
        await peer.frame()
        await peer.send(b"\x81\x04live")
        await peer.reader.read()

    async with raw_server(slow_handshake) as address:
        caller = Caller(address, DATA, patience=PATIENCE)
        began = time.monotonic()
        call = await caller.call()
        took = time.monotonic() - began
        await caller.close()
    assert call.source is Source.LIVE
    assert call.round_trip <= took - pause


async def test_closing_ends_its_connection_and_closing_twice_is_fine() -> None:
    ends: list[bool] = []

    async def listen(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("live")
        await connection.wait_closed()
        ends.append(True)

    async with websocket_server(listen) as address:
        caller = Caller(address, DATA, patience=PATIENCE)
        await caller.call()
        await caller.close()
        await caller.close()
        await until(lambda: ends == [True])
