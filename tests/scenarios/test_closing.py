"""Closing: a shutdown is announced to everyone and over in bounded time, whoever does not listen.

Those whose end the server's kernel was told of (reset, FIN, killed) are gone before the signal comes, and a half-open
client is to the server a silent one: they are no cells of their own here.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.expectations import ClosedWith, ShutDownWithin
from chaos.experiment import Experiment
from chaos.faults import Latency, SilentClient, StalledReader, Vanished
from chaos.faults.base import Fault

pytestmark = [pytest.mark.chaos, pytest.mark.waits, pytest.mark.destructive]


FAR_AWAY = Latency(delay=0.2)
"""A link on which each close handshake takes a while, and still less than any server's close timeout: where one waits
for the other, twenty of them take 4 s."""

DEAF = 20
"""Clients that answer late or never."""


@pytest.mark.promise(
    "closing",
    "graceful shutdown",
    expects="On SIGTERM every client is told with a close frame, and the process ends in time with exit code 0.",
    because="A peer that cannot answer must not hold the deployment up, and one that can must not be cut off.",
)
@pytest.mark.reads("closing.shutdown_code", "closing.shutdown_within")
@pytest.mark.needs(Capability.SIGNALS, Capability.RESTART)
@pytest.mark.faults(None, FAR_AWAY, StalledReader(), SilentClient(), Vanished())
async def test_graceful_shutdown(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.closing
    listening = await experiment.crowd("listening", 20)
    await listening.connect()
    await listening.exchange(1)
    deaf = await experiment.victims_of(fault, "deaf", DEAF)
    await deaf.connect()
    async with experiment.inject(fault, deaf):
        # Twice the bound: a server that is only late is told from one that never ends.
        await experiment.terminate_server(within=2 * promised.shutdown_within)
        await experiment.wait_until_gone(listening, within=promised.shutdown_within)
        if fault is FAR_AWAY:
            await experiment.wait_until_gone(deaf, within=promised.shutdown_within)
    # Without a fault the deaf are none, and those who are only far away hear what everybody hears.
    told = [listening, deaf] if fault is None or fault is FAR_AWAY else [listening]
    await experiment.judge(
        *(ClosedWith(crowd=crowd.name, codes=(promised.shutdown_code,), why="at shutdown") for crowd in told),
        ShutDownWithin(limit=promised.shutdown_within),
    )
