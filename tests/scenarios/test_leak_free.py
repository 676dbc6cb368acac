"""Leak-free: however connections end, nothing of them is kept.

Killed clients and a proxy that is down are no cells of their own here: their FIN reaches the server as that of a client
without a close frame does. Nor are half-open ones: to the server they are silent.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.bounds import dead_peer_bound
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost
from chaos.expectations import ConnectionsNotKept, Expectation, FdsNotKept, MemoryNotKept, TasksNotKept
from chaos.experiment import Experiment
from chaos.experiment.leaks import MOST_ROUNDS
from chaos.faults import ClientReset, FinWithoutClose, Reset, SilentClient, StalledReader, Vanished
from chaos.faults.base import Fault
from chaos.journal import Bite

pytestmark = pytest.mark.chaos

CONNECTIONS = 50
"""Endings in a round."""


@pytest.mark.promise(
    "leak_free",
    "nothing kept per connection",
    expects="Over many rounds of connections, neither descriptors, memory, sessions nor tasks grow with their number.",
    because="Memory that 'came back' proves nothing: one task kept per reset takes weeks to kill a server.",
)
@pytest.mark.reads(
    "leak_free.fds_per_connection",
    "leak_free.memory_per_connection",
    "leak_free.counted_per_connection",
    "leak_free.tasks_per_connection",
    "cleanup.closed_within",
)
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10)
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.PROCESS_PROBE)
@pytest.mark.faults(None, ClientReset(), FinWithoutClose(), Reset())
async def test_nothing_kept(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    await _rounds(experiment, contract, fault, within=10 * contract.cleanup.closed_within)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of dead peers",
    expects="Over many rounds of peers that die without a word, and are found, neither descriptors nor memory grow.",
    because="What cleans up behind the dead is not what cleans up behind those who leave, and is tested less.",
)
@pytest.mark.waits
@pytest.mark.slow  # a round lasts until the dead are found, 1.2 s in the fast profile, and there are 18: 21 to 28 s
@pytest.mark.reads(
    "leak_free.fds_per_connection",
    "leak_free.memory_per_connection",
    "leak_free.counted_per_connection",
    "leak_free.tasks_per_connection",
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    optional=["cleanup.sweep_interval"],
)
@pytest.mark.steps(
    MOST_ROUNDS, "liveness.heartbeat_interval", "liveness.heartbeat_timeout", "cleanup.sweep_interval", times=2
)
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.PROCESS_PROBE)
@pytest.mark.faults(Vanished(), SilentClient(), StalledReader())
async def test_nothing_kept_of_dead_peers(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    bound = dead_peer_bound(
        interval=contract.liveness.heartbeat_interval,
        timeout=contract.liveness.heartbeat_timeout,
        sweep=contract.cleanup.sweep_interval,
    )
    await _rounds(experiment, contract, fault, within=2 * bound.seconds)


async def _rounds(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None, *, within: float) -> None:
    """Rounds of connections that end in one way, each over when the server holds none of them any more, `within`
    seconds at most."""
    promised = contract.leak_free
    expectations: list[Expectation] = [
        FdsNotKept(margin=promised.fds_per_connection),
        MemoryNotKept(margin=promised.memory_per_connection),
    ]
    if experiment.tells("connections"):
        expectations.append(ConnectionsNotKept(margin=promised.counted_per_connection))
    if experiment.tells("tasks"):
        expectations.append(TasksNotKept(margin=promised.tasks_per_connection))
    async for number in experiment.rounds(expectations):
        crowd = await experiment.victims_of(fault, f"round {number}", CONNECTIONS)
        await crowd.connect()
        async with experiment.inject(fault, crowd) as injection:
            if injection.receipt.bite is not Bite.BIT:
                await crowd.close()  # nobody has died: they leave in good order
            await experiment.wait_until(ConnectionsAtMost(experiment.own_connections), within=within)
        await experiment.record_round(number)
    await experiment.judge(*expectations)
