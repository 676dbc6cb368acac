"""Leak-free: however connections end, nothing of them is kept.

A way to end is measured by itself where a server meets it in code of its own: the good-bye, the RST and the FIN, the
half that is open after one, what lies half-read when one comes, the end around the 101, a handshake that is refused or
never ends, also that of TLS beneath it, a close handshake that is left unfinished, who is turned away at the limit or
by a breaker that is open, closed for idling, for their age, for what they sent or how much of it, cut for listening too
slowly, and who is found dead. Left out are those that come to a server as one of these does: killed clients and a proxy
that is down are a FIN, half-open ones are silent, and who has no right to come in is turned away as who is one too
many. Whether the upstream behind an open breaker answers with errors, hangs or is down, whoever is turned away has not
asked it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chaos.bounds import found_dead
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost
from chaos.contract import FloodAnswer
from chaos.crowd.plan import Mode
from chaos.expectations import (
    ConnectionsNotKept,
    Expectation,
    FdsNotKept,
    MemoryNotKept,
    SessionsNotKept,
    TasksNotKept,
    ThreadsNotKept,
)
from chaos.expectations.accept_breaker import turned_away_by_breaker
from chaos.experiment import Experiment, Inconclusive, NotJudged
from chaos.experiment.leaks import MOST_ROUNDS
from chaos.faults import (
    ClientReset,
    CloseHeld,
    ConnectionBurst,
    CrashMidFrame,
    CrashMidHandshake,
    CrashMidMessage,
    FinWithoutClose,
    FloodingMember,
    HalfClose,
    HostileFrames,
    HostileHandshakes,
    Reset,
    SilentClient,
    SlowLoris,
    StalledReader,
    TlsStall,
    TlsTruncated,
    UpstreamErrors,
    Vanished,
)
from chaos.faults.base import Fault
from chaos.faults.hostile import HostileCrowd
from chaos.hostile.catalogue import Input, cases_of
from chaos.journal import Attempt, Bite, Outcome
from chaos.units import counted

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.reads(
        "leak_free.fds_per_connection",
        "leak_free.memory_per_connection",
        "leak_free.counted_per_connection",
        "leak_free.tasks_per_connection",
        "leak_free.threads_per_connection",
        "leak_free.sessions_per_connection",
    ),
    pytest.mark.needs(Capability.SOCKET_PROBE, Capability.PROCESS_PROBE),
]

CONNECTIONS = 50
"""Endings in a round, where the server has places for so many."""

OLD = 100
"""Clients that reach their age together, where there are places: a round lasts as long, however many they are. With 50
of them the memory of the reference was decided after 16 rounds, 163 s, with 98 after 12, 135 s."""

EACH = 8
"""Clients for each of the six ways to crash around an upgrade: 48 endings in a round."""

FLOODS = 5
"""Clients that flood at once."""

CONSUMERS = 20
"""Listeners that stop at once: as many as a broadcaster of large updates serves beside them."""

MOST_PLACES = 200
"""Of a server that is filled in every round, and there may be sixty: twice as many as the reference has."""


@pytest.mark.promise(
    "leak_free",
    "nothing kept per connection",
    expects="Over many rounds of connections, neither descriptors, memory, threads, tasks nor sessions grow with their "
    "number.",
    because="Memory that 'came back' proves nothing: one task kept per reset takes weeks to kill a server.",
)
@pytest.mark.waits
@pytest.mark.reads("cleanup.closed_within")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10)
@pytest.mark.faults(None, ClientReset(), FinWithoutClose(), Reset())
async def test_nothing_kept(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    await _rounds(experiment, contract, fault, within=10 * contract.cleanup.closed_within)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of what was half done",
    expects="Over many rounds of connections that end half-way, of a frame, a message or TCP itself, nothing grows.",
    because="What waits for the other half has an owner only until it comes, and here it never does.",
)
@pytest.mark.waits
@pytest.mark.slow  # more rounds than a laptop waits for, beside the four ways above
@pytest.mark.reads("cleanup.closed_within")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10, patience=3)
@pytest.mark.faults(HalfClose(), CrashMidFrame(), CrashMidMessage(), TlsTruncated())
async def test_nothing_kept_of_what_was_half_done(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    await _rounds(experiment, contract, fault, within=10 * contract.cleanup.closed_within)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of crashes around the upgrade",
    expects="Over many rounds of clients that crash in their request, after it or after the 101, nothing grows.",
    because="In between the parser has let go and no session has begun: what is held there is in nobody's list.",
)
@pytest.mark.waits
@pytest.mark.slow  # more rounds than a laptop waits for
@pytest.mark.reads("cleanup.closed_within")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10, patience=6)
@pytest.mark.faults(CrashMidHandshake(each=EACH))
async def test_nothing_kept_of_crashes_around_the_upgrade(
    experiment: Experiment, contract: SimpleNamespace, fault: CrashMidHandshake
) -> None:
    experiment.needs_places(fault.crowd)

    async def crash(_: str) -> int:
        async with experiment.inject(fault) as injection:
            await _all_gone(experiment, contract)
        return injection.receipt.covered

    await _measured(experiment, contract, crash)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of who is turned away",
    expects="Over many rounds of bursts beyond the limit nothing grows, however many are turned away.",
    because="Whoever is turned away is in no list, and comes again: it is they who are counted in thousands.",
)
@pytest.mark.waits
@pytest.mark.slow  # every round fills the server
@pytest.mark.reads("cleanup.closed_within", "rejection.max_connections")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10, patience=4)
@pytest.mark.faults(ConnectionBurst())
async def test_nothing_kept_of_who_is_turned_away(
    experiment: Experiment, contract: SimpleNamespace, fault: ConnectionBurst
) -> None:
    limit = contract.rejection.max_connections
    if limit > MOST_PLACES:
        raise NotJudged(
            f"it takes {limit} connections in every round to be turned away; {MOST_PLACES} at most are made"
        )

    async def burst(name: str) -> int:
        crowd = await experiment.crowd(name, limit + CONNECTIONS)
        async with experiment.inject(fault, crowd):
            pass
        await _all_gone(experiment, contract)
        attempts = (await experiment.record()).journal.of(Attempt)
        away = (Outcome.HTTP, Outcome.CLOSED)
        return sum(attempt.crowd == name and attempt.outcome in away for attempt in attempts)

    await _measured(experiment, contract, burst)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of who meets an open breaker",
    expects="Over many rounds of clients that are turned away while the accept breaker is open, nothing grows.",
    because="In an outage everybody comes again every few seconds, and leaves by the way of an error each time.",
)
@pytest.mark.waits
@pytest.mark.slow  # more rounds than a laptop waits for
@pytest.mark.destructive
@pytest.mark.needs(Capability.UPSTREAM, endpoints=["gated"])
@pytest.mark.reads("cleanup.closed_within", "accept_breaker.failure_threshold", "accept_breaker.open_code")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10, patience=6)
@pytest.mark.faults(UpstreamErrors())
async def test_nothing_kept_of_who_meets_an_open_breaker(
    experiment: Experiment, contract: SimpleNamespace, fault: UpstreamErrors
) -> None:
    promised = contract.accept_breaker

    async def meet(name: str) -> int:
        failing = await experiment.crowd(
            f"{name}, failing", promised.failure_threshold, endpoint="gated", keep_alive=False
        )
        crowd = await experiment.crowd(name, experiment.fitting(CONNECTIONS), endpoint="gated", keep_alive=False)
        async with experiment.inject(fault) as injection:
            # All of them fail in the first round; later the first may, as the trial that is due by then.
            await failing.connect(mode=Mode.SEQUENTIAL, hold=False)
            attempts = await crowd.connect()
        await crowd.close()  # whoever was let in leaves in good order
        await _all_gone(experiment, contract)
        away = sum(turned_away_by_breaker(attempt, promised.open_code) for attempt in attempts)
        if injection.receipt.bite is Bite.BIT and not away:
            raise Inconclusive(
                f"none of {counted(len(attempts), 'client')} was turned away that came after "
                f"{counted(promised.failure_threshold, 'failed establishment')}"
            )
        return away

    await _measured(experiment, contract, meet)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of who is closed for idling",
    expects="Over many rounds of clients that say nothing until the server closes them, nothing grows.",
    because="An end that the server decides upon itself begins in a timer, and not where it reads.",
)
@pytest.mark.waits
@pytest.mark.slow  # a round lasts as long as the idle timeout, 2.4 s in the fast profile, and there are 18: 45 s
@pytest.mark.reads("liveness.idle_timeout")
@pytest.mark.steps(MOST_ROUNDS, "liveness.idle_timeout", times=2, patience=1)
async def test_nothing_kept_of_who_is_closed_for_idling(experiment: Experiment, contract: SimpleNamespace) -> None:
    async def idle(name: str) -> int:
        crowd = await experiment.crowd(name, experiment.fitting(CONNECTIONS), keep_alive=False)
        await crowd.connect()
        gone = ConnectionsAtMost(experiment.own_connections)
        await experiment.wait_until(gone, within=2 * contract.liveness.idle_timeout)
        return 0

    await _measured(experiment, contract, idle)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of who reaches the maximum age",
    expects="Over many rounds of clients that stay until they are closed at their maximum age, nothing grows.",
    because="Whoever stays ends like this, and no test waits for it: what each leaves is found after weeks.",
)
@pytest.mark.waits
@pytest.mark.slow  # a round lasts as long as the age, 7 s in the fast profile, and there are 18: 135 s
@pytest.mark.reads("liveness.max_age")
@pytest.mark.steps(MOST_ROUNDS, "liveness.max_age", times=2, patience=1)
async def test_nothing_kept_of_who_reaches_the_maximum_age(experiment: Experiment, contract: SimpleNamespace) -> None:
    async def grow_old(name: str) -> int:
        crowd = await experiment.crowd(name, experiment.fitting(OLD))
        await crowd.connect()
        gone = ConnectionsAtMost(experiment.own_connections)
        await experiment.wait_until(gone, within=2 * contract.liveness.max_age)
        return 0

    await _measured(experiment, contract, grow_old)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of dead peers",
    expects="Over many rounds of peers that die without a word, and are found, neither descriptors nor memory grow.",
    because="What cleans up behind the dead is not what cleans up behind those who leave, and is tested less.",
)
@pytest.mark.waits
@pytest.mark.slow  # a round lasts until the dead are found, 1.2 s in the fast profile, and there are 18: 21 to 28 s
@pytest.mark.reads(
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    optional=["cleanup.sweep_interval", "cleanup.farewell"],
)
@pytest.mark.steps(
    MOST_ROUNDS,
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    "cleanup.sweep_interval",
    "cleanup.farewell",
    times=2,
)
@pytest.mark.faults(Vanished(), SilentClient(), StalledReader())
async def test_nothing_kept_of_dead_peers(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    bound = found_dead(contract)
    await _rounds(experiment, contract, fault, within=2 * bound.seconds)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of who holds on after its close",
    expects="Over many rounds of clients that close and never end their half of TCP, nothing grows.",
    because="After both close frames nobody reads that connection any more, and a timer of its own has to end it.",
)
@pytest.mark.waits
@pytest.mark.slow  # a round lasts as long as the close timeout, 0.5 s in the fast profile, and there are 18
@pytest.mark.reads("closing.close_timeout")
@pytest.mark.steps(MOST_ROUNDS, "closing.close_timeout", times=2, patience=3)
@pytest.mark.faults(CloseHeld())
async def test_nothing_kept_of_who_holds_on_after_its_close(
    experiment: Experiment, contract: SimpleNamespace, fault: CloseHeld
) -> None:
    await _rounds(experiment, contract, fault, within=2 * contract.closing.close_timeout, keep_alive=False)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of broken frames",
    expects="Over many rounds of clients that are closed for a frame that RFC 6455 forbids, nothing grows.",
    because="An error is raised in the middle of parsing, and what was to be done at the end is done by nobody.",
)
@pytest.mark.waits
@pytest.mark.slow  # more rounds than a laptop waits for
@pytest.mark.reads("cleanup.closed_within", "survival.hostile_within")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10, patience=6)
@pytest.mark.faults(HostileFrames(kind=Input.BROKEN_FRAMES))
async def test_nothing_kept_of_broken_frames(
    experiment: Experiment, contract: SimpleNamespace, fault: HostileFrames
) -> None:
    await _broken_off(experiment, contract, fault)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of broken handshakes",
    expects="Over many rounds of upgrade requests that are refused for what they are, nothing grows.",
    because="Who is refused before anything has begun is on no list, so nothing cleans up behind it.",
)
@pytest.mark.waits
@pytest.mark.slow  # more rounds than a laptop waits for
@pytest.mark.reads("cleanup.closed_within", "survival.hostile_within")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10, patience=6)
@pytest.mark.faults(HostileHandshakes(kind=Input.BROKEN_HANDSHAKES))
async def test_nothing_kept_of_broken_handshakes(
    experiment: Experiment, contract: SimpleNamespace, fault: HostileHandshakes
) -> None:
    await _broken_off(experiment, contract, fault)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of requests that never end",
    expects="Over many rounds of requests and of TLS handshakes that are ended for not being complete in time, nothing "
    "grows.",
    because="A slow crowd that is ended in time each time, and leaves something each time, wins all the same.",
)
@pytest.mark.waits
@pytest.mark.slow  # a round lasts as long as a request may take, 1 s in the fast profile, and there are 18
@pytest.mark.reads("cleanup.closed_within", "survival.header_timeout")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", "survival.header_timeout", times=10, patience=6)
@pytest.mark.faults(SlowLoris(crowd=CONNECTIONS), TlsStall(crowd=CONNECTIONS))
async def test_nothing_kept_of_requests_that_never_end(
    experiment: Experiment, contract: SimpleNamespace, fault: SlowLoris | TlsStall
) -> None:
    slow = replace(fault, crowd=experiment.fitting(fault.crowd), answer_within=2 * contract.survival.header_timeout)
    await _broken_off(experiment, contract, slow)


async def _broken_off(
    experiment: Experiment, contract: SimpleNamespace, fault: HostileFrames | HostileHandshakes
) -> None:
    """Rounds of hostile clients that the server ends."""
    if not isinstance(fault, HostileCrowd):
        experiment.needs_places(len(cases_of(fault.kind)))

    async def break_off(_: str) -> int:
        async with experiment.inject(fault) as injection:
            pass
        await _all_gone(experiment, contract)
        return injection.receipt.covered

    await _measured(experiment, contract, break_off)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of who floods",
    expects="Over many rounds of clients that are closed for sending too much, nothing grows.",
    because="Who counts messages keeps a list of who sent how many, and whoever is in it comes again under another "
    "number.",
)
@pytest.mark.slow  # a machine's worth of floods
@pytest.mark.reads("fairness.flood_answer", "cleanup.closed_within")
@pytest.mark.steps(MOST_ROUNDS, "cleanup.closed_within", times=10, patience=6)
@pytest.mark.faults(FloodingMember())
async def test_nothing_kept_of_who_floods(
    experiment: Experiment, contract: SimpleNamespace, fault: FloodingMember
) -> None:
    if contract.fairness.flood_answer is FloodAnswer.SERVED:
        raise NotJudged("promises.fairness.flood_answer = served, so that nobody is closed for a flood")

    async def flood(name: str) -> int:
        crowd = await experiment.victims_of(fault, name, FLOODS)
        await crowd.connect()
        async with experiment.inject(fault, crowd):
            await experiment.wait_until_gone(crowd, within=fault.seconds)
        await crowd.close()  # whoever was served to the end leaves in good order
        await _all_gone(experiment, contract)
        return 0

    await _measured(experiment, contract, flood)


@pytest.mark.promise(
    "leak_free",
    "nothing kept of slow consumers",
    expects="Over many rounds of listeners that stop reading and are cut for it, nothing grows.",
    because="What was queued for one that never read it is the largest thing that a connection leaves behind.",
)
@pytest.mark.waits
@pytest.mark.slow  # a round lasts until they are cut, 1.4 s in the fast profile, and there are 18
@pytest.mark.needs(endpoints=["feed"])
@pytest.mark.reads("delivery.slow_consumer_cut_within")
@pytest.mark.steps(MOST_ROUNDS, "delivery.slow_consumer_cut_within", times=2, patience=1)
@pytest.mark.faults(StalledReader())
async def test_nothing_kept_of_slow_consumers(
    experiment: Experiment, contract: SimpleNamespace, fault: StalledReader
) -> None:
    within = 2 * contract.delivery.slow_consumer_cut_within
    await _rounds(experiment, contract, fault, within=within, most=CONSUMERS, endpoint="feed")


async def _all_gone(experiment: Experiment, contract: SimpleNamespace) -> None:
    """The server holds none of a round's connections any more, or has had ten times as long as it promises."""
    gone = ConnectionsAtMost(experiment.own_connections)
    await experiment.wait_until(gone, within=10 * contract.cleanup.closed_within)


