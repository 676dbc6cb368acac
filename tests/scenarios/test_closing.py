"""Closing: an end is announced, comes after all data, is over in bounded time, and leaves nothing behind.

A shutdown goes on whoever does not listen, and whoever has left: those whose end the server's kernel was told of
(reset, FIN, killed and the like) are one cell together, a churn. A half-open client is to the server a silent one.

On a running server it is the peer that may hold things up: it does not answer the server's close frame, or closes
itself and keeps TCP. One that cannot even be sent the close frame is a stalled reader: the heartbeat finds it (cleanup,
delivery), and a shutdown meets it.

What is said before a close frame has no faults: on a network that loses or delays both come later, in their order.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.bounds import by_timer
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost, CrowdGone, EverythingRead
from chaos.expectations import (
    AnswersFirst,
    BroadcastsFirst,
    CloseAnswered,
    ClosedWith,
    Deaf,
    LateAnswerAwaited,
    NothingLeftBehind,
    Provided,
    RecoveredWithin,
    ReleasedWithin,
    ShutDownWithin,
    Undisturbed,
)
from chaos.experiment import Crowd, Experiment, Inconclusive, NotJudged
from chaos.experiment.numbering import numbered_broadcasts, numbered_echoes
from chaos.faults import Churn, CloseHeld, CloseUnanswered, FullBuffers, Latency, SilentClient, StalledReader, Vanished
from chaos.faults.base import Fault
from chaos.target import Feed, declared
from chaos.units import format_duration

pytestmark = [pytest.mark.chaos, pytest.mark.waits]


FAR_AWAY = Latency(delay=0.2)
"""A link on which each close handshake takes a while, and still less than any server's close timeout: where one waits
for the other, twenty of them take 4 s."""

DEAF = 20
"""Clients that answer late or never."""

LIVING = 5
"""Clients that stay, or that hear everything at once."""


@pytest.mark.promise(
    "closing",
    "graceful shutdown",
    expects="On SIGTERM every client is told with a close frame, and the process ends in time with exit code 0.",
    because="A peer that cannot answer must not hold the deployment up, and one that can must not be cut off.",
)
@pytest.mark.reads("closing.shutdown_code", "closing.shutdown_within")
@pytest.mark.needs(Capability.SIGNALS, Capability.RESTART)
@pytest.mark.destructive
@pytest.mark.faults(None, FAR_AWAY, StalledReader(), FullBuffers(), SilentClient(), Vanished())
async def test_graceful_shutdown(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.closing
    listening = await experiment.crowd("listening", 20)
    await listening.connect()
    await listening.exchange(1)
    deaf = await experiment.victims_of(fault, "deaf", DEAF)
    await deaf.connect()
    async with experiment.inject(fault, deaf):
        # Twice the bound: a server that is only late is told from one that never ends.
        await experiment.terminate_server(within=2 * promised.shutdown_within)
        await experiment.wait_until_gone(listening, within=promised.shutdown_within)
        if fault is FAR_AWAY:
            await experiment.wait_until_gone(deaf, within=promised.shutdown_within)
    # Without a fault the deaf are none, and those who are only far away hear what everybody hears.
    told = [listening, deaf] if fault is None or fault is FAR_AWAY else [listening]
    await experiment.judge(
        *(_told_goodbye(crowd, promised) for crowd in told),
        ShutDownWithin(limit=promised.shutdown_within),
    )


def _told_goodbye(crowd: Crowd, promised: SimpleNamespace) -> ClosedWith:
    """That every client of a crowd hears at a shutdown what `promises.closing` says, while it may last."""
    within = promised.shutdown_within
    return ClosedWith(crowd=crowd.name, codes=(promised.shutdown_code,), why="at shutdown", within=within)


GUESTS = 24
"""Clients that come and go, half of them at a time, in six ways."""


@pytest.mark.promise(
    "closing",
    "nobody who has left holds up a shutdown",
    expects="When all have left, in each way that its kernel is told of, a server that is told to end does so in time.",
    because="A task or a reader that outlives its client shows in no count of connections, and a shutdown waits for it "
    "until it is killed.",
)
@pytest.mark.reads("closing.shutdown_within", "cleanup.closed_within")
@pytest.mark.needs(Capability.SIGNALS, Capability.RESTART)
@pytest.mark.destructive
@pytest.mark.faults(Churn())
async def test_nobody_who_has_left_holds_up_a_shutdown(
    experiment: Experiment, contract: SimpleNamespace, fault: Churn
) -> None:
    experiment.needs_places(2 * GUESTS)  # those who have gone may keep theirs while the next ones come
    within = contract.closing.shutdown_within
    guests = await experiment.victims_of(fault, "guests", GUESTS)
    async with experiment.inject(fault, guests):
        pass
    await experiment.wait_until(
        ConnectionsAtMost(experiment.own_connections), within=contract.cleanup.closed_within + experiment.patience
    )
    # Twice the bound: a server that is only late is told from one that never ends.
    await experiment.terminate_server(within=2 * within)
    await experiment.judge(ShutDownWithin(limit=within))


TO_HEAR = 0.2
"""Seconds in which a server that was told to end has begun to say goodbye: uvicorn looks for signals ten times a
second. Whoever is slower is not seen to drop anything, for by then there is nothing to drop."""


class _Pause:
    """A crowd that does not read until others have been told: what is meant for it is with the server until then."""

    def __init__(self, experiment: Experiment, crowd: Crowd, *, others: Crowd) -> None:
        self._experiment = experiment
        self._crowd = crowd
        self._others = others
        self._began = self._ended = experiment.now()

    async def begin(self) -> None:
        """Read nothing any more."""
        self._began = self._experiment.now()
        await self._crowd.act("stall")

    async def end(self) -> None:
        """Read what has come, once the others have heard goodbye: before that the queue may empty itself."""
        await self._experiment.wait_until(CrowdGone(self._others.name), within=TO_HEAR)
        await self._crowd.act("resume")
        self._ended = self._experiment.now()

    def was_shorter_than(self, patience: float | None) -> None:
        """Raises Inconclusive where the server may have taken them for dead: who reads no ping answers none."""
        if patience is not None and self.lasted >= patience:
            raise Inconclusive(
                f"it took us {format_duration(self.lasted)} to read on, and after {format_duration(patience)} without "
                "a pong a client is dead"
            )

    @property
    def lasted(self) -> float:
        """Seconds for which it read nothing."""
        return self._ended - self._began


TALKERS = 3

LONG = 16_000
"""Characters of a message: 22 answers of this length are what the kernel's buffers and a library's 64 KiB hold (on the
reference, measured), so that the others wait in a queue of the server's own."""

