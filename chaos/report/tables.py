"""A table of figures for a terminal: a bold header, columns as wide as what stands in them, figures to the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chaos.report.spans import Line, Span
from chaos.report.text import clean

__all__ = ["table_lines"]

GAP = 2


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], *, words: int) -> Iterator[Line]:
    """Header and rows; the first `words` columns hold words and stand to the left."""
    cleaned = [[clean(text) for text in row] for row in rows]
    widths = [max(len(row[column]) for row in [list(header), *cleaned]) for column in range(len(header))]
    yield (Span(_row(header, widths, words), ("bold",)),)
    for row in cleaned:
        yield (Span(_row(row, widths, words)),)


def _row(texts: Sequence[str], widths: Sequence[int], words: int) -> str:
    placed = (
        text.ljust(wide) if column < words else text.rjust(wide)
        for column, (text, wide) in enumerate(zip(texts, widths, strict=True))
    )
    return (" " * GAP).join(placed).rstrip()
