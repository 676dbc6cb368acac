"""One exchange: what is sent, and how its answer is told from everything else that arrives.

`{n}` stands for a number that is new for each exchange, so that an answer belongs to one question only: a late,
doubled or strayed answer is never taken for the right one. In the answer the number stands alone: 7 is not found
in 17.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["NUMBER", "Exchange", "ExchangeResult"]

NUMBER = "{n}"


class Exchange:
    """The templates of an exchange: a message with `{n}` and a regular expression with `{n}`."""

    __slots__ = ("_expect", "_numbered", "_quick", "_send")

    def __init__(self, *, send: str, expect: str) -> None:
        self._send = send
        self._expect = expect
        self._numbered = NUMBER in expect
        self._quick = self._quick_pattern()

    def message(self, number: int) -> str:
        """What is sent as exchange `number`."""
        return self._send.replace(NUMBER, str(number))

    def answered_by(self, text: str, number: int) -> bool:
        """Whether `text` is the answer to exchange `number`."""
        if not self._numbered:
            return self._quick is not None and self._quick.search(text) is not None
        digits = str(number)
        if digits not in text:
            return False
        if self._quick is not None and any(found["number"] == digits for found in self._quick.finditer(text)):
            return True
        return re.search(self._expect.replace(NUMBER, rf"(?<!\d){digits}(?!\d)"), text) is not None

    def _quick_pattern(self) -> re.Pattern[str] | None:
        """One compiled pattern for all numbers: compiling one for each costs more than the round trip it judges.

        It finds *a* number where `{n}` stands; when that is the right one, so would be the exact pattern's. Any other
        result is settled by the exact pattern. An expression with groups of its own may refer back to them by number,
        which a group of ours would shift: it goes without.
        """
        if not self._numbered:
            return re.compile(self._expect)
        if re.compile(self._expect.replace(NUMBER, "0")).groups:
            return None
        first, _, rest = self._expect.partition(NUMBER)
        named = r"(?<!\d)(?P<number>\d+)(?!\d)"
        return re.compile(first + named + rest.replace(NUMBER, r"(?<!\d)(?P=number)(?!\d)"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeResult:
    """What became of the exchanges of one call; `sent` is `answered + wrong + missing`."""

    sent: int
    answered: int
    wrong: int
    """Answered with something else, and not with the right answer in time."""
    missing: int
    """Not answered in time, or the connection ended first."""
    unsent: int
    """Asked for, but the client was not in a state to send."""
    round_trips: tuple[float, ...]
    """Seconds from the message to its answer, of those answered, in rising order."""
    sent_at: tuple[float, ...]
    """When the message of each of those round trips was sent, seconds monotonic, in the same order."""
    began: float
    ended: float
    """When the first was due and the last was over, seconds monotonic."""

    @property
    def complete(self) -> bool:
        """Whether every exchange that was asked for was sent and answered."""
        return self.answered == self.sent + self.unsent

    def __add__(self, other: ExchangeResult) -> ExchangeResult:
        trips = sorted(zip(self.round_trips + other.round_trips, self.sent_at + other.sent_at, strict=True))
        return ExchangeResult(
            sent=self.sent + other.sent,
            answered=self.answered + other.answered,
            wrong=self.wrong + other.wrong,
            missing=self.missing + other.missing,
            unsent=self.unsent + other.unsent,
            round_trips=tuple(took for took, _ in trips),
            sent_at=tuple(at for _, at in trips),
            began=min(self.began, other.began),
            ended=max(self.ended, other.ended),
        )
