"""Latency: round trips stay short when nothing is wrong, and when something is wrong with somebody else.

Killed clients are no cell of their own here: a FIN of forty at once is one, whoever sent it. Nor are silent ones: what
the server has to do for them comes when it finds them, as with those that vanished. Lost packets are left to
liveness: what they cost is the kernel's, and they take exchanges to be seen, of which a slow server has too few.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from chaos.bounds import found_dead
from chaos.expectations import RoundTripsWithin, Undisturbed
from chaos.experiment import Experiment, Via
from chaos.experiment.delays import added_by
from chaos.faults import ClientReset, ConnectionBurst, FinWithoutClose, Jitter, Latency, Sliced, StalledReader, Vanished
from chaos.faults.base import Fault
from chaos.units import format_duration

pytestmark = [pytest.mark.chaos, pytest.mark.reads("latency.p99")]

CLIENTS = 10
EXCHANGES = 30
"""On each client: 300 round trips, so that the 99th percentile is the fourth worst, not the worst."""

GAP = 0.01
"""Seconds between two exchanges of a client, where they are to last as long as a fault takes to bite: 0.3 s in all."""

OTHERS = 40
"""Clients that misbehave at once: what takes 10 ms for each of them takes 0.4 s for all."""


@pytest.mark.promise(
    "latency",
    "round trips",
    expects="99 of 100 exchanges are answered rightly and in time; a slow link adds its delay and nothing else.",
    because="A server that answers late under no load at all has a stall of its own.",
)
@pytest.mark.faults(None, Latency(), Jitter(), Sliced())
async def test_round_trips(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    delay = added_by(fault)
    crowd = await experiment.crowd("talking", CLIENTS, via=Via.LINK if fault else Via.DIRECT)
    async with experiment.inject(fault):
        # Once it is proven: a jitter takes 26 round trips for that, and clients that had come before were seen to reach
        # the age of 7 s at which the reference closes them.
        await crowd.connect()
        result = await crowd.exchange(EXCHANGES)
    await experiment.judge(
        RoundTripsWithin(
            wanted=CLIENTS * EXCHANGES,
            sent=result.sent,
            answered=result.answered,
            round_trips=result.round_trips,
            crowd=crowd.name,
            sent_at=result.sent_at,
            start=result.began,
            end=result.ended,
            p99=contract.latency.p99 + delay,
            why=f"of which the link adds {format_duration(delay)}" if delay else "",
        ),
        # Whom it cuts off between two exchanges cannot send the next one.
        Undisturbed(crowd=crowd.name),
    )


@pytest.mark.promise(
    "latency",
    "while others misbehave",
    expects="Clients that do nothing wrong are answered as fast while others reset, stall, vanish or burst in.",
    because="One event loop serves them all: what blocks it for one blocks it for everybody.",
)
@pytest.mark.reads(
    optional=[
        "liveness.heartbeat_interval",
        "liveness.heartbeat_timeout",
        "cleanup.sweep_interval",
        "cleanup.farewell",
    ],
)
@pytest.mark.faults(ClientReset(), FinWithoutClose(), StalledReader(), Vanished(), ConnectionBurst())
async def test_while_others_misbehave(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    crowd = await experiment.crowd("talking", CLIENTS)
    await crowd.connect()
    others = await experiment.victims_of(fault, "others", OTHERS)
    if not isinstance(fault, ConnectionBurst):
        await others.connect()
    # They talk while the fault begins, and as much again while it is at work: what only blocks in passing is seen too,
    # and one exchange of each client is more than a hundredth of both together.
    lasts = max(EXCHANGES * GAP, _found_after(fault, contract))
    talking = asyncio.create_task(crowd.exchange(EXCHANGES, gap=GAP))
    async with experiment.inject(fault, others):
        result = await talking + await crowd.exchange(EXCHANGES, gap=lasts / EXCHANGES)
    await experiment.judge(
        RoundTripsWithin(
            wanted=2 * CLIENTS * EXCHANGES,
            sent=result.sent,
            answered=result.answered,
            round_trips=result.round_trips,
            crowd=crowd.name,
            sent_at=result.sent_at,
            start=result.began,
            end=result.ended,
            p99=contract.latency.p99,
        ),
        Undisturbed(crowd=crowd.name),
    )


def _found_after(fault: Fault, contract: SimpleNamespace) -> float:
    """Seconds until the server finds those who died without a word, and has all of them to clean up at once; 0 where
    there is nobody to find.

    As many exchanges are spread over it as otherwise: of more, the few that a stall delays would be no hundredth. Where
    it is minutes they are seconds apart, and only stalls of seconds are seen.
    """
    interval, timeout = contract.liveness.heartbeat_interval, contract.liveness.heartbeat_timeout
    if fault.announced or isinstance(fault, ConnectionBurst) or interval is None or timeout is None:
        return 0.0
    return found_dead(contract).seconds
