"""The end of a run on a terminal: the matrix, then one sentence for each cell that did not hold.

Rendering gives lines of spans; a span carries the names that pytest's terminal writer takes (`green=True`), so the
plugin writes them as they are and this package needs no pytest. Every outcome has a sign of its own: colour only
repeats what the sign says.
"""

from __future__ import annotations

import codecs
import itertools
import textwrap
from collections import Counter
from collections.abc import Iterator

from chaos.report.cells import CellOutcome, CellRecord, first_fault
from chaos.report.detection import read_detections
from chaos.report.detection_text import detection_lines
from chaos.report.grid import Signs, blocks_of, grid_lines
from chaos.report.kept import kept_lines, read_kept
from chaos.report.matrix import NO_FAULT, Matrix
from chaos.report.replay import replay_command
from chaos.report.runs import Run
from chaos.report.spans import Line, Span
from chaos.report.text import clean
from chaos.report.undeclared import undeclared_keys, undeclared_words
from chaos.units import format_duration

__all__ = ["ASCII", "UNICODE", "WIDTH", "render_terminal", "signs_for", "what_happened"]

WIDTH = 100
"""Columns that the summary fits into, on a wide terminal too: long lines are hard to read."""

NO_FAULTS = "--chaos-dry=no-faults"
"""The option of a run whose faults were left out: its green says nothing of any fault."""

UNICODE = Signs(held="✓", hollow="○", violated="✗", inconclusive="?", skipped="-", ellipsis="…")
ASCII = Signs(held="+", hollow="o", violated="X", inconclusive="?", skipped="-", ellipsis="~")


def signs_for(encoding: str | None) -> Signs:
    """The signs that a stream of this encoding can carry."""
    try:
        "✓○✗…".encode(codecs.lookup(encoding or "ascii").name)
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


def render_terminal(matrix: Matrix, *, run: Run, width: int = WIDTH, signs: Signs = UNICODE) -> list[Line]:
    """The whole summary, line by line."""
    lines: list[Line] = [*_title(run), ()]
    if not matrix.rows:
        return [*lines, (Span("no scenario ran, so nothing was judged"),)]
    shown = matrix.declared()
    for faults in blocks_of(shown, width=width, signs=signs) if shown.rows else ():
        lines += [*grid_lines(shown.within(faults), width=width, signs=signs), ()]
    lines.append(_legend(matrix, signs=signs))
    if NO_FAULTS not in run.header.options:  # there nothing was put to the test
        lines += _proven(matrix, width=width, signs=signs)
    for cell in matrix.not_held():
        lines += [(), *_sentence(cell, run=run, width=width)]
    if detected := list(detection_lines(read_detections([run]))):
        lines += [(), *detected]
    if kept := list(kept_lines(read_kept(run))):
        lines += [(), *kept]
    skipped = list(_skipped(matrix, run=run, width=width, signs=signs))
    return [*lines, (), *skipped] if skipped else lines


def what_happened(cell: CellRecord) -> str:
    """The observed and the promised of a cell that did not hold, in one sentence; what made it undecided first."""
    finding = cell.worst
    if finding is None:
        return clean(cell.detail) or "no finding says why"
    others = sum(1 for other in cell.findings if other.verdict == finding.verdict) - 1
    parts = [
        cell.detail if cell.outcome is CellOutcome.INCONCLUSIVE else "",
        finding.observed,
        f"promised: {finding.promised}",
        f"and {others} more such {'finding' if others == 1 else 'findings'}" if others else "",
    ]
    return clean("; ".join(part for part in parts if part))


def _title(run: Run) -> list[Line]:
    header = run.header
    facts = [f"target {header.target}", f"runtime {header.runtime}", f"seed {header.seed}"]
    if header.seconds is not None:
        facts.append(format_duration(header.seconds))
    if (began := first_fault(run)) is not None:
        facts.append(f"first fault {format_duration(began)} after pytest was started")
    title = [Span("promises x faults", ("bold",)), Span("   " + clean(", ".join(facts)), ("light",))]
    if NO_FAULTS in header.options:
        title.append(Span("   WITHOUT FAULTS: what held here held in calm", ("yellow", "bold")))
    return [tuple(title)]


def _legend(matrix: Matrix, *, signs: Signs) -> Line:
    """What the signs mean, with how many there are of each."""
    spans = []
    for outcome, count in reversed(matrix.counts().items()):
        text = f"{signs.of(outcome)} {outcome.value} {count}"
        spans += [Span(text, signs.markup(outcome) if count else ("light",)), Span("   ")]
    return (*spans, Span("blank: not asked", ("light",)))


def _proven(matrix: Matrix, *, width: int, signs: Signs) -> list[Line]:
    """How much the green is worth; nothing where nothing is green."""
    held, proven = matrix.counts()[CellOutcome.HELD], matrix.proven_held()
    if not held:
        return []
    text = f"{proven} of {held} held are proven" + (
        f"; {signs.hollow} {held - proven}: held, and no defect has ever been seen to turn it red"
        if proven < held
        else ": each has been seen red against a defect"
    )
    return list(_hanging(text, head="", markup=(), width=width))


def _sentence(cell: CellRecord, *, run: Run, width: int) -> Iterator[Line]:
    name = f"{cell.promise.replace('_', ' ')}, {cell.scenario}"
    under = f" under {cell.fault}" if cell.fault and cell.fault != NO_FAULT else ""
    markup = ("red", "bold") if cell.outcome is CellOutcome.VIOLATED else ("yellow", "bold")
    sentence = clean(f"{name}{under}: {what_happened(cell)}")
    yield from _hanging(sentence, head=f"{cell.outcome.value.upper()} ", markup=markup, width=width)
    if cell.slug:
        # never wrapped: it is there to be copied
        yield (Span("    again: ", ("light",)), Span(replay_command(run, cell.slug), ("cyan",)))


def _skipped(matrix: Matrix, *, run: Run, width: int, signs: Signs) -> Iterator[Line]:
    """Each reason once: first what the target does not declare, by family, then what else there is."""
    skipped = [cell for cell in matrix.cells if cell.outcome is CellOutcome.SKIPPED]
    keys = [undeclared_keys(cell.detail) for cell in skipped]
    told = [
        (
            f"not declared: {undeclared_words(itertools.chain(*keys), declared=run.header.declares)}",
            sum(map(bool, keys)),
        )
    ]
    told += Counter(clean(cell.detail) for cell in skipped if not undeclared_keys(cell.detail)).most_common()
    for reason, count in told:
        if not count:
            continue
        head = f"{signs.of(CellOutcome.SKIPPED)} skipped {count}: "
        yield from _hanging(reason or "no reason given", head=head, markup=("light",), width=width)


def _hanging(text: str, *, head: str, markup: tuple[str, ...], width: int) -> Iterator[Line]:
    """A paragraph whose first line begins with a styled head and whose others are indented."""
    first, *others = textwrap.wrap(
        text, width, initial_indent=head, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )
    yield (Span(head, markup), Span(first[len(head) :]))
    for line in others:
        yield (Span(line),)
