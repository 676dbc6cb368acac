"""Survival: no frame and no handshake of one client ends the server or is felt by another, and each gets its answer.

One scenario for each kind of input: its cases are sent at once, each on a connection of its own, and the finding names
those that were not answered as allowed. What is odd but allowed has to be served: a server that refuses everything is
no answer to those who send what is forbidden. How fast that is, is no promise of this family: it has to come before a
client gives up (a flood was served after 0.3 to 0.9 s, on two cores under load).

What costs its sender little and a server much, thousands of frames or one that inflates, is judged by memory as well,
where it is promised how much the server takes in all: the right answer may come from one that took a gigabyte for it.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.bounds import by_timer
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost, FilesAtMost
from chaos.expectations import (
    AnsweredAsAllowed,
    CameBesideTheHostile,
    Established,
    Expectation,
    FilesGivenBack,
    HoldsAtMost,
    RefusedAtTheDoor,
    ReleasedWithin,
    Undisturbed,
)
from chaos.experiment import Experiment
from chaos.experiment.crowd import request_of
from chaos.experiment.outcome import NotJudged
from chaos.faults import CrashMidHandshake, HostileFrames, HostileHandshakes, HostilePackets, SlowLoris, TlsStall
from chaos.hostile.answers import PATIENCE, Reaction
from chaos.hostile.catalogue import Input, cases_of
from chaos.journal import HostileAnswer

pytestmark = [pytest.mark.chaos, pytest.mark.waits, pytest.mark.needs(Capability.SOCKET_PROBE)]

LIVING = 5
"""Clients that do nothing wrong beside them."""

HONEST = 10
"""Clients that come while a crowd holds its requests back."""

MOST_SLOW = 200
"""Of a crowd that takes every place: each sends some ten bytes a second, all from one process that also takes times."""

CLIENT_ERRORS = tuple(range(400, 500))
"""RFC 9110, 15.5: the request is what is wrong. Most say 404; a framework that ends it before the 101 says 403."""

Hostile = HostileFrames | HostileHandshakes | HostilePackets


@pytest.mark.promise(
    "survival",
    "refuses broken frames",
    expects="Every frame that RFC 6455 forbids is refused with its close code, and nobody else notices.",
    because="A frame that is taken although it is forbidden reaches code that was never written for it.",
)
@pytest.mark.reads("survival.hostile_within")
@pytest.mark.faults(HostileFrames(kind=Input.BROKEN_FRAMES))
async def test_broken_frames(experiment: Experiment, contract: SimpleNamespace, fault: HostileFrames) -> None:
    await _answered(experiment, fault, contract.survival.hostile_within)


@pytest.mark.promise(
    "survival",
    "accepts odd frames that are allowed",
    expects="Fragments, control frames between them and close codes of one's own are served as RFC 6455 says.",
    because="The counterpart: whoever refuses broken frames by refusing all odd ones cuts off honest clients.",
)
@pytest.mark.reads("survival.hostile_within")
@pytest.mark.faults(HostileFrames(kind=Input.ALLOWED_FRAMES))
async def test_allowed_frames(experiment: Experiment, fault: HostileFrames) -> None:
    await _answered(experiment, fault, experiment.patience)


@pytest.mark.promise(
    "survival",
    "floods of tiny frames hurt nobody else",
    expects="Thousands of pings or one-byte fragments are borne or cut short, while the others are answered.",
    because="Each is a few bytes on the wire and much more in memory and time, and no rule forbids it.",
)
@pytest.mark.reads("survival.hostile_within", optional=["bounded_memory.in_all"])
@pytest.mark.faults(HostileFrames(kind=Input.FLOODS))
async def test_floods(experiment: Experiment, contract: SimpleNamespace, fault: HostileFrames) -> None:
    await _answered(experiment, fault, experiment.patience, memory=contract.bounded_memory.in_all)


@pytest.mark.promise(
    "survival",
    "refuses messages beyond its limit",
    expects="A message beyond the promised size is closed with 1009, in one frame or in many; one of that size is not.",
    because="Without a limit one client takes all of the memory, and only 1009 tells an honest one what was wrong.",
)
@pytest.mark.reads("survival.max_message_size", "survival.hostile_within", optional=["bounded_memory.in_all"])
@pytest.mark.faults(HostileFrames(kind=Input.SIZES))
async def test_message_sizes(experiment: Experiment, contract: SimpleNamespace, fault: HostileFrames) -> None:
    promised = contract.survival
    sized = replace(fault, max_message=promised.max_message_size)
    await _answered(experiment, sized, promised.hostile_within, memory=contract.bounded_memory.in_all)


@pytest.mark.promise(
    "survival",
    "refuses a compression bomb",
    expects="A small frame that inflates beyond the promised size is closed with 1009; one that inflates to it is not.",
    because="A limit on what comes in is none where it is inflated afterwards, and one on how much it inflates refuses "
    "honest messages.",
)
@pytest.mark.reads("survival.max_message_size", "survival.hostile_within", optional=["bounded_memory.in_all"])
@pytest.mark.faults(HostileFrames(kind=Input.BOMBS))
async def test_compression_bomb(experiment: Experiment, contract: SimpleNamespace, fault: HostileFrames) -> None:
    promised = contract.survival
    sized = replace(fault, max_message=promised.max_message_size)
    await _answered(experiment, sized, promised.hostile_within, memory=contract.bounded_memory.in_all)


@pytest.mark.promise(
    "survival",
    "survives broken packets",
    expects="Packets that the dialect forbids are passed over or end their own connection, and nobody else notices.",
    because="They come in flawless WebSocket messages, so it is the application's own code that meets them first.",
)
@pytest.mark.reads("survival.hostile_within")
@pytest.mark.faults(HostilePackets(kind=Input.BROKEN_PACKETS))
async def test_broken_packets(experiment: Experiment, contract: SimpleNamespace, fault: HostilePackets) -> None:
    await _answered(experiment, fault, contract.survival.hostile_within)


@pytest.mark.promise(
    "survival",
    "accepts odd packets that are allowed",
    expects="Whoever sends what the dialect allows and few expect is served as before.",
    because="The counterpart: a server that ends whatever it does not know cuts off tomorrow's clients.",
)
@pytest.mark.reads("survival.hostile_within")
@pytest.mark.faults(HostilePackets(kind=Input.ALLOWED_PACKETS))
async def test_allowed_packets(experiment: Experiment, fault: HostilePackets) -> None:
    await _answered(experiment, fault, experiment.patience)


@pytest.mark.promise(
    "survival",
    "refuses broken handshakes",
    expects="Every upgrade request that the RFCs forbid is refused with a status, and nobody else notices.",
    because="Anyone can send one before any token was asked for.",
)
@pytest.mark.reads("survival.hostile_within")
@pytest.mark.faults(HostileHandshakes(kind=Input.BROKEN_HANDSHAKES))
async def test_broken_handshakes(experiment: Experiment, contract: SimpleNamespace, fault: HostileHandshakes) -> None:
    await _answered(experiment, fault, contract.survival.hostile_within)


@pytest.mark.promise(
    "survival",
    "accepts odd handshakes that are allowed",
    expects="Extensions nobody knows are ignored, odd headers do no harm, and a request may come in three packets.",
    because="The counterpart: tomorrow's browsers offer what nobody knows today, and who sits in a train sends slowly.",
)
@pytest.mark.reads("survival.hostile_within")
@pytest.mark.faults(HostileHandshakes(kind=Input.ALLOWED_HANDSHAKES))
async def test_allowed_handshakes(experiment: Experiment, fault: HostileHandshakes) -> None:
    await _answered(experiment, fault, experiment.patience)


@pytest.mark.promise(
    "survival",
    "refuses who has no right to come in",
    expects="A foreign Origin, a missing, forged or expired token is refused before the 101, and others are let in.",
    because="A check that reads half of a name, or no expiry, lets in whoever knows that.",
)
@pytest.mark.reads("survival.unauthorized", "survival.hostile_within")
async def test_no_right_to_come_in(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.survival
    experiment.needs_places(LIVING + len(promised.unauthorized))
    living = await experiment.crowd("living", LIVING)
    await living.connect()
    own = experiment.endpoints.echo.headers
    strangers = [
        await experiment.crowd(name, 1, first_message=False, **request_of({**own, **headers}))
        for name, headers in promised.unauthorized.items()
    ]
    for stranger in strangers:
        await stranger.connect()
    await living.exchange(1)
    await experiment.judge(
        RefusedAtTheDoor(crowds=tuple(promised.unauthorized), within=promised.hostile_within),
        # Whoever refuses everybody is no answer: the living came with the headers of the target file.
        Undisturbed(crowd=living.name),
    )


@pytest.mark.promise(
    "survival",
    "refuses a path that leads nowhere",
    expects="An upgrade where there is no endpoint is refused before the 101, and others are let in.",
    because="A server that upgrades everywhere calls a wrong address right, and whoever has it waits in vain.",
)
@pytest.mark.reads("survival.unknown_path", "survival.hostile_within")
async def test_a_path_that_leads_nowhere(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.survival
    experiment.needs_places(LIVING + 1)
    living = await experiment.crowd("living", LIVING)
    await living.connect()
    lost = await experiment.crowd("lost", 1, first_message=False, path=promised.unknown_path)
    await lost.connect()
    await living.exchange(1)
    await experiment.judge(
        RefusedAtTheDoor(crowds=(lost.name,), within=promised.hostile_within, statuses=CLIENT_ERRORS),
        Undisturbed(crowd=living.name),
    )


@pytest.mark.promise(
    "survival",
    "ends requests that never end",
    expects="A request that is not complete in time is ended, in silence or dripping.",
    because="A few bytes now and then hold a connection for ever, and a thousand of them are all there are.",
)
@pytest.mark.reads("survival.header_timeout")
@pytest.mark.faults(HostileHandshakes(kind=Input.UNFINISHED))
async def test_unfinished_requests(experiment: Experiment, contract: SimpleNamespace, fault: HostileHandshakes) -> None:
    await _answered(experiment, fault, by_timer(contract.survival.header_timeout))


@pytest.mark.promise(
    "survival",
    "honest clients beside a slow crowd",
    expects="As many half-made requests as there are places keep no honest client out, and each is ended in time.",
    because="A connection that has not said what it wants costs its sender nothing: the cheapest way to close a shop.",
)
@pytest.mark.reads(
    "survival.header_timeout",
    "establishment.within",
    "establishment.success_ratio",
    optional=["rejection.max_connections"],
)
@pytest.mark.faults(SlowLoris(), TlsStall())
async def test_honest_beside_a_slow_crowd(
    experiment: Experiment, contract: SimpleNamespace, fault: SlowLoris | TlsStall
) -> None:
    limit = by_timer(contract.survival.header_timeout)
    slow = min(contract.rejection.max_connections or fault.crowd, MOST_SLOW)
    experiment.needs_places(LIVING + HONEST)
    living = await experiment.crowd("living", LIVING)
    await living.connect()
    honest = await experiment.crowd("honest", HONEST)
    remaining = living.count + honest.count + experiment.own_connections
    # An end that is only late is told from one that never comes.
    released = PATIENCE * limit
    async with experiment.inject(replace(fault, crowd=slow, answer_within=released)):
        await honest.connect()
        await living.exchange(3)
        await experiment.wait_until(ConnectionsAtMost(remaining), within=released)
    await experiment.judge(
        Established(
            crowd=honest.name,
            count=HONEST,
            within=contract.establishment.within,
            success_ratio=contract.establishment.success_ratio,
        ),
        CameBesideTheHostile(crowd=honest.name),
        AnsweredAsAllowed(kind=fault.kind, limit=limit),
        # As late again, as for other hostile input.
        ReleasedWithin(
            dead=slow, remaining=remaining, limit=released, why="twice as long as an answer", of_deaths=False
        ),
        Undisturbed(crowd=living.name),
    )


@pytest.mark.promise(
    "survival",
    "crashes around the upgrade leave nothing",
    expects="Clients that crash in their request, right after it or right after the 101 are forgotten, by RST or FIN.",
    because="In between nobody owns the connection for certain: the parser has let go, and no session has begun.",
)
@pytest.mark.reads("cleanup.closed_within")
@pytest.mark.faults(CrashMidHandshake())
async def test_crashes_around_the_upgrade(
    experiment: Experiment, contract: SimpleNamespace, fault: CrashMidHandshake
) -> None:
    settles = contract.cleanup.closed_within
    experiment.needs_places(LIVING + fault.crowd)
    living = await experiment.crowd("living", LIVING)
    await living.connect()
    remaining = living.count + experiment.own_connections
    files = (await experiment.sample()).fds
    async with experiment.inject(fault):
        # Twice the bound: one that is only late is told from one that never comes.
        await experiment.wait_until(ConnectionsAtMost(remaining), within=2 * settles + experiment.sampling)
        await living.exchange(3)
    # What a busy machine keeps the server from closing is not kept by it.
    await experiment.wait_until(FilesAtMost(files), within=settles + experiment.patience)
    agree = await experiment.told_as(await experiment.sample(), within=settles)
    await experiment.judge(
        ReleasedWithin(
            dead=fault.crowd, remaining=remaining, limit=settles, why="a FIN or RST reached it", of_deaths=False
        ),
        FilesGivenBack(before=files, ended=fault.each),
        Undisturbed(crowd=living.name),
        *agree,
    )


async def _answered(experiment: Experiment, fault: Hostile, limit: float, *, memory: int | None = None) -> None:
    """Send all of one kind beside others that live, and see that each is answered and no place is kept.

    `memory`: bytes that the server takes in all, where that is promised and it matters for this kind.
    """
    hostile = len(cases_of(fault.kind))
    experiment.needs_places(LIVING + hostile)
    living = await experiment.crowd("living", LIVING)
    await living.connect()
    remaining = living.count + experiment.own_connections
    # As late again: its own answer may come at the last moment, and the end of TCP follows it.
    released = PATIENCE * limit
    # An answer that is only late is told from one that never comes, and so is a place that is given back.
    async with experiment.inject(replace(fault, answer_within=released)):
        await living.exchange(3)
        await experiment.wait_until(ConnectionsAtMost(remaining), within=PATIENCE * released + experiment.sampling)
    await living.exchange(1)
    answers = (await experiment.record()).journal.of(HostileAnswer)
    if answers and all(answer.reaction == Reaction.UNAGREED for answer in answers):
        raise NotJudged(f"{answers[0].detail}, so there is nothing to inflate")
    bounded: list[Expectation] = []
    if memory is not None and (await experiment.sample()).memory:
        bounded.append(HoldsAtMost(limit=memory))
    await experiment.judge(
        AnsweredAsAllowed(kind=fault.kind, limit=limit),
        ReleasedWithin(
            dead=hostile, remaining=remaining, limit=released, why="twice as long as an answer", of_deaths=False
        ),
        Undisturbed(crowd=living.name),
        *bounded,
    )
