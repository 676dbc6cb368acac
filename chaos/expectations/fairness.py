"""What becomes of a client that floods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.contract import FloodAnswer
from chaos.expectations.base import Expectation, Record
from chaos.verdict import Finding

__all__ = ["FloodAnswered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodAnswered(Expectation):
    """Every client that flooded was served, or closed with the code that is promised, and TCP ended afterwards.

    Whom the server had not finished reading in time has left by itself: it was served, and slowly.
    """

    name: ClassVar[str] = "flood_answered"
    needs_fault: ClassVar[bool] = True
    crowd: str
    answer: FloodAnswer
    sent: int
    """Exchanges after the flood that could be sent: one on each client that was there."""
    answered: int

    def judge(self, record: Record) -> Finding:
        code = self.answer.code
        may = "" if code is None else f" or closed with {code}"
        promised = f"a client that floods is served{may}"
        if (undecided := self.nobody(record, self.crowd, promised)) is not None:
            return undecided
        opened = record.opened(self.crowd)
        ended = [each for each in record.endings(self.crowd) if each.by == "server"]
        wrong = [
            f"client {each.client}: {each.how} {each.code or ''} {each.reason}".rstrip()
            for each in ended
            if code is None or each.how != "close" or each.code != code
        ]
        if wrong:
            return self.violated(
                f"{len(wrong)} of {len(opened)} clients that flooded were cut off, the first by "
                f"{wrong[0].partition(': ')[2]}",
                promised,
                figure=f"{len(wrong)} cut",
                evidence=wrong,
            )
        if self.answered < self.sent:
            return self.violated(
                f"{self.sent - self.answered} of {self.sent} clients that had flooded were not answered any more",
                promised,
                figure=f"{self.answered}/{self.sent}",
            )
        served = len(opened) - len(ended)
        figure = f"{served} served" if code is None else f"{served} served, {len(ended)} closed with {code}"
        return self.held(figure, promised, figure=figure)
