"""Delivery: broadcasts go on, and a consumer that is too slow hurts only itself.

Half-open and killed clients are no cells of their own here: a server cannot tell the first from a silent client (its
kernel acknowledges, nothing answers), nor the second from one that ends with FIN or RST.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost
from chaos.expectations import DeliveredInSequence, ReleasedWithin, Undisturbed
from chaos.experiment import Experiment
from chaos.faults import Bandwidth, ClientReset, FinWithoutClose, Latency, SilentClient, StalledReader, Vanished
from chaos.faults.base import Fault

pytestmark = [pytest.mark.chaos, pytest.mark.waits, pytest.mark.needs(endpoints=["feed"])]

INTERVALS = 10
"""Broadcast intervals that are watched under the fault."""

LATE = 2.0
"""A gap of so many intervals is a broadcast that did not come: the first tick after connecting comes anywhere in one
interval, and on a busy machine of two cores a tick of 100 ms was seen up to 60 ms late."""


FAR_AWAY = Latency(delay=0.5)
"""A link on which an answer takes several broadcast intervals: a broadcast that waits for its listeners' answers is as
slow as this, or as slow as the heartbeat still has its answer in time."""

IN_TIME = 0.5
"""The share of the heartbeat's timeout that a slow link may take: a peer beyond it is rightly cut."""

SLOW = 5
"""Consumers that are slow."""


@pytest.mark.promise(
    "delivery",
    "a slow consumer hurts only itself",
    expects="Every other listener goes on hearing every broadcast, in order and in time.",
    because="A send that waits for the slowest makes everyone wait for the slowest.",
)
@pytest.mark.reads("delivery.broadcast_interval", optional=["liveness.heartbeat_timeout"])
@pytest.mark.faults(
    None, FAR_AWAY, Bandwidth(), StalledReader(), SilentClient(), Vanished(), ClientReset(), FinWithoutClose()
)
async def test_slow_consumer_hurts_only_itself(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault | None
) -> None:
    interval, timeout = contract.delivery.broadcast_interval, contract.liveness.heartbeat_timeout
    if isinstance(fault, Latency) and timeout is not None:
        fault = replace(fault, delay=min(fault.delay, IN_TIME * timeout))
    listeners = await experiment.crowd("listeners", 10, endpoint="feed", trace=True)
    await listeners.connect()
    slow = await experiment.victims_of(fault, "slow", SLOW, endpoint="feed")
    await slow.connect()
    await experiment.watch(2 * interval)
    async with experiment.inject(fault, slow) as injection:
        await experiment.watch(INTERVALS * interval)
        end = experiment.now()
    await experiment.judge(
        DeliveredInSequence(
            crowd=listeners.name,
            gap=LATE * interval,
            # From when the fault began to act: proving it takes a while, and a slow consumer is found in the meantime.
            start=injection.since,
            end=end,
            message=experiment.endpoints.feed.message,
            sequence=experiment.endpoints.feed.sequence,
        ),
        Undisturbed(crowd=listeners.name),
    )


@pytest.mark.promise(
    "delivery",
    "a consumer that stops is removed",
    expects="A listener that has stopped reading is removed in time, and everyone else stays.",
    because="What waits for it grows with every broadcast: it is cut, or its backlog takes the server down in the end.",
)
@pytest.mark.reads("delivery.slow_consumer_cut_within")
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(StalledReader())
async def test_stopped_consumer_is_removed(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    limit = contract.delivery.slow_consumer_cut_within
    listeners = await experiment.crowd("listeners", 5, endpoint="feed")
    await listeners.connect()
    stopped = await experiment.victims_of(fault, "stopped", SLOW, endpoint="feed")
    await stopped.connect()
    remaining = listeners.count + experiment.own_connections
    async with experiment.inject(fault, stopped):
        # Twice the bound: one that is only late is told from one that never comes.
        await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * limit + experiment.sampling)
    await experiment.judge(
        ReleasedWithin(dead=SLOW, remaining=remaining, limit=limit, why="from when they stopped reading"),
        Undisturbed(crowd=listeners.name),
    )


SMALL_BUFFER = 16 * 1024
"""SO_RCVBUF of a slow consumer, bytes: less than an update of the reference's, so that its server sees each pause. It
catches up all the same (measured, down to 1 KiB): no gap was longer than a pause and an interval."""

PAUSE = 1 / 6
"""Of the time after which one that has stopped is removed, and never more than a third of the heartbeat's patience:
long enough for a server that looks from one broadcast to the next, and far from what stopping is."""


@pytest.mark.promise(
    "delivery",
    "a slow but steady consumer stays",
    expects="A listener that pauses again and again, and catches up each time, is not removed.",
    because="The counterpart of removing the slow: a server that passes by cutting whoever is behind fails here.",
)
@pytest.mark.reads(
    "delivery.slow_consumer_cut_within", "delivery.broadcast_interval", optional=["liveness.heartbeat_timeout"]
)
async def test_slow_but_steady_consumer_stays(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.delivery
    bound = promised.slow_consumer_cut_within
    pause = min(PAUSE * bound, (contract.liveness.heartbeat_timeout or bound) / 3)
    slow = await experiment.crowd("slow", SLOW, endpoint="feed", receive_buffer=SMALL_BUFFER, trace=True)
    await slow.connect()
    await experiment.watch(2 * promised.broadcast_interval)
    start = experiment.now()
    # For longer than one that has stopped may stay: whatever the pauses add up to has come to it by then.
    while experiment.now() < start + bound + pause:
        await slow.act("stall")
        await experiment.watch(pause)
        await slow.act("resume")
        await experiment.watch(promised.broadcast_interval)
    await experiment.judge(
        DeliveredInSequence(
            crowd=slow.name,
            gap=bound,
            start=start,
            end=experiment.now(),
            message=experiment.endpoints.feed.message,
            sequence=None,  # whether one that is slow may miss an update is between it and its server
        ),
        Undisturbed(crowd=slow.name),
    )
