"""The breaker that guards establishments, judged from outside: who is tried, turned away, and kept waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from chaos.expectations.base import Expectation, Record, Uncertainty
from chaos.expectations.clients import Established
from chaos.journal import Attempt, Healing, Outcome
from chaos.units import format_duration
from chaos.verdict import Finding, Verdict

__all__ = ["AllTried", "RodeOut", "TurnedAwayWhileOpen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAwayWhileOpen(Expectation):
    """The accept breaker: `failures` establishments fail with their code, the next are turned away at once.

    Who comes later than half the time for which it stays open is not judged: a trial may be due to the server by then.
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
        opened = attempts[self.failures - 1].at
        attempts = [attempt for attempt in attempts if attempt.began <= opened + self.open_for / 2]
        if len(attempts) <= self.failures:
            return self.inconclusive(
                f"nobody came within {format_duration(self.open_for / 2)} of the last failure, while it is surely open",
                promised,
            )
        shown = _answers(attempts)
        failed, turned = attempts[: self.failures], attempts[self.failures :]
        if any(attempt.outcome is not Outcome.CLOSED or attempt.code != self.failure_code for attempt in failed):
            return self.violated(
                f"the first {self.failures} attempts ended with {shown}", promised, figure=_answers(attempts[:1])
            )
        unlike = [
            attempt
            for attempt in turned
            if not (
                (attempt.outcome is Outcome.CLOSED and attempt.code == self.open_code)
                or (attempt.outcome is Outcome.HTTP and attempt.status == 503)
            )
        ]
        if unlike:
            return self.violated(
                f"{len(unlike)} of {len(turned)} attempts beyond the threshold were not turned away: {shown}",
                promised,
                figure=f"{len(turned) - len(unlike)}/{len(turned)} away",
            )
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
        tried = sum(attempt.outcome is Outcome.CLOSED and attempt.code == self.failure_code for attempt in attempts)
        figure = f"{tried}/{len(attempts)} tried"
        if tried < len(attempts):
            return self.violated(
                f"{len(attempts) - tried} of {len(attempts)} attempts ended in another way: {_answers(attempts)}",
                promised,
                figure=figure,
            )
        return self.held(f"{tried} of {len(attempts)} closed with {self.failure_code}", promised, figure=figure)


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
