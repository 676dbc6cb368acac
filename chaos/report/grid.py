"""The matrix as a grid of characters, cut into blocks of columns that fit the width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chaos.report.cells import CellOutcome
from chaos.report.matrix import Entry, Matrix, Row
from chaos.report.spans import Line, Span
from chaos.report.text import clean, shorten

__all__ = ["Signs", "blocks_of", "grid_lines"]

GAP = 2
LONGEST_SCENARIO = 36
LONGEST_PROMISE = 14
LONGEST_FIGURE = 14
LONGEST_HEADER = 10
"""Characters of one line of a column's header; a longer name is broken where its words end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """The character of each outcome."""

    held: str
    hollow: str
    """Held, and never seen red."""
    violated: str
    inconclusive: str
    skipped: str
    ellipsis: str

    def of(self, outcome: CellOutcome) -> str:
        sign: str = getattr(self, outcome.value)
        return sign

    def markup(self, outcome: CellOutcome) -> tuple[str, ...]:
        """The styles of an outcome."""
        return {
            CellOutcome.HELD: ("green",),
            CellOutcome.VIOLATED: ("red", "bold"),
            CellOutcome.INCONCLUSIVE: ("yellow", "bold"),
            CellOutcome.SKIPPED: ("light",),
        }[outcome]


def blocks_of(matrix: Matrix, *, width: int, signs: Signs) -> list[tuple[str, ...]]:
    """The faults, cut into runs that fit into `width` together with the labels of their rows.

    As many columns as fit stand in a block, and a block shows only rows that have a cell in it: a sparse matrix gets
    no longer by being cut.
    """
    left = width - _label_width(matrix)
    blocks: list[tuple[str, ...]] = []
    used = left + 1
    for fault in matrix.faults:
        needed = GAP + _column_width(matrix, fault, signs=signs)
        if used + needed > left:
            blocks.append(())
            used = 0
        blocks[-1] += (fault,)
        used += needed
    return blocks


def grid_lines(matrix: Matrix, *, width: int, signs: Signs) -> Iterator[Line]:
    """Header and rows of one block."""
    widths = {fault: _column_width(matrix, fault, signs=signs) for fault in matrix.faults}
    indent = " " * _label_width(matrix)
    headers = {fault: _broken(fault) for fault in matrix.faults}
    depth = max(map(len, headers.values()))
    for number in range(depth):
        words = ((fault, [""] * (depth - len(header)) + header) for fault, header in headers.items())
        text = "".join(" " * GAP + padded[number].ljust(widths[fault]) for fault, padded in words)
        yield (Span(indent + text.rstrip(), ("bold",)),)
    above = ""
    for row in matrix.rows:
        yield _row_line(matrix, row, widths, show_promise=row.promise != above, signs=signs)
        above = row.promise


def _row_line(matrix: Matrix, row: Row, widths: dict[str, int], *, show_promise: bool, signs: Signs) -> Line:
    promise, scenario = _label(row, signs=signs)
    promise_width = _promise_width(matrix)
    spans = [
        Span((promise if show_promise else "").ljust(promise_width + GAP), ("bold",)),
        Span(scenario.ljust(_label_width(matrix) - promise_width - GAP)),
    ]
    for fault, wide in widths.items():
        entry = matrix.entries.get((row, fault))
        text = _cell_text(entry, signs=signs) if entry else ""
        spans += [Span(" " * GAP), Span(text.ljust(wide), signs.markup(entry.outcome) if entry else ())]
    return tuple(spans)


def _cell_text(entry: Entry, *, signs: Signs) -> str:
    sign = signs.hollow if entry.hollow else signs.of(entry.outcome)
    several = f" x{len(entry.cells)}" if len(entry.cells) > 1 else ""
    figure = shorten(clean(entry.figure), LONGEST_FIGURE, ellipsis=signs.ellipsis)
    return f"{sign} {figure}".rstrip() + several


def _label(row: Row, *, signs: Signs) -> tuple[str, str]:
    promise = shorten(clean(row.promise.replace("_", " ")), LONGEST_PROMISE, ellipsis=signs.ellipsis)
    return promise, shorten(clean(row.scenario), LONGEST_SCENARIO, ellipsis=signs.ellipsis)


def _promise_width(matrix: Matrix) -> int:
    return min(LONGEST_PROMISE, max(len(row.promise) for row in matrix.rows))


def _label_width(matrix: Matrix) -> int:
    scenario = min(LONGEST_SCENARIO, max(len(clean(row.scenario)) for row in matrix.rows))
    return _promise_width(matrix) + GAP + scenario


def _column_width(matrix: Matrix, fault: str, *, signs: Signs) -> int:
    texts = [_cell_text(entry, signs=signs) for (_, column), entry in matrix.entries.items() if column == fault]
    return max(len(text) for text in [*texts, *_broken(fault)])


def _broken(fault: str) -> list[str]:
    """A fault's name in lines of at most `LONGEST_HEADER`, broken after its words; a longer word is cut."""
    lines = [""]
    for word in re.split(r"(?<=[\s_-])", clean(fault)):
        if lines[-1] and len(lines[-1]) + len(word.rstrip()) > LONGEST_HEADER:
            lines.append("")
        lines[-1] += word
    return [line.strip()[:LONGEST_HEADER] for line in lines]
