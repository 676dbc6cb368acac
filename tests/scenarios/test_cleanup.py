"""Cleanup: whatever way a connection ends, the server notices in time and gives back everything it held.

Of the partitions those of one direction are cells here: to a server, one of both directions is a peer that vanished.

What an RST has ended is gone from the kernel's list of sockets whatever the server does. What it keeps of that shows in
its files, its processes, its tasks and its own count; where none of these can be read nobody judges such an end.
"""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace

import pytest

from chaos.bounds import Bound, found_dead
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost, FilesAtMost, ProcessesAtMost, StatisticsAtMost
from chaos.expectations import (
    DatabaseSessionsGivenBack,
    Expectation,
    FilesGivenBack,
    ProcessesGivenBack,
    ReleasedEachTime,
    ReleasedWithin,
    TasksGivenBack,
    Undisturbed,
)
from chaos.experiment import Crowd, Experiment, NotJudged, Via
from chaos.experiment.phases import phases
from chaos.faults import (
    Churn,
    ClientKilled,
    ClientReset,
    Composed,
    CrashMidFrame,
    CrashMidMessage,
    FinWithoutClose,
    FullBuffers,
    HalfClose,
    HalfOpen,
    InjectedReset,
    Latency,
    Partition,
    PartitionToClient,
    PartitionToServer,
    ProxyDown,
    Reset,
    SilentClient,
    SlowClose,
    SocketKilled,
    StalledReader,
    Timeout,
    TlsTruncated,
    Truncated,
    Vanished,
)
from chaos.faults.base import Fault
from chaos.faults.churn import ENDS
from chaos.journal import Sample
from chaos.units import format_duration

pytestmark = [pytest.mark.chaos, pytest.mark.waits]

DEAD = 10
"""Peers that die: enough to tell one that was forgotten from all of them."""

MOMENTS = 10
"""In which peers die, everywhere between two pings and two sweeps."""

TOGETHER = 3
"""Peers that die in one of them."""

LIVING = 5
"""Clients that stay."""

GUESTS = 24
"""Clients that come and go, half of them at a time: each of the six ways to go is gone twice in a turn."""

SLOW = 0.2
"""Seconds by which a slow link delays what the server says: four times a link to another continent, so that a server
notices."""

TALK = 10
"""Exchanges of each client that stays while they come and go."""

READINGS = 10
"""Of the sessions in use: one that is taken for a question every now and then is not in all of them."""


