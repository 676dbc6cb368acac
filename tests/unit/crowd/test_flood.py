"""A client that floods, judged by what the server reads of it."""

from __future__ import annotations

import asyncio

import pytest

from chaos.address import Address
from chaos.crowd.plan import Mode
from chaos.errors import CrowdError

from .doorman import Doorman
from .making import WITHIN, make_crowd, until
from .servers import TEXT, Peer, frame, raw_server

ASKING = {"send": "hello {n}", "expect": "hello {n}"}


async def test_all_of_it_arrives_in_whole_messages(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], **ASKING)
    await crowd.connect(Mode.SIMULTANEOUS)
    assert await crowd.flood(messages=2500, seconds=WITHIN) == [0]
    answers = 0
    async with asyncio.timeout(WITHIN):
        while answers < 2500:
            await asyncio.sleep(0.01)
            crowd.write_traffic()
            answers = sum(item.received for item in recorded.traffic)
    flooded = (await crowd.flooded())[0]
    assert (flooded.written, flooded.acknowledged, flooded.pouring) == (2500, 2500, False)
    assert flooded.size == 2 + 4 + len("hello 0")
    assert sum(item.sent for item in recorded.traffic) == 2500
    assert (await crowd.exchange(1)).complete
    await crowd.reset()


async def test_its_number_is_as_long_as_it_is_told(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], **ASKING)
    await crowd.connect(Mode.SIMULTANEOUS)
    await crowd.flood(messages=3, seconds=WITHIN, digits=50)
    flood = crowd._floods[0]
    await until(lambda: not flood.reading().pouring)
    assert (await crowd.flooded())[0].size == 2 + 4 + len("hello ") + 50
    await crowd.reset()


async def test_what_nobody_reads_is_acknowledged_and_not_endless() -> None:
    peers: asyncio.Queue[Peer] = asyncio.Queue()
    left = asyncio.Event()

    async def deaf(peer: Peer) -> None:
        await peer.upgrade()
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads
        peers.put_nowait(peer)
        await left.wait()

    async with raw_server(deaf) as address:
        crowd, _ = make_crowd(address, **ASKING)
        await crowd.connect(Mode.SIMULTANEOUS)
        await crowd.flood(messages=10**9, seconds=0.3)
        tasks = crowd._floods[0]
        await until(lambda: not tasks.reading().pouring)
        flooded = (await crowd.flooded())[0]
        assert 0 < flooded.acknowledged < flooded.written
        assert flooded.written * flooded.size < 8 * 2**20
        left.set()
        await crowd.reset()


async def test_it_stops_when_told_and_between_two_messages(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], **ASKING)
    await crowd.connect(Mode.SIMULTANEOUS)
    await crowd.flood(messages=10**9, seconds=WITHIN)
    async with asyncio.timeout(WITHIN / 2):
        assert await crowd.end_flood() == [0]
    written = (await crowd.flooded())[0].written
    assert (await crowd.exchange(1)).complete  # nothing broke the framing
    assert (await crowd.flooded())[0].written == written
    assert recorded.ends == []
    await crowd.reset()


async def test_it_ends_with_its_connection(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], **ASKING)
    await crowd.connect(Mode.SIMULTANEOUS)
    await crowd.flood(messages=10**9, seconds=WITHIN)
    await crowd.reset()
    flood = crowd._floods[0]
    await until(lambda: not flood.reading().pouring)


async def test_an_abandoned_crowd_floods_nobody(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], **ASKING)
    await crowd.connect(Mode.SIMULTANEOUS)
    await crowd.flood(messages=10**9, seconds=WITHIN)
    await crowd.abandon()
    assert not (await crowd.flooded())[0].pouring


async def test_without_a_message_there_is_nothing_to_flood_with(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1])
    await crowd.connect(Mode.SIMULTANEOUS)
    with pytest.raises(CrowdError, match=r"^the plan of crowd 'testers' has no exchange; give it send and expect$"):
        await crowd.flood(messages=1, seconds=1.0)
    await crowd.reset()


async def test_several_exchanges_at_once_are_begun_before_the_first_answer() -> None:
    heard: list[bytes] = []

    async def patient(peer: Peer) -> None:
        await peer.upgrade()
        while len(heard) < 3:
            _, text = await peer.frame()
            heard.append(text)
        for text in heard:
            await peer.send(frame(TEXT, text))

    async with raw_server(patient) as address:
        crowd, _ = make_crowd(address, **ASKING)
        await crowd.connect(Mode.SIMULTANEOUS)
        result = await crowd.exchange(3, at_once=3)
        assert (result.sent, result.answered) == (3, 3)
        await crowd.reset()