MESSAGES = 32
"""Of each talker: as many as the reference's own queue has room for, so that it reads all of them."""

TO_ANSWER = 0.1
"""Seconds that the server has for the answers to what it has read, before it is told to end. What others kept it from
running for excuses it; longer, and a heartbeat would take who does not read for dead."""

SMALL_BUFFER = 16 * 1024
"""SO_RCVBUF of who does not read for a while, bytes: what is kept from it is with the server. With 1 KiB it took longer
to catch up than the reference waits for an end, 0.5 s, on two cores under a load of 28."""


@pytest.mark.promise(
    "closing",
    "answers come before the close frame",
    expects="At shutdown every message that the server had read is answered before its close frame.",
    because="A queue that is dropped at each deployment loses what its clients believe to have been taken.",
)
@pytest.mark.reads(
    "closing.data_first",
    "closing.shutdown_code",
    "closing.shutdown_within",
    "delivery.answers",
    optional=["liveness.heartbeat_timeout"],
)
@pytest.mark.needs(Capability.SIGNALS, Capability.RESTART, Capability.SOCKET_PROBE, Capability.TCP_TRUE)
@pytest.mark.destructive
async def test_answers_come_before_the_close_frame(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.closing
    numbered = replace(numbered_echoes(experiment.endpoints.echo, contract.delivery.answers), size=LONG, frames=1)
    talking = await experiment.crowd(
        "talking", TALKERS, numbered=numbered, receive_buffer=SMALL_BUFFER, keep_alive=False
    )
    listening = await experiment.crowd("listening", LIVING)
    await talking.connect()
    await listening.connect()
    pause = _Pause(experiment, talking, others=listening)
    await pause.begin()
    await talking.say_numbered(MESSAGES)
    # Nothing is on its way to the server any more: all of it is the server's.
    read = await experiment.wait_until(EverythingRead(talking.name), within=experiment.patience)
    read_at = experiment.now() if read else None
    await experiment.watch(TO_ANSWER)
    await talking.settle(within=0.0)
    await experiment.terminate_server(within=2 * promised.shutdown_within, then=pause.end)
    await experiment.wait_until_gone(talking, within=promised.shutdown_within)
    await talking.settle(within=0.0)
    pause.was_shorter_than(contract.liveness.heartbeat_timeout)
    await experiment.judge(
        Provided(
            condition=AnswersFirst(
                crowd=talking.name,
                when="it was told to end",
                read_at=read_at,
                deaf=Deaf(seconds=pause.lasted, goodbye=promised.shutdown_code),
            ),
            then=_told_goodbye(talking, promised),
        ),
        ShutDownWithin(limit=promised.shutdown_within),
    )


BEHIND = 3
"""Broadcast intervals for which a listener does not read, before the server is told to end: no more than half of the
heartbeat's timeout, for who is behind is not dead."""


@pytest.mark.promise(
    "closing",
    "broadcasts come before the close frame",
    expects="At shutdown a listener who is behind hears everything that had been broadcast before the close frame.",
    because="The last news before a deployment is the one that nobody sends again.",
)
@pytest.mark.reads(
    "closing.data_first",
    "closing.shutdown_code",
    "closing.shutdown_within",
    "delivery.broadcast_interval",
    optional=["liveness.heartbeat_timeout"],
)
@pytest.mark.needs(Capability.SIGNALS, Capability.RESTART, Capability.TCP_TRUE, endpoints=["feed"])
@pytest.mark.destructive
async def test_broadcasts_come_before_the_close_frame(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised, interval = contract.closing, contract.delivery.broadcast_interval
    feed = experiment.endpoint(Feed)
    numbered_broadcasts(feed)  # for what it says where they have no numbers
    sequence = declared(feed.sequence, "endpoints.feed.sequence")
    if not feed.identical:
        raise NotJudged("endpoints.feed.identical is not declared, so nobody knows what all were to hear")
    timeout = contract.liveness.heartbeat_timeout
    seconds = min(BEHIND * interval, timeout / 2 if timeout is not None else BEHIND * interval)
    listening = await experiment.crowd("listening", LIVING, endpoint="feed", trace=True)
    behind = await experiment.crowd("behind", TALKERS, endpoint="feed", trace=True, receive_buffer=SMALL_BUFFER)
    for crowd in (listening, behind):
        await crowd.connect()
    await experiment.watch(2 * interval)
    pause = _Pause(experiment, behind, others=listening)
    await pause.begin()
    await experiment.watch(seconds)
    await experiment.terminate_server(within=2 * promised.shutdown_within, then=pause.end)
    for crowd in (listening, behind):
        await experiment.wait_until_gone(crowd, within=promised.shutdown_within)
    pause.was_shorter_than(timeout)
    await experiment.judge(
        Provided(
            condition=BroadcastsFirst(
                crowd=behind.name,
                others=listening.name,
                message=feed.message,
                sequence=sequence,
                deaf=Deaf(seconds=pause.lasted, goodbye=promised.shutdown_code),
            ),
            then=_told_goodbye(behind, promised),
        ),
        _told_goodbye(listening, promised),
        ShutDownWithin(limit=promised.shutdown_within),
    )


@pytest.mark.promise(
    "closing",
    "answers come before a client's close is answered",
    expects="A client that closes gets the answers to what it said before, and then the server's close frame.",
    because="Who asks and leaves in one breath has asked: a library that closes at once answers nothing any more.",
)
@pytest.mark.reads("closing.data_first", "delivery.answers")
async def test_answers_come_before_a_clients_close_is_answered(
    experiment: Experiment, contract: SimpleNamespace
) -> None:
    numbered = numbered_echoes(experiment.endpoints.echo, contract.delivery.answers)
    leaving = await experiment.crowd("leaving", TALKERS, numbered=replace(numbered, frames=1))
    await leaving.connect()
    said_at = experiment.now()
    await leaving.close(saying=MESSAGES)
    await leaving.settle(within=0.0)
    # All of it is in front of the close frame: a server that has read that one has read everything.
    await experiment.judge(
        AnswersFirst(crowd=leaving.name, when="they closed", read_at=said_at),
        ClosedWith(crowd=leaving.name, codes=(), why="when it has closed", since=said_at),
    )


@pytest.mark.promise(
    "closing",
    "a client's close is answered",
    expects="A client that closes hears the server's close frame, and the server ends TCP behind it.",
    because="The client waits for both, as it has to (RFC 6455, 7.1.1): each that is left to it costs it its patience.",
)
@pytest.mark.reads("cleanup.closed_within")
async def test_a_clients_close_is_answered(experiment: Experiment, contract: SimpleNamespace) -> None:
    within = contract.cleanup.closed_within
    # Twice the bound: one that is only late is told from one that never comes.
    leaving = await experiment.crowd("leaving", DEAF, close_timeout=2 * within)
    await leaving.connect()
    await leaving.exchange(1)
    closed_at = experiment.now()
    await leaving.close()
    await experiment.judge(CloseAnswered(crowd=leaving.name, since=closed_at, within=within))


@pytest.mark.promise(
    "closing",
    "a close that nobody answers",
    expects="A client that does not answer the server's close frame is released in time; everyone else stays.",
    because="A hung application reads its goodbye and does nothing: who waits for its answer keeps it for ever.",
)
@pytest.mark.reads("closing.close_timeout", "liveness.idle_timeout", optional=["cleanup.closed_within"])
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(CloseUnanswered())
async def test_a_close_that_nobody_answers(
    experiment: Experiment, contract: SimpleNamespace, fault: CloseUnanswered
) -> None:
    await _released(experiment, contract, replace(fault, idle=contract.liveness.idle_timeout))


@pytest.mark.promise(
    "closing",
    "a close after which TCP is held",
    expects="A client that closes and then keeps TCP is released in time; everyone else stays.",
    because="Once both close frames are out no heartbeat looks any more, and the client's FIN may never come.",
)
@pytest.mark.reads("closing.close_timeout", optional=["cleanup.closed_within"])
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(CloseHeld())
async def test_a_close_after_which_tcp_is_held(
    experiment: Experiment, contract: SimpleNamespace, fault: CloseHeld
) -> None:
    await _released(experiment, contract, fault)


async def _released(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    """Peers leave a close handshake unfinished, beside others that live."""
    limit = by_timer(contract.closing.close_timeout)
    living = await experiment.crowd("living", LIVING)
    await living.connect()
    leaving = await experiment.victims_of(fault, "leaving", DEAF, keep_alive=False)
    await leaving.connect()
    remaining = living.count + experiment.own_connections
    async with experiment.inject(fault, leaving):
        # Twice the bound: one that is only late is told from one that never comes.
        await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * limit + experiment.sampling)
        await living.exchange(3)
    settles = contract.cleanup.closed_within or limit
    agree = await experiment.told_as(await experiment.sample(), within=settles)
    await experiment.judge(
        ReleasedWithin(dead=DEAF, remaining=remaining, limit=limit, why="from the close frame, a tenth of it late"),
        Undisturbed(crowd=living.name),
        *agree,
    )


LATE = 0.8
"""Of the time that a client is waited for, when it answers."""


@pytest.mark.promise(
    "closing",
    "a late answer to the close is waited for",
    expects="A client whose answer to the close frame takes a while, and no longer than is promised, is waited for.",
    because="The counterpart of letting go: a server that passes by cutting behind its close frame fails here.",
)
@pytest.mark.reads("closing.close_answer_within", "liveness.idle_timeout")
async def test_a_late_answer_to_the_close_is_waited_for(experiment: Experiment, contract: SimpleNamespace) -> None:
    within, idle = contract.closing.close_answer_within, contract.liveness.idle_timeout
    delay = LATE * within
    slow = await experiment.crowd("slow", DEAF, keep_alive=False, close_delay=delay)
    await slow.connect()
    await experiment.wait_until_gone(slow, within=2 * idle + within)
    await experiment.judge(LateAnswerAwaited(crowd=slow.name, delay=delay, within=within))


CLIENTS = 20


@pytest.mark.promise(
    "closing",
    "graceful restart",
    expects="A server that is told to end and is started again has told its clients, has gone whole, and serves "
    "newcomers at once.",
    because="This is every deployment: what holds the port, or a half-open client, turns it into an outage.",
)
@pytest.mark.reads(
    "closing.shutdown_code", "closing.shutdown_within", "recovery.within", optional=["recovery.restart_within"]
)
@pytest.mark.needs(Capability.SIGNALS, Capability.RESTART, Capability.SOCKET_PROBE, Capability.PROCESS_PROBE)
@pytest.mark.destructive
async def test_graceful_restart(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.closing
    limit = contract.recovery.restart_within or contract.recovery.within
    before = await experiment.crowd("before", CLIENTS)
    await before.connect()
    await before.exchange(1)
    await experiment.terminate_server(within=2 * promised.shutdown_within)
    await experiment.wait_until_gone(before, within=promised.shutdown_within)
    await experiment.note_left_behind()
    started = await experiment.restart_server()
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await after.exchange(1)
    await experiment.judge(
        _told_goodbye(before, promised),
        ShutDownWithin(limit=promised.shutdown_within),
        NothingLeftBehind(),
        RecoveredWithin(crowd=after.name, count=CLIENTS, limit=limit, since=started),
        Undisturbed(crowd=after.name),
    )
