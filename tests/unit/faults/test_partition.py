"""Partitions: nothing passes one way or either, both ends live, and go on when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from chaos.agent.async_client import AsyncAgent
from chaos.agent.types import BOTH, TO_LOCAL, TO_REMOTE, Connection
from chaos.errors import AgentError, FaultError
from chaos.faults.evidence import poll_until
from chaos.faults.partition import Partition, PartitionToClient, PartitionToServer
from chaos.faults.rules import Queues
from chaos.journal import Bite, HealingState
from tests.unit.faults.stage import IMPATIENCE, PATIENCE, Direct, run_fault, run_with_broken_body

EVERY = pytest.mark.parametrize(
    "fault", [Partition(), PartitionToServer(), PartitionToClient()], ids=lambda fault: fault.name
)


@EVERY
async def test_nothing_passes_until_it_is_healed_and_then_everything(
    fault: Partition, inside: Direct, tmp_path: Path
) -> None:
    victims = await inside.connect()

    async def look() -> None:
        assert await victims.open_count() == 3
        queues = await victims.socket_states()
        assert all(state.send_queue > 0 for state in queues.values())
        directions = {rule.direction for rule in await inside.agent.rules()}
        assert directions == {fault.direction}

    receipt, healing = await run_fault(fault, inside.scene(victims), tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    packets, *each = receipt.evidence
    to_server, to_clients = (int(part.split()[0]) for part in packets.during.split(", "))
    assert (to_server >= 3, to_clients >= 3) == {
        BOTH: (True, False),  # the server has heard nothing that it could answer
        TO_LOCAL: (True, False),
        TO_REMOTE: (False, True),
    }[fault.direction]
    assert min(to_server, to_clients) == 0
    assert sorted(seen.connection.partition(",")[0] for seen in each) == ["client 0", "client 1", "client 2"]
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.before, seen.during) for seen in healing.evidence] == [
        ("3", "0"),
        ("3", "3, 0 did not, 0 had been ended"),
    ]
    assert await inside.agent.rules() == []
    assert (await victims.exchange()).answered == 3


async def test_a_partition_to_the_client_lets_the_server_hear_and_answer(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()

    async def unacknowledged() -> list[int]:
        found = await inside.agent.sockets(inside.server.port)
        return [socket.wqueue for socket in found if socket.side == "local" and socket.state == "ESTABLISHED"]

    async def look() -> None:
        queues = await poll_until(unacknowledged, all, within=PATIENCE)
        assert len(queues) == 3
        assert all(queues), "the server's answers wait for an acknowledgement"

    receipt, _ = await run_fault(PartitionToClient(), inside.scene(victims), tmp_path, look)
    assert receipt.bite is Bite.BIT


async def test_those_whom_the_server_has_ended_have_nothing_to_resume(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()

    async def end_one() -> None:
        wires = [
            (found.local, found.remote)
            for found in await inside.agent.sockets(inside.server.port)
            if found.side == "local" and found.state == "ESTABLISHED"
        ]
        assert await inside.agent.kill_sockets(wires[:1]) == [True]

    _, healing = await run_fault(Partition(), inside.scene(victims), tmp_path, end_one)
    assert healing.state is HealingState.HEALED
    assert healing.evidence[1].during == "2, 0 did not, 1 had been ended"


@EVERY
async def test_rules_that_drop_nothing_do_not_bite(
    fault: Partition, inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await inside.connect()
    cut = AsyncAgent.cut_many

    async def cut_others(self: AsyncAgent, connections: Iterable[Connection], *, direction: str) -> list[int]:
        return await cut(
            self, [(local, ("127.0.0.2", remote[1])) for local, remote in connections], direction=direction
        )

    monkeypatch.setattr(AsyncAgent, "cut_many", cut_others)
    receipt, healing = await run_fault(fault, inside.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.evidence[0].during == "0 to the server, 0 to the clients"
    assert healing.state is HealingState.HEALED


async def test_rules_that_stay_are_not_healed(inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave(self: AsyncAgent, rules: Iterable[int]) -> None:
        """As if they had been taken back."""

    victims = await inside.connect()
    with monkeypatch.context() as patch:
        patch.setattr(AsyncAgent, "uncut_many", leave)
        receipt, healing = await run_fault(Partition(), inside.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, healing.state) == (Bite.BIT, HealingState.FAILED)
    rules, resumed, *each = healing.evidence
    assert (rules.during, resumed.during) == ("3", "0, 3 did not, 0 had been ended")
    assert sorted(seen.connection for seen in each) == ["client 0", "client 1", "client 2"]
    assert all(int(seen.during.partition(" ")[0]) > 0 for seen in each), "what the client said still waits"
    await inside.agent.flush_rules()


async def test_it_heals_when_the_body_raises(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect()
    healing = await run_with_broken_body(Partition(), inside.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await inside.agent.rules() == []


async def test_a_partition_that_cannot_be_proven_is_taken_back(
    inside: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(scene: object, wires: object) -> Queues:
        raise AgentError("no sockets")

    victims = await inside.connect()
    monkeypatch.setattr("chaos.faults.partition.queues_of", fail)
    with pytest.raises(AgentError, match=r"^no sockets$"):
        await run_fault(Partition(), inside.scene(victims), tmp_path)
    assert await inside.agent.rules() == []


async def test_clients_that_say_nothing_cannot_show_it(inside: Direct, tmp_path: Path) -> None:
    victims = await inside.connect(send=None, expect=None, first_message=False)
    with pytest.raises(FaultError) as caught:
        await run_fault(Partition(), inside.scene(victims), tmp_path)
    assert str(caught.value) == (
        "the clients of 'victims' say nothing: this fault needs those of an endpoint with send"
    )
    assert await inside.agent.rules() == []
