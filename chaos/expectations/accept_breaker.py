"""The breaker that guards establishments, judged from outside: who is tried, turned away, and kept waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from chaos.expectations.base import Expectation, Record, Uncertainty
from chaos.expectations.establishment import Established
from chaos.expectations.record import worst_of_each
from chaos.journal import Attempt, Healing, Outcome
from chaos.units import format_duration
from chaos.verdict import Finding, Verdict

__all__ = ["AllTried", "RodeOut", "TurnedAwayWhileOpen", "turned_away_by_breaker"]


def turned_away_by_breaker(attempt: Attempt, code: int) -> bool:
    """Whether a client was told that the circuit is open: closed with that code, or refused with 503."""
    closed = attempt.outcome is Outcome.CLOSED and attempt.code == code
    return closed or (attempt.outcome is Outcome.HTTP and attempt.status == 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAwayWhileOpen(Expectation):
    """The accept breaker: `failures` establishments fail with their code, the next are turned away at once.

    Who comes later than half the time for which it stays open is not judged: a trial may be due to the server by then.
    It stays open from when it opened, and not from when a worker saw that; and who got no answer for reasons of ours
    says nothing of the breaker.
    """

    name: ClassVar[str] = "turned_away_while_open"
    needs_fault: ClassVar[bool] = True
    crowd: str
    failures: int
    open_for: float
    """The recovery timeout, seconds."""
    failure_code: int
    open_code: int
    within: float

    def judge(self, record: Record) -> Finding:
        promised = (
            f"{self.failures} failed establishments closed with {self.failure_code}, every later one turned away with "
            f"{self.open_code} (or HTTP 503) within {format_duration(self.within)}"
        )
        attempts = sorted(record.attempts(self.crowd), key=lambda attempt: attempt.began)
        if len(attempts) <= self.failures:
            return self.inconclusive(f"{len(attempts)} attempts, more than {self.failures} are needed", promised)
        opening = attempts[self.failures - 1]
        attempts = [attempt for attempt in attempts if attempt.began <= opening.at + self.open_for / 2]
        if len(attempts) <= self.failures:
            return self.inconclusive(
                f"nobody came within {format_duration(self.open_for / 2)} of the last failure, while it is surely open",
                promised,
            )
        shown = _answers(attempts)
        failed, turned = attempts[: self.failures], attempts[self.failures :]
        not_failed = [attempt for attempt in failed if not self._failed(attempt)]
        if not_failed:
            observed = f"the first {self.failures} attempts ended with {shown}"
            ours = worst_of_each(self._unanswered(record, attempt) for attempt in not_failed)
            return self.breached(observed, promised, ours, figure=_answers(attempts[:1]))
        unlike = [attempt for attempt in turned if not turned_away_by_breaker(attempt, self.open_code)]
        if unlike:
            observed = f"{len(unlike)} of {len(turned)} attempts beyond the threshold were not turned away: {shown}"
            figure = f"{len(turned) - len(unlike)}/{len(turned)} away"
            ours = worst_of_each(
                self._trial(record, opening, attempt) if self._failed(attempt) else self._unanswered(record, attempt)
                for attempt in unlike
            )
            return self.breached(observed, promised, ours, figure=figure)
        took = max(attempt.at - attempt.began for attempt in turned)
        return self.by_limit(
            record,
            took,
            self.within,
            observed=f"{len(turned)} turned away, the slowest after {format_duration(took)}",
            promised=promised,
            uncertainty=record.of_ours_in_each(
                self.crowd, [(attempt.began, attempt.at) for attempt in turned], self.within
            ),
            figure=f"{len(turned)}/{len(turned)} away",
        )

    def _failed(self, attempt: Attempt) -> bool:
        return attempt.outcome is Outcome.CLOSED and attempt.code == self.failure_code

    def _unanswered(self, record: Record, attempt: Attempt) -> Uncertainty | None:
        """What of ours may be why an attempt has no answer; None where nothing may, or where it has one."""
        answered = self._failed(attempt) or turned_away_by_breaker(attempt, self.open_code)
        return None if answered else record.failed_for(attempt)

    def _trial(self, record: Record, opening: Attempt, attempt: Attempt) -> Uncertainty | None:
        """What of ours may have made a rightful trial of an attempt that seems to come too early for one; or None.

        The circuit may have opened before the last failure was stamped, though not before that attempt began; and the
        server may have heard of this one after it was begun, though not after it ended.
        """
        ours = record.of_ours(self.crowd, opening.began, opening.at).at_most(opening.at - opening.began)
        ours += record.of_ours(self.crowd, attempt.began, attempt.at).at_most(attempt.at - attempt.began)
        return ours if attempt.began + ours.seconds >= opening.at + self.open_for else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AllTried(Expectation):
    """The accept breaker is switched off: every establishment is tried, and fails with the code of a failure."""

    name: ClassVar[str] = "all_tried"
    needs_fault: ClassVar[bool] = True
    crowd: str
    count: int
    failure_code: int

    def judge(self, record: Record) -> Finding:
        promised = f"all of {self.count} failed establishments closed with {self.failure_code}"
        attempts = sorted(record.attempts(self.crowd), key=lambda attempt: attempt.began)
        if len(attempts) < self.count:
            return self.inconclusive(f"only {len(attempts)} of {self.count} attempts were recorded", promised)
        tried = sum(map(self._tried, attempts))
        figure = f"{tried}/{len(attempts)} tried"
        if tried < len(attempts):
            observed = f"{len(attempts) - tried} of {len(attempts)} attempts ended in another way: {_answers(attempts)}"
            ours = worst_of_each(record.failed_for(attempt) for attempt in attempts if not self._tried(attempt))
            return self.breached(observed, promised, ours, figure=figure)
        return self.held(f"{tried} of {len(attempts)} closed with {self.failure_code}", promised, figure=figure)

    def _tried(self, attempt: Attempt) -> bool:
        return attempt.outcome is Outcome.CLOSED and attempt.code == self.failure_code


@dataclass(frozen=True, slots=True, kw_only=True)
class RodeOut(Expectation):
    """Whoever came while the dependency was away, no longer than promised, got in after all.

    Who is given up in time is the server's to keep waiting and not ours: where the outage, with all that others kept
    the server waiting meanwhile, comes to more than is promised, it may have had no time left.
    """

    name: ClassVar[str] = "rode_out"
    needs_fault: ClassVar[bool] = True
    crowd: str
    count: int
    outage: float
    """The longest outage that is promised to be ridden out, seconds."""
    within: float
    success_ratio: float

    def judge(self, record: Record) -> Finding:
        established = Established(
            crowd=self.crowd, count=self.count, within=self.within, success_ratio=self.success_ratio
        )
        found = established.judge(record)
        promised = f"{found.promised}, though the dependency is away for {format_duration(self.outage)} meanwhile"
        healings, receipts = record.journal.of(Healing), record.receipts()
        attempts = record.attempts(self.crowd)
        if not healings or not receipts:
            return self.inconclusive("no outage that ended", promised)
        healed = healings[-1].since
        met = sum(attempt.began < healed for attempt in attempts)
        if not met:
            return self.inconclusive("nobody came before the dependency was back", promised)
        lasted = healed - receipts[-1].since
        observed = f"{found.observed}; it was away for {format_duration(lasted)}"
        if lasted > self.outage:
            return self.inconclusive(observed, promised, figure=found.figure)
        if found.verdict is Verdict.VIOLATED and (kept := self._no_time_left(record, attempts, lasted)) is not None:
            return self.within_uncertainty(observed, promised, kept, figure=found.figure)
        return replace(found, expectation=self.name, observed=observed, promised=promised)

    def _no_time_left(self, record: Record, attempts: Sequence[Attempt], lasted: float) -> Uncertainty | None:
        """What others kept the server waiting, where that may be why each who did not get in was given up."""
        excuse = None
        for attempt in attempts:
            if attempt.outcome is Outcome.OPEN:
                continue
            kept = record.starved(attempt.began, attempt.at)
            if lasted + kept.seconds <= self.outage or attempt.at - attempt.began > self.within + kept.seconds:
                return None
            excuse = kept
        return excuse


def _answers(attempts: Sequence[Attempt]) -> str:
    """How the first ten attempts ended: "1011, 1011, http 403"."""
    return ", ".join(
        str(attempt.code)
        if attempt.outcome is Outcome.CLOSED
        else f"{attempt.outcome.value} {attempt.status or ''}".rstrip()
        for attempt in attempts[:10]
    )
