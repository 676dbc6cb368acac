"""What a judgement is: a record to read, a limit to hold it against, and how sure the reading is."""

from __future__ import annotations

import math
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.record import Record, Uncertainty
from chaos.journal import Event, Outcome
from chaos.units import format_duration
from chaos.verdict import Finding, Verdict

__all__ = ["Expectation", "Provided", "Record", "Uncertainty", "against_limit", "judge_all", "quantile", "rank"]


class Expectation(ABC):
    """One judgement over a record. Subclasses are frozen dataclasses that carry their limits."""

    name: ClassVar[str]
    needs_fault: ClassVar[bool] = False
    """Whether it means nothing when the fault was left out (`--chaos-dry=no-faults`)."""

    @abstractmethod
    def judge(self, record: Record) -> Finding:
        """Never raises on purpose: what cannot be decided is an inconclusive finding."""

    def terms(self, *, at: float) -> Event | None:
        """What whoever reads the journal needs of its figures, beyond the findings in words; None for nothing."""
        return None

    def held(self, observed: str, promised: str, *, figure: str = "") -> Finding:
        return Finding(expectation=self.name, verdict=Verdict.HELD, observed=observed, promised=promised, figure=figure)

    def violated(self, observed: str, promised: str, *, figure: str = "", evidence: Iterable[str] = ()) -> Finding:
        return Finding(
            expectation=self.name,
            verdict=Verdict.VIOLATED,
            observed=observed,
            promised=promised,
            figure=figure,
            evidence=tuple(evidence)[:5],
        )

    def inconclusive(self, why: str, promised: str, *, figure: str = "", evidence: Iterable[str] = ()) -> Finding:
        return Finding(
            expectation=self.name,
            verdict=Verdict.INCONCLUSIVE,
            observed=why,
            promised=promised,
            figure=figure,
            evidence=tuple(evidence)[:5],
        )

    def nobody(self, record: Record, crowd: str, promised: str) -> Finding | None:
        """Why nothing can be said of a crowd, or None: not everybody who tried got in, or nobody tried."""
        attempts = record.attempts(crowd)
        missing = sum(attempt.outcome is not Outcome.OPEN for attempt in attempts)
        if not attempts:
            return self.inconclusive(f"no client of {crowd!r} ever tried to get in", promised)
        if missing:
            return self.inconclusive(f"{missing} of {len(attempts)} clients of {crowd!r} never got in", promised)
        return None

    def by_limit(
        self,
        record: Record,
        took: float,
        limit: float,
        *,
        observed: str,
        promised: str,
        uncertainty: Uncertainty | None = None,
        figure: str = "",
        evidence: Iterable[str] = (),
    ) -> Finding:
        """The finding of a duration against its limit, both in seconds, with the harness's own uncertainty.

        `uncertainty` is that of the judged window and of the processes that stamped what is judged; without it
        everything that was late in the whole record counts, and all that kept the server waiting.
        """
        may_be_ours = record.late() + record.starved(-math.inf, math.inf) if uncertainty is None else uncertainty
        verdict = against_limit(took, limit, uncertainty=may_be_ours.seconds)
        if verdict is not Verdict.HELD and format_duration(took) == format_duration(limit):
            observed = f"{observed}, {format_duration(took - limit)} more"  # what rounding would hide
        if verdict is Verdict.HELD:
            return self.held(observed, promised, figure=figure)
        if verdict is Verdict.INCONCLUSIVE:
            return self.within_uncertainty(observed, promised, may_be_ours, figure=figure)
        return self.violated(observed, promised, figure=figure, evidence=evidence)

    def breached(
        self,
        observed: str,
        promised: str,
        ours: Uncertainty | None,
        *,
        figure: str = "",
        evidence: Iterable[str] = (),
    ) -> Finding:
        """The finding of a breach, with what of ours may be behind it; None where nothing may."""
        if ours is None:
            return self.violated(observed, promised, figure=figure, evidence=evidence)
        return self.within_uncertainty(observed, promised, ours, figure=figure)

    def within_uncertainty(
        self, observed: str, promised: str, uncertainty: Uncertainty, *, figure: str = ""
    ) -> Finding:
        """The finding of a breach that may be ours, and whose."""
        return self.inconclusive(
            f"{observed}, a breach within the reading's own uncertainty of {uncertainty.sentence()}",
            promised,
            figure=figure,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided(Expectation):
    """Judges `then` where `condition` is held; where it is not, what it found is all that can be said.

    That finding is the cell's, also where it is a breach: a condition that is no promise of the cell has to be one that
    is inconclusive at worst.
    """

    name: ClassVar[str] = "provided"
    needs_fault: ClassVar[bool] = True
    condition: Expectation
    then: Expectation
    or_more: bool = False
    """Whether the condition is missed by what is harder than was asked for: who held all the same held that, too."""

    def judge(self, record: Record) -> Finding:
        found = self.condition.judge(record)
        if found.verdict is Verdict.HELD:
            return self.then.judge(record)
        judged = self.then.judge(record) if self.or_more else found
        return judged if judged.verdict is Verdict.HELD else found


def against_limit(observed: float, limit: float, *, uncertainty: float) -> Verdict:
    """Hold an observed duration against its limit, both in seconds.

    A breach that is smaller than the uncertainty of the reading (the harness's own lateness, the sampling interval)
    is inconclusive: it may be ours.
    """
    if observed <= limit:
        return Verdict.HELD
    return Verdict.INCONCLUSIVE if observed - limit <= uncertainty else Verdict.VIOLATED


def quantile(values: Iterable[float], share: float) -> float:
    """The nearest-rank quantile of the values. Raises ValueError where there are none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values, so no quantile")
    return ordered[rank(len(ordered), share) - 1]


def rank(count: int, share: float) -> int:
    """The number, from 1 on, of the value up to which a share of `count` values lies."""
    # A billionth off, so that 0.99 of 100 values is the 99th also where the product is a hair above it.
    return min(count, max(1, math.ceil(share * count - 1e-9)))


def judge_all(expectations: Iterable[Expectation], record: Record) -> list[Finding]:
    """The findings of all expectations, in order. A judge that crashes is inconclusive, with its traceback."""
    findings = []
    for expectation in expectations:
        try:
            findings.append(expectation.judge(record))
        except Exception as error:
            lines = traceback.format_exception(error)
            findings.append(
                expectation.inconclusive(
                    f"the judge {expectation.name} crashed: {type(error).__name__}: {error}",
                    "a judgement",
                    evidence=("".join(lines[-3:]).strip(),),
                )
            )
    return findings
