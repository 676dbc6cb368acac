"""What becomes of a client that floods, and whether one that is only lively was that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.bounds import by_timer
from chaos.contract import FloodAnswer
from chaos.expectations.attempts import cut_off, how_it_ended
from chaos.expectations.base import Expectation, Record, Uncertainty
from chaos.expectations.record import blame, worst
from chaos.journal import Ended
from chaos.units import counted, format_duration
from chaos.verdict import Finding

__all__ = ["FloodAnswered", "SentAtRate"]


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
        wrong = [each for each in ended if code is None or each.how != "close" or each.code != code]
        cut, may_be_given_up = blame(wrong, lambda ended: self._given_up_for(record, ended))
        flooders = "clients that flooded"
        if cut and may_be_given_up is None:
            return self.violated(
                cut_off(cut, opened, who=flooders),
                promised,
                figure=f"{len(cut)} cut",
                evidence=map(how_it_ended, cut),
            )
        if self.answered < self.sent:
            late = [(count, ours) for count, ours in record.unanswered(self.crowd) if ours is not None]
            observed = f"{self.sent - self.answered} of {self.sent} clients that had flooded were not answered any more"
            figure = f"{self.answered}/{self.sent}"
            if self.answered + sum(count for count, _ in late) < self.sent:
                return self.violated(observed, promised, figure=figure)
            return self.within_uncertainty(observed, promised, worst(ours for _, ours in late), figure=figure)
        if may_be_given_up is not None:
            return self.within_uncertainty(cut_off(cut, opened, who=flooders), promised, may_be_given_up)
        served = len(opened) - len(ended)
        figure = f"{served} served" if code is None else f"{served} served, {len(ended)} closed with {code}"
        return self.held(figure, promised, figure=figure)

    def _given_up_for(self, record: Record, ended: Ended) -> Uncertainty | None:
        """What of ours may have made the server take a client for dead; None where nothing may.

        Until it flooded its pongs had nothing before them, so none was missed before the server's wait was over again.
        What may be promised to whoever floods says nothing of being dead.
        """
        began = record.bitten_since()
        is_soon = began is not None and ended.said_at - began < record.waits.server
        if is_soon or ended.code in {answer.code for answer in FloodAnswer} - {None}:
            return None
        return record.given_up_for(ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAtRate(Expectation):
    """Every client sent as many messages as are promised to it, a tenth fewer at most: that fewer are taken is no
    promise."""

    name: ClassVar[str] = "sent_at_rate"
    clients: int
    rate: int
    """Messages a second, of each client."""
    seconds: float
    """For which they did so."""
    sent: int
    """Messages, of all clients."""

    def judge(self, record: Record) -> Finding:
        lasted = format_duration(self.seconds)
        promised = f"{counted(self.clients, 'client')} send {self.rate} messages a second each for {lasted}"
        each = self.sent / self.clients / self.seconds
        figure = f"{each:.0f}/s"
        if by_timer(each) < self.rate:
            return self.inconclusive(
                f"they sent {each:.0f} messages a second each, for each waits for the answers to the ones before: that "
                f"says nothing of {self.rate}",
                promised,
                figure=figure,
            )
        return self.held(f"they sent {each:.0f} messages a second each", promised, figure=figure)
