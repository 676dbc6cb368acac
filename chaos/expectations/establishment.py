"""Getting in: as many as have room, in time, and to stay."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.attempts import describe, places_taken, tally, too_busy, until_usable
from chaos.expectations.base import Expectation, Record, quantile, rank
from chaos.expectations.record import blame, worst
from chaos.journal import Attempt, Ended, Outcome
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["Established", "StayedAfterUpgrade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Established(Expectation):
    """Within capacity, at least `success_ratio` of the attempts got their first message within `within` seconds."""

    name: ClassVar[str] = "established"
    crowd: str
    count: int
    within: float
    success_ratio: float
    why: str = ""
    """How the limit comes about, where it is not the promised one: "of which the link adds 100ms"."""
    places: int | None = None
    """How many clients the server takes in all, where these take what is left of them."""

    def judge(self, record: Record) -> Finding:
        attempts = record.attempts(self.crowd)
        because = f" ({self.why})" if self.why else ""
        promised = (
            f"{_share(self.success_ratio)} of {self.count} attempts open, first message "
            f"within {format_duration(self.within)}{because}"
        )
        if self.places is not None:
            promised += f"; {places_taken(self.places, free=self.count)}"
        if len(attempts) < self.count:
            return self.inconclusive(f"only {len(attempts)} of {self.count} attempts were recorded", promised)
        opened = [attempt for attempt in attempts if attempt.outcome is Outcome.OPEN]
        failed = [attempt for attempt in attempts if attempt.outcome is not Outcome.OPEN]
        ratio = f"{len(opened)}/{len(attempts)}"
        needed = rank(len(attempts), self.success_ratio)
        if len(opened) < needed:
            observed = f"{len(opened)} of {len(attempts)} attempts got in; the others: {tally(failed)}"
            starved = record.starved_mostly(min(a.began for a in attempts), max(a.at for a in attempts))
            causes = (record.failed_for(each) or (starved if too_busy(each) else None) for each in failed)
            ours = [cause for cause in causes if cause is not None]
            if len(opened) + len(ours) >= needed:
                return self.within_uncertainty(observed, promised, worst(ours), figure=ratio)
            return self.violated(observed, promised, figure=ratio, evidence=map(describe, failed))
        times = [until_usable(attempt) for attempt in opened]
        late = [attempt for attempt in opened if until_usable(attempt) > self.within]
        slowest = f"the slowest after {format_duration(max(times))}"
        # Who fails and who is late are the same to a client: as many as may fail may be late, both counted together.
        took = sorted(times)[needed - 1]
        allowed = f"{len(late)} of them too late, " if late else ""
        return self.by_limit(
            record,
            took,
            self.within,
            observed=f"{len(late)} of {len(opened)} clients waited too long, {slowest}"
            if took > self.within
            else f"{ratio} open, {allowed}{slowest}",
            promised=promised,
            uncertainty=record.of_ours_in_each(
                self.crowd,
                [(attempt.began, attempt.began + until_usable(attempt)) for attempt in opened],
                self.within,
                nth=needed,
            ),
            figure=f"{ratio} {format_duration(quantile(times, 0.5))}",
            evidence=map(describe, late),
        )


def _share(ratio: float) -> str:
    return "all" if ratio == 1 else f"{ratio:.4g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StayedAfterUpgrade(Expectation):
    """Nobody of a crowd that said nothing was cut off in the first `quiet` seconds after the 101."""

    name: ClassVar[str] = "stayed_after_upgrade"
    crowd: str
    quiet: float

    def judge(self, record: Record) -> Finding:
        promised = f"whoever is let in is still there {format_duration(self.quiet)} after the 101, also in silence"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        let_in = {attempt.client: _let_in_at(attempt) for attempt in record.opened(self.crowd)}
        ended = sorted(
            (
                each
                for each in record.endings(self.crowd)
                if each.by == "server" and each.said_at - let_in[each.client] <= self.quiet
            ),
            key=lambda each: each.said_at - let_in[each.client],
        )
        cut, ours = blame(ended, record.given_up_for)
        if not cut:
            return self.held(f"all {len(let_in)} were, without a word", promised, figure=f"{len(let_in)}/{len(let_in)}")
        lives = [max(0.0, ended.said_at - let_in[ended.client]) for ended in cut]
        return self.breached(
            f"{len(cut)} of {len(let_in)} connections ended after their 101, the first {format_duration(lives[0])} "
            f"after it, half of them within {format_duration(quantile(lives, 0.5))}: {_tally_hows(cut)}",
            promised,
            ours,
            figure=f"{len(cut)} cut",
            evidence=(
                f"client {ended.client}: {ended.how} {format_duration(lived)} after the 101"
                for ended, lived in zip(cut, lives, strict=True)
            ),
        )


def _let_in_at(attempt: Attempt) -> float:
    """When the 101 had come, seconds monotonic; its attempt says so where it got that far, as all that are open did."""
    return attempt.began + (attempt.handshake or attempt.at - attempt.began)


def _tally_hows(endings: list[Ended]) -> str:
    counts = Counter(ended.how for ended in endings)
    return ", ".join(f"{count} x {how}" for how, count in counts.most_common())
