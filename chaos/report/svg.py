"""The little of SVG that the pictures need: scales, paths and text, with nothing but coordinates and class names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Point", "Scale", "element", "line", "number", "path", "steps", "text", "thinned", "ticks", "title"]

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """From a quantity to pixels; a quantity without extent lands in the middle."""

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.first + self.last) / 2
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)


def number(value: float) -> str:
    """A coordinate with a tenth of a pixel, as short as can be."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, content: str | None = None, /, **attributes: object) -> str:
    """An element; `class_` and `stroke_width` become `class` and `stroke-width`, everything is escaped.

    `content` is markup already: text goes through `text()`.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(number(value) if isinstance(value, float) else str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}/>" if content is None else f"<{name}{written}>{content}</{name}>"


def text(content: str, x: float, y: float, **attributes: object) -> str:
    return element("text", escape(content), x=float(x), y=float(y), **attributes)


def title(content: str) -> str:
    """What a browser shows on hovering and a screen reader says."""
    return element("title", escape(content))


def line(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **attributes)


def path(points: Iterable[Point], **attributes: object) -> str:
    """An open line through points."""
    drawn = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return element("path", d=f"M{drawn}", **attributes) if drawn else ""


def steps(points: Sequence[Point]) -> list[Point]:
    """The corners of a line that holds each value until the next."""
    corners: list[Point] = []
    for x, y in points:
        if corners and corners[-1][1] != y:
            corners.append((x, corners[-1][1]))
        corners.append((x, y))
    return corners


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most four points for each pixel column: its first, lowest, highest and last, so that no peak is lost."""
    columns: dict[int, list[Point]] = {}
    for point in points:
        columns.setdefault(math.floor(point[0]), []).append(point)
    kept: list[Point] = []
    for column in columns.values():
        low, high = min(column, key=lambda point: point[1]), max(column, key=lambda point: point[1])
        middle = sorted({low, high}, key=column.index)
        kept += dict.fromkeys([column[0], *middle, column[-1]])
    return kept


def ticks(low: float, high: float, *, most: int) -> list[float]:
    """Round values from `low` to `high`, at most `most` of them, at steps of 1, 2 or 5 times a power of ten."""
    extent = high - low
    if extent <= 0 or most < 1:
        return [low]
    power = 10.0 ** math.floor(math.log10(extent / most))
    step = next(step for factor in (1, 2, 5, 10, 20) if extent / (step := factor * power) <= most)
    first = math.ceil(low / step)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]
