"""Delivery: broadcasts go on, a consumer that is too slow hurts only itself, and no message is lost, doubled, out of
order or changed, up to the cut and through reconnects.

Of slow consumers half-open and killed ones are no cells of their own: a server cannot tell the first from a silent
client (its kernel acknowledges, nothing answers), nor the second from one that ends with FIN or RST.

Where messages are followed one by one, clients number what they send, give it a payload that shows any change, and keep
books of what comes back. What was sent and not answered when a connection ended is unknown, not lost. That a server
drops what it may drop, for a consumer that is too slow, shows as an end of its connection and never as a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.capability import Capability, missing
from chaos.conditions import ConnectionsAtMost, StatisticsSay
from chaos.expectations import (
    DeliveredInSequence,
    Established,
    FetchedInTime,
    Intact,
    IntactThroughReconnects,
    PlainlyOver,
    ReachedEverybody,
    ReachesEverybodyAgain,
    ReleasedWithin,
    SessionsForgotten,
    Undisturbed,
)
from chaos.experiment import Crowd, Experiment
from chaos.experiment.numbering import numbered_broadcasts, numbered_echoes, numbered_session
from chaos.experiment.outcome import NotJudged
from chaos.experiment.phases import phases
from chaos.faults import (
    Bandwidth,
    Bottleneck,
    ClientReset,
    Composed,
    FinWithoutClose,
    HalfOpen,
    InjectedReset,
    Jitter,
    Latency,
    LossyLink,
    PacketLoss,
    Partition,
    ProxyDown,
    QueueKilled,
    Reset,
    SilentClient,
    Sliced,
    SocketKilled,
    StalledReader,
    Truncated,
    Vanished,
)
from chaos.faults.base import Fault
from chaos.target import Feed, Resumable, Room, declared
from chaos.units import format_duration, format_size

pytestmark = [pytest.mark.chaos, pytest.mark.waits]

INTERVALS = 10
"""Broadcast intervals that are watched under the fault."""

EARLY = 5
"""Listeners who are there before the many: they hear, whatever becomes of those."""

INTERVALS_AMONG_MANY = 8
"""Broadcast intervals that many listeners are watched for: the first broadcasts are those that come too late."""

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

STILL = 5
"""Broadcast intervals in which what is held for the slow has to stay as it is to be all that a kernel holds."""

FILLED_WITHIN = 60.0
"""Seconds in which a feed has to fill that: up to 4 MiB for each (tcp_wmem), and until then no send has to wait. Of
five who were told 30 kB five times a second a server held 1 MB after 2 s, and had felt nothing of it."""

OF_ITS_OWN = 128 * 1024
"""Bytes that a server may hold for a client besides: asyncio has a send wait from 64 KiB on, Node from 16."""


LISTENERS = 50
"""Listeners in all, where there are places: three times the sessions in SQLAlchemy's pool."""


@pytest.mark.promise(
    "delivery",
    "everyone who listens hears",
    expects="Listeners who come at once all get in, where there are places, and each hears the next broadcasts.",
    because="What a listener holds while it listens, a session or a thread, runs out long before its places do.",
)
@pytest.mark.reads("delivery.broadcast_interval", "establishment.within", "establishment.success_ratio")
@pytest.mark.needs(endpoints=["feed"])
async def test_everyone_who_listens_hears(experiment: Experiment, contract: SimpleNamespace) -> None:
    interval = contract.delivery.broadcast_interval
    experiment.needs_places(2 * EARLY)
    early = await experiment.crowd("early", EARLY, endpoint="feed", trace=True)
    many = await experiment.crowd("many", experiment.fitting(LISTENERS) - EARLY, endpoint="feed", trace=True)
    await early.connect()
    await many.connect()
    start = experiment.now()
    await experiment.watch(INTERVALS_AMONG_MANY * interval)
    end = experiment.now()
    heard = (
        DeliveredInSequence(
            crowd=crowd.name,
            gap=LATE * interval,
            start=start,
            end=end,
            message=experiment.endpoint(Feed).message,
            sequence=experiment.endpoint(Feed).sequence,
        )
        for crowd in (early, many)
    )
    await experiment.judge(
        Established(
            crowd=many.name,
            count=many.count,
            within=contract.establishment.within,
            success_ratio=contract.establishment.success_ratio,
        ),
        *heard,
        *(Undisturbed(crowd=crowd.name) for crowd in (early, many)),
    )


