"""Bounded memory: what a client costs while it is there has a bound, whatever it does, and is given back after it.

Costs are slopes over crowds that grow: a process keeps of the kernel's memory what it once had, so each crowd has to be
larger than all before it. Thousands of fragments, oversize messages and floods of control frames are one client's each:
they are held against the memory of all in `test_survival.py`, with their answers. A listener that stops is in
`test_delivery.py`; a soak watches all of it for hours.

A network does nothing to what is held for a client but change how many messages are on their way, and each of those has
a bound of its own. The ways to leave are leak-free's; what is given back is asked after the good-bye, which has a
handler to the end, and after the reset, which has none.

A handler that is slower than its client is that of a slow reader: it waits for room for its answer, and what is sent
meanwhile has to wait outside.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost
from chaos.expectations import CostsAtMost, GivenBack
from chaos.experiment import Experiment, NotJudged, needs_compression
from chaos.faults import ClientReset, FloodingMember, SlowLoris
from chaos.faults.base import Fault
from chaos.journal import Bite, Outcome
from chaos.stats import MOST_POINTS

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.waits,
    pytest.mark.fresh,  # what an earlier client has cost, and left free, would hide what these cost
    pytest.mark.needs(Capability.SOCKET_PROBE, Capability.PROCESS_PROBE),
]

SIZES = 14
"""Sizes of the crowds, two more than make a slope: one that a machine's moment has spoilt does not matter."""

CLIENTS = 70
"""Of the largest crowd of those who only are there: five more each time."""

READERS = 20
"""Sizes of the crowds of slow readers, from one reader on: what each costs depends on how far the server gets with it,
and the interval of a slope over 12 such points was twice as wide as its value."""

UNREAD = FloodingMember(messages=400, seen=20, digits=4_000)
"""By each client that reads no answer: 1.6 MB of messages, twice what a server with a bound was seen to take. Its
kernel takes 20, 80 kB, where it reads none."""

WARM_UP = 24
"""Waves that are not looked at: a fresh reference took 0.9 MB more with each of them, and then 0.02 MB."""

WAVE = 30
"""Clients that come and go at once: with compression on each costs 60 kB to 0.3 MB, which is seen among the noise."""


@pytest.mark.promise(
    "bounded_memory",
    "a connection's cost",
    expects="Each more client that is inside, and has said something, costs no more than a promised amount of memory.",
    because="What one costs decides how many a machine holds; with ten of them nobody looks.",
)
@pytest.mark.reads("bounded_memory.per_connection")
async def test_cost_of_a_connection(experiment: Experiment, contract: SimpleNamespace) -> None:
    await _add_clients(experiment, compression=False)
    await experiment.judge(CostsAtMost(margin=contract.bounded_memory.per_connection, what="connection"))


@pytest.mark.promise(
    "bounded_memory",
    "a compressed connection's cost",
    expects="With compression agreed on a connection stays within the same amount.",
    because="Each direction keeps a window and its tables: 0.3 MB where nobody has limited them, beside 30 kB without.",
)
@pytest.mark.reads("bounded_memory.per_connection")
async def test_cost_of_a_compressed_connection(experiment: Experiment, contract: SimpleNamespace) -> None:
    await _add_clients(experiment, compression=True)
    await experiment.judge(CostsAtMost(margin=contract.bounded_memory.per_connection, what="compressed connection"))


