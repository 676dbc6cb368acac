"""Recovery: once a fault is gone, service is as before within the declared time.

Of the ways in which many clients die at once two are cells here, the announced and the silent one: which FIN or RST it
was does not matter to those who come after. On a network that loses packets they die by FIN, which is sent again: an
RST that is lost is not, and the server hears of that end by its next ping only. A storm begins with a reset of its own,
so a reset before it is no cell; what it meets besides is a slow network, that of those who stay. A core is kept busy by
what the kernel says of a connection again and again: it has ended, it has failed, it takes nothing; and by timers.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from chaos.bounds import found_dead
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost, CrowdGone, NobodyLeaving
from chaos.crowd.plan import Mode
from chaos.expectations import (
    AsBusyAsBefore,
    ClosedWith,
    RecoveredWithin,
    RoundTripsWithin,
    Undisturbed,
    WorkerReplaced,
)
from chaos.experiment import Crowd, Experiment, Via
from chaos.faults import (
    ClientKilled,
    ClientReset,
    Composed,
    FinWithoutClose,
    Flapping,
    FullBuffers,
    HalfClose,
    HalfOpen,
    Latency,
    PacketLoss,
    Partition,
    ProxyDown,
    ReconnectStorm,
    Reset,
    ServerKilled,
    ServerStopped,
    Vanished,
    WorkerKilled,
    WorkerTerminated,
)
from chaos.faults.base import Fault
from chaos.journal import Bite, ProcessLost
from chaos.units import format_duration

pytestmark = [pytest.mark.chaos, pytest.mark.reads("recovery.within")]

CLIENTS = 20

LIVING = 5
"""Clients that stay while all others come back."""

SLOW = 0.2
"""Seconds by which a slow link delays what the server says to those who stay: whoever waits for each of them shows."""

TALK, PAUSE = 5, 0.2
"""Exchanges of those who stay before it is looked whether the others are back, and seconds between two of them."""

MANY, GAP = 12, 0.1
"""Exchanges of each client while it is read what they cost, and seconds between two: 1.2 s, of which the CPU time that
a server used is known to some 10 ms."""

STORM = 60
"""Clients that come back at once: more than half the places of a small server, so those who are gone must be gone."""


@pytest.mark.promise(
    "recovery",
    "after the network is back",
    expects="Once a broken network is back as many newcomers as it had clients are served in time, beside whatever is "
    "left of those.",
    because="What the dead connections still hold must not stand in the way of the new ones.",
)
@pytest.mark.reads(
    optional=["liveness.heartbeat_interval", "liveness.heartbeat_timeout", "cleanup.sweep_interval", "cleanup.farewell"]
)
@pytest.mark.faults(Partition(), ProxyDown(), Reset(), HalfOpen())
async def test_after_the_network(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    via = Via.LINK if Capability.LINK in fault.needs else Via.DIRECT
    await _served_after(experiment, contract, fault, via=via)


@pytest.mark.promise(
    "recovery",
    "after many clients died",
    expects="When a crowd has died in one instant, announced or not, the next one is served at once.",
    because="They come back together: whatever cleans up behind the dead must not stand in their way.",
)
@pytest.mark.reads(
    optional=["liveness.heartbeat_interval", "liveness.heartbeat_timeout", "cleanup.sweep_interval", "cleanup.farewell"]
)
@pytest.mark.faults(ClientKilled(), Vanished(), Composed(parts=(PacketLoss(), FinWithoutClose())))
async def test_after_a_mass_death(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    await _served_after(experiment, contract, fault, via=Via.DIRECT)


async def _talk_until(over: asyncio.Event, crowd: Crowd) -> None:
    """They talk all along, so that none of them is closed for being silent while the others come back."""
    while not over.is_set():
        if not (await crowd.exchange(TALK, gap=PAUSE)).sent:
            return  # nobody is left to talk


async def _served_after(experiment: Experiment, contract: SimpleNamespace, fault: Fault, *, via: Via) -> None:
    """A crowd is cut off and the next one comes, when the server knows of it.

    Where nothing tells it, the fault lasts until it has found the first of them: it would otherwise be over before the
    server could notice, and the next crowd would meet nothing that was left of it.
    """
    experiment.needs_places(2 * CLIENTS)  # the dead may keep theirs until they are found
    before = await experiment.victims_of(fault, "before", CLIENTS)
    await before.connect()
    interval, timeout = contract.liveness.heartbeat_interval, contract.liveness.heartbeat_timeout
    async with experiment.inject(fault, before) as injection:
        if not fault.announced and injection.receipt.bite is Bite.BIT and interval is not None and timeout is not None:
            # That all are found, and in time, is cleanup's promise.
            bound = found_dead(contract)
            await experiment.wait_until(
                ConnectionsAtMost(experiment.own_connections + CLIENTS - 1), within=bound.seconds + experiment.sampling
            )
    after = await experiment.crowd("after", CLIENTS, via=via)
    await after.connect()
    await experiment.judge(RecoveredWithin(crowd=after.name, count=CLIENTS, limit=contract.recovery.within))


@pytest.mark.promise(
    "recovery",
    "after the server was paused",
    expects="A server that stood still and goes on serves newcomers at once.",
    because="A machine that was migrated or starved comes back to a backlog of everything at once.",
)
@pytest.mark.faults(ServerStopped())
async def test_after_a_pause(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    async with experiment.inject(fault):
        await experiment.watch(contract.recovery.within / 2)
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await experiment.judge(RecoveredWithin(crowd=after.name, count=CLIENTS, limit=contract.recovery.within))


@pytest.mark.promise(
    "recovery",
    "after the server was killed",
    expects="A server that was killed and started again binds its port and serves everyone at once.",
    because="A port that is still taken, or a state file left half-written, turns a crash into an outage.",
)
@pytest.mark.destructive
@pytest.mark.needs(Capability.RESTART)
@pytest.mark.faults(ServerKilled())
@pytest.mark.reads(optional=["recovery.restart_within"])
async def test_after_a_crash(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    limit = contract.recovery.restart_within or contract.recovery.within
    before = await experiment.crowd("before", CLIENTS)
    await before.connect()
    async with experiment.inject(fault, before):
        started = await experiment.restart_server()
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await experiment.judge(RecoveredWithin(crowd=after.name, count=CLIENTS, limit=limit, since=started))


NEWCOMERS = 4
"""Who come, one after the other, look who serves them, and go again, until a new worker does."""

NEXT = 0.1
"""Seconds between two such crowds."""


@pytest.mark.promise(
    "recovery",
    "after one of several workers died",
    expects="One worker's end costs its own clients alone, and another one serves in its place in time.",
    because="A master that does not replace its workers loses them one by one, and looks well until the last.",
)
@pytest.mark.reads("recovery.worker_within", optional=["closing.shutdown_code", "closing.shutdown_within"])
@pytest.mark.destructive
@pytest.mark.fresh  # one worker that an earlier crash has left would look like a server that never had another
@pytest.mark.faults(WorkerKilled(), WorkerTerminated())
async def test_after_a_worker_died(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    limit = contract.recovery.worker_within
    experiment.needs_places(CLIENTS + NEWCOMERS)
    inside = await experiment.victims_of(fault, "inside", CLIENTS)
    await inside.connect_apart()
    await experiment.needs_workers(inside)
    came: list[str] = []
    async with experiment.inject(fault, inside) as injection:
        lost = (await experiment.record()).journal.last(ProcessLost)
        new = False
        # Twice the bound: one that is only late is told from one that never comes.
        while lost is not None and not new and experiment.now() < injection.since + 2 * limit:
            newcomers = await experiment.crowd(f"newcomers {len(came) + 1}", NEWCOMERS)
            await newcomers.connect(mode=Mode.SEQUENTIAL)
            came.append(newcomers.name)
            new = not {lost.pid, *lost.left}.issuperset((await experiment.note_holders(newcomers)).held.values())
            await newcomers.close()
            await experiment.watch(NEXT)
        heard = (
            [] if lost is None or isinstance(fault, WorkerKilled) else await _told(experiment, contract, inside, lost)
        )
    result = await inside.exchange(1)
    await experiment.judge(
        WorkerReplaced(
            crowd=inside.name, sent=result.sent, answered=result.answered, newcomers=tuple(came), limit=limit
        ),
        *heard,
    )


async def _told(
    experiment: Experiment, contract: SimpleNamespace, inside: Crowd, lost: ProcessLost
) -> list[ClosedWith]:
    """Where it is promised what clients hear at a shutdown, those of a worker that is told to end hear it too."""
    promised = contract.closing
    if promised.shutdown_within is None:
        return []
    # Twice the bound: one that is only late is told from one that is never closed.
    within = max(0.0, lost.since + 2 * promised.shutdown_within - experiment.now())
    await experiment.wait_until(CrowdGone(inside.name, left=inside.count - len(lost.clients)), within=within)
    await experiment.wait_until(NobodyLeaving(inside.name), within=2 * inside.close_timeout)
    return [
        ClosedWith(
            crowd=inside.name,
            codes=(promised.shutdown_code,),
            why="at shutdown",
            only=lost.clients,
            within=promised.shutdown_within,
            since=lost.since,
        )
    ]


@pytest.mark.promise(
    "recovery",
    "as calm as before",
    expects="For the same clients the server needs no more of its core than before, while others misbehave and once it "
    "has had its time to recover.",
    because="What is due again at once, or readable for good, keeps a core busy, and nobody misses it until the last.",
)
@pytest.mark.needs(Capability.PROCESS_PROBE)
@pytest.mark.waits
@pytest.mark.fresh  # who ended their connections before would have made it as busy already
@pytest.mark.faults(HalfClose(), ClientReset(), FullBuffers(), Vanished(), ServerStopped())
async def test_as_calm_as_before(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    within = contract.recovery.within
    experiment.needs_places(2 * CLIENTS)
    others = await experiment.victims_of(fault, "others", CLIENTS)
    await others.connect()
    before = await _talked(experiment, "before")
    meanwhile = None
    async with experiment.inject(fault, others):
        if isinstance(fault, ServerStopped):
            await experiment.watch(within / 2)
        else:
            meanwhile = await _talked(experiment, "meanwhile")
    await experiment.watch(within)
    afterwards = await _talked(experiment, "afterwards")
    judged = {
        f"while others were under {fault.label}": meanwhile,
        f"{format_duration(within)} after {fault.label} had healed": afterwards,
    }
    await experiment.judge(
        *(AsBusyAsBefore(before=before, again=again, when=when) for when, again in judged.items() if again is not None)
    )


async def _talked(experiment: Experiment, when: str) -> tuple[float, float]:
    """Some clients come, talk and go again; from when to when they talked, seconds monotonic."""
    talking = await experiment.crowd(f"talking {when}", CLIENTS)
    await talking.connect()
    result = await talking.exchange(MANY, gap=GAP)
    await talking.close()
    return result.began, result.ended


@pytest.mark.promise(
    "recovery",
    "after a link that flapped",
    expects="Clients that were cut again and again, and came back each time, are served; what they left is released.",
    because="Each time everybody comes back while the server is busy with those who went: one outage makes the next.",
)
@pytest.mark.reads("cleanup.closed_within")
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(Flapping())
async def test_after_flapping(experiment: Experiment, contract: SimpleNamespace, fault: Flapping) -> None:
    experiment.needs_places((fault.times + 1) * CLIENTS)  # it may hold those of every time until it has let go of them
    settles = contract.cleanup.closed_within
    crowd = await experiment.victims_of(fault, "cut and back", CLIENTS)
    await crowd.connect()
    remaining = crowd.count + experiment.own_connections
    async with experiment.inject(fault, crowd):
        pass
    await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * settles + experiment.sampling)
    result = await crowd.exchange(1)
    after = await experiment.crowd("after", 5, via=Via.LINK)
    await after.connect()
    agree = await experiment.told_as(await experiment.sample(), within=settles)
    await experiment.judge(
        RecoveredWithin(crowd=after.name, count=after.count, limit=contract.recovery.within),
        RoundTripsWithin(
            wanted=CLIENTS,
            sent=result.sent,
            answered=result.answered,
            round_trips=result.round_trips,
            crowd=crowd.name,
            sent_at=result.sent_at,
            p99=contract.recovery.within,
        ),
        *agree,
    )


@pytest.mark.promise(
    "recovery",
    "after a reconnect storm",
    expects="When all are cut off at once and come back at once, all are in again in time, and the others stay.",
    because="One network that changes sends everybody at once: who is turned away comes again, with all the others.",
)
@pytest.mark.faults(ReconnectStorm(), Composed(parts=(Latency(delay=SLOW), ReconnectStorm())))
async def test_after_a_reconnect_storm(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    # Where the link is slow it is for those who stay: the storm comes on a way of its own.
    way = Via.LINK if Capability.LINK in fault.needs else Via.DIRECT
    living = await experiment.crowd("living", LIVING, via=way)
    await living.connect()
    size = experiment.some(experiment.fitting(STORM + LIVING) - LIVING)
    everyone = await experiment.victims_of(fault, "everyone", size)
    await everyone.connect()
    over = asyncio.Event()
    talking = asyncio.create_task(_talk_until(over, living))
    try:
        async with experiment.inject(fault, everyone) as injection:
            result = await everyone.exchange(1)
    finally:
        over.set()
        await talking
    await experiment.judge(
        RecoveredWithin(
            crowd=everyone.name, count=everyone.count, limit=contract.recovery.within, since=injection.since
        ),
        RoundTripsWithin(
            wanted=result.sent,
            sent=result.sent,
            answered=result.answered,
            round_trips=result.round_trips,
            crowd=everyone.name,
            sent_at=result.sent_at,
            p99=contract.recovery.within,
        ),
        Undisturbed(crowd=living.name),
    )
