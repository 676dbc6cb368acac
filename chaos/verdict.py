"""What a judgement can say: held, violated or inconclusive; the worst wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Finding", "Verdict"]


class Verdict(StrEnum):
    """Ordered from best to worst: a violation seen stands, whatever else could not be decided."""

    HELD = "held"
    INCONCLUSIVE = "inconclusive"
    VIOLATED = "violated"

    @property
    def severity(self) -> int:
        return list(Verdict).index(self)

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """The worst of them. No verdict at all is inconclusive: nothing was judged."""
        return max(verdicts, key=lambda verdict: verdict.severity, default=cls.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One judgement: what was observed, what was promised, and where to look."""

    expectation: str
    """The name of the expectation that made it, such as `released_within`."""
    verdict: Verdict
    observed: str
    """What was seen, with its figure and unit: "4 of 10 dead connections still held after 1.2s"."""
    promised: str
    """The limit it was held against: "released within 900ms (interval + timeout + sweep)"."""
    figure: str = ""
    """The one number a matrix cell shows, with its unit; empty where there is none."""
    evidence: tuple[str, ...] = field(default=())
    """Single observations in support, the first few in full."""

    def sentence(self) -> str:
        """`observed; promised: limit`, as the terminal prints it."""
        return f"{self.observed}; promised: {self.promised}"
