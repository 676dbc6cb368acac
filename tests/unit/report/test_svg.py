"""The primitives of the pictures, and a whole picture: well-formed, and true to the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.journal import read_journal
from chaos.report import Run
from chaos.report.drawing import draw
from chaos.report.svg import Scale, element, number, path, steps, text, thinned, ticks
from chaos.report.timeline import Lane as TimelineLane
from chaos.report.timeline import Mark, Series, States, Timeline, build_timeline
from chaos.report.timeline import Span as Window

POINTS = st.lists(st.tuples(st.floats(0, 50), st.floats(-100, 100)), max_size=60).map(sorted)


def timeline(**parts: object) -> Timeline:
    empty = {"phases": (), "windows": (), "series": (), "lanes": (), "states": (), "instants": ()}
    return Timeline(length=10.0, **{**empty, **parts})  # type: ignore[arg-type]  # each test gives one part


def elements(picture: str, kind: str) -> list[ElementTree.Element]:
    return [found for found in ElementTree.fromstring(picture).iter() if found.get("class", "").split()[:1] == [kind]]


def coordinates(found: ElementTree.Element) -> Iterator[tuple[float, float]]:
    for pair in (found.get("d") or "")[1:].split("L"):
        x, y = pair.split()
        yield float(x), float(y)


def test_attributes_are_escaped_and_named_as_in_svg() -> None:
    assert element("a", class_="x", stroke_width=1.25, title='"<&>"', left_out=None) == (
        '<a class="x" stroke-width="1.2" title="&quot;&lt;&amp;&gt;&quot;"/>'
    )
    assert text("<script>", 1, 2) == '<text x="1" y="2">&lt;script&gt;</text>'


def test_numbers_are_short() -> None:
    assert [number(value) for value in (1.0, 1.25, -0.04, 1000.04)] == ["1", "1.2", "-0", "1000"]


def test_a_scale_without_extent_is_in_the_middle() -> None:
    assert Scale(0, 10, 100, 200)(5) == 150
    assert Scale(0, 10, 200, 100)(10) == 100
    assert Scale(3, 3, 100, 200)(3) == 150


def test_a_path_of_nothing_is_nothing() -> None:
    assert path([]) == ""
    assert path([(0, 1), (2.5, 3)], class_="x") == '<path d="M0 1L2.5 3" class="x"/>'


def test_steps_hold_each_value_until_the_next() -> None:
    assert steps([(0, 1), (1, 1), (2, 5)]) == [(0, 1), (1, 1), (2, 1), (2, 5)]
    assert steps([]) == []


@given(POINTS)
def test_thinning_keeps_every_peak_and_at_most_four_points_a_pixel(points: list[tuple[float, float]]) -> None:
    kept = thinned(points)
    assert set(kept) <= set(points)
    columns = {math.floor(x) for x, _ in points}
    for column in columns:
        values = [y for x, y in points if math.floor(x) == column]
        left = [y for x, y in kept if math.floor(x) == column]
        assert len(left) <= 4
        assert (min(left), max(left)) == (min(values), max(values))


def test_thinning_keeps_the_order() -> None:
    points = [(0.0, 5.0), (0.1, 9.0), (0.2, 1.0), (0.3, 4.0), (0.4, 6.0), (1.0, 2.0)]
    assert thinned(points) == [(0.0, 5.0), (0.1, 9.0), (0.2, 1.0), (0.4, 6.0), (1.0, 2.0)]


@given(st.floats(0, 1e6), st.floats(1e-6, 1e6), st.integers(1, 12))
def test_ticks_are_round_inside_and_not_too_many(low: float, extent: float, most: int) -> None:
    found = ticks(low, low + extent, most=most)
    assert len(found) <= most + 1
    assert all(low - 1e-6 * extent <= value <= (low + extent) * (1 + 1e-9) + 1e-6 * extent for value in found)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [(0, 5, 10, [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]), (0, 40, 3, [0, 20, 40]), (3, 3, 5, [3])],
)
def test_some_ticks(low: float, high: float, most: int, expected: list[float]) -> None:
    assert ticks(low, high, most=most) == expected


def test_every_sample_gives_a_well_formed_picture_with_words(sample_run: Run) -> None:
    drawn = 0
    for directory in sample_run.cells():
        built = build_timeline(read_journal(directory))
        if built is None:
            continue
        root = ElementTree.fromstring(draw(built, name=directory.name))
        assert root.get("role") == "img"
        assert "server's connections between" in (root.get("aria-label") or "")
        drawn += 1
    assert drawn == len(sample_run.cells()) - 1, "only the skipped cell has nothing to draw"


def test_a_line_is_broken_where_a_reading_failed() -> None:
    series = Series(label="canary", unit="s", points=((1.0, 1.0), (2.0, 1.0), (4.0, 1.0), (5.0, 1.0)), gaps=(3.0,))
    picture = draw(timeline(series=(series,)), name="x")
    assert [len(list(coordinates(found))) for found in elements(picture, "series")] == [2, 2]
    assert len(elements(picture, "mark")) == 1


def test_the_second_witness_is_broken_where_it_did_not_answer_and_one_reading_is_a_dot() -> None:
    points = ((1.0, 1.0), (2.0, 1.0), (4.0, 1.0), (6.0, 1.0), (7.0, 1.0))
    series = Series(label="tasks", unit="", points=(), second=points, second_gaps=(3.0, 5.0), steps=True)
    picture = draw(timeline(series=(series,)), name="x")
    assert [len(list(coordinates(found))) for found in elements(picture, "second")] == [2, 1, 2]
    (dot,) = elements(picture, "dot")
    assert dot.get("class") == "dot own"
    assert "broken: 2 not answered" in picture
    assert elements(picture, "series") == []


def test_a_state_is_tinted_by_what_it_means() -> None:
    words = ("closed", "OPEN", "half-open", "Half Open", "forced_open", "high")
    spans = tuple(Window(float(number), number + 1.0, word) for number, word in enumerate(words))
    picture = draw(timeline(states=(States("breaker", spans),)), name="x")
    assert [found.get("class") for found in elements(picture, "state")] == [
        "state calm",
        "state alarmed",
        "state between",
        "state between",
        "state alarmed",
        "state other",
    ]
    label = ElementTree.fromstring(picture).get("aria-label") or ""
    assert "breaker: closed, then OPEN, then half-open" in label


def test_what_only_the_server_counts_is_told_to_who_cannot_see() -> None:
    tasks = Series(label="server's tasks", unit="", points=(), second=((1.0, 7.0), (2.0, 9.0)))
    both = Series(label="connections", unit="", points=((1.0, 3.0),), second=((1.0, 4.0),))
    label = ElementTree.fromstring(draw(timeline(series=(tasks, both)), name="x")).get("aria-label") or ""
    assert "server's tasks between 7 and 9 by its own count" in label
    assert "connections between 3 and 3; between 4 and 4 by its own count" in label


def test_a_window_stands_behind_what_was_measured_at_its_time() -> None:
    series = Series(label="a", unit="", points=((2.0, 1.0), (6.0, 1.0)))
    picture = draw(timeline(series=(series,), windows=(Window(2.0, 6.0, "reset"),)), name="x")
    (window,), (line,) = elements(picture, "window"), elements(picture, "series")
    left, right = (x for x, _ in coordinates(line))
    assert float(window.get("x", "")) == pytest.approx(left, abs=0.1)
    assert float(window.get("x", "")) + float(window.get("width", "")) == pytest.approx(right, abs=0.1)
    drawn = list(ElementTree.fromstring(picture))
    assert [item.get("class") for item in drawn].index("window") < [item.get("class") for item in drawn].index("series")


def test_many_clients_at_one_moment_are_one_mark_that_counts_them() -> None:
    lane = TimelineLane("clients let in", tuple(Mark(1.0, "tick", "let in") for _ in range(1000)))
    picture = draw(timeline(lanes=(lane,)), name="x")
    (mark,) = elements(picture, "mark")
    assert [found.text for found in mark] == ["1000 x let in, 1s"]
    assert "clients let in (1000)" in picture


def test_a_fault_nobody_saw_biting_says_so() -> None:
    assert "reset (not seen to bite)" in draw(timeline(windows=(Window(1.0, 2.0, "reset", False),)), name="x")


def test_names_are_escaped() -> None:
    lane = TimelineLane("<b>", (Mark(1.0, "tick", "</svg><script>"),))
    picture = draw(timeline(lanes=(lane,), windows=(Window(0.0, 1.0, '"><script>'),)), name='"><script>')
    assert "<script>" not in picture
    ElementTree.fromstring(picture)
