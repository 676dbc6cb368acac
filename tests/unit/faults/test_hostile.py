"""Hostile clients: all of a kind reach the server, each answer is written down, and nobody is left."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

import chaos.faults.hostile
import chaos.hostile.peer
from chaos.address import Address
from chaos.errors import FaultError
from chaos.faults import HostileFrames, HostileHandshakes
from chaos.faults.evidence import POLL
from chaos.hostile.answers import Allowed, Reaction
from chaos.hostile.case import Case, Grounds
from chaos.hostile.catalogue import Input, case_named, cases_of
from chaos.hostile.frames import Opcode, frame
from chaos.journal import Bite, Event, HealingState, HostileAnswer
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, make_scene, run_fault, run_with_broken_body

STALLED = PATIENCE / 4
"""Seconds after which a server that reads nothing is given up; a test has to connect in that time as well."""

BEYOND_BUFFERS = 2**23
"""Bytes of which a kernel does not take all: its send buffer grows to 4 MiB (tcp_wmem), so writing them waits."""

ESTABLISHED = 1
"""TCP_ESTABLISHED, the first byte of the kernel's tcp_info."""

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


async def upgrade_and_stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await stall(writer, b"HTTP/1.1 101 Switching Protocols\r\n\r\n")


async def upgrade_whatever_comes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        await reader.read(1)
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        await listen(reader, writer)


async def stall(writer: asyncio.StreamWriter, last: bytes) -> None:
    """Say something, and read nothing any more: without an RST of the client's this never ends."""
    writer.write(last)
    transport = cast(asyncio.Transport, writer.transport)
    transport.pause_reading()
    connection = transport.get_extra_info("socket")
    while connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED:  # noqa: ASYNC110
        await asyncio.sleep(POLL)


async def close_and_stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse what has begun to come, with a heartbeat just before, and read no further."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    await reader.read(1)
    refusal = frame(Opcode.CLOSE, (1009).to_bytes(2, "big"), masked=False)
    await stall(writer, frame(Opcode.PING, b"there?", masked=False) + refusal)


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


@pytest.mark.parametrize("kind", [Input.BROKEN_HANDSHAKES, Input.ALLOWED_HANDSHAKES])
async def test_a_sound_server_that_takes_every_path_answers_handshakes_as_allowed(
    server: Address, tmp_path: Path, kind: Input
) -> None:
    answers: list[HostileAnswer] = []
    receipt, _ = await run_fault(HostileHandshakes(kind=kind), make_scene(server, record=answers.append), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.BIT, len(cases_of(kind)))
    wrong = [
        answer
        for answer in answers
        if not case_named(answer.case).allowed.fits(Reaction(answer.reaction), code=answer.code, status=answer.status)
    ]
    assert wrong == []


async def test_a_101_where_no_endpoint_need_be_is_an_answer_and_comes_at_once(tmp_path: Path) -> None:
    """What would be served there is nobody's promise: whoever waits for it waits for nothing."""
    answers: list[HostileAnswer] = []
    fault = HostileHandshakes(kind=Input.ALLOWED_HANDSHAKES, answer_within=STALLED)
    async with talking(upgrade_whatever_comes) as address:
        await run_fault(fault, make_scene(address, record=answers.append), tmp_path)
    (found,) = (answer for answer in answers if answer.case == "unknown path")
    assert (found.reaction, found.status) == ("http", 101)
    assert found.took < STALLED
    assert {answer.reaction for answer in answers if answer.case != "unknown path"} == {"nothing"}


