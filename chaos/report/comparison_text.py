"""A comparison of two runs on a terminal: the worse first, each with what was observed and how to see it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from chaos.report.cells import CellRecord
from chaos.report.comparison import MOVED, Change, Comparison, Moved
from chaos.report.replay import replay_command
from chaos.report.runs import Run
from chaos.report.side_by_side import title_of
from chaos.report.spans import Line, Span
from chaos.report.tables import table_lines
from chaos.report.terminal import what_happened
from chaos.report.text import clean
from chaos.units import counted

__all__ = ["comparison_lines"]

MOST_MOVED = 15
"""Figures that are told: the furthest are enough to know where to look."""


def comparison_lines(found: Comparison, *, before: Run, after: Run, verbose: bool = False) -> Iterator[Line]:
    """All that is to be said, line by line; what only one of them judged by its number, and by name if `verbose`."""
    yield (Span("before  ", ("light",)), Span(_about(before)))
    yield (Span("after   ", ("light",)), Span(_about(after)))
    for change in found.worse:
        yield ()
        yield from _worse(change, after)
    if found.better:
        yield ()
        for change in found.better:
            yield (Span("BETTER ", ("green", "bold")), Span(f"{title_of(change.after)}: {_outcomes(change)}"))
    for heading, cells in (("no longer judged", found.no_longer_judged), ("newly judged", found.newly_judged)):
        if cells:
            yield ()
            yield (Span(f"{heading}: {counted(len(cells), 'cell')}", ("bold",)), Span(_families(cells, verbose)))
            if verbose:
                yield from _titles(cells)
    if found.moved:
        yield ()
        yield from _figures(found.moved)
    yield ()
    yield (Span(_sum(found), ("bold",)),)


def _about(run: Run) -> str:
    header = run.header
    options = "".join(f" {option}" for option in header.options)
    return clean(f"{run.id} target {header.target}, runtime {header.runtime}, seed {header.seed}{options}")


def _outcomes(change: Change) -> str:
    return f"{change.before.outcome.value} before, {change.after.outcome.value} now"


def _worse(change: Change, after: Run) -> Iterator[Line]:
    yield (Span("WORSE ", ("red", "bold")), Span(f"{title_of(change.after)}: {_outcomes(change)}"))
    yield (Span(f"    {what_happened(change.after)}"),)
    if change.after.slug:
        yield (Span("    again: ", ("light",)), Span(replay_command(after, change.after.slug), ("cyan",)))


def _families(cells: Sequence[CellRecord], verbose: bool) -> str:
    """How many of which promise; whoever sees every title counts for himself."""
    numbers = Counter(clean(cell.promise.replace("_", " ")) for cell in cells)
    told = ", ".join(f"{promise} {number}" for promise, number in numbers.items())
    return "" if verbose else f" ({told}); -v names them"


def _titles(cells: Sequence[CellRecord]) -> Iterator[Line]:
    for cell in cells:
        yield (Span(f"    {title_of(cell)} ({cell.outcome.value})"),)


def _figures(moved: Sequence[Moved]) -> Iterator[Line]:
    yield (Span(f"figures that moved by a factor of {MOVED:g} or more, the furthest first"),)
    rows = [(title_of(each.cell), each.before, each.after, f"x {each.factor:.2g}") for each in moved[:MOST_MOVED]]
    yield from table_lines(("cell", "before", "after", "factor"), rows, words=1)
    if len(moved) > MOST_MOVED:
        yield (Span(f"and {len(moved) - MOST_MOVED} more", ("light",)),)


def _sum(found: Comparison) -> str:
    return (
        f"{counted(len(found.worse), 'cell')} worse, {len(found.better)} better, {found.as_before} as before, "
        f"{len(found.no_longer_judged)} no longer judged, {len(found.newly_judged)} newly"
    )
