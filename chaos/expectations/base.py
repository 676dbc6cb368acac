"""What a judgement is made of: a record to read, a limit to hold it against, and how sure the reading is."""

from __future__ import annotations

import itertools
import math
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from chaos.journal import (
    Attempt,
    Beat,
    Ended,
    Frame,
    Healing,
    Journal,
    Outcome,
    Receipt,
    Sample,
)
from chaos.units import format_duration
from chaos.verdict import Finding, Verdict

__all__ = ["Expectation", "Record", "against_limit", "judge_all", "quantile"]


@dataclass(frozen=True, slots=True)
class Record:
    """The journal of one cell, with the readings that every expectation needs."""

    journal: Journal

    @property
    def lateness(self) -> float:
        """The worst lateness of the harness itself, seconds: no breach smaller than this is the server's."""
        return max((beat.lateness for beat in self.journal.of(Beat)), default=0.0)

    @property
    def sampling(self) -> float:
        """The widest gap between two samples in this record, seconds: the uncertainty of every "when" they give."""
        times = [sample.at for sample in self.journal.of(Sample)]
        gaps = (later - earlier for earlier, later in itertools.pairwise(times))
        return max(gaps, default=0.0)

    def receipts(self) -> list[Receipt]:
        return self.journal.of(Receipt)

    def bitten_since(self) -> float | None:
        """When the first fault began to act, seconds monotonic; None where none was injected."""
        return min((receipt.since for receipt in self.receipts()), default=None)

    def healed_since(self) -> float | None:
        """When the last fault stopped to act, seconds monotonic; None where none healed."""
        return max((healing.since for healing in self.journal.of(Healing)), default=None)

    def attempts(self, crowd: str) -> list[Attempt]:
        return [attempt for attempt in self.journal.of(Attempt) if attempt.crowd == crowd]

    def opened(self, crowd: str) -> list[Attempt]:
        return [attempt for attempt in self.attempts(crowd) if attempt.outcome is Outcome.OPEN]

    def endings(self, crowd: str) -> list[Ended]:
        return [ended for ended in self.journal.of(Ended) if ended.crowd == crowd]

    def frames(self, crowd: str, *, opcode: str | None = None) -> list[Frame]:
        return [
            frame
            for frame in self.journal.of(Frame)
            if frame.crowd == crowd and (opcode is None or frame.opcode == opcode)
        ]


class Expectation(ABC):
    """One judgement over a record. Subclasses are frozen dataclasses that carry their limits."""

    name: ClassVar[str]
    needs_fault: ClassVar[bool] = False
    """Whether it means nothing when the fault was left out (`--chaos-dry=no-faults`)."""

    @abstractmethod
    def judge(self, record: Record) -> Finding:
        """Never raises on purpose: what cannot be decided is an inconclusive finding."""

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
        figure: str = "",
        sampled: bool = False,
        evidence: Iterable[str] = (),
    ) -> Finding:
        """The finding of a duration against its limit, both in seconds, with the harness's own uncertainty.

        `sampled` durations end at a sample, so the sampling interval adds to what may be ours.
        """
        uncertainty = record.lateness + (record.sampling if sampled else 0.0)
        verdict = against_limit(took, limit, uncertainty=uncertainty)
        if verdict is Verdict.HELD:
            return self.held(observed, promised, figure=figure)
        if verdict is Verdict.INCONCLUSIVE:
            return self.inconclusive(
                f"{observed}, a breach within the reading's own uncertainty of {format_duration(uncertainty)}",
                promised,
                figure=figure,
            )
        return self.violated(observed, promised, figure=figure, evidence=evidence)


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
    # A billionth off, so that 0.99 of 100 values is the 99th also where the product is a hair above it.
    rank = math.ceil(share * len(ordered) - 1e-9)
    return ordered[min(len(ordered), max(1, rank)) - 1]


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
