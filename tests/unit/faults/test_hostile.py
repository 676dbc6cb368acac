"""Hostile clients: all of a kind reach the server, each answer is written down, and nobody is left."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.errors import FaultError
from chaos.faults import HostileFrames, HostileHandshakes
from chaos.hostile.answers import Reaction
from chaos.hostile.catalogue import Input, case_named, cases_of
from chaos.hostile.peer import Peer
from chaos.journal import Bite, Event, HealingState, HostileAnswer
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, make_scene, run_fault, run_with_broken_body

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[Address]:
    """A TCP server that does something to each connection, and then closes it."""
    conversations: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        conversations.add(task)
        try:
            await talk(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield Address(host, port)
    finally:
        server.close()
        await asyncio.gather(*conversations)


async def listen(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take everything, and say nothing."""
    with contextlib.suppress(OSError):
        while await reader.read(65536):
            pass


async def end(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Nothing more to say."""


async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("kind", [Input.BROKEN_FRAMES, Input.ALLOWED_FRAMES, Input.FLOODS, Input.SIZES])
async def test_a_sound_server_answers_as_allowed(server: Address, tmp_path: Path, kind: Input) -> None:
    answers: list[HostileAnswer] = []
    receipt, healing = await run_fault(HostileFrames(kind=kind), make_scene(server, record=answers.append), tmp_path)
    count = len(cases_of(kind))
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, count, count)
    assert receipt.evidence[0].during == f"{count} of {count}"
    assert healing.state is HealingState.HEALED
    assert {answer.case for answer in answers} == {case.name for case in cases_of(kind)}
    wrong = [
        answer
        for answer in answers
        if not case_named(answer.case).allowed.fits(Reaction(answer.reaction), code=answer.code, status=answer.status)
    ]
    assert wrong == []
    assert all(answer.released_after is not None for answer in answers if answer.reaction == "closed")


async def test_what_a_sound_server_does_not_inflate_is_told(server: Address, tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    await run_fault(HostileFrames(kind=Input.BOMBS), make_scene(server, record=answers.append), tmp_path)
    assert [(answer.reaction, answer.detail) for answer in answers] == [
        ("unagreed", "permessage-deflate was not agreed on")
    ]


async def test_a_server_that_says_nothing_is_found(tmp_path: Path) -> None:
    """The bytes are there, and that is all there is: the receipt says that it bit, the answers that nothing came."""
    answers: list[HostileAnswer] = []
    fault = HostileHandshakes(kind=Input.UNFINISHED, answer_within=IMPATIENCE)
    async with talking(listen) as address:
        receipt, healing = await run_fault(fault, make_scene(address, record=answers.append), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert [answer.reaction for answer in answers] == ["nothing", "nothing"]
    assert all(answer.took >= IMPATIENCE for answer in answers)


async def test_a_server_that_just_ends_it_is_found(tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    async with talking(end) as address:
        await run_fault(HostileHandshakes(), make_scene(address, record=answers.append), tmp_path)
    assert {answer.reaction for answer in answers} == {"ended", "left"}


async def test_bytes_that_are_not_acknowledged_are_no_bite(
    server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def swallow(self: Peer) -> None:
        self.delivered.set()

    monkeypatch.setattr(Peer, "_acknowledge", swallow)
    monkeypatch.setattr(Peer, "_first", lambda self, sending: swallow(self))
    receipt, _ = await run_fault(
        HostileFrames(kind=Input.BOMBS, answer_within=IMPATIENCE), make_scene(server, record=_ignore), tmp_path
    )
    assert receipt.bite is Bite.BIT  # nothing was agreed on, so there was nothing to deliver
    receipt, _ = await run_fault(
        HostileFrames(kind=Input.SIZES, answer_within=IMPATIENCE), make_scene(server, record=_ignore), tmp_path
    )
    assert (receipt.bite, receipt.covered) == (Bite.DID_NOT_BITE, 0)
    assert receipt.evidence[0].during == ("0 of 3, not: largest message, message too big, fragments too big")


async def test_a_door_that_is_shut_is_no_experiment(tmp_path: Path) -> None:
    async with talking(refuse) as address:
        with pytest.raises(
            FaultError,
            match=r"^hostile input 'unmasked' could not be sent: a flawless handshake was answered with 503$",
        ):
            await run_fault(HostileFrames(), make_scene(address, record=_ignore), tmp_path)


async def test_without_a_journal_it_says_so(server: Address, tmp_path: Path) -> None:
    with pytest.raises(FaultError, match=r"^this fault writes down what it is answered, and this experiment keeps no "):
        await run_fault(HostileFrames(), make_scene(server), tmp_path)


async def test_it_heals_when_the_body_raises(server: Address, tmp_path: Path) -> None:
    healing = await run_with_broken_body(HostileFrames(), make_scene(server, record=_ignore), tmp_path)
    assert healing.state is HealingState.HEALED


def test_its_deadline_follows_from_the_answer_it_waits_for() -> None:
    patient = HostileFrames(answer_within=2 * PATIENCE)
    assert patient.within(PATIENCE) - HostileFrames().within(PATIENCE) == patient.waits * PATIENCE


def _ignore(_event: Event) -> None:
    """Nobody reads it."""
