"""A slow-loris crowd: each of many requests comes byte by byte, until the server has ended it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from chaos.errors import FaultError
from chaos.faults import SlowLoris
from chaos.hostile.catalogue import Input
from chaos.journal import Bite, Event, HealingState, HostileAnswer
from tests.unit.crowd.servers import unused_port
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, make_scene, run_fault, run_with_broken_body
from tests.unit.faults.test_hostile import talking

CROWD = 5
QUICK = SlowLoris(crowd=CROWD, answer_within=IMPATIENCE)


class Patient:
    """A server that waits for a request some time from its first byte on, or for so many reads, and notes what came.

    From its first byte, not from the connection: whoever connects may be held up before it begins to send.
    """

    def __init__(self, seconds: float, *, reads: int = 10**6) -> None:
        self.seconds = seconds
        self.reads = reads
        self.heard: list[list[bytes]] = []
        self.open = self.most = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces: list[bytes] = []
        self.heard.append(pieces)
        self.open += 1
        self.most = max(self.most, self.open)
        pieces.append(await reader.read(1024))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                while len(pieces) < self.reads and (piece := await reader.read(1024)):
                    pieces.append(piece)
        self.open -= 1
        writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")


async def test_each_is_ended_in_the_servers_own_time(tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    patient = Patient(IMPATIENCE / 2)
    fault = SlowLoris(crowd=CROWD, answer_within=PATIENCE)
    async with talking(patient) as address:
        receipt, healing = await run_fault(fault, make_scene(address, record=answers.append), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, CROWD, CROWD)
    assert receipt.evidence[0].during == f"{CROWD} of {CROWD}"
    assert healing.state is HealingState.HEALED
    assert healing.since - receipt.since < 2 * PATIENCE
    assert [(answer.inputs, answer.case) for answer in answers] == [(Input.SLOW_REQUESTS, "slow request")] * CROWD
    assert {(answer.reaction, answer.status) for answer in answers} == {("http", 408)}
    assert all(answer.took >= IMPATIENCE / 2 for answer in answers)
    assert patient.most == CROWD


async def test_they_send_byte_by_byte_and_come_to_no_end(tmp_path: Path) -> None:
    patient = Patient(60.0, reads=5)
    async with talking(patient) as address:
        await run_fault(SlowLoris(crowd=1, answer_within=PATIENCE), make_scene(address, record=_ignore), tmp_path)
    (pieces,) = patient.heard
    assert len(pieces) == 5
    assert set(b"".join(pieces[1:])) == {ord("y")}
    assert pieces[0].startswith(b"GET / HTTP/1.1\r\nHost: ")
    assert b"\r\n\r\n" not in b"".join(pieces)


async def test_a_server_that_waits_for_ever_is_found_and_left(tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    began = time.monotonic()
    async with talking(Patient(60.0)) as address:
        receipt, healing = await run_fault(QUICK, make_scene(address, record=answers.append), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.HEALED)
    assert [answer.reaction for answer in answers] == ["nothing"] * CROWD
    assert time.monotonic() - began < 60.0


async def test_it_heals_when_the_body_raises(tmp_path: Path) -> None:
    patient = Patient(60.0)
    async with talking(patient) as address:
        healing = await run_with_broken_body(QUICK, make_scene(address, record=_ignore), tmp_path)
    assert healing.state is HealingState.HEALED


async def test_a_door_that_is_shut_is_no_experiment(tmp_path: Path) -> None:
    with unused_port() as closed, pytest.raises(FaultError, match=r"^hostile input 'slow request' could not be sent: "):
        await run_fault(QUICK, make_scene(closed, record=_ignore), tmp_path)


def test_a_crowd_has_somebody() -> None:
    with pytest.raises(
        ValueError, match=r"^crowd is how many connections are slow, a whole number from 1 on; found 0$"
    ):
        SlowLoris(crowd=0)


def _ignore(_event: Event) -> None:
    """Nobody reads it."""
