"""Closing: all data comes before the close frame, an answer to it is waited for, and nothing serves on afterwards."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record, Uncertainty
from chaos.expectations.integrity import Books, Integrity
from chaos.journal import Correspondence, Ended, Frame, LeftBehind, ServerEvent
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = ["AnswersFirst", "BroadcastsFirst", "CloseAnswered", "Deaf", "LateAnswerAwaited", "NothingLeftBehind"]


def _unannounced(ends: Sequence[Ended]) -> str:
    """`; 2 of them ended by reset`, where a connection ended without a close frame; else nothing."""
    blunt = [ended for ended in ends if not ended.announced]
    return f"; {counted(len(blunt), 'connection')} ended by {blunt[0].how}, without a close frame" if blunt else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaf:
    """Clients that read nothing for a while before the server was told to end."""

    seconds: float = 0.0
    """For which they did so, and answered no ping."""
    goodbye: int | None = None
    """The close code that says that the server ends; None where they close themselves."""

    def may_be_given_up(self, record: Record, lacking: Set[int], ends: Sequence[Ended]) -> bool:
        """Whether they were deaf for most of what the server waits for a sign of life, and none of those who lack
        something heard that it ends: who reads nothing sees its own end when it reads again, whenever that was."""
        cut = {ended.client for ended in ends if not (ended.announced and ended.code == self.goodbye)}
        return Uncertainty(self.seconds).is_most_of(record.waits.server) and lacking <= cut

    @property
    def told(self) -> str:
        return (
            f"they had read nothing for {format_duration(self.seconds)}, and may have been given up for dead before "
            "the server was told to end"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersFirst(Integrity):
    """Every numbered message that the server had when the end came was answered before its close frame.

    Nothing may be on its way to the server then: what a client sends after that, or what the server has not read, it
    owes nobody.
    """

    name: ClassVar[str] = "answers_first"
    crowd: str
    when: str
    """When they had it, for the sentence: "it was told to end"."""
    read_at: float | None = None
    """When the server had read all of them, seconds monotonic; None where it never had."""
    deaf: Deaf = Deaf()
    """For how long they read nothing."""

    def judge(self, record: Record) -> Finding:
        promised = f"what the server had when {self.when} is answered, and its close frame comes after that"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        if self.read_at is None:
            return self.inconclusive(
                "the server never read all that was sent to it, so nobody knows what it had", promised
            )
        books = Books.of(record, self.crowd)
        sent = books.count("sent")
        if not sent:
            return self.inconclusive(f"no client of {self.crowd!r} sent a numbered message", promised)
        ends = record.endings(self.crowd)
        asked = record.asked_to_stop()
        if asked is not None and (early := record.ended_unasked(ends)):
            return self.inconclusive(
                f"{counted(len(early), 'client')} had been cut off {format_duration(asked - early[0].said_at)} before "
                "the server was told to end",
                promised,
            )
        owed = self._owed(record, asked)
        if asked is not None and not owed:
            return self.inconclusive("every message was answered before the server was told to end", promised)
        if (broken := self.broken(books, promised)) is not None:
            return broken
        left = books.count("unknown") + books.count("unanswered")
        if not left:
            observed = f"{books.through}, {owed or sent} of them after {self.when}"
            return self.held(observed, promised, figure=f"{sent} answered")
        first = books.first("unknown") or books.first("unanswered")
        observed = f"{left} of {sent} were never answered{_unannounced(ends)}; first: {first}"
        lacking = {each.client for each in books.each if each.unknown or each.unanswered}
        if self.deaf.may_be_given_up(record, lacking, ends):
            return self.inconclusive(f"{observed}; {self.deaf.told}", promised)
        # Whoever reads is judged from when it had all of them: what kept it from running since may be what it lacked. A
        # client that closed itself says when: a close frame that comes back to it comes after the answers, or instead.
        until = max((ended.at for ended in ends), default=self.read_at)
        ours = record.of_ours(self.crowd, self.read_at, until)
        instead = asked is None and all(ended.announced for ended in ends)
        return self.breached(
            observed,
            promised,
            None if instead else ours.if_most_of(until - self.read_at),
            figure=f"{left} unanswered",
            evidence=books.examples(("unknown", "unanswered")),
        )

    def _owed(self, record: Record, asked: float | None) -> int:
        """Messages that had no answer when the server was told, by the books of that moment."""
        before = {
            event.client: event.unanswered
            for event in record.journal.of(Correspondence)
            if event.crowd == self.crowd and asked is not None and event.at <= asked
        }
        return sum(before.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastsFirst(Expectation):
    """Listeners who were behind when the server was told to end hear all that others had heard by then.

    Both crowds are traced, and a broadcast has the same number for everybody.
    """

    name: ClassVar[str] = "broadcasts_first"
    crowd: str
    """Those who were behind."""
    others: str
    """Those who were not: what they had heard had gone out."""
    message: str
    sequence: str
    deaf: Deaf = Deaf()
    """For how long those who were behind read nothing."""

    def judge(self, record: Record) -> Finding:
        promised = "what had been broadcast when the server was told to end reaches everybody before the close frame"
        for crowd in (self.crowd, self.others):
            if (undecided := self.nobody(record, crowd, promised)) is not None:
                return undecided
        asked = record.asked_to_stop()
        if asked is None:
            return self.inconclusive("the server was never asked to stop", promised)
        ends = record.endings(self.crowd)
        if early := record.ended_unasked(ends):
            return self.inconclusive(
                f"{counted(len(early), 'listener')} had been cut off {format_duration(asked - early[0].said_at)} "
                "before the server was told to end",
                promised,
            )
        told = [number for frame, number in self._numbered(record, self.others) if frame.at <= asked]
        if not told:
            return self.inconclusive(f"no listener of {self.others!r} had heard a broadcast by then", promised)
        latest, behind, lost = max(told), 0, dict[int, list[int]]()
        for attempt in record.opened(self.crowd):
            heard = {n: frame.at for frame, n in self._numbered(record, self.crowd) if frame.client == attempt.client}
            if not heard:
                return self.inconclusive(f"listener {attempt.client} of {self.crowd!r} heard nothing at all", promised)
            missing = [number for number in range(min(heard), latest + 1) if number not in heard]
            if missing:
                lost[attempt.client] = missing
            behind += len(missing) + sum(number <= latest and at > asked for number, at in heard.items())
        if not behind:
            return self.inconclusive("every listener had heard everything when the server was told to end", promised)
        waited = f"{counted(behind, 'broadcast')} that waited"
        if not lost:
            return self.held(f"{waited} came before the close frame", promised, figure=f"{behind} sent")
        each = [
            f"listener {client}: number {number} of {latest} never came"
            for client, missing in lost.items()
            for number in missing
        ]
        observed = f"{len(each)} of {waited} were lost{_unannounced(ends)}; first: {each[0]}"
        if self.deaf.may_be_given_up(record, lost.keys(), ends):
            return self.inconclusive(f"{observed}; {self.deaf.told}", promised)
        until = max((ended.at for ended in ends), default=asked)
        ours = record.of_ours(self.crowd, asked, until)
        return self.breached(
            observed,
            promised,
            ours.if_most_of(until - asked),
            figure=f"{len(each)} lost",
            evidence=each,
        )

    def _numbered(self, record: Record, crowd: str) -> list[tuple[Frame, int]]:
        """A crowd's broadcasts, each with its number."""
        return [
            (frame, int(found[1]))
            for frame in record.frames(crowd, opcode="text")
            if re.search(self.message, frame.text) and (found := re.search(self.sequence, frame.text))
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateAnswerAwaited(Expectation):
    """Clients that answer the server's close frame late, and within `within` seconds, are waited for."""

    name: ClassVar[str] = "late_answer_awaited"
    crowd: str
    delay: float
    """Seconds after which they answer."""
    within: float

    def judge(self, record: Record) -> Finding:
        promised = f"an answer to the close frame that comes within {format_duration(self.within)} is waited for"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        opened = record.opened(self.crowd)
        ends = [ended for ended in record.endings(self.crowd) if ended.close_frame_at is not None]
        if len(ends) < len(opened):
            return self.inconclusive(f"{len(ends)} of {counted(len(opened), 'client')} heard a close frame", promised)
        answered = [ended.close_answered_after for ended in ends if ended.close_answered_after is not None]
        # Who was to answer in time and could not any more: TCP was over before the promised time was.
        cut = sorted(
            (_lasted(ended), ended.client)
            for ended in ends
            if ended.close_answered_after is None and _lasted(ended) < self.within
        )
        figure = f"{len(ends) - len(cut)}/{len(ends)} waited for"
        if cut:
            soonest = cut[0][0]
            observed = (
                f"TCP was over for {len(cut)} of {counted(len(ends), 'client')} before they answered, the first "
                f"{format_duration(soonest)} after its close frame"
            )
            told = [ended.close_frame_at for ended in ends if ended.close_frame_at is not None]
            late = record.crowd_late(self.crowd, min(told), max(ended.at for ended in ends))
            if late.seconds >= self.within - soonest:
                return self.within_uncertainty(observed, promised, late, figure=figure)
            return self.violated(
                observed,
                promised,
                figure=figure,
                evidence=[f"client {client}: TCP was over after {format_duration(after)}" for after, client in cut],
            )
        if not answered:
            return self.inconclusive(
                f"nobody answered in time: TCP was over {format_duration(min(map(_lasted, ends)))} after the close "
                f"frame, and answers were due after {format_duration(self.delay)}",
                promised,
            )
        return self.held(
            f"{figure}, who answered {format_duration(min(answered))} to {format_duration(max(answered))} after it",
            promised,
            figure=figure,
        )


def _lasted(ended: Ended) -> float:
    """Seconds from a close frame that came to the end of TCP."""
    assert ended.close_frame_at is not None
    return ended.at - ended.close_frame_at


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAnswered(Expectation):
    """Clients that close hear the server's close frame, and it ends TCP behind it (RFC 6455, 5.5.1 and 7.1.1)."""

    name: ClassVar[str] = "close_answered"
    crowd: str
    since: float
    """When they closed, seconds monotonic."""
    within: float
    """Seconds until TCP is over; they have to have more patience."""

    def judge(self, record: Record) -> Finding:
        promised = (
            f"a client's close is answered by a close frame, and TCP ended behind it, within "
            f"{format_duration(self.within)}"
        )
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        clients = len(record.opened(self.crowd))
        ends = record.endings(self.crowd)
        if unasked := [ended for ended in ends if ended.by != "client"]:
            return self.inconclusive(
                f"{len(unasked)} of {counted(clients, 'client')} were ended before they closed: {unasked[0].how}",
                promised,
            )
        if len(ends) < clients:
            return self.inconclusive(f"{clients - len(ends)} of {counted(clients, 'client')} never closed", promised)
        if blunt := [ended for ended in ends if not ended.announced and ended.how != "timeout"]:
            return self.violated(
                f"the closes of {len(blunt)} of {counted(clients, 'client')} were answered by no close frame, but: "
                f"{blunt[0].how}",
                promised,
                figure=f"{clients - len(blunt)}/{clients}",
                evidence=[f"client {ended.client}: {ended.how}" for ended in blunt],
            )
        last = max(ends, key=lambda ended: ended.at)
        took = last.at - self.since
        unanswered = sum(not ended.announced for ended in ends)
        held = sum(ended.how == "timeout" for ended in ends) - unanswered
        observed = f"the last of {counted(clients, 'close')} was over after {format_duration(took)}"
        if unanswered:
            observed = f"{unanswered} of {counted(clients, 'close')} had no answer after {format_duration(took)}"
        elif held:
            observed = (
                f"{held} of {counted(clients, 'close')} were answered, and TCP was not over after "
                f"{format_duration(took)}"
            )
        return self.by_limit(
            record,
            took,
            self.within,
            observed=observed,
            promised=promised,
            figure=format_duration(took),
            # The word to close goes by way of the conductor.
            uncertainty=record.of_ours(self.crowd, self.since, last.at) + record.conductor_late(self.since, last.at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingLeftBehind(Expectation):
    """When a server has ended no process holds its listening socket any more, or a connection of its clients."""

    name: ClassVar[str] = "nothing_left_behind"

    def judge(self, record: Record) -> Finding:
        promised = "nothing of a server that has ended listens on its port, or holds a connection"
        looked = record.journal.last(LeftBehind)
        if looked is None:
            return self.inconclusive("nobody looked what was left of it", promised)
        exited = [event for event in record.journal.of(ServerEvent) if event.what == "exited" and event.at <= looked.at]
        if not exited:
            return self.inconclusive("the server had not ended when it was looked at", promised)
        if looked.pids:
            return self.violated(
                f"{format_duration(looked.at - exited[-1].at)} after its end a process of it served on: "
                f"pid {', '.join(map(str, looked.pids))}",
                promised,
                figure=f"{len(looked.pids)} left",
            )
        return self.held("no process was left", promised)
