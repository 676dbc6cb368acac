"""Places during a soak: given where one is free, refused where none is, the last time as the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.contract import RejectionAnswer
from chaos.expectations.attempts import describe
from chaos.expectations.base import Record
from chaos.expectations.rejection import turned_away
from chaos.expectations.soak.base import MOST_OURS, OfASoak
from chaos.expectations.soak.moments import Moments
from chaos.expectations.soak.stays import Stays, sessions_of
from chaos.journal import Attempt, Outcome, Overfilled, Soaked
from chaos.units import counted, format_duration, format_long
from chaos.verdict import Finding

__all__ = ["PlacesThroughout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacesThroughout(OfASoak):
    """Newcomers get in wherever a place is free; beyond the limit they are turned away as promised, the last time as
    the first."""

    name: ClassVar[str] = "places_throughout"
    answer: RejectionAnswer
    within: float
    retry_after: bool
    closed_within: float
    """Seconds after an end in which its place may still be taken."""

    def judge(self, record: Record) -> Finding:
        promised = (
            f"newcomers get in where a place is free, and are turned away with {self.answer.in_words} within "
            f"{format_duration(self.within)} where none is, all along"
        )
        soaked = record.journal.last(Soaked)
        if soaked is None:
            return self.unsoaked(promised)
        stays = Stays(sessions_of(record, soaked.crowd).values(), kept=self.closed_within)
        overfilled = [each for each in record.journal.of(Overfilled) if each.at <= soaked.at]
        found = [*self._kept_out(record, soaked, stays, overfilled)]
        refused: list[Attempt] = []
        for each in overfilled:
            came = record.attempts(each.crowd)
            refused += [attempt for attempt in came if attempt.outcome is not Outcome.OPEN]
            found += self._of_one(each, came, stays, soaked.places)
        moments = Moments(record)
        breaches = [
            (at, text)
            for at, end, text in found
            if moments.of_ours(soaked.crowd, at - self.closed_within, end) < self.closed_within
        ]
        excused = f", but for {len(found) - len(breaches)} in moments that may have been ours" if found else ""
        newcomers = len(record.opened(soaked.crowd))
        figure = f"{newcomers} in, {len(refused)} out"
        if breaches:
            first, what = min(breaches)
            return self.violated(
                f"{what}; all was well for the first {format_long(max(0.0, first - soaked.began))}",
                promised,
                figure=figure,
                evidence=[f"after {format_long(max(0.0, at - soaked.began))}: {text}" for at, text in sorted(breaches)],
            )
        if not refused:
            return self.inconclusive("the server was never full, so nobody had to be turned away", promised)
        told = (
            f"{newcomers} newcomers got in, {len(refused)} beyond the limit were turned away in "
            f"{counted(len(overfilled), 'burst')}{excused}"
        )
        if len(found) > MOST_OURS * newcomers:
            return self.inconclusive(f"{told}, {self.lasted(soaked)}: too many of them", promised, figure=figure)
        slowest = max(refused, key=lambda attempt: attempt.at - attempt.began)
        took = slowest.at - slowest.began
        return self.by_limit(
            record,
            took,
            self.within,
            observed=f"{told}, the slowest after {format_duration(took)}, {self.lasted(soaked)}",
            promised=promised,
            uncertainty=record.of_ours(slowest.crowd, slowest.began, slowest.at) if took > self.within else None,
            figure=figure,
        )

    def _kept_out(
        self, record: Record, soaked: Soaked, stays: Stays, overfilled: Sequence[Overfilled]
    ) -> Iterable[tuple[float, float, str]]:
        full = [(each.began, each.at + self.closed_within) for each in overfilled]
        for attempt in record.attempts(soaked.crowd):
            if attempt.outcome is Outcome.OPEN or attempt.at > soaked.at:
                continue
            if any(start <= attempt.at and attempt.began <= end for start, end in full):
                continue
            taken = stays.most(attempt.began, attempt.at)
            if taken < soaked.places:
                text = f"{describe(attempt)}, although {taken} of {soaked.places} places were taken"
                yield attempt.began, attempt.at, text

    def _of_one(
        self, burst: Overfilled, came: Sequence[Attempt], stays: Stays, places: int
    ) -> Iterable[tuple[float, float, str]]:
        last = max(attempt.at for attempt in came)
        opened = sum(attempt.outcome is Outcome.OPEN for attempt in came)
        always, at_most = stays.least(burst.began, last), stays.most(burst.began, last)
        if opened > places - always:
            yield burst.began, last, f"{opened} more got in although {places - always} of {places} places were free"
        if opened < min(len(came), places - at_most):
            yield (
                burst.began,
                last,
                f"only {opened} more got in although {places - at_most} of {places} places were free",
            )
        for attempt in came:
            if attempt.outcome is not Outcome.OPEN and not turned_away(
                attempt, self.answer, retry_after=self.retry_after
            ):
                yield attempt.began, attempt.at, f"{describe(attempt)}, which is not how a client is turned away"
