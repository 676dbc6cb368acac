"""Pings of a client's own: how long they take, and what becomes of those that are not answered."""

from __future__ import annotations

import asyncio

from chaos.crowd.pinging import Pings
from chaos.crowd.plan import ClientState, Mode

from .making import PATIENT, SHORT, make_crowd
from .servers import PING, PONG, echo, frame, websocket_server
from .test_acts import stage


async def test_the_least_of_several() -> None:
    async with stage() as on:
        asking = asyncio.create_task(on.crowd.round_trips(Pings(count=2), timeout=PATIENT))
        first = await on.peer.frame()
        await asyncio.sleep(SHORT)
        await on.peer.send(frame(PONG, first[1]))
        second = await on.peer.frame()
        await on.peer.send(frame(PONG, second[1]))
        took = await asking
    assert (first[0], second[0]) == (PING, PING)
    assert first[1] != second[1]
    assert 0 < took[0] < SHORT


async def test_in_batches_until_the_last() -> None:
    async with stage() as on:
        asking = asyncio.create_task(on.crowd.round_trips(Pings(count=3, size=125, together=2), timeout=PATIENT))
        first, second = [(await on.peer.frame())[1] for _ in range(2)]
        assert (len(first), len(second)) == (125, 125)
        await on.peer.send(frame(PONG, first))
        await asyncio.sleep(SHORT)
        await on.peer.send(frame(PONG, second))
        _, third = await on.peer.frame()
        assert third not in (first, second)
        await on.peer.send(frame(PONG, third))
        assert (await asking)[0] >= SHORT


async def test_a_pong_answers_the_pings_before_it() -> None:
    async with stage() as on:
        asking = asyncio.create_task(on.crowd.round_trips(Pings(count=3, together=3), timeout=PATIENT))
        payloads = [(await on.peer.frame())[1] for _ in range(3)]
        await on.peer.send(frame(PONG, payloads[1]))
        await asyncio.sleep(SHORT)
        await on.peer.send(frame(PONG, payloads[2]))
        assert (await asking)[0] >= SHORT


async def test_who_is_not_answered_is_left_out_and_stays() -> None:
    async with stage() as on:
        assert await on.crowd.round_trips(Pings(count=1), timeout=SHORT) == {}
        _, unanswered = await on.peer.frame()
        # A pong of earlier is none of the next ping's.
        asking = asyncio.create_task(on.crowd.round_trips(Pings(count=1), timeout=SHORT))
        await on.peer.send(frame(PONG, unanswered))
        assert await asking == {}
        assert await on.state() is ClientState.OPEN


async def test_who_is_ended_meanwhile_is_left_out() -> None:
    async with stage() as on:
        asking = asyncio.create_task(on.crowd.round_trips(Pings(count=1), timeout=PATIENT))
        await on.peer.frame()
        on.peer.writer.transport.abort()
        assert await asking == {}


async def test_who_is_silent_is_not_asked() -> None:
    async with stage() as on:
        await on.crowd.silence()
        assert await on.crowd.round_trips(Pings(count=1), timeout=PATIENT) == {}


async def test_many_at_the_same_time() -> None:
    async with websocket_server(echo) as address:
        crowd, recorded = make_crowd(address, 20, trace=True)
        await crowd.connect(Mode.SIMULTANEOUS)
        took = await crowd.round_trips(Pings(count=5), timeout=PATIENT)
        assert sorted(took) == list(range(20))
        assert sum(seen.opcode == "pong" for seen in recorded.frames) == 100
        await crowd.close()
