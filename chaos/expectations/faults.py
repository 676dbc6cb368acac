"""Whether the experiment itself was sound: faults bit, faults healed. Never a verdict on the server."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.attempts import LET_IN
from chaos.expectations.base import Expectation, Record
from chaos.journal import Attempt, Beat, Bite, CrowdMade, Healing, HealingState, HostileAnswer, Injected, Source
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = [
    "CameBesideTheHostile",
    "ClosedAgain",
    "FailedByTheirOwnDoing",
    "FailuresReached",
    "FaultLasted",
    "FaultsBit",
    "FaultsHealed",
    "LeftMidCall",
    "OutlastedTheOpening",
    "PongsDelayed",
    "SteadyBefore",
]

EARLY = 0.002
"""Seconds by which a timer may fire before its time: 1.4 ms, measured with uvloop."""


@dataclass(frozen=True, slots=True)
class SteadyBefore(Expectation):
    """Before the first fault the untouched client had all its answers: what comes after is not from before.

    Where nothing is injected there is no such time, and one that fails now and then may be what the scenario is about:
    that is said, and judged by others. One that never had an answer says that nobody could have, unless the exchange is
    vouched for: then that is what is wrong with the server.
    """

    name: ClassVar[str] = "steady_before"
    vouched: bool = False

    def judge(self, record: Record) -> Finding:
        promised = "an untouched client is answered before anything is done to the server"
        first = record.journal.first(Injected)
        until = min(self._ended_on_purpose(record), first.at if first is not None else math.inf)
        beats = [beat for beat in record.journal.of(Beat) if beat.at < until]
        failed = [beat for beat in beats if not beat.ok]
        if first is not None and failed:
            return self.inconclusive(
                f"{len(failed)} of {len(beats)} exchanges failed before the first fault: {failed[0].detail}", promised
            )
        if beats and len(failed) == len(beats) and not self.vouched:
            return self.inconclusive(
                f"{counted(len(beats), 'exchange')} without a fault, and all of them failed: {failed[0].detail}",
                promised,
            )
        when = "without a fault" if first is None else "before the first fault"
        return self.held(f"{counted(len(beats), 'exchange')} {when}, {len(failed) or 'none'} failed", promised)

    @staticmethod
    def _ended_on_purpose(record: Record) -> float:
        """When the scenario began to end the server: whom it does not answer from then on, it need not."""
        asked = record.asked_to_stop()
        return math.inf if asked is None else asked


@dataclass(frozen=True, slots=True)
class FaultsBit(Expectation):
    """Every fault was seen to act on the side that suffers it: otherwise the green would mean nothing."""

    name: ClassVar[str] = "faults_bit"
    expected: str | None = None
    """The fault that the cell is named for: a cell that never injects it proves nothing under it."""
    parts: tuple[str, ...] = ()
    """Those that it is made of: as well they may have been injected one by one."""

    def judge(self, record: Record) -> Finding:
        injected = record.journal.of(Injected)
        receipts = record.receipts()
        promised = "every injected fault is seen to bite on all connections it is meant for"
        there = {receipt.fault for receipt in receipts}
        wanted = self.parts or (() if self.expected is None else (self.expected,))
        missing = [] if self.expected in there else [name for name in wanted if name not in there]
        if missing:
            of_it = f": not {' and '.join(missing)}" if self.parts else ""
            return self.inconclusive(f"the fault of this cell, {self.expected}, was never injected{of_it}", promised)
        if len(receipts) < len(injected):
            return self.inconclusive(
                f"{len(injected) - len(receipts)} of {len(injected)} faults left no receipt", promised
            )
        blunt = [receipt for receipt in receipts if receipt.bite is not Bite.BIT or receipt.covered < receipt.total]
        if blunt:
            return self.inconclusive(
                f"the fault did not bite as it should, so nothing can be said of the server: {blunt[0].sentence()}",
                promised,
                evidence=(receipt.sentence() for receipt in blunt),
            )
        if not receipts:
            return self.held("no fault was injected", promised)
        later, spared = _who_came_later(record)
        if spared:
            return self.inconclusive(
                f"{spared[0]}; so {len(spared)} of {len(later)} who came later were spared", promised, evidence=spared
            )
        told = [receipts[0].sentence()]
        if len(receipts) > 1:
            told.append(f"(and {len(receipts) - 1} more like it)")
        if later:
            told.append(f"and on {len(later)} of {len(later)} who came later")
        return self.held(" ".join(told), promised)


def _who_came_later(record: Record) -> tuple[list[Attempt], list[str]]:
    """Who had a 101 through a fault that was there already, and which of them had it too soon for that, in words."""
    came: list[Attempt] = []
    spared: list[str] = []
    address = {made.crowd: made.address for made in record.journal.of(CrowdMade)}
    let_in = [(each, each.handshake) for each in record.journal.of(Attempt) if each.status == LET_IN]
    for receipt in record.receipts():
        if (entrance := receipt.entrance) is None:
            continue
        healing = record.healing_of(receipt)
        until = math.inf if healing is None else healing.began or healing.since
        through = [
            (attempt, took)
            for attempt, took in let_in
            if took is not None
            and address.get(attempt.crowd) == entrance.address
            and entrance.since <= attempt.began <= attempt.began + took <= until
        ]
        came += (attempt for attempt, _ in through)
        spared += (
            f"client {attempt.client} of {attempt.crowd!r} had its 101 {format_duration(took)} after its first packet: "
            f"no {receipt.fault} of {format_duration(entrance.at_least)}"
            for attempt, took in through
            if took < entrance.at_least
        )
    return came, spared


@dataclass(frozen=True, slots=True)
class FaultsHealed(Expectation):
    """Every fault was taken away again, and that was seen."""

    name: ClassVar[str] = "faults_healed"

    def judge(self, record: Record) -> Finding:
        injected = record.journal.of(Injected)
        healings = record.journal.of(Healing)
        promised = "every fault is healed, or gone with the target"
        failed = [healing for healing in healings if healing.state is HealingState.FAILED]
        if failed:
            shown = (f"{item.what} ({item.side}): {item.during}" for healing in failed for item in healing.evidence)
            return self.inconclusive(f"{failed[0].fault} could not be healed", promised, evidence=shown)
        if len(healings) < len(injected):
            return self.inconclusive(
                f"{len(injected) - len(healings)} of {len(injected)} faults were not seen to heal", promised
            )
        return self.held(f"{len(healings)} of {len(injected)} healed", promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultLasted(Expectation):
    """A fault that is harmless only while it is short was: else whoever broke under it may have had to."""

    name: ClassVar[str] = "fault_lasted"
    needs_fault: ClassVar[bool] = True
    at_most: float

    def judge(self, record: Record) -> Finding:
        promised = f"a fault of {format_duration(self.at_most)} at most"
        healings = record.journal.of(Healing)
        lasted = [healed.since - receipt.since for receipt, healed in zip(record.receipts(), healings, strict=False)]
        if not lasted:
            return self.inconclusive("no fault that was healed", promised)
        observed = f"it lasted {format_duration(max(lasted))}"
        if max(lasted) > self.at_most:
            return self.inconclusive(observed, promised)
        return self.held(observed, promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBesideTheHostile(Expectation):
    """Everyone of a crowd began to come while all the hostile clients were there: who came later met none of them."""

    name: ClassVar[str] = "came_beside_the_hostile"
    needs_fault: ClassVar[bool] = True
    crowd: str

    def judge(self, record: Record) -> Finding:
        promised = f"{self.crowd!r} to come while all hostile clients are there"
        came = [attempt.began for attempt in record.attempts(self.crowd)]
        ended = [answer.at for answer in record.journal.of(HostileAnswer)]
        if not came or not ended:
            return self.inconclusive("one of the two was never there", promised)
        between = min(ended) - max(came)
        if between < 0:
            return self.inconclusive(
                f"the first hostile client had ended {format_duration(-between)} before the last of them came", promised
            )
        return self.held(f"the last of them came {format_duration(between)} before the first had ended", promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresReached(Expectation):
    """Just so many calls reached the failing upstream: a server that asked it never has seen no failure."""

    name: ClassVar[str] = "failures_reached"
    needs_fault: ClassVar[bool] = True
    failures: int
    start: float
    end: float

    def judge(self, record: Record) -> Finding:
        promised = f"{counted(self.failures, 'call')} of ours to fail at the upstream"
        hits = record.hits(self.start, self.end)
        observed = f"{counted(len(hits), 'call')} reached the failing upstream"
        if len(hits) != self.failures:
            return self.inconclusive(observed, promised)
        return self.held(observed, promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedAgain(Expectation):
    """Every call of a window was answered live: the circuit had closed. That it closes, and how soon, is promised
    elsewhere; what is due once it has closed is due to nobody before."""

    name: ClassVar[str] = "closed_again"
    needs_fault: ClassVar[bool] = True
    start: float
    end: float

    def judge(self, record: Record) -> Finding:
        promised = "the circuit to have closed once the upstream was back"
        calls = record.calls(self.start, self.end)
        live = sum(call.source is Source.LIVE for call in calls)
        observed = f"{live} of {counted(len(calls), 'call')} were answered live"
        if not live or live < len(calls):
            return self.inconclusive(observed, promised)
        return self.held(observed, promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftMidCall(Expectation):
    """Calls had reached the upstream, and were still under way for certain, when their callers went."""

    name: ClassVar[str] = "left_mid_call"
    needs_fault: ClassVar[bool] = True
    calls: int
    """That have to be under way."""
    asked: float
    """When the callers asked, seconds monotonic."""
    left: float
    """When they were cut off."""
    at_most: float
    """Seconds that no call ends before: the upstream answers none, and no server gives one up."""

    def judge(self, record: Record) -> Finding:
        promised = (
            f"callers of {counted(self.calls, 'call')} to go within {format_duration(self.at_most)} of the first one's "
            "reaching the upstream"
        )
        hits = [hit.at for hit in record.hits(self.asked, self.left)]
        if len(hits) < self.calls:
            return self.inconclusive(f"{counted(len(hits), 'call')} under way when they went", promised)
        lasted = self.left - min(hits)
        observed = f"{counted(len(hits), 'call')} under way, the first of them for {format_duration(lasted)}"
        if lasted > self.at_most:
            return self.inconclusive(observed, promised)
        return self.held(observed, promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlastedTheOpening(Expectation):
    """A call had reached the upstream before the circuit opened, and ended after that: it was of before."""

    name: ClassVar[str] = "outlasted_the_opening"
    needs_fault: ClassVar[bool] = True
    asked: float
    """When its caller asked, seconds monotonic."""
    start: float
    """When those began whose failures opened the circuit."""
    opened: float
    """When the last of those had its answer."""
    ended: float
    """When the caller had its own."""

    def judge(self, record: Record) -> Finding:
        promised = "a call to have been under way before the circuit opened, and until after that"
        hits = record.hits(self.asked, self.start)
        if len(hits) != 1:
            return self.inconclusive(f"{counted(len(hits), 'call')} under way before it opened", promised)
        lasted = self.ended - self.opened
        if lasted <= 0:
            return self.inconclusive(f"it had ended {format_duration(-lasted)} before it was open", promised)
        return self.held(f"it ended {format_duration(lasted)} after the circuit opened", promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedByTheirOwnDoing(Expectation):
    """Nobody of a crowd that fails by its own doing got in: else there was no failure that others could pay for."""

    name: ClassVar[str] = "failed_by_their_own_doing"
    crowd: str
    count: int

    def judge(self, record: Record) -> Finding:
        promised = f"all of {self.count} clients of {self.crowd!r} to be kept out"
        attempts = record.attempts(self.crowd)
        inside = len(record.opened(self.crowd))
        observed = f"{inside} of {len(attempts)} got in"
        if inside or len(attempts) < self.count:
            return self.inconclusive(observed, promised)
        return self.held(observed, promised)


@dataclass(frozen=True, slots=True, kw_only=True)
class PongsDelayed(Expectation):
    """Every client of a traced crowd with a `pong_delay` was asked, and answered that late: else none is slow."""

    name: ClassVar[str] = "pongs_delayed"
    crowd: str
    delay: float

    def judge(self, record: Record) -> Finding:
        promised = f"every pong of {self.crowd!r} {format_duration(self.delay)} late"
        pings, pongs = (record.frames(self.crowd, opcode=opcode) for opcode in ("ping", "late pong"))
        opened = record.opened(self.crowd)
        if not opened:
            return self.inconclusive("nobody was there to be asked", promised)
        # What the last of the pings are answered with has not come yet when nobody looks any more.
        looked = max((frame.at for frame in (*pings, *pongs)), default=0.0)
        due = looked - self.delay - record.crowd_late(self.crowd).seconds - EARLY
        delays = []
        for attempt in opened:
            asked = [ping.at for ping in pings if ping.client == attempt.client]
            said = [pong.at for pong in pongs if pong.client == attempt.client]
            wanted = max(1, sum(at < due for at in asked))
            if len(said) < wanted:
                return self.inconclusive(
                    f"{counted(len(asked), 'ping')} to client {attempt.client}, and "
                    + (f"{len(said)} of {wanted} late pongs of it" if said else "no late pong of it"),
                    promised,
                )
            delays += [pong - ping for ping, pong in zip(asked, said, strict=False)]
        observed = (
            f"{counted(len(delays), 'pong')} of {counted(len(opened), 'client')}, the soonest of them after "
            f"{format_duration(min(delays))}"
        )
        if min(delays) < self.delay - EARLY:
            return self.inconclusive(observed, promised)
        return self.held(observed, promised)
