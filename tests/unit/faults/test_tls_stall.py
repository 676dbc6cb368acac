"""A crowd that stalls in the TLS handshake: each says hello and no more, until the server has ended it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from pathlib import Path

import pytest

from chaos.errors import FaultError
from chaos.faults import TlsStall
from chaos.hostile.catalogue import Input
from chaos.journal import Bite, Event, HealingState, HostileAnswer
from chaos.target import Tls
from tests.unit.crowd.servers import unused_port
from tests.unit.faults.secure import NAME, known_by
from tests.unit.faults.stage import IMPATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.faults.test_hostile import talking

CROWD = 5
QUICK = TlsStall(crowd=CROWD, answer_within=IMPATIENCE)
TLS = Tls(server_name=NAME)


class Patient:
    """A server that answers a ClientHello, and waits for the rest for some time."""

    def __init__(self, seconds: float, context: ssl.SSLContext) -> None:
        self.seconds = seconds
        self.asked: list[str | None] = []
        self.hellos: list[bytes] = []
        self.answered = 0
        self.more: list[bytes] = []
        self.open = self.most = 0
        self._context = context
        context.sni_callback = lambda _socket, name, _context: self.asked.append(name)  # type: ignore[assignment]

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most = max(self.most, self.open)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        self.hellos.append(await reader.read(65536))
        incoming.write(self.hellos[-1])
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        answer = outgoing.read()
        self.answered += answer.startswith(b"\x16\x03\x03")
        writer.write(answer)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                while piece := await reader.read(65536):
                    self.more.append(piece)
        self.open -= 1


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    return known_by(tmp_path / "certificates")[1]


async def test_each_is_ended_in_the_servers_own_time(context: ssl.SSLContext, tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    patient = Patient(IMPATIENCE / 2, context)
    async with talking(patient) as address:
        receipt, healing = await run_fault(QUICK, make_scene(address, record=answers.append, tls=TLS), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, CROWD, CROWD)
    assert receipt.evidence[0].during == f"{CROWD} of {CROWD}"
    assert healing.state is HealingState.HEALED
    assert [(answer.inputs, answer.case) for answer in answers] == [
        (Input.STALLED_TLS, "stalled TLS handshake")
    ] * CROWD
    assert {answer.reaction for answer in answers} == {"ended"}
    assert all(answer.took >= IMPATIENCE / 4 for answer in answers)
    assert patient.most == CROWD


async def test_they_say_hello_by_the_targets_name_and_leave_the_answer_unanswered(
    context: ssl.SSLContext, tmp_path: Path
) -> None:
    patient = Patient(IMPATIENCE / 2, context)
    async with talking(patient) as address:
        await run_fault(QUICK, make_scene(address, record=_ignore, tls=TLS), tmp_path)
    assert patient.asked == [NAME] * CROWD
    assert patient.answered == CROWD
    # One record of the handshake each, and nothing behind it.
    assert {hello[:1] for hello in patient.hellos} == {b"\x16"}
    assert [len(hello) - 5 for hello in patient.hellos] == [
        int.from_bytes(hello[3:5], "big") for hello in patient.hellos
    ]
    assert patient.more == []


async def test_a_server_that_waits_for_ever_is_found_and_left(context: ssl.SSLContext, tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    began = time.monotonic()
    async with talking(Patient(60.0, context)) as address:
        receipt, healing = await run_fault(QUICK, make_scene(address, record=answers.append, tls=TLS), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert [answer.reaction for answer in answers] == ["nothing"] * CROWD
    assert time.monotonic() - began < 60.0


async def test_it_heals_when_the_body_raises(context: ssl.SSLContext, tmp_path: Path) -> None:
    patient = Patient(60.0, context)
    async with talking(patient) as address:
        healing = await run_with_broken_body(QUICK, make_scene(address, record=_ignore, tls=TLS), tmp_path)
    assert healing.state is HealingState.HEALED


async def test_a_door_that_is_shut_is_no_experiment(tmp_path: Path) -> None:
    said = r"^hostile input 'stalled TLS handshake' could not be sent: "
    with unused_port() as closed, pytest.raises(FaultError, match=said):
        await run_fault(QUICK, make_scene(closed, record=_ignore, tls=TLS), tmp_path)


def test_a_crowd_has_somebody() -> None:
    with pytest.raises(ValueError, match=r"^crowd is how many connections stall, a whole number from 1 on; found 0$"):
        TlsStall(crowd=0)


def _ignore(_event: Event) -> None:
    """Nobody reads it."""
