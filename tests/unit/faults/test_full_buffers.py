"""A client that stops reading and goes on asking, until the server can take no more of it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from chaos.agent.async_client import AsyncAgent
from chaos.crowd.handle import CrowdHandle
from chaos.errors import FaultError
from chaos.faults.base import Scene
from chaos.faults.full_buffers import FullBuffers
from chaos.faults.stalled_reader import StalledReader
from chaos.journal import Bite, HealingState
from chaos.target import Echo
from tests.unit.crowd.making import until
from tests.unit.crowd.servers import websocket_server
from tests.unit.faults.stage import (
    IMPATIENCE,
    PATIENCE,
    Direct,
    InProcess,
    run_fault,
    run_with_broken_body,
)

SMALL: dict[str, Any] = {"receive_buffer": FullBuffers.receive_buffer}
LONG = Echo(path="/", payload_send="hello {n} {payload}", payload_expect="hello {n} {payload}")
BRIEF = FullBuffers(seconds=PATIENCE)


def _scene(direct: Direct, victims: CrowdHandle, *, patience: float = PATIENCE) -> Scene:
    return replace(direct.scene(victims, patience=patience), echo=LONG)


async def test_the_server_can_send_nothing_and_reads_nothing_more(
    direct: Direct, ends: list[str], tmp_path: Path
) -> None:
    victims = await direct.connect(**SMALL)
    receipt, healing = await run_fault(BRIEF, _scene(direct, victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    unsent, read, unread, *each, ended = receipt.evidence
    assert {item.side for item in receipt.evidence} == {"server kernel"}
    # As much as its kernel takes, of which a stalled reader needs 949 bytes a client.
    assert int(unsent.during) > 3 * 50_000
    assert int(read.during) > int(unsent.during), "and its library holds some more"
    assert int(unread.during) > 0
    assert [item.connection for item in each] == ["client 0", "client 1", "client 2"]
    assert sum(int(item.during) for item in each) == int(unsent.during)
    assert ended.during == "0"
    assert receipt.since < receipt.at <= healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    await until(lambda: len(ends) == 3)
    assert ends == ["ConnectionResetError"] * 3


async def test_a_stalled_reader_leaves_the_servers_own_buffers_empty(direct: Direct, tmp_path: Path) -> None:
    """Which is why there is this fault beside that one."""
    victims = await direct.connect(**SMALL)
    receipt, _ = await run_fault(StalledReader(), direct.scene(victims), tmp_path)
    _, unsent = receipt.evidence
    assert 0 < int(unsent.during) < 3 * 50_000


async def test_a_server_that_lets_answers_pile_up_has_a_full_kernel_too(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    answers: set[asyncio.Task[None]] = set()

    async def pile(peer: ServerConnection) -> None:
        async for message in peer:
            answers.add(asyncio.create_task(peer.send(message)))

    async with websocket_server(pile) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(1, **SMALL)
        receipt, healing = await run_fault(BRIEF, _scene(direct, victims), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.BIT, 1)
    assert healing.state is HealingState.HEALED
    for answer in answers:
        answer.cancel()
    await asyncio.gather(*answers, return_exceptions=True)


async def test_who_is_ended_once_it_is_full_was_found(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    async def cut(peer: ServerConnection) -> None:
        with contextlib.suppress(TimeoutError):
            async for message in peer:
                await asyncio.wait_for(peer.send(message), IMPATIENCE)
        peer.transport.abort()

    async with websocket_server(cut) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(2, **SMALL)
        receipt, healing = await run_fault(BRIEF, _scene(direct, victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.evidence[-1].during) == (Bite.BIT, 2, "2")
    assert healing.state is HealingState.HEALED


async def test_who_is_ended_for_what_it_sends_before_that_was_not_asked(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    async def refuse(peer: ServerConnection) -> None:
        await peer.send(await peer.recv())
        await peer.recv()
        peer.transport.abort()

    async with websocket_server(refuse) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(2, **SMALL)
        receipt, _ = await run_fault(BRIEF, _scene(direct, victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.evidence[-1].during) == (Bite.DID_NOT_BITE, 0, "2")


async def test_a_server_that_answers_nothing_is_not_full(worker: InProcess, agent: AsyncAgent, tmp_path: Path) -> None:
    async def listen(peer: ServerConnection) -> None:
        await peer.send("hello 0")
        async for _ in peer:
            pass

    async with websocket_server(listen) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(1, **SMALL, expect="hello 0")
        few = FullBuffers(messages=50, seconds=IMPATIENCE)
        receipt, _ = await run_fault(few, _scene(direct, victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)


async def test_one_that_is_late_with_its_answers_is_not_full(
    worker: InProcess, agent: AsyncAgent, tmp_path: Path
) -> None:
    """It was seen to answer one, and then to do nothing: to whoever looks at its kernel alone it stands still."""

    async def dawdle(peer: ServerConnection) -> None:
        await peer.send(await peer.recv())
        peer.transport.pause_reading()
        await asyncio.sleep(PATIENCE)

    async with websocket_server(dawdle) as address:
        direct = Direct(address, worker, agent)
        victims = await direct.connect(1, **SMALL)
        receipt, _ = await run_fault(
            FullBuffers(seconds=PATIENCE / 2), _scene(direct, victims, patience=IMPATIENCE), tmp_path
        )
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)


async def test_it_heals_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(1, **SMALL)
    healing = await run_with_broken_body(BRIEF, _scene(direct, victims), tmp_path)
    assert healing.state is HealingState.HEALED


async def test_it_takes_a_message_whose_answer_is_long(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect(1, **SMALL)
    with pytest.raises(FaultError, match=r"^the endpoint that echoes has no payload_send, a message whose answer is"):
        await run_fault(BRIEF, direct.scene(victims), tmp_path)


def test_its_bounds_make_sense() -> None:
    with pytest.raises(ValueError, match=r"^messages is a whole number from 1 on; found 0$"):
        FullBuffers(messages=0)
    with pytest.raises(ValueError, match=r"^size is a whole number from 1 on; found True$"):
        FullBuffers(size=True)
    with pytest.raises(ValueError, match=r"^seconds is how long it goes on sending, above 0; found 0$"):
        FullBuffers(seconds=0)
    assert FullBuffers(seconds=3.0).within(PATIENCE) - FullBuffers(seconds=1.0).within(PATIENCE) == 2.0
