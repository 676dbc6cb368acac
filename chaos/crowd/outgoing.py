"""The messages that one client sends: which of them were answered, and which were applied.

One is *outstanding* until it is answered, or *overtaken* when a later one is answered first. What is outstanding when a
connection ends is *unknown*: nobody can say whether it arrived.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.crowd.numbered import Numbered, Pattern
from chaos.crowd.tally import Tally, quoted
from chaos.crowd.traffic import TrafficMeter
from chaos.units import format_duration

__all__ = ["Outgoing"]


class Outgoing:
    """The books of one client's own messages, over all of its sessions."""

    def __init__(
        self,
        numbered: Numbered,
        *,
        answer: Pattern | None,
        applied: Pattern | None,
        numbers: Iterator[int],
        meter: TrafficMeter,
        tally: Tally,
    ) -> None:
        self._numbered = numbered
        self._answer = answer
        self._applies = applied
        self._numbers = numbers
        self._meter = meter
        self._tally = tally
        self._sent: set[int] = set()
        self._outstanding: dict[int, float] = {}
        """Numbers in the order in which they were sent, and when that was."""
        self._overtaken: dict[int, str] = {}
        """Those that a later one came before, and how that was seen."""
        self._unknown: set[int] = set()
        """Those that were outstanding when a connection ended."""
        self._answered: set[int] = set()
        self._applied: set[int] = set()
        self._latest_answered = 0
        self._latest_applied = 0
        self._strange: str | None = None
        """What came since the last answer and is no message that is known."""

    def next(self, at: float) -> str:
        """The next message to send."""
        number = next(self._numbers)
        self._sent.add(number)
        self._outstanding[number] = at
        self._tally.counts["sent"] += 1
        return self._numbered.text(number)

    def to_send_again(self) -> list[str]:
        """What to send first in a session that goes on: everything outstanding, and before it the latest message that
        was answered, as one does to whom the answer was lost. The server has to know it."""
        latest = {self._latest_answered} if self._latest_answered else set()
        return [self._numbered.text(number) for number in sorted({*latest, *self._outstanding})]

    def over(self, at: float) -> None:
        """The connection ended: nobody knows what became of what is outstanding."""
        unknown = self._outstanding.keys() - self._unknown
        if unknown:
            number = min(unknown)
            ago = format_duration(max(0.0, at - self._outstanding[number]))
            detail = f"message {number} was sent {ago} before the connection ended"
            self._tally.add("unknown", detail, times=len(unknown))
        self._unknown |= unknown
        self._strange = None

    def forget(self) -> None:
        """The session is over: what was overtaken is lost, and of the rest nothing more can be known."""
        for detail in self._overtaken.values():
            self._tally.add("lost", detail)
        self._outstanding.clear()
        self._overtaken.clear()
        self._answered.clear()
        self._applied.clear()
        self._latest_answered = self._latest_applied = 0

    def hear(self, text: str, at: float) -> bool:
        """Whether a text is the answer to one of the messages."""
        number = None if self._answer is None else self._answer.number(text)
        if self._answer is None or number is None or number not in self._sent:
            return False
        if number in self._outstanding:
            self._answered_in_turn(number, at)
        elif number in self._overtaken:
            del self._overtaken[number]
            self._tally.counts["answered"] += 1
            detail = f"the answer to message {number} came after that to message {self._latest_answered}"
            self._tally.wrong("reordered", number, detail, text)
        elif number in self._answered and not self._numbered.resumable:
            self._tally.wrong("duplicated", number, f"the answer to message {number} came again", text)
        if not self._answer.whole(text, number):
            detail = f"the answer to message {number} is not what was sent: {quoted(text)}"
            self._tally.wrong("corrupted", number, detail, text)
        self._answered.add(number)
        self._latest_answered = max(number, self._latest_answered)
        self._strange = None
        return True

    def strange(self, text: str) -> None:
        """A text that nobody knows came: it may be what has become of an answer."""
        self._strange = text

    def hear_applied(self, text: str) -> None:
        """A message of the server's own: it shows that one of the client's was applied, perhaps."""
        number = None if self._applies is None else self._applies.number(text)
        if self._applies is None or number is None:
            return
        if number not in self._sent:
            detail = f"message {number}, which somebody else sent, was applied: {quoted(text)}"
            self._tally.wrong("foreign", number, detail, text)
            return
        if number in self._applied:
            self._tally.wrong("duplicated", number, f"message {number} was applied twice", text)
        elif number < self._latest_applied:
            detail = f"message {number} was applied after message {self._latest_applied}"
            self._tally.wrong("reordered", number, detail, text)
        if not self._applies.whole(text, number):
            detail = f"message {number} was not applied as it was sent: {quoted(text)}"
            self._tally.wrong("corrupted", number, detail, text)
        self._applied.add(number)
        self._latest_applied = max(number, self._latest_applied)

    def overtaken(self) -> list[str]:
        """What has been overtaken and has not come, each in words."""
        return list(self._overtaken.values())

    def unapplied(self) -> list[str]:
        """What was answered and is not seen to have been applied, each in words."""
        if self._applies is None:
            return []
        left = sorted(self._answered - self._applied)
        return [f"message {number} was acknowledged and never applied" for number in left]

    def unanswered(self, at: float) -> list[str]:
        """What is outstanding, each in words."""
        return [
            f"message {number} has no answer after {format_duration(at - sent_at)}"
            for number, sent_at in self._outstanding.items()
        ]

    def _answered_in_turn(self, number: int, at: float) -> None:
        sent_at = self._outstanding.pop(number)
        if self._numbered.in_order:
            for earlier in [each for each in self._outstanding if each < number]:
                self._overtake(earlier, by=number)
        self._tally.counts["answered"] += 1
        self._tally.counts["settled"] += number in self._unknown
        self._meter.answered += 1
        self._meter.round_trips.add(at - sent_at)

    def _overtake(self, number: int, *, by: int) -> None:
        del self._outstanding[number]
        if self._strange is not None and self._numbered.resembles(self._strange, number):
            # Answers come in order: what stands in its place, and has a piece of it, is what has become of it.
            detail = f"in place of the answer to message {number} came {quoted(self._strange)}"
            self._tally.wrong("corrupted", number, detail, self._strange)
            self._answered.add(number)
            self._strange = None
            return
        detail = f"message {by} was answered, and message {number}, sent before it, was not"
        self._overtaken[number] = detail
        self._tally.notice("missing", number, detail, "")
