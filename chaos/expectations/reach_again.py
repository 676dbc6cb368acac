"""What one client says to everybody reaches everybody again, once what carried it between processes was gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.reach import alone, heard_by, under_way
from chaos.expectations.record import Uncertainty
from chaos.expectations.undecided import not_long_enough
from chaos.journal import ProcessLost
from chaos.units import format_duration
from chaos.verdict import Finding, Verdict

__all__ = ["ReachesEverybodyAgain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachesEverybodyAgain(Expectation):
    """From `limit` seconds after the queue's death at the latest each message is heard by every listener.

    What is said until then may be lost: nobody had where to put it.
    """

    name: ClassVar[str] = "reaches_everybody_again"
    needs_fault: ClassVar[bool] = True
    crowd: str
    """The traced crowd that listens."""
    speakers: str
    said_at: tuple[float, ...]
    """When each message was said after the queue's death that its own speaker has heard, seconds monotonic."""
    message: str
    """A regular expression for one of them; `{n}` stands for its number."""
    limit: float
    within: float
    """Seconds in which a message reaches all: what was said less long ago may be on its way yet."""

    def judge(self, record: Record) -> Finding:
        promised = f"what one says reaches all again within {format_duration(self.limit)} of the message queue's death"
        lost = next(iter(record.journal.of(ProcessLost)), None)
        if lost is None:
            return self.inconclusive("the message queue was not seen to die", promised)
        for crowd in (self.crowd, self.speakers):
            if (undecided := self.nobody(record, crowd, promised)) is not None:
                return undecided
        if (undecided := alone(self, record, (self.crowd, self.speakers), promised)) is not None:
            return undecided
        heard = heard_by(record, self.crowd, self.message, since=lost.at)
        if not self.said_at:
            return self.inconclusive("nobody has said anything after the queue's death", promised)
        unheard = self._unheard(record, heard, lost.since + self.limit, promised)
        if unheard is not None and unheard.verdict is Verdict.VIOLATED:
            return unheard
        reached = self._reached(record, heard, lost, promised)
        return reached if unheard is None or reached.verdict is Verdict.VIOLATED else unheard

    def _unheard(
        self, record: Record, heard: Mapping[str, Mapping[int, float]], due: float, promised: str
    ) -> Finding | None:
        """The finding of what was said after it was due and that no listener heard; None where all may have been."""
        said = sorted(at for at in self.said_at if at >= due)
        missing = len(said) - sum(min(by.values()) >= due for by in heard.values())
        if missing <= 0:
            return None
        observed = (
            f"{missing} of {len(said)} messages that were said {format_duration(self.limit)} after the message queue's "
            "death, or later, were heard by no listener"
        )
        # Which of them nobody knows: those that were said last have had the least time.
        last = said[-missing:]
        undecided = under_way(self, record, self.crowd, last, observed, promised, within=self.within)
        return undecided or self.violated(observed, promised, figure="not back")

    def _reached(
        self, record: Record, heard: Mapping[str, Mapping[int, float]], lost: ProcessLost, promised: str
    ) -> Finding:
        """The finding of what some listener has heard: from when on all of them have."""
        if not heard:
            lasted = format_duration(max(self.said_at) - lost.since)
            return self.inconclusive(f"no listener heard anything, and messages were said for {lasted} only", promised)
        listeners = len(record.opened(self.crowd))
        said = sorted((min(by.values()), len(by)) for by in heard.values())
        not_by_all = [at for at, count in said if count < listeners]
        counted = f"{len(not_by_all)} of {len(said)} messages missed somebody"
        on_their_way = {
            at: found
            for at in not_by_all
            if (found := under_way(self, record, self.crowd, [at], counted, promised, within=self.within)) is not None
        }
        missed = [(at, count) for at, count in said if count < listeners and at not in on_their_way]
        whole = [at for at, count in said if count == listeners and (not missed or at > missed[-1][0])]
        if whole:
            held = self._back(record, lost, whole[0], [at for at, _ in missed], f"all {listeners}", counted, promised)
            return held if not on_their_way or held.verdict is Verdict.VIOLATED else next(iter(on_their_way.values()))
        if not missed:
            return next(iter(on_their_way.values()))
        last, reached = missed[-1]
        waited = last - lost.since
        if waited < self.limit:
            return self.inconclusive(f"messages were said for {format_duration(waited)} only", promised)
        observed = (
            f"what one says does not reach all {listeners} listeners {format_duration(waited)} after the message "
            f"queue's death: {counted}, the last of them reached {reached}"
        )
        ours = record.of_ours(self.crowd, lost.since, last)
        undecided = not_long_enough(self, observed, promised, watched=waited, limit=self.limit, uncertainty=ours)
        return undecided or self.violated(observed, promised, figure="not back")

    def _back(
        self,
        record: Record,
        lost: ProcessLost,
        since: float,
        missed: Sequence[float],
        everybody: str,
        counted: str,
        promised: str,
    ) -> Finding:
        """The finding of when it was back: `since` a time everybody has heard what was said, seconds monotonic, and
        what was said at others somebody had `missed`."""
        took = since - lost.since
        figure = format_duration(took)
        # It may have been back as soon as the last was said that missed somebody: between both nobody tried.
        untried = since - max([lost.since, *missed])
        gap = Uncertainty(untried, (f"nothing was heard for {format_duration(untried)} before",))
        return self.by_limit(
            record,
            took,
            self.limit,
            observed=f"what one says reached {everybody} listeners again {figure} after the queue's death: {counted}",
            promised=promised,
            uncertainty=record.of_ours(self.crowd, lost.since, since) + gap,
            figure=figure,
        )
