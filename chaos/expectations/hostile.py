"""Hostile input gets an answer that the RFCs allow, in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.hostile.answers import Reaction
from chaos.hostile.catalogue import Input, case_named, cases_of
from chaos.journal import HostileAnswer
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["AnsweredAsAllowed"]

PATIENCE = 2
"""Limits for which an answer is waited for, and as long again for the end of TCP after it: an answer that is only late
is told from one that never comes."""


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
        # What has not come yet may still be on its way, where the server was kept from it; what came is what it is.
        absent = [answer for answer in wrong if answer.reaction == Reaction.NOTHING or _is_only_held(answer)]
        if absent and len(absent) == len(wrong):
            times = [(answer.at - self._waited(answer), answer.at) for answer in absent]
            waited = record.of_ours_in_each(None, times, self.limit)
            if max(end - start for start, end in times) - self.limit <= waited.seconds:
                what = "not answered" if any(answer.reaction == Reaction.NOTHING for answer in wrong) else "not let go"
                return self.within_uncertainty(
                    f"{len(wrong)} of {len(answers)} {what}, the first: {_told(wrong[0])}",
                    promised,
                    waited,
                    figure=f"{len(wrong)} {what}",
                )
        if wrong:
            return self.violated(
                f"{len(wrong)} of {len(answers)} answered wrongly, the first: {_told(wrong[0])}",
                promised,
                figure=f"{len(wrong)} wrong",
                evidence=map(_told, wrong),
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
