"""Clients that a server may have closed for their age: a breach that is nothing but their end is judged by nobody.

An age excuses what it explains and no more: the breach has to be gone where just these clients, from just these times
on, are left out. A dead peer that was kept too long, an answer that was wrong, a client that was too young stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chaos.contract import Liveness
from chaos.expectations import (
    ClosedWhenIdle,
    ClosedWith,
    CounterAgrees,
    DeliveredInSequence,
    Expectation,
    FloodAnswered,
    PingedAtPeriod,
    Provided,
    ReachedEverybody,
    ReachesEverybodyAgain,
    Record,
    RejectedGracefully,
    RoundTripsWithin,
    StatisticsAgree,
    Undisturbed,
    Warned,
    WarnedBeforeClose,
    WorkerRecycled,
    WorkerReplaced,
)
from chaos.expectations.ages import old_from
from chaos.expectations.canary import times_lost
from chaos.expectations.reach import heard_by
from chaos.journal import Attempt, Ended, Event, Frame, Journal, Statistics, Traffic
from chaos.units import format_duration
from chaos.verdict import Verdict

__all__ = ["Aged", "aged_out", "explained", "told"]


@dataclass(frozen=True, slots=True)
class Aged:
    """A client that the server may have closed for its age."""

    ended: Ended
    age: float
    """Seconds from its first packet to the close frame."""
    promised: float
    """The age that the server promises nobody exceeds, seconds."""

    @property
    def who(self) -> tuple[str, int]:
        """Its crowd, and its number in it."""
        return self.ended.crowd, self.ended.client


def aged_out(record: Record, liveness: Liveness | None) -> list[Aged]:
    """Everybody who may have been closed for the age that is promised, in the order of their ends.

    Who is old is closed with a close frame, and with the code that is promised for it: a connection that was reset,
    that ended without a word, or that was closed with another code, did not end for its age.
    """
    if liveness is None or liveness.max_age is None:
        return []
    old, code = old_from(liveness.max_age), liveness.age_code
    found = []
    for crowd in record.crowds():
        sessions: dict[int, list[Attempt]] = defaultdict(list)
        for attempt in record.opened(crowd):
            sessions[attempt.client].append(attempt)
        for ended in record.endings(crowd):
            if ended.by != "server" or ended.how != "close" or ended.code is None or code not in (None, ended.code):
                continue
            # A client may have come back: its last session before this end is the one that ended.
            began = [each.began for each in sessions[ended.client] if each.at <= ended.at]
            if began and ended.said_at - began[-1] >= old:
                found.append(Aged(ended, ended.said_at - began[-1], liveness.max_age))
    return sorted(found, key=lambda each: each.ended.said_at)


def told(aged: Sequence[Aged]) -> str:
    """Why what they explain is not judged, in one sentence."""
    oldest = max(each.age for each in aged)
    return (
        f"promises.liveness.max_age = {format_duration(aged[0].promised)} is shorter than this scenario needs its "
        f"clients: the server closed one at the age of {format_duration(oldest)}, and may have done so for that"
    )


def explained(breach: Expectation, record: Record, aged: Sequence[Aged]) -> bool:
    """Whether an expectation that is violated would not be, had these clients not been there, or not been closed."""
    if not aged:
        return False
    match breach:
        case Provided(condition=condition, then=then):
            held = condition.judge(record).verdict is Verdict.HELD
            return explained(then if held else condition, record, aged)
        case Undisturbed(crowd=crowd):
            return _kept(breach, _without_ends(record, _of(crowd, aged)))
        case (
            ClosedWith(crowd=crowd) | WarnedBeforeClose(crowd=crowd) | Warned(crowd=crowd) | WorkerRecycled(crowd=crowd)
        ):
            return _kept(breach, _without_clients(record, _of(crowd, aged)))
        case ClosedWhenIdle(crowd=crowd, timeout=timeout, slack=slack):
            # That it grew old is the breach of one that was to be closed long before.
            due = [each for each in _of(crowd, aged) if each.age <= timeout + slack]
            return _kept(breach, _without_clients(record, due))
        case PingedAtPeriod(crowd=crowd, until=until):
            own = _of(crowd, aged)
            first = min(until, _first(own))
            return _kept(breach, _without_clients(record, own)) and _kept(
                replace(breach, until=first), _cut(record, first)
            )
        case DeliveredInSequence(crowd=crowd, end=end):
            own = _of(crowd, aged)
            first = min(end, _first(own))
            return _kept(breach, _without_clients(record, own)) and _kept(
                replace(breach, end=first), _cut(record, first)
            )
        case RoundTripsWithin(crowd=crowd, wanted=wanted, sent=sent, answered=answered, start=start, end=end):
            # Each may have waited for one answer when it was closed.
            own = [each for each in _of(crowd, aged) if start <= each.ended.said_at <= end]
            lost = min(len(own), sent - answered)
            return lost > 0 and _kept(replace(breach, wanted=wanted - lost, sent=sent - lost), record)
        case StatisticsAgree(connections=connections):
            return any(_kept(replace(breach, connections=connections - gone), record) for gone in _gone(record, aged))
        case RejectedGracefully(crowd=crowd, free=free):
            # Who was inside for too long has left a place to those who came.
            last = max((attempt.at for attempt in record.attempts(crowd)), default=float("-inf"))
            left = sum(each.ended.said_at <= last for each in aged)
            return any(_kept(replace(breach, free=free + gone), record) for gone in range(1, left + 1))
        case CounterAgrees(counter="ended", happened=happened, end=end):
            # Who ended before is among those that the kernel did not hold any more.
            asked = max((reading.at for reading in record.journal.of(Statistics)), default=end)
            old = sum(each.ended.at >= end and each.ended.said_at <= asked for each in aged)
            return any(_kept(replace(breach, happened=happened + gone), record) for gone in range(1, old + 1))
        case ReachedEverybody(crowd=crowd, said=said, message=message, since=since):
            own = _of(crowd, aged)
            first = _first(own)
            heard = heard_by(record, crowd, message, since=since)
            later = sum(min(by.values()) >= first for by in heard.values())
            return _kept(breach, _without_clients(record, own)) and _kept(
                replace(breach, said=said - later), _cut(record, first)
            )
        case ReachesEverybodyAgain(crowd=crowd, said_at=said_at):
            own = _of(crowd, aged)
            first = _first(own)
            so_far = tuple(at for at in said_at if at <= first)
            return _kept(breach, _without_clients(record, own)) and _kept(
                replace(breach, said_at=so_far), _cut(record, first)
            )
        case (
            FloodAnswered(crowd=crowd, sent=sent, answered=answered)
            | WorkerReplaced(crowd=crowd, sent=sent, answered=answered)
        ):
            # Each may have waited for its answer when it was closed.
            own = _of(crowd, aged)
            lost = min(len(own), sent - answered)
            return _kept(replace(breach, sent=sent - lost), _without_ends(record, own))
        case _:
            return False


def _kept(asked: Expectation, record: Record) -> bool:
    return asked.judge(record).verdict is not Verdict.VIOLATED


def _of(crowd: str, aged: Sequence[Aged]) -> list[Aged]:
    """Those of a crowd; all of them where nobody is named."""
    return [each for each in aged if crowd in ("", each.ended.crowd)]


def _first(aged: Sequence[Aged]) -> float:
    return min((each.ended.said_at for each in aged), default=float("inf"))


def _without_ends(record: Record, aged: Sequence[Aged]) -> Record:
    """As if they had stayed: nobody cut off, and no exchange lost that each may have waited for at that moment."""
    ends = {id(each.ended) for each in aged}

    def seen(event: Event) -> Event:
        if not isinstance(event, Traffic) or not event.missing:
            return event
        lost = sum(
            each.ended.crowd == event.crowd and each.ended.said_at <= event.at and each.ended.at >= event.began
            for each in aged
        )
        return replace(event, missing=max(0, event.missing - lost))

    kept = tuple(seen(event) for event in record.journal.events if id(event) not in ends)
    return replace(record, journal=Journal(kept))


def _without_clients(record: Record, aged: Sequence[Aged]) -> Record:
    """As if they had never been there."""
    left_out = {each.who for each in aged}
    kept = tuple(
        event
        for event in record.journal.events
        if not (isinstance(event, Attempt | Ended | Frame) and (event.crowd, event.client) in left_out)
    )
    return replace(record, journal=Journal(kept))


def _cut(record: Record, at: float) -> Record:
    """What there was before a time, seconds monotonic: what was a breach by then is no matter of what came later."""
    return replace(record, journal=record.journal.between(float("-inf"), at))


def _gone(record: Record, aged: Sequence[Aged]) -> range:
    """How many of them may have been gone when the server was asked last: surely, to perhaps."""
    asked = [reading for reading in record.journal.of(Statistics) if not reading.steady]
    if not asked:
        return range(0)
    sure = sum(each.ended.said_at <= asked[-1].at - asked[-1].took for each in aged)
    perhaps = sum(each.ended.said_at <= asked[-1].at for each in aged)
    # The canary grows as old as they do, and comes back.
    perhaps += times_lost(record, asked[-1].at, asked[-1].at) > 0
    return range(max(1, sure), perhaps + 1)
