"""Being turned away: beyond the limit, and who has no right to come in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.contract import RejectionAnswer
from chaos.expectations.attempts import LET_IN, TOO_BUSY_CODE, TOO_BUSY_STATUSES, describe, places_taken, tally
from chaos.expectations.base import Expectation, Record
from chaos.expectations.canary import times_lost
from chaos.expectations.record import Uncertainty, blame, worst
from chaos.journal import Attempt, Outcome
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["UNAUTHORIZED", "RefusedAtTheDoor", "RejectedGracefully", "turned_away"]

UNAUTHORIZED = (401, 403)
"""RFC 9110, 15.5.2 and 15.5.4: who does not say who it is, and who has no right whoever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAtTheDoor(Expectation):
    """Each of some clients, a crowd of its own each, was refused before any 101, with a status that says why."""

    name: ClassVar[str] = "refused_at_the_door"
    crowds: tuple[str, ...]
    """Named for what is wrong with their requests."""
    within: float
    statuses: tuple[int, ...] = UNAUTHORIZED
    """In their order."""

    def judge(self, record: Record) -> Finding:
        ends = f"{self.statuses[0]} {'or' if len(self.statuses) == 2 else 'to'} {self.statuses[-1]}"
        promised = (
            f"{_enumerated(self.crowds)}: refused with HTTP {ends} before the 101, "
            f"within {format_duration(self.within)}"
        )
        attempts = {crowd: record.attempts(crowd) for crowd in self.crowds}
        missing = [crowd for crowd, made in attempts.items() if not made]
        if missing:
            return self.inconclusive(f"nobody tried with {_enumerated(missing)}", promised)
        made = [each for of_one in attempts.values() for each in of_one]
        wrong = [each for each in made if each.outcome is not Outcome.HTTP or each.status not in self.statuses]
        figure = f"{len(made) - len(wrong)}/{len(made)} refused"
        if wrong:
            starved = record.starved_mostly(min(each.began for each in made), max(each.at for each in made))
            to_tell, ours = blame(wrong, lambda attempt: _not_refused_for(record, attempt, starved))
            told = [f"{each.crowd}: {describe(each)}" for each in to_tell]
            observed = f"{len(told)} of {len(made)} were not refused, the first {told[0]}"
            return self.breached(observed, promised, ours, figure=figure, evidence=told)
        slowest = max(made, key=lambda each: each.at - each.began)
        took = slowest.at - slowest.began
        return self.by_limit(
            record,
            took,
            self.within,
            observed=f"{figure}, the slowest after {format_duration(took)}",
            promised=promised,
            uncertainty=record.of_ours(slowest.crowd, slowest.began, slowest.at),
            figure=figure,
        )


def _not_refused_for(record: Record, attempt: Attempt, starved: Uncertainty | None) -> Uncertainty | None:
    """What of ours may be why one had no refusal; None where nothing may: who has a 101 was let in, whatever came then.

    `starved` is what kept the server from running most of the time, which may have made it say that it is too busy.
    """
    if attempt.status == LET_IN:
        return None
    return record.failed_for(attempt) or (starved if attempt.status in TOO_BUSY_STATUSES else None)


def _enumerated(names: Sequence[str]) -> str:
    return ", ".join(names)


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedGracefully(Expectation):
    """Of a burst beyond the limit, exactly the free places are taken and every other attempt is turned away as told."""

    name: ClassVar[str] = "rejected_gracefully"
    needs_fault: ClassVar[bool] = True
    crowd: str
    free: int
    """Places that were free when the burst began."""
    answer: RejectionAnswer
    within: float
    retry_after: bool
    places: int | None = None
    """How many clients the server takes in all; None where it is not places that are short."""
    inside: int = 0
    """How many clients of ours have one already."""
    short: str = ""
    """What was short instead of places: "memory", where nobody at all may get in."""

    def judge(self, record: Record) -> Finding:
        attempts = record.attempts(self.crowd)
        opened = [attempt for attempt in attempts if attempt.outcome is Outcome.OPEN]
        others = [attempt for attempt in attempts if attempt.outcome is not Outcome.OPEN]
        promised = (
            f"{self.free} more clients get in, each of the others is turned away with {self.answer.in_words}"
            f"{' and Retry-After' if self.retry_after else ''} within {format_duration(self.within)}"
        )
        if self.places is not None:
            promised += f"; {places_taken(self.places, free=self.free, inside=self.inside)}"
        figure = f"{len(opened)} in, {len(others)} out"
        if len(attempts) <= self.free:
            return self.inconclusive(
                f"the burst of {len(attempts)} did not exceed the {self.free} places that were free", promised
            )
        if len(opened) > self.free:
            observed = f"{len(opened)} of {len(attempts)} got in although " + (
                f"{self.short} was short" if self.short else f"{self.free} places were free"
            )
            came, last = min(each.began for each in attempts), max(each.at for each in attempts)
            if self.places is not None and len(opened) == self.free + 1 and times_lost(record, came, last):
                return self.inconclusive(f"{observed}, and the canary had lost its own", promised, figure=figure)
            return self.violated(observed, promised, figure=figure)
        if len(opened) < self.free:
            ours = [found for attempt in others if (found := record.failed_for(attempt)) is not None]
            observed = f"only {len(opened)} of {self.free} free places were given away; the others: {tally(others)}"
            if len(opened) + len(ours) >= self.free:
                return self.within_uncertainty(observed, promised, worst(ours), figure=figure)
            return self.violated(observed, promised, figure=figure, evidence=map(describe, others))
        rude = [attempt for attempt in others if not turned_away(attempt, self.answer, retry_after=self.retry_after)]
        if rude:
            told, unanswered_for = blame(rude, record.failed_for)
            observed = f"{len(told)} of {len(others)} were not turned away gracefully: {tally(told)}"
            return self.breached(observed, promised, unanswered_for, figure=figure, evidence=map(describe, told))
        slowest = max(attempt.at - attempt.began for attempt in others)
        return self.by_limit(
            record,
            slowest,
            self.within,
            observed=f"{figure}, the slowest refusal after {format_duration(slowest)}",
            promised=promised,
            uncertainty=record.of_ours_in_each(
                self.crowd, [(attempt.began, attempt.at) for attempt in others], self.within
            ),
            figure=figure,
        )


def turned_away(attempt: Attempt, answer: RejectionAnswer, *, retry_after: bool) -> bool:
    """Whether it was refused in the promised way."""
    if answer is RejectionAnswer.HTTP_503:
        return (
            attempt.outcome is Outcome.HTTP
            and attempt.status == 503
            and (attempt.retry_after is not None or not retry_after)
        )
    return attempt.outcome is Outcome.CLOSED and attempt.code == TOO_BUSY_CODE
