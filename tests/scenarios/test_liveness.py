"""Liveness: the server finds out who is still there, and cuts off nobody who is.

That the dead are found, in whichever way they died, is cleanup's; here are those who live and may be taken for dead, on
every network that the suite can make. Timers for idling and age look at a clock and at messages: a network moves the
messages, which latency does, and a clock is set. What the shortage of something does to a heartbeat is pressure's.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.bounds import RETRANSMISSION, by_timer, found_dead, partition_bound
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost, Heard, Pinged
from chaos.crowd.plan import Mode
from chaos.expectations import (
    ClosedByAge,
    ClosedWhenIdle,
    ClosedWith,
    FaultLasted,
    PingedAtPeriod,
    PongsDelayed,
    Provided,
    ReleasedWithin,
    Undisturbed,
    Warned,
    WarnedBeforeClose,
)
from chaos.experiment import Crowd, Experiment, NotJudged, Via
from chaos.experiment.delays import added_by
from chaos.faults import (
    Bandwidth,
    Bottleneck,
    ClientReset,
    ClockJump,
    ClockSetBack,
    Composed,
    FinWithoutClose,
    Jitter,
    Latency,
    LatePongs,
    LossyLink,
    PacketLoss,
    Partition,
    PartitionToClient,
    PartitionToServer,
    ServerStopped,
    SilentClient,
    Sliced,
    StalledReader,
    Vanished,
)
from chaos.faults.base import Fault
from chaos.target import Notices, declared

pytestmark = [pytest.mark.chaos, pytest.mark.waits]

PERIODS = 5
"""Heartbeats that are watched: one that comes every other time only is seen twice."""

PERIODS_BESIDE = 3
"""Heartbeats that are watched while neighbours misbehave: whatever holds them up begins with the first of these, and
one that is left out leaves a gap of two."""

TALK = 60
"""Exchanges that a busy client makes in its life: one every 125 ms where that is 7.5 s."""

COMING = 24
"""As many clients could come in a maximum age: five come in a sixth of it, so that a sweep of that period meets one of
them late by that at least."""

NEIGHBOURS = 10
"""Clients that misbehave: what waits for them one after the other is late by ten waits."""


@pytest.mark.promise(
    "liveness",
    "heartbeat at its period",
    expects="Every client is pinged at least once in each declared interval.",
    because="Without pings a dead peer behind a proxy is never found: the proxy acknowledges for the dead.",
)
@pytest.mark.reads("liveness.heartbeat_interval")
@pytest.mark.faults(None, Latency())
async def test_heartbeat(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    interval = contract.liveness.heartbeat_interval
    crowd = await experiment.crowd("pinged", 10, via=Via.LINK if fault else Via.DIRECT, trace=True)
    async with experiment.inject(fault):
        await crowd.connect()
        await experiment.watch(PERIODS * interval)
    # The latency shifts all pings alike, so the distance between two of them stays what it was.
    await experiment.judge(
        PingedAtPeriod(crowd=crowd.name, interval=interval, until=experiment.now()),
        Undisturbed(crowd=crowd.name),
    )


@pytest.mark.promise(
    "liveness",
    "heartbeat while others misbehave",
    expects="Clients that answer are pinged at their period, whatever becomes of the pings to others.",
    because="One loop pings them all: it may wait for a pong or a full buffer, or die of the first error it meets.",
)
@pytest.mark.reads("liveness.heartbeat_interval")
@pytest.mark.faults(SilentClient(), StalledReader(), ClientReset(), FinWithoutClose())
async def test_heartbeat_beside_others(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    interval = contract.liveness.heartbeat_interval
    # The neighbours are older, so a loop meets them first.
    neighbours = await experiment.victims_of(fault, "neighbours", NEIGHBOURS)
    await neighbours.connect()
    crowd = await experiment.crowd("pinged", 10, trace=True)
    await crowd.connect()
    async with experiment.inject(fault, neighbours):
        await experiment.watch(PERIODS_BESIDE * interval)
        until = experiment.now()
    await experiment.judge(
        PingedAtPeriod(crowd=crowd.name, interval=interval, until=until), Undisturbed(crowd=crowd.name)
    )


@pytest.mark.promise(
    "liveness",
    "a slow peer stays",
    expects="A client whose pongs come late, but within the timeout, is not cut off.",
    because="The counterpart of finding the dead: a server that passes by cutting too early fails here.",
)
@pytest.mark.reads("liveness.heartbeat_interval", "liveness.heartbeat_timeout")
@pytest.mark.faults(None, Latency(), Jitter(), Bandwidth(), Sliced())
async def test_slow_peer_stays(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.liveness
    # Half the timeout: late enough to be cut by a server that waits for the next ping only, and early enough for
    # what the link adds (100 ms at most) and a busy machine.
    delay = promised.heartbeat_timeout / 2
    via = Via.LINK if fault else Via.DIRECT
    slow = await experiment.crowd("slow", 10, via=via, pong_delay=delay, trace=True)
    async with experiment.inject(fault):
        await slow.connect()
        await experiment.watch(2 * (promised.heartbeat_interval + promised.heartbeat_timeout))
    # A server that asks nobody cuts nobody: that it pinged all the while is part of the promise.
    asked = promised.heartbeat_interval + promised.heartbeat_timeout
    await experiment.judge(
        PingedAtPeriod(crowd=slow.name, interval=asked, until=experiment.now()),
        PongsDelayed(crowd=slow.name, delay=delay),
        Undisturbed(crowd=slow.name),
    )


@pytest.mark.promise(
    "liveness",
    "a peer that answers too late is dead",
    expects="A client whose pongs come later and later is given up with the first that comes too late; one that is "
    "late within the timeout stays.",
    because="Whoever takes any pong for an answer to the last ping never finds a peer that falls behind.",
)
@pytest.mark.reads(
    "liveness.heartbeat_interval", "liveness.heartbeat_timeout", optional=["cleanup.sweep_interval", "cleanup.farewell"]
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(LatePongs())
async def test_peer_that_answers_too_late_is_dead(
    experiment: Experiment, contract: SimpleNamespace, fault: LatePongs
) -> None:
    interval, timeout = contract.liveness.heartbeat_interval, contract.liveness.heartbeat_timeout
    bound = found_dead(contract)
    delay = timeout / 2
    living = await experiment.crowd("late in time", 5, pong_delay=delay, trace=True)
    await living.connect()
    dying = await experiment.victims_of(fault, "falling behind", NEIGHBOURS)
    await dying.connect()
    remaining = living.count + experiment.own_connections
    async with experiment.inject(replace(fault, timeout=timeout, interval=interval), dying):
        # Twice the bound: one that is only late is told from one that never comes.
        await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * bound.seconds + experiment.sampling)
    await experiment.judge(
        ReleasedWithin(dead=NEIGHBOURS, remaining=remaining, limit=bound.seconds, why=bound.why),
        PongsDelayed(crowd=living.name, delay=delay),
        Undisturbed(crowd=living.name),
    )


REACHED = 10
"""Clients on a bad network, who share a narrow line where that is what is bad."""

TALKING = 0.05
"""Seconds between two messages of each of them: of nothing but ten clients' pings in 1.7 s a network that drops one
packet in a hundred drops two or three, and in one run of twelve none."""

HEARTBEAT_BYTES = 400
"""Of a ping, its pong and what acknowledges both, on the line and over TLS: 340 (measured). At 12 kB a second ten
clients who were pinged every 0.28 s took more than there was, and each ping was later than the one before."""


@pytest.mark.promise(
    "liveness",
    "a peer on a bad network stays",
    expects="A client that is out of reach for less than the timeout, loses a packet now and then, near or far away, "
    "or shares a line that is too narrow, is not cut off.",
    because="Lifts and hand-overs last seconds, and TCP repairs them: a server that is quicker to give up undoes that.",
)
@pytest.mark.reads("liveness.heartbeat_interval", "liveness.heartbeat_timeout", optional=["cleanup.sweep_interval"])
@pytest.mark.faults(
    PacketLoss(),
    Composed(parts=(Latency(), LossyLink())),
    Bottleneck(),
    Partition(),
    PartitionToServer(),
    PartitionToClient(),
)
async def test_peer_on_a_bad_network_stays(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    timeout = contract.liveness.heartbeat_timeout
    found = contract.liveness.heartbeat_interval + timeout + (contract.cleanup.sweep_interval or 0.0)
    # A ping of that time arrives by half of the timeout; the other half is the busy machine's.
    outage = partition_bound(within=timeout / 2) / 2
    if not outage:
        raise NotJudged(f"a packet that is lost takes {RETRANSMISSION:g} s, which is too long for this timeout")
    endpoints = experiment.endpoints
    if isinstance(fault, Bottleneck) and endpoints.feed is not None and endpoints.feed.path == endpoints.echo.path:
        raise NotJudged(
            "who echoes hears what is broadcast as well (endpoints.echo and endpoints.feed have one path), and a "
            "narrow line may carry less than that: a ping that waits behind ever more of it is late for good"
        )
    if isinstance(fault, Bottleneck):
        # All are pinged at once: the last of them is heard within a quarter of the timeout, and before the next round.
        for_all = min(timeout / 4, contract.liveness.heartbeat_interval / 2)
        fault = replace(fault, rate=max(fault.rate, round(REACHED * HEARTBEAT_BYTES / for_all)))
    crowd = await experiment.victims_of(fault, "out of reach", REACHED)
    await crowd.connect()
    short = isinstance(fault, Partition)
    async with experiment.inject(fault, crowd) as injection:
        if short:
            await experiment.watch(max(0.0, injection.since + outage - experiment.now()))
        elif isinstance(fault, Bottleneck):
            await experiment.watch(found)  # what they said would be in the way of what they are asked
        else:
            await crowd.exchange(round(found / TALKING), gap=TALKING)
    # Whom it gives up for the outage it gives up until then.
    await experiment.watch(found if short else 0.0)
    await crowd.exchange(1)
    stays = Undisturbed(crowd=crowd.name)
    lasted = FaultLasted(at_most=partition_bound(within=timeout))
    await experiment.judge(Provided(condition=lasted, then=stays, or_more=True) if short else stays)


@pytest.mark.promise(
    "liveness",
    "a paused server cuts nobody",
    expects="A server that stood still for longer than its heartbeat timeout goes on without cutting living clients.",
    because="After a pause every pong is overdue by the server's own clock, though nobody but itself was late.",
)
@pytest.mark.reads("liveness.heartbeat_interval", "liveness.heartbeat_timeout", optional=["cleanup.sweep_interval"])
@pytest.mark.faults(ServerStopped())
async def test_paused_server_cuts_nobody(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.liveness
    pause = 1.5 * (promised.heartbeat_interval + promised.heartbeat_timeout)
    # They go on asking, so as not to idle: what they ask of a server that we hold is answered when we let it go.
    living = await experiment.crowd("living", 10, answer_within=pause + experiment.patience)
    await living.connect()
    async with experiment.inject(fault):
        await experiment.watch(pause)
    await experiment.watch(
        promised.heartbeat_interval + promised.heartbeat_timeout + (contract.cleanup.sweep_interval or 0.0)
    )
    await living.exchange(1)
    await experiment.judge(Undisturbed(crowd=living.name))


@pytest.mark.promise(
    "liveness",
    "a clock that is set cuts nobody",
    expects="When the server's wall clock jumps, and when it jumps back, living clients stay and are pinged as before.",
    because="Clocks are set: after a migration, by NTP, by hand. A deadline that was taken from the time of day is "
    "over in that instant, or a day away.",
)
@pytest.mark.reads("liveness.heartbeat_interval", "liveness.heartbeat_timeout", optional=["cleanup.sweep_interval"])
@pytest.mark.destructive
@pytest.mark.faults(ClockJump(), ClockSetBack())
async def test_clock_that_is_set_cuts_nobody(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.liveness
    # As long as a server takes to find somebody dead: whom it gives up for the jump it gives up by then.
    found = promised.heartbeat_interval + promised.heartbeat_timeout + (contract.cleanup.sweep_interval or 0.0)
    await experiment.restart_server_with_a_clock()
    crowd = await experiment.crowd("living", 10, trace=True)
    await crowd.connect()
    # Once all have been pinged: what a heartbeat compares with the time of day it has noted at the beat before. Set
    # before its first beat it has noted nothing, and one that never pinged again after a later jump was held.
    await experiment.watch(promised.heartbeat_interval)
    await _answered_a_ping(experiment, crowd, promised.heartbeat_interval)
    async with experiment.inject(fault):
        await experiment.watch(found)
    await experiment.watch(found)
    await experiment.judge(
        PingedAtPeriod(crowd=crowd.name, interval=promised.heartbeat_interval, until=experiment.now()),
        Undisturbed(crowd=crowd.name),
    )


async def _answered_a_ping(experiment: Experiment, crowd: Crowd, interval: float) -> None:
    """Wait until they are pinged once more, and a quarter of a period longer: their pongs are in, and none is due.

    Who hears the pong of a ping of before the jump notes the new time for it, and cuts nobody.
    """
    await experiment.wait_until(Pinged(crowd=crowd.name, since=experiment.now()), within=2 * interval)
    await experiment.watch(interval / 4)


@pytest.mark.promise(
    "liveness",
    "dead peers are found though the clock is set",
    expects="When the server's wall clock jumps, peers that die are released within the same bound; the living stay.",
    because="A pong that is due at a time of day is due a day later once the clock is set back.",
)
@pytest.mark.reads(
    "liveness.heartbeat_interval", "liveness.heartbeat_timeout", optional=["cleanup.sweep_interval", "cleanup.farewell"]
)
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.TCP_TRUE)
@pytest.mark.destructive
@pytest.mark.faults(ClockSetBack())
async def test_dead_peers_though_the_clock_is_set(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    bound = found_dead(contract)
    await experiment.restart_server_with_a_clock()
    living = await experiment.crowd("living", 10)
    await living.connect()
    dying = await experiment.crowd("dying", NEIGHBOURS)
    await dying.connect()
    remaining, death = living.count + experiment.own_connections, SilentClient()
    async with experiment.inject(death, dying):
        # Once they owe a pong: what is due by the old time is never due by the new one.
        await experiment.watch(contract.liveness.heartbeat_interval)
        async with experiment.inject(fault):
            await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * bound.seconds + experiment.sampling)
    await experiment.judge(
        ReleasedWithin(
            dead=NEIGHBOURS, remaining=remaining, limit=bound.seconds, why=bound.why, fault=death.name, of_deaths=False
        ),
        Undisturbed(crowd=living.name),
    )


@pytest.mark.promise(
    "liveness",
    "idle clients keep their time though the clock is set",
    expects="When the server's wall clock jumps, idle clients are closed when their time is up: not at once, and not "
    "never.",
    because="Idle since a time of day is idle for a day when the clock is put forward, and active until tomorrow when "
    "it is put back.",
)
@pytest.mark.reads("liveness.idle_timeout", optional=["cleanup.sweep_interval"])
@pytest.mark.destructive
@pytest.mark.faults(ClockJump(), ClockSetBack())
async def test_idle_clients_though_the_clock_is_set(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    timeout, slack = contract.liveness.idle_timeout, contract.cleanup.sweep_interval or 0.0
    await experiment.restart_server_with_a_clock()
    idle = await experiment.crowd("idle", 10, keep_alive=False)
    await idle.connect()
    async with experiment.inject(fault):
        await experiment.wait_until_gone(idle, within=2 * (timeout + slack))
    await experiment.judge(ClosedWhenIdle(crowd=idle.name, timeout=timeout, slack=slack))


@pytest.mark.promise(
    "liveness",
    "connections keep their age though the clock is set",
    expects="When the server's wall clock jumps, each connection is closed at its maximum age: not at once, and not "
    "never.",
    because="By a time of day everybody is a day older when the clock is put forward, and closed in that instant, and "
    "young again once it is set back, to live for another day.",
)
@pytest.mark.reads("liveness.max_age")
@pytest.mark.destructive
@pytest.mark.faults(ClockJump(), ClockSetBack())
async def test_age_though_the_clock_is_set(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    limit = contract.liveness.max_age
    await experiment.restart_server_with_a_clock()
    crowd = await experiment.crowd("growing old", 5)
    await crowd.connect()
    async with experiment.inject(fault):
        await experiment.wait_until_gone(crowd, within=2 * limit)
    await experiment.judge(ClosedByAge(crowd=crowd.name, limit=limit))


@pytest.mark.promise(
    "liveness",
    "idle clients are warned, then closed",
    expects="A client that sends nothing is warned first and closed with a close frame when its time is up.",
    because="Connections that nobody uses cost as much as those that somebody does.",
)
@pytest.mark.reads(
    "liveness.idle_timeout", "liveness.idle_warning", optional=["liveness.idle_code", "cleanup.sweep_interval"]
)
@pytest.mark.needs(endpoints=["notices"])
@pytest.mark.faults(None, Latency())
async def test_idle_clients(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.liveness
    slack = (contract.cleanup.sweep_interval or 0.0) + added_by(fault)
    idle = await experiment.crowd(
        "idle", 10, endpoint="notices", via=Via.LINK if fault else Via.DIRECT, keep_alive=False, trace=True
    )
    async with experiment.inject(fault):
        await idle.connect()
        await experiment.wait_until_gone(idle, within=2 * (promised.idle_timeout + slack))
    await experiment.judge(
        ClosedWhenIdle(crowd=idle.name, timeout=promised.idle_timeout, slack=slack),
        WarnedBeforeClose(
            crowd=idle.name,
            warning=declared(experiment.endpoint(Notices).idle_warning, "endpoints.notices.idle_warning"),
            notice=promised.idle_warning,
        ),
        ClosedWith(
            crowd=idle.name,
            codes=_promised(promised.idle_code),
            why="when idle",
            within=by_timer(promised.idle_timeout + slack),
        ),
    )


@pytest.mark.promise(
    "liveness",
    "idle clients while others misbehave",
    expects="Idle clients are closed in time, also when others that are due with them have just gone.",
    because="A loop that warns and closes them in turn may wait for one that is dead, or die of one that is gone.",
)
@pytest.mark.reads("liveness.idle_timeout", optional=["cleanup.sweep_interval", "liveness.heartbeat_interval"])
@pytest.mark.faults(ClientReset(), Vanished())
async def test_idle_clients_beside_others(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.liveness
    slack = contract.cleanup.sweep_interval or 0.0
    # The neighbours are as idle, and older: whatever deals with both in turn comes to them first.
    neighbours = await experiment.crowd("neighbours", NEIGHBOURS, keep_alive=False)
    await neighbours.connect()
    came = experiment.now()
    idle = await experiment.crowd("idle", 10, keep_alive=False)
    await idle.connect()
    # They go shortly before their time is up: earlier, and the heartbeat finds the dead among them soon after the
    # others are due. A whole interval before, it did so within what an idle timeout may take besides, now and then.
    shortly = (promised.heartbeat_interval or promised.idle_timeout / 4) / 2
    await experiment.watch(promised.idle_timeout - max(shortly, 2 * (experiment.now() - came)))
    async with experiment.inject(fault, neighbours):
        await experiment.wait_until_gone(idle, within=2 * (promised.idle_timeout + slack))
    await experiment.judge(ClosedWhenIdle(crowd=idle.name, timeout=promised.idle_timeout, slack=slack))


@pytest.mark.promise(
    "liveness",
    "a warned client that answers stays",
    expects="A client that sends something after its warning is not closed.",
    because="The counterpart of the idle timeout: a timer that is started once and never again fails here.",
)
@pytest.mark.reads("liveness.idle_timeout", "liveness.idle_warning", optional=["cleanup.sweep_interval"])
@pytest.mark.needs(endpoints=["notices"])
async def test_warned_client_that_answers_stays(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.liveness
    crowd = await experiment.crowd("answering", 5, endpoint="notices", keep_alive=False, trace=True)
    await crowd.connect()
    warning = declared(experiment.endpoint(Notices).idle_warning, "endpoints.notices.idle_warning")
    for _ in range(2):
        asked = experiment.now()
        # One of a countdown that came before the answer is not of its time once more.
        heard = Heard(crowd=crowd.name, pattern=warning, since=asked)
        await experiment.wait_until(heard, within=2 * promised.idle_timeout)
        await crowd.exchange(1)
    await experiment.judge(
        Warned(crowd=crowd.name, pattern=warning, since=asked, what="its idle timeout, once more"),
        Undisturbed(crowd=crowd.name),
    )


@pytest.mark.promise(
    "liveness",
    "no connection gets too old",
    expects="At its maximum age a connection is closed with a close frame, however much it is used.",
    because="Tokens expire and deployments move on: a timer that starts anew with every message never runs out.",
)
@pytest.mark.reads("liveness.max_age", optional=["liveness.age_code"])
@pytest.mark.faults(None, Latency())
async def test_no_connection_gets_too_old(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault | None
) -> None:
    limit, codes = contract.liveness.max_age, _promised(contract.liveness.age_code)
    via = Via.LINK if fault else Via.DIRECT
    # One that is only looked at when it says something, and one that is put off by all it says.
    quiet = await experiment.crowd("quiet", 5, via=via)
    busy = await experiment.crowd("busy", 5, via=via, every=limit / TALK)
    crowds = [quiet, busy]
    if experiment.endpoints.feed is not None:
        crowds.append(await experiment.crowd("listening", 5, endpoint="feed", via=via))
    async with experiment.inject(fault):
        for crowd in crowds:
            # One after the other: by a sweep some get older than others.
            await crowd.connect(mode=Mode.PACED, gap=limit / COMING)
        # Twice the age: one that is only late is told from one that never comes.
        deadline = experiment.now() + 2 * limit
        for crowd in crowds:
            await experiment.wait_until_gone(crowd, within=deadline - experiment.now())
    await experiment.judge(
        *(ClosedByAge(crowd=crowd.name, limit=limit) for crowd in crowds),
        *(
            ClosedWith(crowd=crowd.name, codes=codes, why="at their maximum age", within=by_timer(limit))
            for crowd in crowds
        ),
    )


def _promised(code: int | None) -> tuple[int, ...]:
    """The close codes that may come: where none is promised, all."""
    return () if code is None else (code,)
