"""Several servers' matrices side by side: a row for each cell, a column for each server, with the figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chaos.report.cells import CellOutcome, CellRecord
from chaos.report.grid import Signs
from chaos.report.matrix import build_matrix
from chaos.report.text import clean, shorten

__all__ = ["side_by_side", "title_of"]

LONGEST_FIGURE = 22
"""Characters of a cell's figure, beside those of two others."""


def side_by_side(columns: Mapping[str, Sequence[CellRecord]], *, signs: Signs) -> Iterator[str]:
    """A row for each cell that some server was judged by."""
    together = build_matrix(cell for cells in columns.values() for cell in cells)
    judged = {cell.node for cell in together.cells if cell.outcome is not CellOutcome.SKIPPED}
    names = {cell.node: title_of(cell) for cell in together.cells if cell.node in judged}
    if not names:
        yield "nothing was judged"
        return
    label = max(map(len, names.values()))
    texts = {name: {cell.node: _text(cell, signs) for cell in cells} for name, cells in columns.items()}
    widths = {name: max(len(name), *(len(text.get(node, "")) for node in names)) for name, text in texts.items()}
    yield " " * label + "".join(f"  {name:<{widths[name]}}" for name in columns).rstrip()
    for node, title in names.items():
        row = "".join(f"  {texts[name].get(node, ''):<{widths[name]}}" for name in columns)
        yield f"{title:<{label}}{row}".rstrip()
    skipped = len({cell.node for cell in together.cells}) - len(names)
    if skipped:
        yield f"{signs.of(CellOutcome.SKIPPED)} {skipped} more are skipped by all: not promised, or not possible here"


def title_of(cell: CellRecord) -> str:
    """A cell in words: "rejection, a burst beyond the limit under burst"."""
    under = f" under {cell.fault}" if cell.fault else ""
    return clean(f"{cell.promise.replace('_', ' ')}, {cell.scenario}{under}")


def _text(cell: CellRecord, signs: Signs) -> str:
    figure = shorten(clean(cell.figure), LONGEST_FIGURE, ellipsis=signs.ellipsis)
    return f"{signs.of(cell.outcome)} {figure}".rstrip()
