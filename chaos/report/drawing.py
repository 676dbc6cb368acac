"""Drawing a timeline: the fault's window shaded behind everything that was measured, cause and effect in one look."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.report.svg import Point, Scale, element, line, path, steps, text, thinned, ticks, title
from chaos.report.timeline import Lane, Mark, Series, States, Timeline
from chaos.units import format_duration, format_size

__all__ = ["draw"]

WIDTH = 1000
LEFT, RIGHT = 196, 14
"""Pixels for the labels, and beside the end so that the last mark is whole."""
HEAD = 40
"""Pixels above the tracks: names of the phases, of the fault and of what happened to the server."""
CHART, LANE, GAP, FOOT = 84, 20, 16, 24
"""Heights of a series, a lane, the space between them, and the axis."""
MOST_PHASES = 8
MOODS = {"closed": "calm", "half_open": "between", "open": "alarmed", "forced_open": "alarmed"}
"""How a state is tinted: a breaker's by what it means, wherever it comes in the row; any other is only told apart."""
MOST_DOTS = 150
"""Readings that are drawn one by one on their line; more would be a carpet."""
SHAPES = {
    "tick": "M0 -6V6",
    "cross": "M-4 -4L4 4M-4 4L4 -4",
    "end": "M-4 -5H4L0 5Z",
    "diamond": "M0 -5L4 0L0 5L-4 0Z",
}
"""A shape of its own for each kind of mark: colour only repeats it."""


def draw(timeline: Timeline, *, name: str) -> str:
    """An SVG element. `name` makes its identifiers unique in the page."""
    x = Scale(0.0, timeline.length, LEFT, WIDTH - RIGHT)
    y = float(HEAD)
    tracks: list[str] = []
    for series in timeline.series:
        tracks += _chart(series, x, top=y)
        y += CHART + GAP
    for states in timeline.states:
        tracks += _states(states, x, top=y)
        y += LANE + GAP / 2
    for lane in timeline.lanes:
        tracks += _lane(lane, x, middle=y + LANE / 2)
        y += LANE
    if timeline.instants:
        tracks += _instants(timeline, x, top=y)
        y += LANE
    parts = [
        title(_summary(timeline)),
        _hatch(name),
        *_windows(timeline, x, bottom=y, name=name),
        *_phases(timeline, x, bottom=y),
        *tracks,
        *_axis(timeline, x, top=y),
    ]
    box = f"0 0 {WIDTH} {y + FOOT:.0f}"
    return element("svg", "".join(parts), viewBox=box, role="img", class_="timeline", aria_label=_summary(timeline))


def _summary(timeline: Timeline) -> str:
    """The picture in one sentence, for who cannot see it."""
    words = [f"Timeline of {format_duration(timeline.length)}"]
    words += [f"{span.name} acts from {_clock(span.start)} to {_clock(span.end)}" for span in timeline.windows[:3]]
    for series in timeline.series:
        values = [value for _, value in series.points]
        own = [value for _, value in series.second]
        if values:
            words.append(f"{series.label} between {_value(min(values), series)} and {_value(max(values), series)}")
        if own:
            said = f"between {_value(min(own), series)} and {_value(max(own), series)} by its own count"
            words.append(said if values else f"{series.label} {said}")
        if series.gaps:
            words.append(f"{len(series.gaps)} of them unanswered")
    words += [f"{states.label}: {', then '.join(span.name for span in states.spans)}" for states in timeline.states]
    words += [f"{lane.label}: {len(lane.marks)}" for lane in timeline.lanes]
    return "; ".join(words)


def _hatch(name: str) -> str:
    stripe = element("path", d="M-2 2l4 -4M0 8l8 -8M6 10l4 -4", class_="hatch")
    pattern = element("pattern", stripe, id=f"hatch-{name}", width=8, height=8, patternUnits="userSpaceOnUse")
    return element("defs", pattern)


def _windows(timeline: Timeline, x: Scale, *, bottom: float, name: str) -> Iterator[str]:
    labelled: set[str] = set()
    for window in timeline.windows:
        left, right = x(window.start), max(x(window.end), x(window.start) + 2)
        box = {"x": left, "y": float(HEAD - 8), "width": right - left, "height": bottom - HEAD + 8}
        said = f"{window.name}{'' if window.sure else ' (not seen to bite)'}"
        yield element("rect", title(f"{said}, {_clock(window.start)} to {_clock(window.end)}"), class_="window", **box)
        yield element("rect", fill=f"url(#hatch-{name})", pointer_events="none", **box)
        if window.name not in labelled:
            yield text(said, min(left + 3, WIDTH - 160), HEAD - 12, class_="fault")
        labelled.add(window.name)


def _phases(timeline: Timeline, x: Scale, *, bottom: float) -> Iterator[str]:
    """Dotted lines where a phase begins, with its name; none where rounds repeat them, for the windows say it all."""
    if len(timeline.phases) > MOST_PHASES:
        return
    free = 0.0
    for phase in timeline.phases:
        at, wide = x(phase.start), 7.0 * len(phase.name)
        left = min(max(at, free) + 3, WIDTH - wide)
        yield line(at, 4, at, bottom, class_="phase")
        yield text(phase.name, left, 12, class_="small")
        free = left + wide + 5