async def test_what_a_sound_server_does_not_inflate_is_told(server: Address, tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    await run_fault(HostileFrames(kind=Input.BOMBS), make_scene(server, record=answers.append), tmp_path)
    assert [(answer.reaction, answer.detail) for answer in answers] == [
        ("unagreed", "permessage-deflate was not agreed on")
    ] * len(cases_of(Input.BOMBS))


async def test_a_request_with_pauses_comes_in_three_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_named("request with pauses")
    monkeypatch.setattr(chaos.faults.hostile, "cases_of", lambda kind: (case,))
    answers: list[HostileAnswer] = []
    came: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not b"".join(came).endswith(b"\r\n\r\n"):
            came.append(await reader.read(65536))
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
        await listen(reader, writer)

    async with talking(note) as address:
        fault = HostileHandshakes(kind=Input.ALLOWED_HANDSHAKES)
        receipt, _ = await run_fault(fault, make_scene(address, record=answers.append), tmp_path)
    assert (receipt.bite, receipt.covered) == (Bite.BIT, 1)
    assert len(came) == 3
    (found,) = answers
    assert (found.reaction, found.status) == ("http", 404)
    assert found.took < case.spread, "its time begins with its last packet"


async def test_a_server_that_says_nothing_is_found(tmp_path: Path) -> None:
    """The bytes are there, and that is all there is: the receipt says that it bit, the answers that nothing came."""
    answers: list[HostileAnswer] = []
    fault = HostileHandshakes(kind=Input.UNFINISHED, answer_within=IMPATIENCE)
    async with talking(listen) as address:
        receipt, healing = await run_fault(fault, make_scene(address, record=answers.append), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert [answer.reaction for answer in answers] == ["nothing", "nothing"]
    assert all(answer.took >= IMPATIENCE for answer in answers)


async def test_a_server_that_takes_a_broken_frame_for_a_good_one_is_found(
    server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it says nothing of it is no silence: what comes next is answered."""
    case = replace(case_named("unmasked"), send=case_named("ping of 125 bytes").send)
    monkeypatch.setattr(chaos.faults.hostile, "cases_of", lambda kind: (case,))
    answers: list[HostileAnswer] = []
    fault = HostileFrames(answer_within=IMPATIENCE)
    await run_fault(fault, make_scene(server, record=answers.append), tmp_path)
    assert [answer.reaction for answer in answers] == ["served"]
    assert answers[0].took >= IMPATIENCE


async def test_a_server_that_takes_a_broken_handshake_for_a_good_one_is_found(tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    fault = HostileHandshakes(answer_within=IMPATIENCE)
    async with talking(upgrade_whatever_comes) as address:
        await run_fault(fault, make_scene(address, record=answers.append), tmp_path)
    taken = [answer for answer in answers if answer.reaction == "http"]
    assert {answer.status for answer in taken} == {101}
    assert all(answer.took < IMPATIENCE for answer in taken), "the 101 came at once, whatever was waited for after it"
    assert not any(case_named(answer.case).allowed.fits(Reaction.HTTP, code=None, status=101) for answer in taken)


async def test_a_server_that_just_ends_it_is_found(tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    async with talking(end) as address:
        await run_fault(HostileHandshakes(), make_scene(address, record=answers.append), tmp_path)
    assert {answer.reaction for answer in answers} == {"ended", "left"}


async def test_bytes_that_are_not_acknowledged_are_no_bite(
    server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was answered before that had enough of it; of the other nobody knows what the server has."""
    monkeypatch.setattr(chaos.hostile.peer, "_unacknowledged", lambda connection: 1)
    answers: list[HostileAnswer] = []
    fault = HostileFrames(kind=Input.SIZES, answer_within=STALLED)
    receipt, _ = await run_fault(fault, make_scene(server, record=answers.append), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)
    assert receipt.evidence[0].during == "2 of 3, not: largest message"
    assert {answer.case: (answer.reaction, answer.delivered) for answer in answers} == {
        "message too big": ("closed", True),
        "fragments too big": ("closed", True),
    }


async def test_what_one_look_finds_on_its_way_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a sender that was held up, the rest may not have come to where the server has no room for it."""
    looks: list[object] = []

    def only_at_last(connection: object) -> bool:
        looks.append(connection)
        return looks.count(connection) > 3

    monkeypatch.setattr(chaos.hostile.peer, "_held_back", only_at_last)
    answers: list[HostileAnswer] = []
    async with talking(upgrade_and_stall) as address:
        scene = make_scene(address, record=answers.append)
        receipt, _ = await run_fault(HostileFrames(kind=Input.SIZES, answer_within=STALLED), scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert {answer.detail for answer in answers} == {"the server reads no further"}


async def test_a_server_that_reads_no_further_is_found(tmp_path: Path) -> None:
    """It has what it has room for, and the rest waits for it: that is its answer, and it comes to no end."""
    answers: list[HostileAnswer] = []
    fault = HostileFrames(kind=Input.SIZES, answer_within=STALLED)
    async with talking(upgrade_and_stall) as address:
        scene = make_scene(address, record=answers.append)
        receipt, healing = await run_fault(fault, scene, tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert [(seen.what, seen.side, seen.before, seen.during) for seen in receipt.evidence] == [
        (
            "messages at and beyond the limit: acknowledged by the server's kernel, "
            "or cut short by an answer, an end, or a server that reads no further",
            "client kernel",
            "0",
            "3 of 3",
        )
    ]
    assert healing.state is HealingState.HEALED
    assert [(answer.reaction, answer.delivered, answer.detail) for answer in answers] == [
        ("nothing", False, "the server reads no further")
    ] * 3
    assert all(answer.took >= STALLED for answer in answers)


async def test_a_server_that_refuses_and_reads_no_further_has_answered(tmp_path: Path) -> None:
    """With its close frame before our eyes nobody waits until it reads the rest, nor sends ours behind it."""
    answers: list[HostileAnswer] = []
    fault = HostileFrames(kind=Input.SIZES, answer_within=STALLED, max_message=BEYOND_BUFFERS)
    async with talking(close_and_stall) as address:
        receipt, _ = await run_fault(fault, make_scene(address, record=answers.append), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    assert [(answer.reaction, answer.code, answer.released_after) for answer in answers] == [("closed", 1009, None)] * 3
    assert all(answer.took < STALLED for answer in answers)


NO_BYTES = "TypeError: sequence item 0: expected a bytes-like object, str found"


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({}, NO_BYTES),
        ({"resets": True, "after_upgrade": False}, NO_BYTES),
        ({"drips": True, "after_upgrade": False}, "TypeError: a bytes-like object is required, not 'str'"),
    ],
    ids=["at once", "resetting", "dripping"],
)
async def test_a_bug_of_ours_is_no_answer_of_the_servers(
    form: dict[str, bool], told: str, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(_grounds: Grounds) -> tuple[bytes, ...]:
        return (cast(bytes, "no bytes"),)

    case = Case(name="broken", description="by us", allowed=Allowed(served=True), send=send, **form)
    monkeypatch.setattr(chaos.faults.hostile, "cases_of", lambda kind: (case,))
    with pytest.raises(FaultError) as caught:
        await run_fault(HostileFrames(answer_within=STALLED), make_scene(server, record=_ignore), tmp_path)
    assert str(caught.value) == f"hostile-frames could not be injected: {told}"


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
