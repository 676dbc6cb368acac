"""Hostile clients of a dialect: each is let in first, sends its packets, and is told what came of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.address import Address
from chaos.expectations import AnsweredAsAllowed
from chaos.faults import HostileFrames, HostileHandshakes, HostilePackets
from chaos.faults.base import Scene
from chaos.hostile.answers import Reaction
from chaos.hostile.catalogue import Input, case_named, cases_of
from chaos.journal import Bite, HealingState, HostileAnswer
from chaos.target import Echo
from chaos.verdict import Verdict
from tests.unit.dialects.socketio_server import SocketIoServer, running
from tests.unit.expectations.records import record
from tests.unit.faults.stage import PATIENCE, make_scene, run_fault

ECHO = Echo(path="/socket.io/", send='{n}["echo","chaos {n}"]', expect=r'^{n}\["chaos {n}"\]$')


def scene_of(address: Address, answers: list[HostileAnswer], namespace: str | None = None) -> Scene:
    made = make_scene(address, patience=5 * PATIENCE, record=answers.append, dialect="socket.io")
    return replace(made, echo=ECHO.model_copy(update={"namespace": namespace}))


@pytest.mark.parametrize("namespace", [None, "/chat"])
@pytest.mark.parametrize("kind", [Input.BROKEN_PACKETS, Input.ALLOWED_PACKETS])
async def test_a_sound_server_answers_as_allowed(tmp_path: Path, kind: Input, namespace: str | None) -> None:
    answers: list[HostileAnswer] = []
    server = SocketIoServer(namespace=namespace or "/", sound=True)
    async with running(server) as address:
        receipt, healing = await run_fault(HostilePackets(kind=kind), scene_of(address, answers, namespace), tmp_path)
    count = len(cases_of(kind))
    assert (receipt.bite, receipt.covered, healing.state) == (Bite.BIT, count, HealingState.HEALED)
    assert {answer.case for answer in answers} == {case.name for case in cases_of(kind)}
    assert [answer for answer in answers if not _fits(answer)] == []
    assert Reaction.SERVED in {answer.reaction for answer in answers}
    finding = AnsweredAsAllowed(kind=kind, limit=10.0).judge(record(*answers))
    assert finding.verdict is Verdict.HELD


async def test_a_server_that_leaves_a_client_hanging_is_found(tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    fault = HostilePackets(answer_within=PATIENCE)
    async with running(SocketIoServer(hangs_on_garbage=True)) as address:
        await run_fault(fault, scene_of(address, answers), tmp_path)
    finding = AnsweredAsAllowed(kind=Input.BROKEN_PACKETS, limit=PATIENCE / 2).judge(record(*answers))
    assert finding.verdict is Verdict.VIOLATED
    assert "neither answered nor ended within" in finding.observed
    assert "the dialect's goodbye or being served" in finding.observed


async def test_a_server_that_ends_odd_packets_is_found(tmp_path: Path) -> None:
    """The counterpart: it closes on whatever it does not know."""
    answers: list[HostileAnswer] = []
    async with running(SocketIoServer()) as address:
        await run_fault(HostilePackets(kind=Input.ALLOWED_PACKETS), scene_of(address, answers), tmp_path)
    finding = AnsweredAsAllowed(kind=Input.ALLOWED_PACKETS, limit=10.0).judge(record(*answers))
    assert finding.verdict is Verdict.VIOLATED
    assert "allowed: being served" in finding.observed


async def test_a_server_that_turns_everybody_away_could_not_be_tried(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"could not be sent: .*before the dialect had let anybody in"):
        async with running(SocketIoServer(refuses='{"message":"no"}', hangs_up=True)) as address:
            await run_fault(HostilePackets(), scene_of(address, []), tmp_path)


@pytest.mark.parametrize("kind", [Input.ALLOWED_FRAMES, Input.FLOODS, Input.SIZES])
async def test_odd_frames_carry_messages_of_the_dialect(tmp_path: Path, kind: Input) -> None:
    answers: list[HostileAnswer] = []
    async with running(SocketIoServer(sound=True)) as address:
        await run_fault(HostileFrames(kind=kind), scene_of(address, answers), tmp_path)
    assert len(answers) == len(cases_of(kind))
    assert [answer for answer in answers if not _fits(answer)] == []


async def test_what_comes_behind_the_request_is_a_packet_that_may(tmp_path: Path) -> None:
    answers: list[HostileAnswer] = []
    server = SocketIoServer(sound=True)
    async with running(server) as address:
        await run_fault(HostileHandshakes(kind=Input.ALLOWED_HANDSHAKES), scene_of(address, answers), tmp_path)
    (behind,) = (answer for answer in answers if answer.case == "frame behind the request")
    assert (behind.reaction, _fits(behind)) == ("served", True)
    assert "6" in server.heard


def _fits(answer: HostileAnswer) -> bool:
    allowed = case_named(answer.case).allowed
    return allowed.fits(Reaction(answer.reaction), code=answer.code, status=answer.status)
