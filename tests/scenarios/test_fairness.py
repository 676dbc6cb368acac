"""Fairness: one client's flood does not starve the others, and a lively client is not taken for a flood.

A flood is valid messages without a pause. What is measured is what the others feel of it; a limit on messages is one
way to keep that promise, small turns for each client are another.

Who listens too slowly is delivery's, who sends what is forbidden or never ends survival's: there the others are asked
whether they are served, and not how fast. A network under the flood would only make it a smaller one.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.expectations import FloodAnswered, RoundTripsWithin, SentAtRate, Undisturbed
from chaos.experiment import Experiment
from chaos.faults import FloodingMember

pytestmark = [pytest.mark.chaos]

CLIENTS = 10

EXCHANGES = 20
"""On each client, and more while the flood lasts: of 200 round trips a stall that each meets once is 5 in 100."""

LIVELY = 2
"""Clients that send as much as is promised to everybody."""

LIVELY_FOR = 1.2
"""Seconds that they do so: longer than a limit that is counted by the second."""


@pytest.mark.promise(
    "fairness",
    "others beside a flood",
    expects="While one client sends valid messages as fast as they are taken, the others are answered in time.",
    because="One event loop serves them all: who reads a client until there is nothing left reads one for ever.",
)
@pytest.mark.reads("fairness.p99")
@pytest.mark.faults(FloodingMember())
async def test_others_beside_a_flood(experiment: Experiment, contract: SimpleNamespace, fault: FloodingMember) -> None:
    flooding = await experiment.victims_of(fault, "flooding", 1)
    await flooding.connect()
    crowd = await experiment.crowd("talking", CLIENTS)
    await crowd.connect()
    async with experiment.inject(fault, flooding):
        until = experiment.now() + fault.seconds
        result = await crowd.exchange(1)
        while experiment.now() < until and (result.sent < CLIENTS * EXCHANGES or await flooding.open_count()):
            result += await crowd.exchange(1)
    await experiment.judge(
        RoundTripsWithin(
            wanted=CLIENTS,
            sent=result.sent,
            answered=result.answered,
            round_trips=result.round_trips,
            crowd=crowd.name,
            sent_at=result.sent_at,
            start=result.began,
            end=result.ended,
            p99=contract.fairness.p99,
        ),
        Undisturbed(crowd=crowd.name),
    )


@pytest.mark.promise(
    "fairness",
    "the client that floods",
    expects="Who sends too much is served, or closed with the promised code, and never cut without a word.",
    because="A client that is cut in silence takes it for the network, comes back at once and floods again.",
)
@pytest.mark.reads("fairness.flood_answer")
@pytest.mark.faults(FloodingMember())
async def test_the_client_that_floods(experiment: Experiment, contract: SimpleNamespace, fault: FloodingMember) -> None:
    flooding = await experiment.victims_of(fault, "flooding", 1)
    await flooding.connect()
    async with experiment.inject(fault, flooding):
        await experiment.wait_until_gone(flooding, within=fault.seconds)
    result = await flooding.exchange(1)
    await experiment.judge(
        FloodAnswered(
            crowd=flooding.name,
            answer=contract.fairness.flood_answer,
            sent=result.sent,
            answered=result.answered,
        )
    )


@pytest.mark.promise(
    "fairness",
    "a lively client stays",
    expects="A client that sends as many messages as are promised to everybody, in bursts, gets all its answers.",
    because="The counterpart: a limit that counts too short a time cuts off those who send two things at once.",
)
@pytest.mark.reads("fairness.message_rate")
async def test_a_lively_client_stays(experiment: Experiment, contract: SimpleNamespace) -> None:
    lively = await experiment.crowd("lively", LIVELY)
    await lively.connect()
    rate = contract.fairness.message_rate
    at_once = rate // 10
    sent, until = 0, experiment.now() + LIVELY_FOR
    while (began := experiment.now()) < until:
        sent += (await lively.exchange(at_once, at_once=at_once)).sent
        # From one beginning to the next: sent after the answers, and a pause, they were always fewer.
        await experiment.watch(max(0.0, began + at_once / rate - experiment.now()))
    await experiment.judge(
        Undisturbed(crowd=lively.name), SentAtRate(clients=LIVELY, rate=rate, seconds=LIVELY_FOR, sent=sent)
    )
