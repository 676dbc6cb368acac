"""Hostile input gets an answer that the RFCs allow, in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record, Uncertainty
from chaos.expectations.record import blame
from chaos.hostile.answers import PATIENCE, Reaction
from chaos.hostile.catalogue import Input, case_named, cases_of
from chaos.journal import HostileAnswer
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["AnsweredAsAllowed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredAsAllowed(Expectation):
    """Every case of a kind of hostile input got one of the answers that are allowed, within `limit` seconds."""

    name: ClassVar[str] = "answered_as_allowed"
    needs_fault: ClassVar[bool] = True
    kind: Input
    limit: float

    def judge(self, record: Record) -> Finding:
        promised = f"each of {self.kind.value} gets an allowed answer within {format_duration(self.limit)}"
        promised += "".join(f"; {case.name}: {case.note}" for case in cases_of(self.kind) if case.note)
        answers = [answer for answer in record.journal.of(HostileAnswer) if answer.inputs == self.kind.value]
        unsent = {case.name for case in cases_of(self.kind)} - {answer.case for answer in answers}
        if unsent:
            return self.inconclusive(f"not sent, or not answered yet: {', '.join(sorted(unsent))}", promised)
        if all(answer.reaction == Reaction.UNAGREED for answer in answers):
            return self.inconclusive(answers[0].detail, promised)
        wrong = [answer for answer in answers if not _fits(answer)]
        told, ours = blame(wrong, lambda answer: self._ours(record, answer))
        if told:
            return self.breached(
                f"{len(told)} of {len(answers)} not answered as allowed, the first: {_told(told[0])}",
                promised,
                ours,
                figure=f"{len(told)} wrong",
                evidence=map(_told, told),
            )
        slowest = max(answers, key=_took)
        took = _took(slowest)
        figure = format_duration(took)
        return self.by_limit(
            record,
            took,
            self.limit,
            observed=f"{len(answers)} answered as allowed, the slowest after {figure}: {slowest.case}",
            promised=promised,
            figure=figure,
            uncertainty=record.of_ours_in_each(
                None, [(answer.at - _took(answer), answer.at) for answer in answers], self.limit
            ),
            evidence=(_told(answer) for answer in answers if _took(answer) > self.limit),
        )

    def _ours(self, record: Record, answer: HostileAnswer) -> Uncertainty | None:
        """What of ours may be why one has no allowed answer; None where nothing may.

        What has not come yet may still be on its way, where the server was kept from it; what came is what it is, but
        for the end of a request that took longer than its pauses: it may have come too slowly.
        """
        if answer.reaction == Reaction.NOTHING or _is_only_held(answer):
            waited = self._waited(answer)
            ours = record.of_ours(None, answer.at - waited, answer.at)
            return ours if waited - self.limit <= ours.seconds else None
        spread = case_named(answer.case).spread
        if spread and answer.reaction in (Reaction.ENDED, Reaction.HTTP):
            ours = record.of_ours(None, answer.at - answer.took - spread, answer.at)
            return ours.if_most_of(spread)
        return None

    def _waited(self, answer: HostileAnswer) -> float:
        """Seconds for which was waited for what did not come: the answer, or the end of TCP after it."""
        return answer.took if answer.reaction == Reaction.NOTHING else answer.took + PATIENCE * self.limit


def _fits(answer: HostileAnswer) -> bool:
    return not _is_held(answer) and _is_allowed(answer)


def _is_allowed(answer: HostileAnswer) -> bool:
    allowed = case_named(answer.case).allowed
    return allowed.fits(Reaction(answer.reaction), code=answer.code, status=answer.status)


def _is_held(answer: HostileAnswer) -> bool:
    """Whether TCP was not over after a goodbye."""
    return answer.reaction in (Reaction.CLOSED, Reaction.DISMISSED) and answer.released_after is None


def _is_only_held(answer: HostileAnswer) -> bool:
    """Whether nothing else is wrong with it."""
    return _is_held(answer) and _is_allowed(answer)


def _took(answer: HostileAnswer) -> float:
    """Seconds to the answer, and to the end of TCP where that has to follow."""
    return answer.took if answer.released_after is None else max(answer.took, answer.released_after)


def _told(answer: HostileAnswer) -> str:
    """`unmasked (a text frame without a mask (5.1)): served; allowed: close 1002 or the end of TCP`."""
    case = case_named(answer.case)
    match Reaction(answer.reaction):
        case Reaction.CLOSED:
            got = f"close {answer.code}" + (", and TCP was held" if answer.released_after is None else "")
        case Reaction.DISMISSED:
            got = answer.detail + (", and TCP was held" if answer.released_after is None else "")
        case Reaction.HTTP:
            got = f"HTTP {answer.status}"
        case Reaction.ENDED:
            got = "the end of TCP"
        case Reaction.SERVED:
            got = "served"
        case Reaction.NOTHING:
            got = f"neither answered nor ended within {format_duration(answer.took)}"
        case Reaction.LEFT | Reaction.INVALID | Reaction.UNAGREED:
            got = answer.detail or answer.reaction
    after = "" if answer.reaction == Reaction.NOTHING else f" after {format_duration(_took(answer))}"
    return f"{case.name}, {case.description}: {got}{after}; allowed: {case.allowed.sentence()}"
