"""Cleanup: whatever way a connection ends, the server notices in time and gives back everything it held."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.bounds import Bound, dead_peer_bound
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost
from chaos.expectations import ReleasedWithin, StatisticsAgree, Undisturbed
from chaos.experiment import Experiment
from chaos.faults import (
    ClientKilled,
    ClientReset,
    FinWithoutClose,
    HalfOpen,
    ProxyDown,
    Reset,
    SilentClient,
    StalledReader,
    Vanished,
)
from chaos.faults.base import Fault

pytestmark = [pytest.mark.chaos, pytest.mark.waits]

DEAD = 10
"""Peers that die: enough to tell one that was forgotten from all of them."""


@pytest.mark.promise(
    "cleanup",
    "dead peers are released",
    expects="Connections whose peer died are found and released in time; everyone else stays.",
    because="A laptop lid that closes sends nothing at all: only a heartbeat, a timeout and a sweep find it.",
)
@pytest.mark.reads(
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    "cleanup.closed_within",
    optional=["cleanup.sweep_interval"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(
    ClientReset(),
    FinWithoutClose(),
    ClientKilled(),
    Vanished(),
    SilentClient(),
    StalledReader(),
    HalfOpen(),
    Reset(),
    ProxyDown(),
)
async def test_dead_peers_are_released(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    bound = _bound(fault, contract)
    living = await experiment.crowd("living", 5)
    await living.connect()
    dying = await experiment.victims_of(fault, "dying", DEAD)
    await dying.connect()
    remaining = living.count + experiment.own_connections
    async with experiment.inject(fault, dying):
        # Twice the bound: one that is only late is told from one that never comes.
        await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * bound.seconds + experiment.sampling)
        await living.exchange(3)
    # What proved the healing was a connection as well, and has just ended.
    await experiment.wait_until(ConnectionsAtMost(remaining), within=contract.cleanup.closed_within)
    truth = await experiment.sample()
    await experiment.statistics()
    await experiment.judge(
        ReleasedWithin(dead=DEAD, remaining=remaining, limit=bound.seconds, why=bound.why),
        Undisturbed(crowd=living.name),
        *([StatisticsAgree(connections=truth.connections)] if experiment.tells("connections") else []),
    )


def _bound(fault: Fault, contract: SimpleNamespace) -> Bound:
    """A death that the server's kernel is told of takes no heartbeat to find."""
    if fault.announced:
        return Bound(contract.cleanup.closed_within, "a FIN or RST reached it")
    return dead_peer_bound(
        interval=contract.liveness.heartbeat_interval,
        timeout=contract.liveness.heartbeat_timeout,
        sweep=contract.cleanup.sweep_interval,
    )
