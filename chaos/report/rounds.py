"""What a leak measurement saw, round by round: what the server holds, against how many connections have ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chaos.journal import Round
from chaos.report.svg import Scale, element, line, text, ticks, title
from chaos.units import format_size

__all__ = ["draw_rounds"]

WIDTH, HEIGHT = 1000, 150
TOP, BOTTOM = 26, 120
GUTTER = 70
"""Pixels for the figures beside each of the two charts."""


def draw_rounds(rounds: Sequence[Round]) -> str:
    """Two small charts side by side, memory and file descriptors; empty where there are no two rounds."""
    if len(rounds) < 2:
        return ""
    said = f"{len(rounds)} rounds, {rounds[-1].ended} connections ended: memory and file descriptors held after each"
    parts = [
        title(said),
        *_chart("memory after each round", [(r.ended, r.memory) for r in rounds], left=0, memory=True),
        *_chart("file descriptors after each round", [(r.ended, r.fds) for r in rounds], left=WIDTH // 2, memory=False),
    ]
    box = f"0 0 {WIDTH} {HEIGHT}"
    return element("svg", "".join(parts), viewBox=box, role="img", class_="timeline", aria_label=said)


def _chart(label: str, points: list[tuple[int, int]], *, left: int, memory: bool) -> Iterator[str]:
    values = [value for _, value in points]
    margin = max((max(values) - min(values)) * 0.15, max(values) * 0.01, 1 - memory)
    x = Scale(0, max(ended for ended, _ in points), left + GUTTER, left + WIDTH / 2 - 24)
    y = Scale(max(0, min(values) - margin), max(values) + margin, BOTTOM, TOP)
    yield text(label, left, 14, class_="label")
    for value in ticks(y.low, y.high, most=4):
        yield line(x.first, y(value), x.last, y(value), class_="grid")
        shown = format_size(value) if memory else f"{value:g}"
        yield text(shown, x.first - 6, y(value) + 4, class_="small", text_anchor="end")
    yield line(x.first, BOTTOM, x.last, BOTTOM, class_="axis")
    for ended in ticks(x.low, x.high, most=5):
        yield text(f"{ended:g}", x(ended), BOTTOM + 14, class_="small", text_anchor="middle")
    yield text("connections ended", x.last, BOTTOM + 28, class_="small", text_anchor="end")
    for ended, value in points:
        hover = title(f"{format_size(value) if memory else value} after {ended} connections")
        yield element("circle", hover, cx=x(ended), cy=y(value), r=3.0, class_="dot")