SEEN_FROM_OUTSIDE = (Capability.SOCKET_PROBE, Capability.PROCESS_PROBE, Capability.TCP_TRUE)
"""What it takes to see which process serves whom: where one serves all, that they hear shows nothing."""

SPEAKERS = 8
"""Clients who say something: of a server with a few processes, one in each."""

HEARERS = 20
"""Clients who listen."""


@pytest.mark.promise(
    "delivery",
    "what one says everybody hears",
    expects="What a client says to everybody reaches each of them, whichever of the server's processes serves them.",
    because="A list of clients is one process's own: a second worker has another, and neither knows of the other.",
)
@pytest.mark.reads("delivery.reaches_all_within")
@pytest.mark.needs(*SEEN_FROM_OUTSIDE, endpoints=["room"])
async def test_what_one_says_everybody_hears(experiment: Experiment, contract: SimpleNamespace) -> None:
    limit = contract.delivery.reaches_all_within
    experiment.needs_places(SPEAKERS + HEARERS)
    # Whoever said something on coming would be heard by those who came before.
    listeners = await experiment.crowd("listeners", HEARERS, endpoint="room", trace=True, first_message=False)
    speakers = await experiment.crowd("speakers", SPEAKERS, endpoint="room", first_message=False)
    await listeners.connect_apart()
    await speakers.connect_apart()
    for crowd in (listeners, speakers):
        await experiment.note_holders(crowd)
    said = await speakers.exchange(1)
    # Twice the bound: what is only late is told from what never comes.
    await experiment.watch(2 * limit)
    await experiment.judge(
        ReachedEverybody(
            crowd=listeners.name,
            speakers=speakers.name,
            said=said.answered,
            message=experiment.endpoint(Room).expect,
            limit=limit,
            since=said.began,
        ),
        Undisturbed(crowd=listeners.name),
        Undisturbed(crowd=speakers.name),
    )


SAYING = 0.2
"""Seconds between two rounds of what the speakers say while the message queue is away."""

TWICE = 2
"""Of the promised time: what is only late is told from what never comes."""


@pytest.mark.promise(
    "delivery",
    "what one says everybody hears again",
    expects="When the message queue between the server's processes has died and is back, what one says reaches all.",
    because="A worker that does not subscribe again serves on, looks well, and hears of nobody but its own clients.",
)
@pytest.mark.reads("delivery.queue_process", "delivery.queue_back_within", "delivery.reaches_all_within")
@pytest.mark.needs(*SEEN_FROM_OUTSIDE, endpoints=["room"])
@pytest.mark.destructive
@pytest.mark.faults(QueueKilled())
async def test_what_one_says_everybody_hears_again(
    experiment: Experiment, contract: SimpleNamespace, fault: QueueKilled
) -> None:
    promised = contract.delivery
    experiment.needs_places(SPEAKERS + HEARERS)
    listeners = await experiment.crowd("listeners", HEARERS, endpoint="room", trace=True, first_message=False)
    speakers = await experiment.crowd("speakers", SPEAKERS, endpoint="room", first_message=False)
    await listeners.connect_apart()
    await speakers.connect_apart()
    for crowd in (listeners, speakers):
        await experiment.note_holders(crowd)
    said_at: list[float] = []
    async with experiment.inject(replace(fault, process=promised.queue_process)) as injection:
        end = injection.since + TWICE * promised.queue_back_within
        while experiment.now() < end:
            said_at += (await speakers.exchange(1)).sent_at
            await experiment.watch(SAYING)
    await experiment.watch(promised.reaches_all_within)
    await experiment.judge(
        ReachesEverybodyAgain(
            crowd=listeners.name,
            speakers=speakers.name,
            said_at=tuple(said_at),
            message=experiment.endpoint(Room).expect,
            limit=promised.queue_back_within,
            within=promised.reaches_all_within,
        ),
        Undisturbed(crowd=listeners.name),
        Undisturbed(crowd=speakers.name),
    )


