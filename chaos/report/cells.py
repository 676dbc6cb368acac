"""One cell of the matrix as its journals tell it, whatever state they were left in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from chaos.errors import ConfigurationError, JournalError
from chaos.journal import FindingMade, Injected, Journal, Segment, VerdictGiven, read_journal
from chaos.report.runs import CellTitle, Run
from chaos.report.slugs import slug_of

__all__ = ["CellOutcome", "CellRecord", "first_fault", "read_cell", "read_cells"]


class CellOutcome(StrEnum):
    """What the matrix says of a cell, from best to worst; skipped stands apart, nothing was judged."""

    SKIPPED = "skipped"
    HELD = "held"
    INCONCLUSIVE = "inconclusive"
    VIOLATED = "violated"

    @property
    def severity(self) -> int:
        return list(CellOutcome).index(self)

    @property
    def needs_a_word(self) -> bool:
        """Whether the terminal says a sentence about it: it fails the run."""
        return self in (CellOutcome.VIOLATED, CellOutcome.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellRecord:
    """One scenario under one fault: verdict and findings."""

    slug: str
    """The name of its directory; empty for a cell that left none."""
    node: str
    promise: str
    scenario: str
    fault: str
    fault_family: str = ""
    outcome: CellOutcome
    figure: str = ""
    detail: str = ""
    expects: str = ""
    seconds: float = 0.0
    findings: tuple[FindingMade, ...] = field(default=())

    @property
    def worst(self) -> FindingMade | None:
        """The finding that decided the outcome: the first of the cell's own severity."""
        return next((finding for finding in self.findings if finding.verdict == self.outcome.value), None)

    @property
    def worst_first(self) -> tuple[FindingMade, ...]:
        """The findings, violations before what could not be decided before what held."""
        order = {CellOutcome.VIOLATED.value: 0, CellOutcome.INCONCLUSIVE.value: 1}
        return tuple(sorted(self.findings, key=lambda finding: order.get(finding.verdict, 2)))


def read_cells(run: Run) -> list[CellRecord]:
    """Every cell of a run in the order in which they began; also those of a run that was killed."""
    return [read_cell(run, directory) for directory in run.cells()]


def read_cell(run: Run, directory: Path) -> CellRecord:
    """One cell, from the few events that say how it went: samples and traffic are not decoded.

    A cell that was interrupted, or whose journal is broken, is inconclusive and says why: it is never left out, for
    what is not in the matrix looks as if it had not been asked.
    """
    try:
        node = run.node(directory.name)
    except ConfigurationError:
        node = ""
    title = run.title(directory.name)
    try:
        journal = read_journal(directory, kinds=(Injected, FindingMade, VerdictGiven))
    except JournalError as error:
        return _without_verdict(directory.name, node, title, events=None, detail=str(error))
    verdict = journal.last(VerdictGiven)
    if verdict is None:
        detail = "the run was interrupted before this cell had a verdict"
        return _without_verdict(directory.name, node, title, events=journal, detail=detail)
    return from_verdict(verdict, journal.of(FindingMade), slug=directory.name)


def from_verdict(verdict: VerdictGiven, findings: Iterable[FindingMade] = (), *, slug: str = "") -> CellRecord:
    """The record of a verdict; an outcome this release does not know is inconclusive, with the word in the detail."""
    try:
        outcome, detail = CellOutcome(verdict.outcome), verdict.detail
    except ValueError:
        outcome, detail = CellOutcome.INCONCLUSIVE, f"unknown outcome {verdict.outcome!r}; {verdict.detail}"
    return CellRecord(
        slug=slug,
        node=verdict.node,
        promise=verdict.promise,
        scenario=verdict.scenario,
        fault=verdict.fault,
        fault_family=verdict.fault_family,
        outcome=outcome,
        figure=verdict.figure,
        detail=detail,
        expects=verdict.expects,
        seconds=verdict.seconds,
        findings=tuple(findings),
    )


def first_fault(run: Run) -> float | None:
    """Seconds from the start of a run's process to the first fault of the run; None where that is not known."""
    launched = run.header.launched
    if launched is None:
        return None
    times = []
    for directory in run.cells():
        with contextlib.suppress(JournalError):
            journal = read_journal(directory, kinds=(Injected,))
            segment, injected = journal.first(Segment), journal.first(Injected)
            if segment is not None and injected is not None:
                # Monotonic time is the machine's: every segment turns it into the same dates.
                times.append(segment.wall + injected.at - segment.at - launched)
    return min(times, default=None)


def _without_verdict(
    slug: str, node: str, title: CellTitle | None, *, events: Journal | None, detail: str
) -> CellRecord:
    """What can be said of a cell whose verdict is missing."""
    about = title or _title_of(slug, node, events.first(Injected) if events is not None else None)
    return CellRecord(
        slug=slug,
        node=node,
        promise=about.promise,
        scenario=about.scenario,
        fault=about.fault,
        expects=about.expects,
        outcome=CellOutcome.INCONCLUSIVE,
        detail=detail,
        findings=tuple(events.of(FindingMade)) if events is not None else (),
    )


def _title_of(slug: str, node: str, injected: Injected | None) -> CellTitle:
    """What a cell is about that did not say: by the names of its test."""
    file, _, test = node.partition("::")
    name, _, parameters = test.partition("[")
    return CellTitle(
        promise=Path(file).stem.removeprefix("test_") or "unknown",
        scenario=name.removeprefix("test_").replace("_", " ") or slug or slug_of(node),
        fault=injected.fault if injected else parameters.removesuffix("]"),
    )
