"""What one client says to everybody reaches everybody again, once what carried it between processes was gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.reach import alone, heard_by
from chaos.expectations.record import Uncertainty
from chaos.journal import ProcessLost
from chaos.units import format_duration
from chaos.verdict import Finding

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
        listeners = len(record.opened(self.crowd))
        heard = heard_by(record, self.crowd, self.message, since=lost.at)
        if not self.said_at:
            return self.inconclusive("nobody has said anything after the queue's death", promised)
        if (unheard := self._unheard(heard, lost.since + self.limit)) is not None:
            return self.violated(unheard, promised, figure="not back")
        if not heard:
            lasted = format_duration(max(self.said_at) - lost.since)
            return self.inconclusive(f"no listener heard anything, and messages were said for {lasted} only", promised)
        said = sorted((min(by.values()), len(by)) for by in heard.values())
        missed = [at for at, count in said if count < listeners]
        counted = f"{len(missed)} of {len(said)} messages missed somebody"
        whole = [at for at, _ in said if not missed or at > missed[-1]]
        if not whole:
            last = said[-1][0]
            waited = last - lost.since
            if waited < self.limit:
                return self.inconclusive(f"messages were said for {format_duration(waited)} only", promised)
            return self.violated(
                f"what one says does not reach all {listeners} listeners {format_duration(waited)} after the message "
                f"queue's death: {counted}, the last of them reached {said[-1][1]}",
                promised,
                figure="not back",
            )
        took = whole[0] - lost.since
        figure = format_duration(took)
        # It may have been back as soon as the last was said that missed somebody: between both nobody tried.
        untried = whole[0] - max([lost.since, *missed])
        gap = Uncertainty(untried, (f"nothing was heard for {format_duration(untried)} before",))
        return self.by_limit(
            record,
            took,
            self.limit,
            observed=f"what one says reached all {listeners} listeners again {figure} after the queue's death: "
            f"{counted}",
            promised=promised,
            uncertainty=record.of_ours(self.crowd, lost.since, whole[0]) + gap,
            figure=figure,
        )

    def _unheard(self, heard: Mapping[str, Mapping[int, float]], due: float) -> str | None:
        """What was said after it was due and that no listener heard; None where all of it may have been heard."""
        said = sum(at >= due for at in self.said_at)
        missing = said - sum(min(by.values()) >= due for by in heard.values())
        if missing <= 0:
            return None
        return (
            f"{missing} of {said} messages that were said {format_duration(self.limit)} after the message queue's "
            "death, or later, were heard by no listener"
        )