async def _until_felt(experiment: Experiment, interval: float) -> float:
    """Wait until the server's kernel holds all it may for those who take nothing: from then on its sends wait.

    Returns the seconds that it takes to fill what the server may hold itself. Raises NotJudged where it takes too long.
    """
    if missing([Capability.SOCKET_PROBE], experiment.capabilities) is not None:
        raise NotJudged("nobody sees here whether the server has to wait for those who take nothing")
    began = grew = experiment.now()
    most, within = 0, max(FILLED_WITHIN, 2 * STILL * interval)
    while (now := experiment.now()) - grew < STILL * interval:
        if now - began > within:
            raise NotJudged(
                f"what the server's kernel holds for {SLOW} clients who take nothing still grows after "
                f"{format_duration(within)}, {format_size(most)} by then: no send of it has had to wait"
            )
        unsent = await experiment.unsent()
        if unsent > most:
            most, grew = unsent, experiment.now()
        await experiment.watch(interval / 4)
    return OF_ITS_OWN * SLOW / most * (grew - began) if most else 0.0


@pytest.mark.promise(
    "delivery",
    "a slow consumer hurts only itself",
    expects="Every other listener goes on hearing every broadcast, in order and in time.",
    because="A send that waits for the slowest makes everyone wait for the slowest.",
)
@pytest.mark.reads("delivery.broadcast_interval", optional=["liveness.heartbeat_timeout"])
@pytest.mark.needs(endpoints=["feed"])
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
        felt = await _until_felt(experiment, interval) if isinstance(fault, StalledReader | Vanished) else 0.0
        await experiment.watch(max(INTERVALS * interval, felt))
        end = experiment.now()
    await experiment.judge(
        DeliveredInSequence(
            crowd=listeners.name,
            gap=LATE * interval,
            # From when the fault began to act: proving it takes a while, and a slow consumer is found in the meantime.
            start=injection.since,
            end=end,
            message=experiment.endpoint(Feed).message,
            sequence=experiment.endpoint(Feed).sequence,
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
@pytest.mark.needs(Capability.SOCKET_PROBE, endpoints=["feed"])
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
@pytest.mark.needs(endpoints=["feed"])
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
            message=experiment.endpoint(Feed).message,
            sequence=None,  # whether one that is slow may miss an update is between it and its server
        ),
        Undisturbed(crowd=slow.name),
    )