@pytest.mark.promise(
    "cleanup",
    "dead peers are released",
    expects="Connections whose peer died without a word are found and released in time; everyone else stays.",
    because="A laptop lid that closes sends nothing at all: only a heartbeat, a timeout and a sweep find it.",
)
@pytest.mark.reads(
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    optional=["cleanup.sweep_interval", "cleanup.farewell", "cleanup.closed_within"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(
    Vanished(), PartitionToServer(), PartitionToClient(), SilentClient(), StalledReader(), FullBuffers(), HalfOpen()
)
async def test_dead_peers_are_released(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    bound = found_dead(contract)
    # Where it is not promised when the server lets go of what was closed, it may take as long as to find the dead.
    await _released(experiment, fault, bound, settles=contract.cleanup.closed_within or bound.seconds)


@pytest.mark.promise(
    "cleanup",
    "dead peers are released whenever they die",
    expects="At whatever moment between two pings and two sweeps peers die, they are found and released in time.",
    because="The bound is about the unlucky ones, who die just after a pong and are due just after a sweep.",
)
@pytest.mark.slow  # a moment lasts until the dead are found, 1.2 s in the fast profile, and there are ten: 16 s
@pytest.mark.reads(
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    optional=["cleanup.sweep_interval", "cleanup.farewell"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.steps(
    MOMENTS,
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    "cleanup.sweep_interval",
    "cleanup.farewell",
    times=5,
    patience=2,
)
@pytest.mark.faults(Vanished(), PartitionToServer(), PartitionToClient(), SilentClient(), StalledReader(), HalfOpen())
async def test_dead_peers_are_released_whenever_they_die(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    promised, bound = contract.liveness, found_dead(contract)
    remaining = experiment.own_connections
    turn = promised.heartbeat_interval + (contract.cleanup.sweep_interval or 0.0)
    for moment, phase in zip(range(MOMENTS), phases(), strict=False):
        dying = await _who_will_die(experiment, fault, f"dying-{moment}", TOGETHER)
        # So long after a sweep, which has just found those of the moment before, and after they came: from then on a
        # server may count its pings.
        await experiment.watch(turn * phase)
        async with experiment.inject(fault, dying):
            await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * bound.seconds + experiment.sampling)
        await experiment.wait_until(ConnectionsAtMost(remaining), within=bound.seconds)
    await experiment.judge(
        ReleasedEachTime(dead=TOGETHER, remaining=remaining, limit=bound.seconds, why=bound.why, times=MOMENTS)
    )


@pytest.mark.promise(
    "cleanup",
    "dead peers among slow ones",
    expects="On a slow network the dead are found as soon as on a fast one, and the living stay, however slow.",
    because="A server that is patient with a slow network may forget its dead, and one that is not cuts the living.",
)
@pytest.mark.reads(
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    optional=["cleanup.sweep_interval", "cleanup.farewell", "cleanup.closed_within"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(
    Composed(parts=(Latency(delay=SLOW), Vanished())), Composed(parts=(Latency(delay=SLOW), SilentClient()))
)
async def test_dead_peers_among_slow_ones(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    if contract.liveness.heartbeat_timeout < 2 * SLOW:
        raise NotJudged(f"a link as slow as {format_duration(SLOW)} leaves a pong no time within the heartbeat timeout")
    bound = found_dead(contract)
    # Whoever lives is on the slow link: those who die need none.
    settles = contract.cleanup.closed_within or bound.seconds
    await _released(experiment, fault, bound, settles=settles, via=Via.LINK)


@pytest.mark.promise(
    "cleanup",
    "ended connections are released",
    expects="Connections that ended with a FIN or RST are released in time; everyone else stays.",
    because="The kernel tells the server, and it has to listen: one way out that forgets is a leak by every reset.",
)
@pytest.mark.reads("cleanup.closed_within")
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(
    ClientReset(),
    FinWithoutClose(),
    HalfClose(),
    CrashMidFrame(),
    CrashMidMessage(),
    ClientKilled(),
    InjectedReset(),
    SocketKilled(),
    Reset(),
    ProxyDown(),
    SlowClose(),
    Timeout(),
    Truncated(),
    TlsTruncated(),
)
async def test_ended_connections_are_released(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    bound = Bound(contract.cleanup.closed_within, "a FIN or RST reached it")
    await _released(experiment, fault, bound, settles=bound.seconds)


async def _who_will_die(experiment: Experiment, fault: Fault, name: str, count: int) -> Crowd:
    """Victims that are inside; whom a partition will leave able to talk says nothing any more."""
    dying = await experiment.victims_of(fault, name, count)
    await dying.connect()
    if isinstance(fault, Partition):
        # A server may take whatever it hears for a sign of life: then nobody is dead who goes on talking to it.
        await dying.act("mute_keep_alive")
    return dying


async def _released(
    experiment: Experiment, fault: Fault, bound: Bound, *, settles: float, via: Via = Via.DIRECT
) -> None:
    """Peers die beside others that live; a count that is right in the end has become so within `settles` seconds."""
    living = await experiment.crowd("living", LIVING, via=via)
    await living.connect()
    before, tasks = await experiment.sample(), await _tasks(experiment)
    if fault.forgotten and not before.fds and not experiment.tells("connections"):
        raise NotJudged(
            "the kernel forgets what an RST has ended, and neither the server's files nor a count of its own show "
            "whether the server has: let the suite read its processes, or name statistics.connections"
        )
    dying = await _who_will_die(experiment, fault, "dying", DEAD)
    remaining = living.count + experiment.own_connections
    async with experiment.inject(fault, dying):
        # Twice the bound: one that is only late is told from one that never comes.
        await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * bound.seconds + experiment.sampling)
        await living.exchange(3)
    # What proved the healing was a connection as well, and has just ended.
    await experiment.wait_until(ConnectionsAtMost(remaining), within=settles)
    await experiment.judge(
        ReleasedWithin(dead=DEAD, remaining=remaining, limit=bound.seconds, why=bound.why),
        Undisturbed(crowd=living.name),
        *await _given_back(experiment, before, tasks, ended=DEAD, settles=settles),
    )


async def _tasks(experiment: Experiment) -> float | None:
    """How many tasks the server tells of; None where it does not."""
    told = (await experiment.statistics()).get("tasks") if experiment.tells("tasks") else None
    return None if told is None else float(told)


async def _given_back(
    experiment: Experiment, before: Sample, tasks: float | None, *, ended: int, settles: float
) -> list[Expectation]:
    """Wait until the server has given back what its kernel does not list: its files, its processes, its tasks and its
    own count, as far as they can be read. `ended` of its connections have ended in the same way since `before`."""
    expectations: list[Expectation] = [*await experiment.told_as(await experiment.sample(), within=settles)]
    if not experiment.faults_allowed:
        return expectations  # nothing has ended: whoever waited for it would wait until the living are old
    # What a busy machine keeps the server from closing is not kept by it.
    patient = settles + experiment.patience
    if before.fds:
        files = FilesGivenBack(before=before.fds, ended=ended)
        processes = ProcessesGivenBack(before=before.children, ended=ended)
        await experiment.wait_until(FilesAtMost(files.most), within=patient)
        await experiment.wait_until(ProcessesAtMost(processes.most), within=patient)
        expectations += [files, processes]
    if tasks is not None:
        back = TasksGivenBack(before=tasks, ended=ended)
        await experiment.wait_until(StatisticsAtMost(which="tasks", most=back.most), within=patient)
        expectations.append(back)
    return expectations


@pytest.mark.promise(
    "cleanup",
    "nothing is left of a churn",
    expects="Clients that come and go in every way leave nothing behind; those who stay notice nothing of it.",
    because="Each way out is in order by itself; together they meet in one list, one counter and one clean-up job.",
)
@pytest.mark.reads("cleanup.closed_within")
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(Churn())
async def test_nothing_is_left_of_a_churn(experiment: Experiment, contract: SimpleNamespace, fault: Churn) -> None:
    settles = contract.cleanup.closed_within
    experiment.needs_places(LIVING + GUESTS + GUESTS)  # those who have gone may keep theirs while the next ones come
    living = await experiment.crowd("living", LIVING)
    await living.connect()
    before, tasks = await experiment.sample(), await _tasks(experiment)
    guests = await experiment.victims_of(fault, "guests", GUESTS)
    remaining = living.count + experiment.own_connections
    # They are over once the fault has been injected: whether others notice shows in what they say meanwhile.
    talking = asyncio.create_task(living.exchange(TALK, gap=settles / 5))
    async with experiment.inject(fault, guests):
        await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * settles + experiment.sampling)
        await talking
    await experiment.wait_until(ConnectionsAtMost(remaining), within=settles)
    await experiment.judge(
        ReleasedWithin(
            dead=GUESTS // 2, remaining=remaining, limit=settles, why="a FIN or RST reached it", of_deaths=False
        ),
        Undisturbed(crowd=living.name),
        *await _given_back(experiment, before, tasks, ended=fault.times * (GUESTS // 2) // len(ENDS), settles=settles),
    )


LISTENING = 10
"""Clients that only listen: fewer than a pool has sessions, for all have to get in (SQLAlchemy's has 15)."""


@pytest.mark.promise(
    "cleanup",
    "database sessions are given back",
    expects="Whoever only listens holds no session of the database, and nobody leaves one behind.",
    because="A session held for as long as its client stays empties the pool: the next one waits in vain.",
)
@pytest.mark.reads("cleanup.closed_within", "cleanup.database_sessions")
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.STATISTICS)
@pytest.mark.faults(None, ClientReset(), FinWithoutClose(), HalfClose(), CrashMidMessage())
async def test_database_sessions_are_given_back(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault | None
) -> None:
    await _sessions_given_back(experiment, contract, fault, bound=contract.cleanup.closed_within)


@pytest.mark.promise(
    "cleanup",
    "database sessions of the dead are given back",
    expects="The sessions of clients that died without a word are given back when those are found.",
    because="What finds the dead closes their connection, and may forget what else was held for them.",
)
@pytest.mark.reads(
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    "cleanup.closed_within",
    "cleanup.database_sessions",
    optional=["cleanup.sweep_interval", "cleanup.farewell"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.STATISTICS)
@pytest.mark.faults(Vanished(), SilentClient(), StalledReader())
async def test_database_sessions_of_the_dead_are_given_back(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    bound = found_dead(contract)
    await _sessions_given_back(experiment, contract, fault, bound=bound.seconds)


async def _sessions_given_back(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault | None, *, bound: float
) -> None:
    """Clients listen, and end; what they held is given back within `closed_within` of having been found, seconds."""
    before = await _least_held(experiment)
    came = experiment.now()
    endpoint = "echo" if experiment.endpoints.feed is None else "feed"
    listening = await experiment.victims_of(fault, "listening", experiment.fitting(LISTENING), endpoint=endpoint)
    await listening.connect()
    inside = experiment.now()
    await _until_held_at_most(experiment, contract.cleanup.database_sessions)
    ended = await _the_first_left(experiment, listening)
    async with experiment.inject(fault, listening):
        if fault is None:
            await listening.close()
        # Twice the bound: when they are found is judged elsewhere, and here it is what becomes of what they held.
        await experiment.wait_until(ConnectionsAtMost(experiment.own_connections), within=2 * bound)
        await experiment.watch(contract.cleanup.closed_within)
        settled = experiment.now()
        await _until_held_at_most(experiment, before)
    await experiment.judge(
        DatabaseSessionsGivenBack(
            clients=listening.count,
            limit=contract.cleanup.database_sessions,
            came=came,
            inside=inside,
            ended=ended,
            settled=settled,
        )
    )


async def _until_held_at_most(experiment: Experiment, most: float) -> None:
    """Read the database sessions until no more than so many are held, a step's patience at the longest: one that the
    server takes for questions of its own may be in all readings of a busy moment."""
    end = experiment.now() + experiment.patience
    while await _least_held(experiment) > most and experiment.now() < end:
        pass


async def _the_first_left(experiment: Experiment, crowd: Crowd) -> float:
    """When the first of a crowd had gone, seconds monotonic; now, where all of them are there: whose age or idleness
    ended it meanwhile gave back what it held."""
    ends = (await experiment.record()).endings(crowd.name)
    return min((ended.said_at for ended in ends), default=experiment.now())


async def _least_held(experiment: Experiment) -> float:
    """The fewest database sessions that some readings tell of: one that is taken for a question and given back is not
    in all of them. Without end where none tells."""
    least = math.inf
    for _ in range(READINGS):
        told = (await experiment.statistics()).get("database_sessions")
        least = min(least, told) if isinstance(told, float) else least
        await experiment.watch(experiment.sampling)
    return least
