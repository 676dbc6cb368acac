"""Establishments that fail by turns: who is turned away though no row of failures is as long as promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.accept_breaker import turned_away_by_breaker
from chaos.expectations.base import Expectation, Record
from chaos.journal import Attempt, Outcome
from chaos.units import counted
from chaos.verdict import Finding

__all__ = ["TurnedAwayForARow"]

SERVER_ERRORS = 500
"""Statuses from here on say that the upstream has failed (RFC 9110, 15.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAwayForARow(Expectation):
    """Of clients who come one after the other, nobody is turned away before `failures` in a row have failed.

    A server that tries again within one establishment lets everybody in, and that is as good. One that asks its
    upstream twice for each may fail each time, rightly: whoever is turned away after a row that is long enough is not
    judged, nor who comes then. Who got no answer says nothing of the breaker, nor does who was hung up on for reasons
    of ours.
    """

    name: ClassVar[str] = "turned_away_for_a_row"
    needs_fault: ClassVar[bool] = True
    crowd: str
    count: int
    failures: int
    failure_code: int
    open_code: int

    def judge(self, record: Record) -> Finding:
        promised = f"nobody is turned away before {counted(self.failures, 'establishment')} in a row failed"
        attempts = sorted(record.attempts(self.crowd), key=lambda attempt: attempt.began)
        if len(attempts) < self.count:
            return self.inconclusive(
                f"only {len(attempts)} of {counted(self.count, 'attempt')} were recorded", promised
            )
        failing = _failing(record, attempts)
        inside = sum(attempt.outcome is Outcome.OPEN for attempt in attempts)
        figure = f"{inside}/{len(attempts)} in"
        observed = f"{inside} of {len(attempts)} got in, while the upstream failed {counted(failing, 'time')}"
        row = 0
        for number, attempt in enumerate(attempts, 1):
            if attempt.outcome is Outcome.OPEN:
                row = 0
            elif attempt.outcome is Outcome.CLOSED and attempt.code == self.failure_code:
                row += 1
            elif attempt.outcome is Outcome.TIMEOUT:
                return self.inconclusive(f"{observed}; number {number} got no answer", promised, figure=figure)
            elif not turned_away_by_breaker(attempt, self.open_code):
                how = f"{attempt.outcome.value} {attempt.status or attempt.code or ''}".rstrip()
                seen = f"{observed}; number {number} ended with {how}"
                return self.breached(seen, promised, record.failed_for(attempt), figure=figure)
            elif row < self.failures:
                return self.violated(
                    f"{observed}; number {number} was turned away after {counted(row, 'failure')} in a row",
                    promised,
                    figure=figure,
                )
            else:
                return self.inconclusive(
                    f"{observed}; number {number} was turned away, after {counted(row, 'failure')} in a row indeed",
                    promised,
                    figure=figure,
                )
        if not inside:
            return self.inconclusive(f"{observed}, so that no success came between failures", promised, figure=figure)
        if failing < self.failures:
            return self.inconclusive(f"{observed}; {self.failures} are needed to tell", promised, figure=figure)
        return self.held(f"{observed}; nobody was turned away", promised, figure=figure)


def _failing(record: Record, attempts: Sequence[Attempt]) -> int:
    """How many requests the upstream failed while these clients came."""
    start, end = attempts[0].began, max(attempt.at for attempt in attempts)
    return sum(hit.status >= SERVER_ERRORS for hit in record.hits(start, end))
