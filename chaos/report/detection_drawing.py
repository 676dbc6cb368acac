"""Detection times as curves: what share of the dead was found by when, one small chart for each way to die."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chaos.report.detection import Curve
from chaos.report.svg import Point, Scale, element, line, path, text, ticks, title
from chaos.units import format_duration

__all__ = ["draw_detections", "said_of"]

WIDTH = 1000
COLUMNS = 2
PANEL = 178
"""Height of one chart with its words and its axis."""
TOP, BOTTOM = 44, 146
"""Within a panel: of the whole, and of nothing."""
GUTTER, BETWEEN = 40, 28
"""Pixels for the percentages, and between a chart and the next column."""
ROOM = 1.18
"""How far the axis goes beyond the limit, or the last reading: the limit's line stands clear of the edge."""


def draw_detections(curves: Sequence[Curve]) -> str:
    """One SVG element with all curves, or nothing where there are none.

    Charts that are held to one limit share their axis, so that the eye may compare them.
    """
    if not curves:
        return ""
    extent = {limit: ROOM * max(map(_last, same)) for limit, same in _by_limit(curves).items()}
    parts = [title(said_of(curves))]
    for number, curve in enumerate(curves):
        row, column = divmod(number, COLUMNS)
        parts += _panel(curve, left=column * WIDTH / COLUMNS, top=row * PANEL, longest=extent[curve.limit])
    rows = -(-len(curves) // COLUMNS)
    box = f"0 0 {WIDTH} {rows * PANEL}"
    words = said_of(curves)
    return element("svg", "".join(parts), viewBox=box, role="img", class_="timeline", aria_label=words)


def said_of(curves: Sequence[Curve]) -> str:
    """The picture in one sentence, for who cannot see it."""
    return "How long dead peers were held: " + "; ".join(f"{curve.fault}: {_summary(curve)}" for curve in curves)


def _summary(curve: Curve) -> str:
    parts = [f"{curve.within} of {len(curve.detections)} within {format_duration(curve.limit)}"]
    if curve.unsure:
        parts.append(f"{curve.unsure} unsure")
    if curve.not_found:
        parts.append(f"{curve.not_found} not found")
    return ", ".join(parts)


def _by_limit(curves: Sequence[Curve]) -> dict[float, list[Curve]]:
    found: dict[float, list[Curve]] = {}
    for curve in curves:
        found.setdefault(curve.limit, []).append(curve)
    return found


def _last(curve: Curve) -> float:
    """The latest that anything of a curve is drawn at."""
    found = [each.at_most for each in curve.detections if each.at_most is not None]
    return max(curve.limit, *found, curve.watched if curve.not_found else 0.0)


def _panel(curve: Curve, *, left: float, top: float, longest: float) -> Iterator[str]:
    x = Scale(0.0, longest, left + GUTTER, left + WIDTH / COLUMNS - BETWEEN)
    y = Scale(0.0, 1.0, top + BOTTOM, top + TOP)
    yield text(curve.fault.replace("_", " "), left, top + 14, class_="label")
    yield text(f"{curve.scenario}: {_summary(curve)}", left, top + 30, class_="small")
    for share in (0.0, 0.5, 1.0):
        yield line(x.first, y(share), x.last, y(share), class_="axis" if share == 0 else "grid")
        yield text(f"{share:.0%}", x.first - 6, y(share) + 4, class_="small", text_anchor="end")
    for at in ticks(0.0, longest, most=6):
        yield line(x(at), y(0), x(at), y(0) + 4, class_="axis")
        yield text("0" if at == 0 else format_duration(at), x(at), y(0) + 17, class_="small", text_anchor="middle")
    yield _limit(curve, x, y)
    yield _band(curve, x, y)
    latest = _steps(curve, [each.at_most for each in curve.detections], x, y)
    yield path(latest if curve.not_found else [*latest, (x.last, latest[-1][1])], class_="series")
    if curve.not_found:
        # An arrow at the end of the watch: they were held beyond it, and nobody knows how long.
        end, height = max(x(curve.watched), latest[-1][0]), latest[-1][1]
        yield path([latest[-1], (end, height)], class_="series")
        yield path([(end - 5, height - 4), (end, height), (end - 5, height + 4)], class_="mark")


def _limit(curve: Curve, x: Scale, y: Scale) -> str:
    hover = title(f"the limit: {format_duration(curve.limit)} ({curve.why})")
    at = x(curve.limit)
    drawn = line(at, y(1) - 6, at, y(0), class_="instant")
    # Left of its line where it would leave the chart.
    beside = {"x": at + 4} if x.last - at > 60 else {"x": at - 4, "text_anchor": "end"}
    label = element("text", format_duration(curve.limit), y=y(1) - 4, class_="small", **beside)
    return element("g", hover + drawn + label)


def _band(curve: Curve, x: Scale, y: Scale) -> str:
    """Between the earliest and the latest that each may have been found: what the sampling leaves open."""
    found = [each for each in curve.detections if each.at_most is not None]
    if not found:
        return ""
    early = _steps(curve, sorted(each.at_least for each in found), x, y)
    late = _steps(curve, [each.at_most for each in found], x, y)
    end = (late[-1][0], early[-1][1])
    drawn = "L".join(f"{px:.1f} {py:.1f}" for px, py in [*early, end, *reversed(late)])
    hover = title(f"each was found somewhere in here: {curve.uncertainty.sentence()}")
    return element("path", hover, d=f"M{drawn}Z", class_="band")


def _steps(curve: Curve, times: Sequence[float | None], x: Scale, y: Scale) -> list[Point]:
    """The corners of an empirical distribution over all deaths; those without a time never rise."""
    corners = [(x(0.0), y(0.0))]
    for number, at in enumerate(times, start=1):
        if at is None:
            break
        corners += [(x(at), corners[-1][1]), (x(at), y(number / len(curve.detections)))]
    return corners
