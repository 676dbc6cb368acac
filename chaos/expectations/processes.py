"""A server of several processes that has lost one, or replaces it after its requests: the others go on, and another
takes its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.attempts import describe
from chaos.expectations.base import Expectation, Record
from chaos.expectations.record import Uncertainty, blame, worst
from chaos.expectations.undecided import not_long_enough
from chaos.journal import Attempt, Ended, Holders, Outcome, ProcessLost
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = ["WorkerRecycled", "WorkerReplaced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfWorkers(Expectation):
    """What both have in common: a worker that goes costs its own clients alone, and no newcomer anything."""

    crowd: str
    """Who was inside."""
    limit: float
    """Seconds within which another serves in its place."""

    def _others_hurt(
        self, record: Record, ended: Sequence[Ended], silent: int, promised: str, *, who: str, of: int, since: float
    ) -> Finding | None:
        """The finding where some `of` so many clients whom other workers serve lost their connection, or had no answer
        since a time, seconds monotonic; None where nobody did. `who` says in words which they are.

        Whom the server may have given up, or left waiting, for want of a core was not hurt by it for certain.
        """
        if not ended and not silent:
            return None
        gone = len({each.client for each in ended})
        observed = f"{who} {gone} lost their connection and {silent} had no answer"
        hurt = f"{gone + silent}/{of} hurt"
        given_up = [record.given_up_for(each) for each in ended]
        unanswered = [(count, ours) for count, ours in record.unanswered(self.crowd, since) if ours is not None]
        excused = [ours for ours in (*given_up, *(ours for _, ours in unanswered if silent)) if ours is not None]
        if None not in given_up and sum(count for count, _ in unanswered) >= silent:
            return self.within_uncertainty(observed, promised, worst(excused), figure=hurt)
        return self.violated(observed, promised, figure=hurt)

    def _not_served(self, record: Record, came: Sequence[Attempt], promised: str) -> Finding | None:
        """The finding where a newcomer was not served; None where all were.

        Of one that nobody answered in time all that is known is how long it waited: while others left the server no
        core for most of that, nobody knows whether it would have been served. (A worker that was made anew was seen to
        serve 32 s later, beside a load of 40.)
        """
        outside = [attempt for attempt in came if attempt.outcome is not Outcome.OPEN]
        if not outside:
            return None

        def unanswered_for(attempt: Attempt) -> Uncertainty | None:
            return record.failed_for(attempt) if attempt.outcome is Outcome.TIMEOUT else None

        told, ours = blame(outside, unanswered_for)
        return self.breached(
            f"{len(told)} of {len(came)} newcomers were not served",
            promised,
            ours,
            figure=f"{len(came) - len(outside)}/{len(came)}",
            evidence=map(describe, told),
        )

    def _not_replaced(self, record: Record, observed: str, promised: str, *, since: float, until: float) -> Finding:
        """The finding where no worker has come between two times, seconds monotonic: it may be on its way yet."""
        ours = record.of_ours(None, since, until)
        undecided = not_long_enough(self, observed, promised, watched=until - since, limit=self.limit, uncertainty=ours)
        return undecided or self.violated(observed, promised, figure="not replaced")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReplaced(_OfWorkers):
    """Who was served by another worker stays and is answered, whoever comes is served, and within `limit` s a new one
    serves newcomers.

    That a new process is there is not enough: a newcomer has to be inside whose socket it holds.
    """

    name: ClassVar[str] = "worker_replaced"
    needs_fault: ClassVar[bool] = True
    sent: int
    """Exchanges that those who were left were asked for afterwards, one each."""
    answered: int
    newcomers: tuple[str, ...]
    """Crowds that came one after the other."""

    def judge(self, record: Record) -> Finding:
        promised = (
            "one worker's death costs its own clients alone, and another serves in its place within "
            f"{format_duration(self.limit)}"
        )
        lost = next(iter(record.journal.of(ProcessLost)), None)
        if lost is None:
            return self.inconclusive("no worker was seen to die", promised)
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        others = {attempt.client for attempt in record.opened(self.crowd)} - set(lost.clients)
        if not others:
            return self.inconclusive("all clients were served by the worker that died", promised)
        ended = [
            each
            for each in record.journal.of(Ended)
            if each.crowd == self.crowd and each.client in others and each.by == "server" and each.at >= lost.since
        ]
        silent = max(0, min(self.sent, len(others)) - self.answered)
        who = f"of {counted(len(others), 'client')} whom other workers served"
        hurt = self._others_hurt(record, ended, silent, promised, who=who, of=len(others), since=lost.since)
        if hurt is not None:
            return hurt
        came = [attempt for crowd in self.newcomers for attempt in record.attempts(crowd)]
        if (not_served := self._not_served(record, came, promised)) is not None:
            return not_served
        first = self._first_of_a_new_one(record, lost)
        if first is None:
            return self._nobody_new(record, lost, came, promised)
        took = first.at - lost.since
        figure = format_duration(took)
        return self.by_limit(
            record,
            took,
            self.limit,
            observed=f"{len(others)} clients of other workers stayed, and a new one served a newcomer {figure} after",
            promised=promised,
            uncertainty=record.of_ours(first.crowd, lost.since, first.at),
            figure=figure,
        )

    def _first_of_a_new_one(self, record: Record, lost: ProcessLost) -> Attempt | None:
        known = {lost.pid, *lost.left}
        new = {
            (reading.crowd, int(client))
            for reading in record.journal.of(Holders)
            if reading.crowd in self.newcomers
            for client, pid in reading.held.items()
            if pid not in known
        }
        inside = (
            attempt
            for crowd in self.newcomers
            for attempt in record.attempts(crowd)
            if attempt.outcome is Outcome.OPEN and (crowd, attempt.client) in new
        )
        return min(inside, key=lambda attempt: attempt.at, default=None)

    def _nobody_new(self, record: Record, lost: ProcessLost, came: list[Attempt], promised: str) -> Finding:
        readings = [reading for reading in record.journal.of(Holders) if reading.crowd in self.newcomers]
        if not readings or not came:
            return self.inconclusive("nobody came after the worker had died", promised)
        waited = format_duration(readings[-1].at - lost.since)
        if readings[-1].at - lost.since < self.limit:
            return self.inconclusive(f"newcomers came for {waited} only", promised)
        if set(readings[-1].serving) - {lost.pid, *lost.left}:
            return self.inconclusive(
                f"a new worker is there, and none of {len(came)} newcomers in {waited} came to it", promised
            )
        observed = (
            f"nothing has taken the place of the worker that died {waited} ago: "
            f"{len(readings[-1].serving)} take connections, none of them new"
        )
        return self._not_replaced(record, observed, promised, since=lost.since, until=readings[-1].at)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRecycled(_OfWorkers):
    """After so many requests a worker is replaced by another. Who was served by those that are left stays and is
    answered, and whoever comes is served.

    It is read from who served whom before, while newcomers came one after the other, and once all was quiet again.
    """

    name: ClassVar[str] = "worker_recycled"
    answered: int
    """Exchanges that were answered afterwards, one each to whoever was left of it."""
    newcomers: tuple[str, ...]
    """Crowds that came one after the other."""
    requests: int
    """The most that one worker serves."""

    def judge(self, record: Record) -> Finding:
        promised = (
            f"after at most {self.requests} requests a worker is replaced by another, which costs its own clients alone"
        )
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        readings = [each for each in record.journal.of(Holders) if each.crowd in (self.crowd, *self.newcomers)]
        came = [attempt for crowd in self.newcomers for attempt in record.attempts(crowd)]
        if not came or len(readings) < 2:
            return self.inconclusive("nobody came after it was seen who serves whom", promised)
        first, last = readings[0], readings[-1]
        workers, gone = len(first.serving), set(first.serving) - set(last.serving)
        made = len(came) + len(first.held)
        if not gone:
            return self._all_still_there(workers, made, promised)
        if not set(last.serving) - first.there:
            observed = (
                f"{len(gone)} of {workers} workers went after {counted(made, 'request')} to all of them together, "
                "and none has come in their place"
            )
            went = min(each.at for each in readings if gone - set(each.serving))
            return self._not_replaced(record, observed, promised, since=went, until=last.at)
        if (not_served := self._not_served(record, came, promised)) is not None:
            return not_served
        inside = {attempt.client for attempt in record.opened(self.crowd)}
        others = {int(client) for client, pid in first.held.items() if pid not in gone and int(client) in inside}
        if not others:
            return self.inconclusive("all clients were served by workers that have been replaced", promised)
        lost = [each for each in record.endings(self.crowd) if each.client in others and each.by == "server"]
        silent = max(0, len(others) - len({each.client for each in lost}) - self.answered)
        who = f"of {counted(len(others), 'client')} whose workers are there still"
        hurt = self._others_hurt(record, lost, silent, promised, who=who, of=len(others), since=first.at)
        if hurt is not None:
            return hurt
        if not {pid for each in readings if each.crowd in self.newcomers for pid in each.held.values()} - first.there:
            return self.inconclusive(f"none of {len(came)} newcomers came to a new worker", promised)
        return self.held(
            f"{len(gone)} of {workers} workers replaced after {counted(made, 'request')} to all of them together, "
            f"{counted(len(others), 'client')} of the others stayed, all {len(came)} newcomers were served",
            promised,
            figure=f"{len(came)}/{len(came)} served",
        )

    def _all_still_there(self, workers: int, made: int, promised: str) -> Finding:
        if made < self.requests * workers:
            return self.inconclusive(
                f"{counted(made, 'request')} only were made of {workers} workers, and none of them has gone", promised
            )
        return self.violated(
            f"after {counted(made, 'request')} to {workers} workers all of them are there still",
            promised,
            figure="not replaced",
        )
