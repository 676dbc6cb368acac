"""Delivery, message by message: none lost, doubled, out of order or changed, up to the cut and through reconnects.

Clients number what they send, give it a payload that shows any change, and keep books of what comes back. What was sent
and not answered when a connection ended is unknown, not lost. That a server drops what it may drop, for a consumer that
is too slow, shows as an end of its connection and never as a gap.

Killed clients and half-closed ones are no cells here: what a server gets of them is a FIN or an RST, as from others.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.conditions import StatisticsSay
from chaos.expectations import Intact, IntactThroughReconnects, PlainlyOver, SessionsForgotten
from chaos.experiment import Experiment
from chaos.experiment.numbering import numbered_broadcasts, numbered_echoes, numbered_session
from chaos.faults import (
    Bandwidth,
    ClientReset,
    FinWithoutClose,
    HalfOpen,
    InjectedReset,
    Jitter,
    Latency,
    PacketLoss,
    Partition,
    ProxyDown,
    Reset,
    Sliced,
    SocketKilled,
    Truncated,
    Vanished,
)
from chaos.faults.base import Fault

pytestmark = [pytest.mark.chaos, pytest.mark.waits]

CLIENTS = 5

TALK = 0.5
"""Seconds of numbered messages before the fault, under it and after it: five of each client."""


@pytest.mark.promise(
    "delivery",
    "messages arrive whole",
    expects="Up to the end of its connection each message of a client is answered once, in order and unaltered.",
    because="A message that is lost, doubled or joined wrongly is an error that no log shows and no client can mend.",
)
@pytest.mark.reads("delivery.answers")
@pytest.mark.faults(
    None,
    Latency(),
    Jitter(),
    Bandwidth(),
    Sliced(),
    PacketLoss(),
    Partition(),
    Reset(),
    Truncated(),
    InjectedReset(),
    ClientReset(),
)
async def test_messages_arrive_whole(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    numbered = numbered_echoes(experiment.endpoints.echo, contract.delivery.answers)
    clients = await experiment.victims_of(fault, "talking", CLIENTS, numbered=numbered)
    await clients.connect()
    await clients.act("begin_numbered")
    await experiment.watch(TALK)
    async with experiment.inject(fault, clients):
        # What is lost in a partition is sent again by then; longer, and a heartbeat would take it for a death.
        await experiment.watch(0.0 if isinstance(fault, Partition) else TALK)
    await experiment.watch(TALK)
    await clients.settle(within=experiment.patience)
    await experiment.judge(Intact(crowd=clients.name))


INTERVALS = 10
"""Broadcast intervals that are watched under the fault."""


@pytest.mark.promise(
    "delivery",
    "broadcasts arrive whole",
    expects="Up to the end of its connection each listener hears every broadcast once, in order and as the others do, "
    "while others come and go.",
    because="A list of listeners that changes while it is walked through leaves one out, or serves one twice.",
)
@pytest.mark.reads("delivery.broadcast_interval")
@pytest.mark.needs(endpoints=["feed"])
@pytest.mark.faults(None, Latency(), Jitter(), Bandwidth(), Reset())
async def test_broadcasts_arrive_whole(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    interval = contract.delivery.broadcast_interval
    numbered = numbered_broadcasts(experiment.endpoints.feed)
    listeners = await experiment.victims_of(fault, "listeners", CLIENTS, endpoint="feed", numbered=numbered)
    await listeners.connect()
    passers = await experiment.crowd("passers-by", CLIENTS, endpoint="feed", numbered=numbered)
    await experiment.watch(2 * interval)
    async with experiment.inject(fault, listeners):
        end = experiment.now() + INTERVALS * interval
        while experiment.now() < end:
            await passers.connect()
            await experiment.watch(interval)
            await passers.close()
    await experiment.watch(2 * interval)
    for crowd in (listeners, passers):
        await crowd.settle(within=experiment.patience)
    await experiment.judge(Intact(crowd=listeners.name), Intact(crowd=passers.name))


@pytest.mark.promise(
    "delivery",
    "nothing is lost through a reconnect",
    expects="Whoever loses its connection and comes back in time goes on where it was: nothing lost, nothing twice, in "
    "order; what it sends again under the same number is applied once.",
    because="At the cut nobody knows what has arrived: only numbers on both sides tell what to send again.",
)
@pytest.mark.reads("delivery.resume_within")
@pytest.mark.needs(endpoints=["resumable"])
@pytest.mark.faults(
    ClientReset(), FinWithoutClose(), Vanished(), SocketKilled(), Reset(), Truncated(), HalfOpen(), ProxyDown()
)
async def test_nothing_is_lost_through_a_reconnect(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    clients = await experiment.victims_of(
        fault, "travellers", CLIENTS, endpoint="resumable", numbered=numbered_session(experiment.endpoints.resumable)
    )
    await clients.connect()
    await clients.act("begin_numbered")
    await experiment.watch(TALK)
    async with experiment.inject(fault, clients):
        await experiment.watch(TALK)
        if Capability.LINK not in fault.needs:
            # While the server holds what has vanished; over a link that is down or swallows, nobody can come back yet.
            await clients.reconnect()
    await clients.reconnect()
    await experiment.watch(TALK)
    await clients.settle(within=experiment.patience)
    await experiment.judge(IntactThroughReconnects(crowd=clients.name, within=contract.delivery.resume_within))


@pytest.mark.promise(
    "delivery",
    "a session that is over is said to be",
    expects="Whoever comes back too late is refused or given another session, or misses nothing: never a session with "
    "a gap in it.",
    because="The counterpart of keeping sessions: nobody can keep them for ever, and a gap that is not told is a loss.",
)
@pytest.mark.reads("delivery.resume_within")
@pytest.mark.needs(endpoints=["resumable"])
@pytest.mark.faults(ClientReset())
async def test_a_session_that_is_over_is_said_to_be(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    window = contract.delivery.resume_within
    clients = await experiment.victims_of(
        fault, "latecomers", CLIENTS, endpoint="resumable", numbered=numbered_session(experiment.endpoints.resumable)
    )
    await clients.connect()
    await clients.act("begin_numbered")
    await experiment.watch(TALK)
    async with experiment.inject(fault, clients):
        await experiment.watch(2 * window)
    await clients.reconnect()
    await experiment.watch(TALK)
    await clients.settle(within=experiment.patience)
    await experiment.judge(PlainlyOver(crowd=clients.name, within=window))


@pytest.mark.promise(
    "delivery",
    "sessions of those who stay away are forgotten",
    expects="Of clients that have gone and do not come back no session is kept for longer than is promised.",
    because="A phone that was thrown away never says goodbye: what is kept for it is kept for ever.",
)
@pytest.mark.reads("delivery.resume_within", "delivery.sessions_forgotten_within")
@pytest.mark.needs(endpoints=["resumable"])
@pytest.mark.faults(ClientReset())
async def test_sessions_are_forgotten(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    limit = contract.delivery.sessions_forgotten_within
    # Those of the scenarios before go meanwhile, or never: either way their number does not change afterwards.
    await experiment.wait_until(StatisticsSay(which="sessions", value=0.0), within=limit)
    before = await experiment.statistics()
    start = experiment.now()
    clients = await experiment.victims_of(fault, "gone", CLIENTS, endpoint="resumable")
    await clients.connect()
    await experiment.statistics()
    async with experiment.inject(fault, clients):
        # Twice the bound: one that is only late is told from one that never goes.
        forgotten = StatisticsSay(which="sessions", value=before.get("sessions", 0.0))
        await experiment.wait_until(forgotten, within=2 * limit)
        await experiment.statistics()
    await experiment.judge(SessionsForgotten(crowd=clients.name, gone=CLIENTS, start=start, limit=limit))