@pytest.mark.promise(
    "delivery",
    "who is cut off goes on by polling",
    expects="A listener that is cut off and polls instead learns no less, and no later, than those who stay.",
    because="The way round is taken when something is wrong already: one never tried is stale, or gone as well.",
)
@pytest.mark.reads("delivery.broadcast_interval", "delivery.fetched_within")
@pytest.mark.needs(endpoints=["feed"])
@pytest.mark.faults(ClientReset(), Vanished())
async def test_who_is_cut_off_goes_on_by_polling(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    interval = contract.delivery.broadcast_interval
    feed = experiment.endpoint(Feed)
    path, sequence = declared(feed.fetch, "endpoints.feed.fetch"), declared(feed.sequence, "endpoints.feed.sequence")
    listeners = await experiment.crowd("listeners", 10, endpoint="feed", trace=True)
    await listeners.connect()
    cut_off = await experiment.victims_of(fault, "cut off", SLOW, endpoint="feed")
    await cut_off.connect()
    await experiment.watch(2 * interval)
    async with experiment.inject(fault, cut_off) as injection:
        # Twice in an interval: in one of both halves what is told is as old as it gets.
        await experiment.fetch_feed_until(experiment.now() + INTERVALS * interval, path=path, gap=interval / 2)
    await experiment.judge(
        FetchedInTime(
            crowd=listeners.name,
            message=feed.message,
            sequence=sequence,
            within=contract.delivery.fetched_within,
            start=injection.since,
        ),
        Undisturbed(crowd=listeners.name),
    )


CLIENTS = 5

CUT_NOBODY = (Latency, Jitter)
"""Faults under which a client has nothing to be given up for: all it says arrives, a little later. A line that is too
narrow, or loses what was sent, may keep a pong back for longer than a server waits; and one that slices is as narrow as
the machine is busy: of eight bytes a millisecond two cores under a load of six made one and a half."""

TALK = 0.5
"""Seconds of numbered messages before the fault, under it and after it: five of each client."""


@pytest.mark.promise(
    "delivery",
    "messages arrive whole",
    expects="Up to the end of its connection each message of a client is answered once, in order and unaltered; whom "
    "the fault does not cut stays.",
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
    Composed(parts=(Latency(), LossyLink())),
    Bottleneck(),
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
    await experiment.judge(Intact(crowd=clients.name), *_stayed(clients, fault))


@pytest.mark.promise(
    "delivery",
    "broadcasts arrive whole",
    expects="Up to the end of its connection each listener hears every broadcast once, in order and as the others do, "
    "while others come and go.",
    because="A list of listeners that changes while it is walked through leaves one out, or serves one twice.",
)
@pytest.mark.reads("delivery.broadcast_interval", optional=["delivery.slow_consumer_cut_within"])
@pytest.mark.needs(endpoints=["feed"])
@pytest.mark.faults(None, Latency(), Jitter(), Bandwidth(), Reset())
async def test_broadcasts_arrive_whole(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    interval = contract.delivery.broadcast_interval
    numbered = numbered_broadcasts(experiment.endpoint(Feed))
    listeners = await experiment.victims_of(fault, "listeners", CLIENTS, endpoint="feed", numbered=numbered)
    await listeners.connect()
    passers = await experiment.crowd("passers-by", CLIENTS, endpoint="feed", numbered=numbered)
    await experiment.watch(2 * interval)
    async with experiment.inject(fault, listeners):
        # Whoever is too slow may be cut, and may not miss any: it is watched until its backlog is too long.
        slow = contract.delivery.slow_consumer_cut_within if isinstance(fault, Bandwidth) else None
        end = experiment.now() + max(INTERVALS * interval, 2 * (slow or 0.0))
        stays = _out_of_step()
        while experiment.now() < end:
            await passers.connect()
            await experiment.watch(interval * next(stays))
            await passers.close()
    await experiment.watch(2 * interval)
    for crowd in (listeners, passers):
        await crowd.settle(within=experiment.patience)
    await experiment.judge(
        Intact(crowd=listeners.name),
        Intact(crowd=passers.name),
        Undisturbed(crowd=passers.name),
        *_stayed(listeners, fault),
    )


def _out_of_step() -> Iterator[float]:
    """Stays between 0.25 and 1.25 of an interval: in step with no broadcaster.

    Where each was one interval, all came and went between two broadcasts, and the list that was walked through never
    changed.
    """
    return (0.25 + phase for phase in phases())


def _stayed(clients: Crowd, fault: Fault | None) -> list[Undisturbed]:
    """What is whole up to the end of a connection is worth little where the server ends it for nothing."""
    acting = fault.parts if isinstance(fault, Composed) else () if fault is None else (fault,)
    return [Undisturbed(crowd=clients.name)] if all(isinstance(each, CUT_NOBODY) for each in acting) else []


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
        fault, "travellers", CLIENTS, endpoint="resumable", numbered=numbered_session(experiment.endpoint(Resumable))
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
        fault, "latecomers", CLIENTS, endpoint="resumable", numbered=numbered_session(experiment.endpoint(Resumable))
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
    clients = await experiment.victims_of(fault, "gone", CLIENTS, endpoint="resumable")
    await clients.connect()
    await experiment.statistics()
    async with experiment.inject(fault, clients):
        # Twice the bound: one that is only late is told from one that never goes.
        # Those of the scenarios before are due earlier.
        await experiment.wait_until(StatisticsSay(which="sessions", value=0.0), within=2 * limit)
        await experiment.statistics()
    await experiment.judge(SessionsForgotten(crowd=clients.name, gone=CLIENTS, limit=limit))
