"""A member that floods: thousands of messages until it heals, or is ended for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.faults.evidence import poll_until
from chaos.faults.flooding_member import FloodingMember
from chaos.journal import Bite, HealingState
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, Direct, InProcess, run_fault, run_with_broken_body

BRIEF = FloodingMember(seconds=PATIENCE / 2, seen=100)
"""Long enough for thousands of messages, and short enough for a test."""


async def _count_to_a_hundred(peer: ServerConnection) -> None:
    async for number, message in _numbered(peer):
        if number > 100:
            await peer.close(1008)
        await peer.send(message)


async def _numbered(peer: ServerConnection) -> AsyncIterator[tuple[int, str | bytes]]:
    number = 0
    async for message in peer:
        number += 1
        yield number, message


async def _answer_once(peer: ServerConnection) -> None:
    """Answers the first message, and reads no other."""
    await peer.send(await peer.recv())
    peer.transport.pause_reading()
    await peer.wait_closed()


async def test_it_floods_until_it_heals_and_is_served_afterwards(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(1)
    receipt, healing = await run_fault(BRIEF, direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 1, 1)
    acknowledged, read, ended = receipt.evidence
    assert (acknowledged.side, acknowledged.before) == ("client kernel", "0")
    assert int(acknowledged.during.partition(" in ")[0]) >= BRIEF.seen
    assert (read.side, read.before) == ("server kernel", "0, 0")
    assert (ended.before, ended.during) == ("0", "0")
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.during) for seen in healing.evidence] == [("client", "0"), ("server kernel", "0")]
    assert (await victims.exchange(1)).complete


async def test_it_ends_by_itself_after_its_time(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(1)

    await run_fault(BRIEF, direct.scene(victims), tmp_path, lambda: _ended(victims))


async def test_it_ends_by_itself_after_its_messages(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(1)
    few = FloodingMember(messages=300, seen=200)
    written: list[int] = []

    async def wait() -> None:
        await _ended(victims)
        written.extend(flood.written for flood in (await victims.flooded()).values())

    await run_fault(few, direct.scene(victims), tmp_path, wait)
    assert written == [300]


async def test_a_member_that_is_closed_for_it_was_flooding(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async with serve(_count_to_a_hundred, "127.0.0.1", 0, compression=None) as started:
        victims, direct = await _victims_of(started.sockets[0].getsockname(), worker, agent)
        receipt, healing = await run_fault(BRIEF, direct.scene(victims), tmp_path)
        assert (receipt.bite, receipt.covered) == (Bite.BIT, 1)
        (ended,) = await victims.wait_ended(within=PATIENCE)
        assert (ended.by, ended.code) == ("server", 1008)
        assert healing.state is HealingState.HEALED


async def test_a_server_that_reads_nothing_is_left(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    """What waits for it would be a flood for as long as it takes its time: the one who sent it takes it back."""
    async with serve(_answer_once, "127.0.0.1", 0, compression=None, close_timeout=IMPATIENCE) as started:
        victims, direct = await _victims_of(started.sockets[0].getsockname(), worker, agent)
        _, healing = await run_fault(BRIEF, direct.scene(victims, patience=IMPATIENCE), tmp_path)
        assert healing.state is HealingState.HEALED
        assert [ended.by for ended in await victims.wait_ended(within=PATIENCE)] == ["client"]


async def test_one_that_hardly_speaks_is_no_flood(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect(1)
    flood = CrowdHandle.flood

    async def trickle(self: CrowdHandle, *, messages: int, seconds: float, digits: int) -> list[int]:
        return await flood(self, messages=3, seconds=seconds, digits=digits)

    monkeypatch.setattr(CrowdHandle, "flood", trickle)
    receipt, _ = await run_fault(BRIEF, direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)
    assert receipt.evidence[0].during.startswith("3 in ")


async def test_one_that_goes_on_is_not_healed(direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victims = await direct.connect(1)

    async def go_on(self: CrowdHandle) -> list[int]:
        return []

    monkeypatch.setattr(CrowdHandle, "end_flood", go_on)
    monkeypatch.setattr(CrowdHandle, "reset", go_on)
    _, healing = await run_fault(
        FloodingMember(seconds=1000 * PATIENCE, seen=200), direct.scene(victims, patience=IMPATIENCE), tmp_path
    )
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during == "1"


async def test_it_heals_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(1)
    healing = await run_with_broken_body(BRIEF, direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert not any(flood.pouring for flood in (await victims.flooded()).values())


def test_its_bounds_make_sense() -> None:
    with pytest.raises(ValueError, match=r"^a flood is of `seen` messages or more; found 10 of which 1000 count$"):
        FloodingMember(messages=10)
    with pytest.raises(ValueError, match=r"^seconds is how long it floods, above 0; found 0$"):
        FloodingMember(seconds=0)


def test_its_deadline_follows_from_how_long_it_lasts() -> None:
    assert FloodingMember(seconds=3.0).within(PATIENCE) - FloodingMember(seconds=1.0).within(PATIENCE) == 2.0


async def _ended(victims: CrowdHandle) -> None:
    """Wait until nobody floods any more."""
    found = await poll_until(
        victims.flooded, lambda floods: not any(flood.pouring for flood in floods.values()), within=PATIENCE
    )
    assert [flood.pouring for flood in found.values()] == [False]


async def _victims_of(address: tuple[str, int], worker: InProcess, agent: AsyncAgent) -> tuple[CrowdHandle, Direct]:
    direct = Direct(Address(*address), worker, agent)
    return await direct.connect(1), direct
