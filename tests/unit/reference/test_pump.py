"""Reading and writing at once: whichever ends first ends both, and a handler's failure is told to the client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from reference_server import closes
from reference_server.connection import Connection
from reference_server.outbox import Message
from reference_server.pump import pump
from starlette.websockets import WebSocketDisconnect

from .fakes import AlwaysAttentive, FakeTime, FakeWire, make_connection, turns_until


class FakeWebSocket:
    """Hands out what the test puts in, and keeps what is sent."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[object] = []
        self.gone = False

    async def receive(self) -> dict[str, Any]:
        return await self.incoming.get()

    async def send(self, message: dict[str, Any]) -> None:
        if self.gone:
            raise WebSocketDisconnect(1006)
        self.sent.append(message.get("text", message.get("bytes")))

    async def close(self, *, code: int, reason: str) -> None:
        self.sent.append((code, reason))


class Stage:
    def __init__(self) -> None:
        self.connection: Connection
        self.wire: FakeWire
        self.connection, self.wire = make_connection(AlwaysAttentive(FakeTime()))
        self.websocket = FakeWebSocket()

    async def run(self) -> None:
        await asyncio.wait_for(pump(self.connection, self.websocket, self.handle), timeout=10)  # type: ignore[arg-type]  # a fake

    async def handle(self, connection: Connection, message: Message) -> None:
        if message == "fail":
            raise LookupError("a mistake in the handler")
        if message == "hang":
            await asyncio.Event().wait()
        await connection.outbox.put(message)

    def say(self, **event: object) -> None:
        self.websocket.incoming.put_nowait({"type": "websocket.receive", **event})

    def leave(self) -> None:
        self.websocket.incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})


@pytest.fixture
async def stage() -> Stage:
    return Stage()


async def test_messages_are_handled_in_order_with_their_type(stage: Stage) -> None:
    stage.say(text="a")
    stage.say(bytes=b"b", text=None)
    running = asyncio.create_task(stage.run())
    await turns_until(lambda: len(stage.websocket.sent) == 2)
    stage.leave()
    await running
    assert stage.websocket.sent == ["a", b"b"]
    assert stage.connection.counters.messages_sent == 2


async def test_client_that_leaves_ends_the_writer(stage: Stage) -> None:
    stage.leave()
    await stage.run()
    assert len(asyncio.all_tasks()) == 1


async def test_client_that_closes_gets_its_answers_before_the_close(stage: Stage) -> None:
    stage.wire.owes_close = True
    for number in range(3):
        stage.say(text=str(number))
    stage.leave()
    await stage.run()
    assert stage.websocket.sent == ["0", "1", "2", (1000, "")]
    assert stage.connection.ended
    assert stage.connection.counters.closed == {}  # it was not the server that ended it
    assert len(asyncio.all_tasks()) == 1


async def test_client_that_closes_and_is_gone_is_not_waited_for(stage: Stage) -> None:
    stage.wire.owes_close = True
    stage.websocket.gone = True
    stage.say(text="too late")
    stage.leave()
    await stage.run()
    assert stage.websocket.sent == []
    assert len(asyncio.all_tasks()) == 1


async def test_close_is_sent_last_and_ends_the_reader(stage: Stage) -> None:
    stage.connection.outbox.offer("last words")
    stage.connection.close(closes.AGE)
    await stage.run()
    assert stage.websocket.sent == ["last words", (1001, "maximum age reached")]
    assert stage.wire.closing
    assert len(asyncio.all_tasks()) == 1


async def test_lost_connection_ends_a_handler_that_hangs(stage: Stage) -> None:
    stage.say(text="hang")
    running = asyncio.create_task(stage.run())
    await asyncio.sleep(0)
    stage.wire.lost.set_result(None)
    await running
    assert len(asyncio.all_tasks()) == 1


async def test_failing_handler_is_logged_and_the_client_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.say(text="fail")
    await stage.run()
    assert stage.websocket.sent == [(1011, "internal error")]
    assert "handler of live failed" in caplog.text
    assert "a mistake in the handler" in caplog.text


async def test_client_that_is_gone_when_something_is_sent(stage: Stage) -> None:
    stage.websocket.gone = True
    stage.connection.outbox.offer("too late")
    await stage.run()
    assert stage.connection.counters.messages_sent == 0