async def _rounds(
    experiment: Experiment,
    contract: SimpleNamespace,
    fault: Fault | None,
    *,
    within: float,
    most: int = CONNECTIONS,
    **plan: Any,
) -> None:
    """Rounds of connections that end in one way, each over when the server holds none of them any more, `within`
    seconds at most."""

    async def end(name: str) -> int:
        crowd = await experiment.victims_of(fault, name, experiment.fitting(most), **plan)
        await crowd.connect()
        async with experiment.inject(fault, crowd) as injection:
            if injection.receipt.bite is not Bite.BIT:
                await crowd.close()  # nobody has died: they leave in good order
            await experiment.wait_until(ConnectionsAtMost(experiment.own_connections), within=within)
        return 0

    await _measured(experiment, contract, end)


async def _measured(experiment: Experiment, contract: SimpleNamespace, end: Callable[[str], Awaitable[int]]) -> None:
    """Rounds that are each one call of `end`, with their name: it returns once the server holds none of the connections
    any more, with how many of them no client has had open."""
    promised = contract.leak_free
    expectations: list[Expectation] = [
        FdsNotKept(margin=promised.fds_per_connection),
        MemoryNotKept(margin=promised.memory_per_connection),
        ThreadsNotKept(margin=promised.threads_per_connection),
    ]
    if experiment.tells("connections"):
        expectations.append(ConnectionsNotKept(margin=promised.counted_per_connection))
    if experiment.tells("tasks"):
        expectations.append(TasksNotKept(margin=promised.tasks_per_connection))
    if experiment.tells("sessions"):
        expectations.append(SessionsNotKept(margin=promised.sessions_per_connection))
    besides = 0
    async for number in experiment.rounds(expectations):
        besides += await end(f"round {number}")
        await experiment.record_round(number, besides=besides)
    await experiment.judge(*expectations)
