"""Pressure: a server that runs short of something stays with those it has, and is whole again afterwards.

What measures how fast it is meanwhile runs alone. That is asked while CPU is short, which slows everything down; files,
memory and a disk are there or not, and a server that waits for them waits for good: what is asked is whether those
inside are still pinged, and for files and disk that no core is spent on trying.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.bounds import found_dead
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost
from chaos.expectations import (
    DoesNotSpin,
    Established,
    LogsLittle,
    PingedAtPeriod,
    RecoveredWithin,
    RejectedGracefully,
    ReleasedWithin,
    RoundTripsWithin,
    ShortageLasted,
    Undisturbed,
)
from chaos.experiment import Experiment
from chaos.faults import CpuQuota, DiskFull, FdLimit, MemoryLimit, SilentClient
from chaos.faults.base import Fault
from chaos.units import format_duration

pytestmark = [pytest.mark.chaos]

CLIENTS = 10

DEAD = 10
"""Peers that die: enough to tell one that was forgotten from all of them."""

EXCHANGES = 12
"""On each client, spread over `TALKING`: of 120 round trips one that takes too long is no hundredth, two are."""

TALKING = 2.8
"""Seconds that they are spread over: 28 periods in which the CPU is used up, and gaps that meet each part of one.

A disk is full for as long: with exchanges as fast as they could be had it was for 0.05 s, and a server that dies of
what it writes then was held.
"""

TALKS = 3
"""Exchanges of each client of a full house: what is kept of messages, or grows with the second, is there by then."""

PERIODS = 3
"""Heartbeats under the shortage: the second says whether it goes on, the third whether it still keeps its period."""


async def _pinged_under(experiment: Experiment, contract: SimpleNamespace, fault: Fault, *, when: str) -> None:
    """Those who are in are pinged at their period while something else is short; no core is burned for it, and no log
    is filled with it."""
    interval = contract.liveness.heartbeat_interval
    crowd = await experiment.crowd("pinged", CLIENTS, trace=True)
    await crowd.connect()
    async with experiment.inject(fault):
        known = await experiment.note_logged()
        await experiment.watch(PERIODS * interval)
        until = experiment.now()
        await experiment.note_logged()
    await experiment.judge(
        PingedAtPeriod(crowd=crowd.name, interval=interval, until=until),
        Undisturbed(crowd=crowd.name),
        DoesNotSpin(fault.name, when),
        *([LogsLittle(fault.name, when)] if known else []),
    )


@pytest.mark.waits
@pytest.mark.promise(
    "pressure",
    "those inside while files are short",
    expects="Clients that are in are pinged at their period while the server can open no more files; it neither spins "
    "nor fills its log.",
    because="They need no file: only an accept loop that tries again at once, or one that dies of EMFILE, hurts them.",
)
@pytest.mark.reads("liveness.heartbeat_interval")
@pytest.mark.faults(FdLimit())
async def test_heartbeat_without_files(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    await _pinged_under(experiment, contract, fault, when="while it can open no more files")


@pytest.mark.waits
@pytest.mark.promise(
    "pressure",
    "service after files were short",
    expects="Once the server may open files again newcomers are served, without a restart.",
    because="An accept loop that ended at its first EMFILE leaves a server that looks alive and takes nobody.",
)
@pytest.mark.reads("recovery.within")
@pytest.mark.faults(FdLimit())
async def test_after_files_were_short(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    before = await experiment.crowd("before", CLIENTS)
    await before.connect()
    async with experiment.inject(fault):
        await experiment.watch(contract.recovery.within / 4)
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await experiment.judge(
        RecoveredWithin(crowd=after.name, count=CLIENTS, limit=contract.recovery.within),
        Undisturbed(crowd=before.name),
    )


@pytest.mark.waits
@pytest.mark.promise(
    "pressure",
    "heartbeat while the disk is full",
    expects="Clients that are in stay, and are pinged at their period, while nothing more can be written to the disk; "
    "the server neither spins nor fills its log.",
    because="A line of a log that cannot be written is worth nothing to them: who tries it again until it can, or dies "
    "of it, ends them for it.",
)
@pytest.mark.reads("liveness.heartbeat_interval")
@pytest.mark.faults(DiskFull())
async def test_heartbeat_without_disk(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    await _pinged_under(experiment, contract, fault, when="while it can write nothing to its disk")


@pytest.mark.promise(
    "pressure",
    "newcomers while the disk is full",
    expects="Newcomers are let in and answered while nothing more can be written to the disk, and after it.",
    because="Who notes each that comes before letting it in turns everybody away for want of a note.",
)
@pytest.mark.reads("establishment.within", "establishment.success_ratio", "recovery.within")
@pytest.mark.faults(DiskFull())
async def test_newcomers_without_disk(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    experiment.needs_places(2 * CLIENTS)
    newcomers = await experiment.crowd("newcomers", CLIENTS)
    async with experiment.inject(fault):
        await newcomers.connect()
        await newcomers.exchange(EXCHANGES, gap=TALKING / EXCHANGES)
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await experiment.judge(
        Established(
            crowd=newcomers.name,
            count=CLIENTS,
            within=contract.establishment.within,
            success_ratio=contract.establishment.success_ratio,
        ),
        RecoveredWithin(crowd=after.name, count=CLIENTS, limit=contract.recovery.within),
        Undisturbed(crowd=newcomers.name),
    )


@pytest.mark.promise(
    "pressure",
    "answers while CPU is short",
    expects="With the CPU that it says it needs, and no more, a server answers, late by no more than it says.",
    because="What does its work at a fixed period, whatever there is to do it with, has nothing left for its clients.",
)
@pytest.mark.reads("pressure.cpu_share", "pressure.cpu_delay", "latency.p99")
@pytest.mark.faults(CpuQuota())
async def test_answers_without_cpu(experiment: Experiment, contract: SimpleNamespace, fault: CpuQuota) -> None:
    promised = contract.pressure
    experiment.needs_places(CLIENTS + fault.newcomers)
    crowd = await experiment.crowd("talking", CLIENTS)
    await crowd.connect()
    async with experiment.inject(replace(fault, share=promised.cpu_share)):
        result = await crowd.exchange(EXCHANGES, gap=TALKING / EXCHANGES)
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
            p99=contract.latency.p99 + promised.cpu_delay,
            why=f"of which {format_duration(promised.cpu_delay)} for the shortage",
        ),
        Undisturbed(crowd=crowd.name),
        ShortageLasted(fault.name),
    )


@pytest.mark.waits
@pytest.mark.promise(
    "pressure",
    "heartbeat while CPU is short",
    expects="With the CPU that it says it needs, and no more, a server pings everybody, late by no more than it says.",
    because="A heartbeat that leaves out what it is late for leaves all of it out while it is always late.",
)
@pytest.mark.reads("pressure.cpu_share", "pressure.cpu_delay", "liveness.heartbeat_interval")
@pytest.mark.faults(CpuQuota())
async def test_heartbeat_without_cpu(experiment: Experiment, contract: SimpleNamespace, fault: CpuQuota) -> None:
    experiment.needs_places(CLIENTS + fault.newcomers)
    interval = contract.liveness.heartbeat_interval + contract.pressure.cpu_delay
    crowd = await experiment.crowd("pinged", CLIENTS, trace=True)
    await crowd.connect()
    async with experiment.inject(replace(fault, share=contract.pressure.cpu_share)):
        await experiment.watch(PERIODS * interval)
        until = experiment.now()
    await experiment.judge(
        PingedAtPeriod(crowd=crowd.name, interval=interval, until=until),
        Undisturbed(crowd=crowd.name),
        ShortageLasted(fault.name),
    )


@pytest.mark.waits
@pytest.mark.promise(
    "pressure",
    "dead peers while CPU is short",
    expects="With little CPU a server still finds its dead peers and releases them; nobody who lives is taken for one.",
    because="Clean-up is what is put off first, and then there are more and more to clean up with less and less.",
)
@pytest.mark.reads(
    "pressure.cpu_share",
    "pressure.cpu_delay",
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    optional=["cleanup.sweep_interval", "cleanup.farewell"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.TCP_TRUE)
@pytest.mark.faults(CpuQuota())
async def test_dead_peers_without_cpu(experiment: Experiment, contract: SimpleNamespace, fault: CpuQuota) -> None:
    experiment.needs_places(CLIENTS + DEAD + fault.newcomers)
    short = replace(fault, share=contract.pressure.cpu_share)
    await _found_under(experiment, contract, short, delay=contract.pressure.cpu_delay)


@pytest.mark.waits
@pytest.mark.promise(
    "pressure",
    "dead peers while files are short",
    expects="While the server can open no more files it finds its dead peers and releases them, in time.",
    because="It is they who hold the files: what takes one to clean up behind them never comes to an end of it.",
)
@pytest.mark.reads(
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    optional=["cleanup.sweep_interval", "cleanup.farewell"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.TCP_TRUE)
@pytest.mark.faults(FdLimit())
async def test_dead_peers_without_files(experiment: Experiment, contract: SimpleNamespace, fault: FdLimit) -> None:
    await _found_under(experiment, contract, fault)


@pytest.mark.waits
@pytest.mark.promise(
    "pressure",
    "dead peers of a full house while memory is short",
    expects="Half of all that it promises places for die in one instant, and a server with no more memory than these "
    "take finds and releases them; the other half is served on.",
    because="Cleaning up takes memory as well, the more the more there is to do: it must not take what is not there.",
)
@pytest.mark.reads(
    "pressure.memory_spare",
    "rejection.max_connections",
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    optional=["cleanup.sweep_interval", "cleanup.farewell"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.TCP_TRUE)
@pytest.mark.faults(MemoryLimit())
async def test_dead_peers_without_memory(experiment: Experiment, contract: SimpleNamespace, fault: MemoryLimit) -> None:
    half = experiment.fitting(contract.rejection.max_connections) // 2
    short = replace(fault, spare=contract.pressure.memory_spare)
    await _found_under(experiment, contract, short, living=half, dead=half)


async def _found_under(
    experiment: Experiment,
    contract: SimpleNamespace,
    shortage: Fault,
    *,
    delay: float = 0.0,
    living: int = CLIENTS,
    dead: int = DEAD,
) -> None:
    """Silent peers are released while something is short, `delay` seconds later than else; everybody else stays.

    All of them have come before files are short. What memory they take counts as what they are promised to have.
    """
    bound = found_dead(contract)
    inside = await experiment.crowd("living", living)
    dying = await experiment.crowd("dying", dead)
    limit, remaining = bound.seconds + delay, inside.count + experiment.own_connections
    death = SilentClient()
    before, under_it = ((), (inside, dying)) if isinstance(shortage, MemoryLimit) else ((inside, dying), ())
    for crowd in before:
        await crowd.connect()
    async with experiment.inject(shortage):
        for crowd in under_it:
            await crowd.connect()
        async with experiment.inject(death, dying):
            await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * limit + experiment.sampling)
    for_it = f" + shortage {format_duration(delay)}" if delay else ""
    await experiment.judge(
        ReleasedWithin(
            dead=dead,
            remaining=remaining,
            limit=limit,
            why=f"{bound.why}{for_it}",
            fault=death.name,
            of_deaths=False,
        ),
        Undisturbed(crowd=inside.name),
        *([ShortageLasted(shortage.name)] if isinstance(shortage, CpuQuota) else []),
    )


@pytest.mark.waits
@pytest.mark.promise(
    "pressure",
    "service after CPU was short",
    expects="Once the server has its CPU back newcomers are served at once, and those it had are still there.",
    because="Overload is told by lateness: who never takes that back turns everybody away for a shortage of minutes.",
)
@pytest.mark.reads("recovery.within", "pressure.cpu_share")
@pytest.mark.faults(CpuQuota())
async def test_after_cpu_was_short(experiment: Experiment, contract: SimpleNamespace, fault: CpuQuota) -> None:
    experiment.needs_places(2 * CLIENTS + fault.newcomers)
    before = await experiment.crowd("before", CLIENTS)
    await before.connect()
    async with experiment.inject(replace(fault, share=contract.pressure.cpu_share)):
        await experiment.watch(contract.recovery.within / 2)
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await experiment.judge(
        RecoveredWithin(crowd=after.name, count=CLIENTS, limit=contract.recovery.within),
        Undisturbed(crowd=before.name),
        ShortageLasted(fault.name),
    )


@pytest.mark.promise(
    "pressure",
    "a full house while memory is short",
    expects="All that it promises places for fit into the memory that it says they take: nobody is cut or killed.",
    because="What is kept for each client ends the server of all of them in a container that was cut to size.",
)
@pytest.mark.reads(
    "pressure.memory_spare",
    "rejection.max_connections",
    "establishment.within",
    "establishment.success_ratio",
    "recovery.within",
)
@pytest.mark.faults(MemoryLimit())
async def test_full_house_without_memory(experiment: Experiment, contract: SimpleNamespace, fault: MemoryLimit) -> None:
    count = experiment.fitting(contract.rejection.max_connections)
    everyone = await experiment.crowd("everyone", count)
    async with experiment.inject(replace(fault, spare=contract.pressure.memory_spare)):
        await everyone.connect()
        await everyone.exchange(TALKS)
    await everyone.close()
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await experiment.judge(
        Established(
            crowd=everyone.name,
            count=count,
            within=contract.establishment.within,
            success_ratio=contract.establishment.success_ratio,
        ),
        RecoveredWithin(crowd=after.name, count=CLIENTS, limit=contract.recovery.within),
        Undisturbed(crowd=everyone.name),
    )


@pytest.mark.promise(
    "pressure",
    "newcomers while memory is short",
    expects="With less memory left than it says nobody is let in, however many places are free; those inside stay.",
    because="A limit by number was worked out for clients that take what they took that day. It is the kernel that "
    "counts, and it turns nobody away: it ends the server.",
)
@pytest.mark.reads(
    "pressure.memory_reserve",
    "rejection.max_connections",
    "rejection.answer",
    "rejection.within",
    "rejection.retry_after",
    "establishment.within",
    "establishment.success_ratio",
    "recovery.within",
)
@pytest.mark.faults(MemoryLimit())
async def test_newcomers_without_memory(experiment: Experiment, contract: SimpleNamespace, fault: MemoryLimit) -> None:
    promised = contract.rejection
    experiment.needs_places(3 * CLIENTS)
    inside = await experiment.crowd("inside", CLIENTS)
    await inside.connect()
    newcomers = await experiment.crowd("newcomers", CLIENTS)
    async with experiment.inject(replace(fault, spare=contract.pressure.memory_reserve // 2)):
        await newcomers.connect()
        await inside.exchange(TALKS)
    # A server may hold its door for a while, so as not to flap.
    await experiment.watch(contract.recovery.within)
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await experiment.judge(
        RejectedGracefully(
            crowd=newcomers.name,
            free=0,
            answer=promised.answer,
            within=promised.within,
            retry_after=promised.retry_after,
            short="memory",
        ),
        Undisturbed(crowd=inside.name),
        Established(
            crowd=after.name,
            count=CLIENTS,
            within=contract.establishment.within,
            success_ratio=contract.establishment.success_ratio,
        ),
    )
