"""What one client says to everybody reaches everybody."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.crowd.exchange import NUMBER
from chaos.expectations.base import Expectation, Record
from chaos.expectations.undecided import not_long_enough
from chaos.journal import Holders
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["ReachedEverybody", "alone", "heard_by", "under_way"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedEverybody(Expectation):
    """Each message that a speaker has heard back was heard by every listener, the last within `limit` s of the first.

    How fast the first of them heard it is no matter here: it may wait for whatever it has to, and then all get it. That
    all have heard shows nothing where one process of several serves them all.
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
        heard = heard_by(record, self.crowd, self.message, since=self.since)
        listeners = len(record.opened(self.crowd))
        reached = [len(by) for by in heard.values()] + [0] * (self.said - len(heard))
        everybody = sum(count == listeners for count in reached)
        if everybody == self.said and (undecided := alone(self, record, (self.crowd, self.speakers), promised)):
            return undecided
        figure = f"{everybody}/{self.said} reached all"
        if everybody < self.said:
            missed = sum(listeners - count for count in reached)
            observed = (
                f"{self.said - everybody} of {self.said} messages did not reach all {listeners} listeners: "
                f"{missed} of {self.said * listeners} were never heard, of one message "
                f"{min(reached)} of {listeners} listeners heard"
            )
            # What no listener has heard its speaker may have heard as soon as it was said.
            since = [self.since] if self.said > len(heard) else []
            since += [min(by.values()) for by in heard.values() if len(by) < listeners]
            undecided = under_way(self, record, self.crowd, since, observed, promised, within=self.limit)
            return undecided or self.violated(
                observed,
                promised,
                figure=figure,
                evidence=(f"{text}: heard by {len(by)} of {listeners}" for text, by in heard.items()),
            )
        spreads = [(min(by.values()), max(by.values())) for by in heard.values()]
        spread = max(last - first for first, last in spreads)
        return self.by_limit(
            record,
            spread,
            self.limit,
            observed=f"{self.said} messages reached all {listeners} listeners, "
            f"the last {format_duration(spread)} after the first",
            promised=promised,
            uncertainty=record.of_ours_in_each(self.crowd, spreads, self.limit),
            figure=figure,
        )


def heard_by(record: Record, crowd: str, message: str, *, since: float) -> dict[str, dict[int, float]]:
    """Message to who of a crowd has heard it, and when first; `{n}` in the expression stands for any number."""
    pattern = re.compile(message.replace(NUMBER, r"\d+"))
    heard: dict[str, dict[int, float]] = {}
    for frame in record.frames(crowd, opcode="text"):
        if frame.at >= since and pattern.search(frame.text):
            heard.setdefault(frame.text, {}).setdefault(frame.client, frame.at)
    return heard


def under_way(
    asked: Expectation,
    record: Record,
    crowd: str,
    since: Sequence[float],
    observed: str,
    promised: str,
    *,
    within: float,
) -> Finding | None:
    """The finding of messages, said at these times, that not all of a crowd have heard, where each of them may be on
    its way yet; None where one is not.

    They were to reach all `within` so many seconds, and were listened for until the end of the record.
    """
    until = record.journal.events[-1].at
    found = [
        not_long_enough(
            asked,
            observed,
            promised,
            watched=until - at,
            limit=within,
            uncertainty=record.of_ours(crowd, at, until),
        )
        for at in since
    ]
    return found[0] if found and None not in found else None


def alone(judge: Expectation, record: Record, crowds: Sequence[str], promised: str) -> Finding | None:
    """Why it shows nothing that these crowds hear each other, or None: one of several processes serves them all.

    The last reading of each crowd counts. Of a server whose connections one process takes there is nothing more to see.
    """
    last = {reading.crowd: reading for reading in record.journal.of(Holders) if reading.crowd in crowds}
    if len(last) < len(crowds):
        return judge.inconclusive("which of the server's processes serves whom was not seen", promised)
    serving = {pid for reading in last.values() for pid in reading.serving}
    held = Counter(pid for reading in last.values() for pid in reading.held.values())
    if len(serving) > 1 and len(held) < 2:
        return judge.inconclusive(
            f"one of the server's {len(serving)} processes serves all {held.total()} clients, so nothing had to go "
            "from one process to another",
            promised,
        )
    return None
