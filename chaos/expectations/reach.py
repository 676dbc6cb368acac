"""What one client says to everybody reaches everybody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from chaos.crowd.exchange import NUMBER
from chaos.expectations.base import Expectation, Record
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["ReachedEverybody"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedEverybody(Expectation):
    """Each message that a speaker has heard back was heard by every listener, the last within `limit` s of the first.

    How fast the first of them heard it is no matter here: it may wait for whatever it has to, and then all get it.
    """

    name: ClassVar[str] = "reached_everybody"
    crowd: str
    """The traced crowd that listens."""
    speakers: str
    said: int
    """Messages that were said and that their own speakers have heard."""
    message: str
    """A regular expression for one of them; `{n}` stands for its number."""
    limit: float
    since: float
    """From when on they were said, seconds monotonic."""

    def judge(self, record: Record) -> Finding:
        promised = f"whatever one says all hear, the last within {format_duration(self.limit)} of the first"
        for crowd in (self.crowd, self.speakers):
            if (undecided := self.nobody(record, crowd, promised)) is not None:
                return undecided
        if not self.said:
            return self.inconclusive("nobody has heard what he said himself", promised)
        heard = self._heard(record)
        listeners = len(record.opened(self.crowd))
        reached = [len(by) for by in heard.values()] + [0] * (self.said - len(heard))
        everybody = sum(count == listeners for count in reached)
        figure = f"{everybody}/{self.said} reached all"
        if everybody < self.said:
            missed = sum(listeners - count for count in reached)
            return self.violated(
                f"{self.said - everybody} of {self.said} messages did not reach all {listeners} listeners: "
                f"{missed} of {self.said * listeners} were never heard, of one message "
                f"{min(reached)} of {listeners} listeners heard",
                promised,
                figure=figure,
                evidence=(f"{text}: heard by {len(by)} of {listeners}" for text, by in heard.items()),
            )
        first, last = max(
            ((min(by.values()), max(by.values())) for by in heard.values()), key=lambda each: each[1] - each[0]
        )
        spread = last - first
        return self.by_limit(
            record,
            spread,
            self.limit,
            observed=f"{self.said} messages reached all {listeners} listeners, "
            f"the last {format_duration(spread)} after the first",
            promised=promised,
            uncertainty=record.of_ours(self.crowd, self.since, last, judged=(first, last)),
            figure=figure,
        )

    def _heard(self, record: Record) -> dict[str, dict[int, float]]:
        """Message to who has heard it, and when first."""
        pattern = re.compile(self.message.replace(NUMBER, r"\d+"))
        heard: dict[str, dict[int, float]] = {}
        for frame in record.frames(self.crowd, opcode="text"):
            if frame.at >= self.since and pattern.search(frame.text):
                heard.setdefault(frame.text, {}).setdefault(frame.client, frame.at)
        return heard