@pytest.mark.promise(
    "bounded_memory",
    "a slow reader's cost",
    expects="A client that sends on and reads no answer costs no more than a promised amount of memory.",
    because="Who does not read is not read either, or its answers pile up, or its messages before a busy handler.",
)
@pytest.mark.slow  # 20 crowds, each until the server has given its clients up: 30 to 100 s
@pytest.mark.reads("bounded_memory.per_slow_reader")
@pytest.mark.steps(READERS, patience=2)
@pytest.mark.faults(UNREAD)
async def test_cost_of_a_slow_reader(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    most = experiment.fitting(READERS)
    for wave, count in enumerate(_sizes(most, number=READERS), start=1):
        crowd = await experiment.victims_of(fault, f"readers {wave}", count)
        await crowd.connect()
        since = experiment.now()
        await crowd.act("stall")
        async with experiment.inject(fault, crowd):
            # Until the server has had enough of them, or time to read all that it will.
            await experiment.wait_until(ConnectionsAtMost(experiment.own_connections), within=experiment.patience)
            await experiment.record_held(count, wave=wave, since=since)
        await crowd.close()
        await experiment.wait_until(ConnectionsAtMost(experiment.own_connections), within=experiment.patience)
    await experiment.judge(CostsAtMost(margin=contract.bounded_memory.per_slow_reader, what="slow reader"))


@pytest.mark.promise(
    "bounded_memory",
    "a half-made handshake's cost",
    expects="A request that is never complete costs no more than a promised amount of memory.",
    because="Whoever is not inside yet is counted by no limit: what they cost is bounded by each one's cost alone.",
)
@pytest.mark.slow  # 14 crowds, each until its requests are given up: 25 to 40 s
@pytest.mark.reads("bounded_memory.per_half_made", "survival.header_timeout")
@pytest.mark.steps(SIZES, "survival.header_timeout", times=2)
@pytest.mark.faults(SlowLoris())
async def test_cost_of_a_half_made_handshake(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.survival.header_timeout
    for wave, count in enumerate(_sizes(4 * SIZES), start=1):
        since = experiment.now()
        async with experiment.inject(SlowLoris(crowd=count, answer_within=promised)):
            pass
        # Once all have been ended: what the kernel has acknowledged, the server may not have got to.
        await experiment.record_held(count, wave=wave, since=since)
    await experiment.judge(CostsAtMost(margin=contract.bounded_memory.per_half_made, what="half-made handshake"))


@pytest.mark.promise(
    "bounded_memory",
    "given back after a mass disconnect",
    expects="What a crowd with compression on has cost is there for the next one, when all of it has gone at once.",
    because="Windows that outlive their connection are up to 0.3 MB each: some thousand of them end the process.",
)
@pytest.mark.slow  # 36 waves at least: 25 to 60 s
@pytest.mark.reads("bounded_memory.given_back", "cleanup.closed_within")
@pytest.mark.steps(WARM_UP + MOST_POINTS, "cleanup.closed_within", times=10)
@pytest.mark.faults(None, ClientReset())
async def test_given_back(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    given_back = GivenBack(share=contract.bounded_memory.given_back, warm_up=WARM_UP)
    count = experiment.fitting(WAVE)
    await experiment.record_held(0, wave=0, since=experiment.now())
    async for wave in experiment.rounds([given_back], warm_up=WARM_UP):
        crowd = await experiment.crowd(f"wave {wave}", count, compression=True)
        since = experiment.now()
        attempts = await crowd.connect()
        needs_compression(attempts)
        await crowd.exchange(2)
        inside = sum(attempt.outcome is Outcome.OPEN for attempt in attempts)
        await experiment.record_held(inside, wave=wave, since=since)
        async with experiment.inject(fault, crowd) as injection:
            if injection.receipt.bite is not Bite.BIT:
                await crowd.close()
            await experiment.wait_until(
                ConnectionsAtMost(experiment.own_connections), within=10 * contract.cleanup.closed_within
            )
    await experiment.judge(given_back)


async def _add_clients(experiment: Experiment, *, compression: bool) -> None:
    """Clients come, a few more each time, and stay; after each time it is read what the server holds."""
    each = max(1, experiment.fitting(CLIENTS) // SIZES)
    experiment.needs_places(SIZES)
    # All of them first, and each exchange as part of getting in: the last should be there before the first is too old.
    crowds = [await experiment.crowd(f"clients {wave}", each, compression=compression) for wave in range(1, SIZES + 1)]
    for wave, crowd in enumerate(crowds, start=1):
        attempts = await crowd.connect()
        if compression:
            needs_compression(attempts)
        inside = await _inside(experiment)
        if inside < wave * each:
            # On a busy machine the first have reached their age all the same, and the crowds would grow no more.
            others = await experiment.crowd(f"others {wave}", wave * each - inside, compression=compression)
            await others.connect()
            inside = await _inside(experiment)
        await experiment.record_held(inside, wave=wave, since=experiment.now())


async def _inside(experiment: Experiment) -> int:
    return (await experiment.sample()).connections - experiment.own_connections


def _sizes(most: int, *, number: int = SIZES) -> range:
    """Sizes of so many growing crowds. Raises NotJudged where there is no room for them."""
    if most < number:
        raise NotJudged(f"crowds of {number} sizes are needed, and there are places for {most} clients")
    step = most // number
    return range(step, step * number + 1, step)
