"""Leak-free: however connections end, nothing of them is kept."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost
from chaos.expectations import FdsNotKept, MemoryNotKept
from chaos.experiment import Experiment
from chaos.faults import ClientReset, FinWithoutClose
from chaos.faults.base import Fault

pytestmark = pytest.mark.chaos

CONNECTIONS = 50
"""Endings in a round."""


@pytest.mark.promise(
    "leak_free",
    "nothing kept per connection",
    expects="Over many rounds of connections, neither file descriptors nor memory grow with their number.",
    because="Memory that 'came back' proves nothing: one task kept per reset takes weeks to kill a server.",
)
@pytest.mark.reads("leak_free.fds_per_connection", "leak_free.memory_per_connection", "cleanup.closed_within")
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.PROCESS_PROBE)
@pytest.mark.faults(None, ClientReset(), FinWithoutClose())
async def test_nothing_kept(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.leak_free
    expectations = (
        FdsNotKept(margin=promised.fds_per_connection),
        MemoryNotKept(margin=promised.memory_per_connection),
    )
    async for number in experiment.rounds(expectations):
        crowd = await experiment.victims_of(fault, f"round {number}", CONNECTIONS)
        await crowd.connect()
        async with experiment.inject(fault, crowd):
            await crowd.close()
            await experiment.wait_until(
                ConnectionsAtMost(experiment.own_connections), within=10 * contract.cleanup.closed_within
            )
        await experiment.record_round(number, ended=number * CONNECTIONS)
    await experiment.judge(*expectations)
