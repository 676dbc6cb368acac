"""The canary: an exchange at every beat, its own lateness, and a new connection when the old one has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.server import ServerConnection, serve

from chaos.address import Address
from chaos.conductor import canary as canary_module
from chaos.conductor.canary import BEAT, Canary
from chaos.journal import Beat
from chaos.target import Echo
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import echo, unused_port, websocket_server
from tests.unit.links.servers import free_port

PATIENCE = 2.0
SHORT = 4 * BEAT
"""Seconds of patience with an answer that does not come."""

Beats = list[Beat]


@asynccontextmanager
async def beating(
    address: Address, *, patience: float = PATIENCE, path: str = "/", expect: str = "^chaos {n}$"
) -> AsyncIterator[Beats]:
    """A canary at work, and what it has recorded so far."""
    beats: Beats = []
    canary = Canary(address, Echo(path=path, expect=expect), beats.append, patience=patience)
    canary.start()
    try:
        yield beats
    finally:
        await canary.stop()


async def test_it_beats_at_its_period() -> None:
    async with websocket_server() as address, beating(address) as beats:
        await until(lambda: len(beats) >= 5)
    assert all(beat.ok and 0 < beat.round_trip < PATIENCE for beat in beats)
    assert beats[4].at - beats[0].at >= 4 * BEAT


async def test_its_messages_are_numbered() -> None:
    heard: list[str | bytes] = []

    async def listen(connection: ServerConnection) -> None:
        async for message in connection:
            heard.append(message)
            await connection.send(message)

    async with websocket_server(listen) as address, beating(address) as beats:
        await until(lambda: len(beats) >= 3)
    assert heard[:3] == ["chaos 1", "chaos 2", "chaos 3"]


async def test_its_upgrade_request_says_what_the_target_declares() -> None:
    asked: list[tuple[str | None, str | None]] = []

    async def note(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append((connection.request.headers.get("Cookie"), connection.subprotocol))
        await echo(connection)

    beats: Beats = []
    declared = Echo(path="/", headers={"Cookie": "a=b"}, subprotocol="chat")
    async with websocket_server(note, subprotocols=["chat"]) as address:
        canary = Canary(address, declared, beats.append, patience=PATIENCE)
        canary.start()
        await canary.first_beat()
        await canary.stop()
    assert [beat.ok for beat in beats[:1]] == [True]
    assert asked == [("a=b", "chat")]


async def test_a_blocked_loop_is_measured_whoever_blocks_it() -> None:
    blocked = 4 * BEAT
    async with websocket_server() as address, beating(address) as beats:
        await until(lambda: len(beats) >= 2)
        before = len(beats)
        time.sleep(blocked)  # noqa: ASYNC251  # the very thing that is measured
        await until(lambda: len(beats) >= before + 3)
        worst = max(beat.lateness for beat in beats[before:])
        # The clock was asleep when the loop was blocked: it is late by what was left of that, less one beat at most.
        assert blocked - BEAT <= worst
        # Told once, and not again with every beat that follows.
        assert sum(beat.lateness == worst for beat in beats) == 1


async def test_lateness_is_not_lost_while_the_server_keeps_it_waiting() -> None:
    blocked = 3 * BEAT
    hold = asyncio.Event()

    async def slow(connection: ServerConnection) -> None:
        async for message in connection:
            await hold.wait()
            await connection.send(message)

    async with websocket_server(slow) as address, beating(address) as beats:
        await asyncio.sleep(2 * BEAT)
        time.sleep(blocked)  # noqa: ASYNC251  # the very thing that is measured
        await asyncio.sleep(2 * BEAT)
        assert beats == []
        hold.set()
        await until(lambda: len(beats) >= 1)
    assert beats[0].lateness >= blocked - BEAT


async def test_it_survives_the_servers_death_and_connects_anew() -> None:
    port = free_port()

    @asynccontextmanager
    async def serving() -> AsyncIterator[None]:
        async with serve(echo, "127.0.0.1", port, compression=None):
            yield

    async with beating(Address("127.0.0.1", port)) as beats:
        async with serving():
            await until(lambda: _last(beats, lambda beat: beat.ok))
        await until(lambda: _last(beats, lambda beat: beat.detail.startswith("ConnectionRefusedError: ")))
        async with serving():
            await until(lambda: _last(beats, lambda beat: beat.ok))
    assert any(not beat.ok and beat.detail.startswith("ConnectionClosed") for beat in beats)


async def test_nobody_there_is_a_beat_at_every_period() -> None:
    with unused_port() as address:
        async with beating(address) as beats:
            await until(lambda: len(beats) >= 3)
    assert not any(beat.ok for beat in beats)
    assert beats[2].at - beats[0].at >= 2 * BEAT


async def test_a_notice_in_between_is_passed_over() -> None:
    """One message too many must not make each answer look like the one before it."""

    async def greet(connection: ServerConnection) -> None:
        await connection.send("welcome")
        await echo(connection)

    async with websocket_server(greet) as address, beating(address) as beats:
        await until(lambda: len(beats) >= 3)
    assert [(beat.ok, beat.detail) for beat in beats[:3]] == [(True, "")] * 3


async def test_a_wrong_answer_is_quoted() -> None:
    async def lie(connection: ServerConnection) -> None:
        async for _ in connection:
            await connection.send(b"\xffnonsense")

    async with websocket_server(lie) as address, beating(address, patience=SHORT) as beats:
        # Not the first one where this loop was late: it had not come by then.
        quoted = "TimeoutError: no right answer, but '\ufffdnonsense', within 200ms"
        await until(lambda: any(beat.detail == quoted for beat in beats))
    assert not any(beat.ok for beat in beats)


async def test_silence_is_a_missing_beat() -> None:
    async def listen(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with websocket_server(listen) as address, beating(address, patience=SHORT) as beats:
        await until(lambda: any(beat.detail == "TimeoutError: no answer within 200ms" for beat in beats))
    assert not any(beat.ok for beat in beats)


async def test_it_leaves_nothing_behind() -> None:
    left: list[ServerConnection] = []

    async def listen(connection: ServerConnection) -> None:
        left.append(connection)
        with suppress(Exception):
            await echo(connection)
        left.remove(connection)

    async with websocket_server(listen) as address:
        async with beating(address) as beats:
            await until(lambda: len(beats) >= 2)
            assert len(left) == 1
        counted = len(beats)
        await until(lambda: left == [])
        await asyncio.sleep(2 * BEAT)
        assert len(beats) == counted


async def test_it_says_when_it_is_inside() -> None:
    let_in = asyncio.Event()

    async def hesitate(connection: ServerConnection) -> None:
        await let_in.wait()
        await echo(connection)

    beats: Beats = []
    async with websocket_server(hesitate) as address:
        canary = Canary(address, Echo(path="/"), beats.append, patience=PATIENCE)
        canary.start()
        inside = asyncio.create_task(canary.first_beat())
        await asyncio.wait([inside], timeout=2 * BEAT)
        assert not inside.done()
        let_in.set()
        await inside
        assert [beat.ok for beat in beats] == [True]
        await canary.stop()


async def test_one_that_does_not_get_inside_says_so_too() -> None:
    beats: Beats = []
    with unused_port() as address:
        canary = Canary(address, Echo(path="/"), beats.append, patience=PATIENCE)
        canary.start()
        await canary.first_beat()
        assert [beat.ok for beat in beats] == [False]
        await canary.stop()


async def test_nobody_waits_for_one_that_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*args: object, **kwargs: object) -> None:
        raise OverflowError("a bug")

    monkeypatch.setattr(canary_module, "converse", fail)
    canary = Canary(Address("127.0.0.1", 1), Echo(path="/"), print, patience=PATIENCE)
    canary.start()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(OverflowError, match=r"^a bug$"):
            await canary.first_beat()
    with pytest.raises(OverflowError, match=r"^a bug$"):
        await canary.stop()


async def test_a_canary_that_broke_says_so_when_it_is_stopped() -> None:
    """Its lateness would be missing from there on, and nobody would know."""

    refused = asyncio.Event()

    def refuse(beat: Beat) -> None:
        refused.set()
        raise OverflowError("the disk is full")

    async with websocket_server() as address:
        canary = Canary(address, Echo(path="/"), refuse, patience=PATIENCE)
        canary.start()
        await refused.wait()
        with pytest.raises(OverflowError, match=r"^the disk is full$"):
            await canary.stop()
        await canary.stop()


def _last(beats: Beats, fits: Callable[[Beat], bool]) -> bool:
    return bool(beats) and fits(beats[-1])