def _instants(timeline: Timeline, x: Scale, *, top: float) -> Iterator[str]:
    """A lane for what was done to the server, with a line through everything above it."""
    yield text("the server", 0, top + LANE - 6, class_="label")
    free = 0.0
    for instant in timeline.instants:
        at = x(instant.at)
        yield line(at, HEAD - 8, at, top + LANE, class_="instant")
        left = min(max(at, free), WIDTH - RIGHT - 7.0 * len(instant.name))
        yield text(instant.name, left + 4, top + LANE - 6, class_="small")
        free = left + 7 * len(instant.name) + 8


def _chart(series: Series, x: Scale, *, top: float) -> Iterator[str]:
    values = [value for _, value in (*series.points, *series.second)]
    low, high = _limits(values, series)
    y = Scale(low, high, top + CHART, top + 6)
    yield text(series.label, 0, top + 16, class_="label")
    for value in ticks(low, high, most=4):
        yield line(LEFT, y(value), WIDTH - RIGHT, y(value), class_="grid")
        yield text(_value(value, series), LEFT - 6, y(value) + 4, class_="small", text_anchor="end")
    points = thinned([(x(at), y(value)) for at, value in series.points])
    for stretch in _unbroken(points, [x(at) for at in series.gaps]):
        yield path(steps(stretch) if series.steps else stretch, class_="series")
    if not series.steps and len(points) <= MOST_DOTS:
        yield from (element("circle", cx=at, cy=value, r=1.7, class_="dot") for at, value in points)
    if series.second:
        own = thinned([(x(at), y(value)) for at, value in series.second])
        for stretch in _unbroken(own, [x(at) for at in series.second_gaps]):
            yield path(steps(stretch), class_="second")
            if len(stretch) == 1:  # a line takes two
                yield element("circle", cx=stretch[0][0], cy=stretch[0][1], r=3.0, class_="dot own")
        yield text("dashed: by its own count", 0, top + 32, class_="small")
        if series.second_gaps:
            yield text(f"broken: {len(series.second_gaps)} not answered", 0, top + 46, class_="small")
    if series.gaps:
        marks = tuple(Mark(at, "cross", "no answer") for at in series.gaps)
        yield from _marks(marks, x, middle=top + 12)
        yield text(f"crosses: {len(series.gaps)} unanswered", 0, top + 32, class_="small")


def _unbroken(points: list[Point], gaps: list[float]) -> Iterator[list[Point]]:
    """The points in stretches without a gap: a line across a failed reading would claim to know."""
    stretch: list[Point] = []
    for point in points:
        if stretch and any(stretch[-1][0] < gap <= point[0] for gap in gaps):
            yield stretch
            stretch = []
        stretch.append(point)
    yield stretch


def _limits(values: list[float], series: Series) -> tuple[float, float]:
    """Counts and times begin at zero; memory does not, for its changes are small beside it."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if series.unit == "B":
        margin = max((high - low) * 0.15, high * 0.01)
        return max(0.0, low - margin), high + margin
    return 0.0, high * 1.08 or 1.0


def _states(states: States, x: Scale, *, top: float) -> Iterator[str]:
    yield text(states.label, 0, top + LANE - 6, class_="label")
    yield line(LEFT, top + LANE / 2, WIDTH - RIGHT, top + LANE / 2, class_="grid")
    for span in states.spans:
        mood = MOODS.get(span.name.lower().replace("-", "_").replace(" ", "_"), "other")
        left, right = x(span.start), x(span.end)
        box = element(
            "rect",
            title(f"{span.name}, {_clock(span.start)} to {_clock(span.end)}"),
            x=left,
            y=float(top),
            width=max(right - left, 1.0),
            height=float(LANE),
            class_=f"state {mood}",
        )
        yield box
        if right - left > 7 * len(span.name) + 6:
            yield text(span.name, left + 4, top + LANE - 6, class_="word")


def _lane(lane: Lane, x: Scale, *, middle: float) -> Iterator[str]:
    yield text(f"{lane.label} ({len(lane.marks)})", 0, middle + 4, class_="label")
    yield line(LEFT, middle, WIDTH - RIGHT, middle, class_="grid")
    yield from _marks(lane.marks, x, middle=middle)


def _marks(marks: tuple[Mark, ...], x: Scale, *, middle: float) -> Iterator[str]:
    """One shape for each pixel and kind: a thousand clients at once are one tick that says so."""
    places: dict[tuple[int, str, str], list[Mark]] = {}
    for mark in marks:
        places.setdefault((round(x(mark.at)), mark.kind, mark.text), []).append(mark)
    for (at, kind, said), found in places.items():
        count = f"{len(found)} x " if len(found) > 1 else ""
        hover = title(f"{count}{said}, {_clock(found[0].at)}")
        yield element("path", hover, d=SHAPES[kind], transform=f"translate({at} {middle:.0f})", class_=f"mark {kind}")


def _axis(timeline: Timeline, x: Scale, *, top: float) -> Iterator[str]:
    yield line(LEFT, top + 2, WIDTH - RIGHT, top + 2, class_="axis")
    for value in ticks(0.0, timeline.length, most=10):
        yield line(x(value), top + 2, x(value), top + 6, class_="axis")
        yield text(f"{value:g}s", x(value), top + 18, class_="small", text_anchor="middle")


def _clock(at: float) -> str:
    return f"{at:.3g}s"


def _value(value: float, series: Series) -> str:
    if series.unit == "s":
        return format_duration(value) if value else "0"
    return format_size(value) if series.unit == "B" else f"{value:g}"
