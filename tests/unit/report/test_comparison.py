"""Two runs beside each other: what got worse, what got better, what moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.report import CellOutcome, CellRecord, read_cells
from chaos.report.comparison import Moved, compare
from chaos.report.comparison_text import comparison_lines
from chaos.report.spans import plain

from .samples import Cell, make_run


def cell(scenario: str, outcome: CellOutcome = CellOutcome.HELD, *, fault: str = "", figure: str = "") -> CellRecord:
    return CellRecord(
        slug="", node="", promise="liveness", scenario=scenario, fault=fault, outcome=outcome, figure=figure
    )


HELD, UNDECIDED, VIOLATED = CellOutcome.HELD, CellOutcome.INCONCLUSIVE, CellOutcome.VIOLATED


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        (HELD, VIOLATED, "worse"),
        (HELD, UNDECIDED, "worse"),
        (UNDECIDED, VIOLATED, "worse"),
        (VIOLATED, UNDECIDED, "better"),
        (VIOLATED, HELD, "better"),
        (UNDECIDED, HELD, "better"),
    ],
)
def test_what_changed(before: CellOutcome, after: CellOutcome, where: str) -> None:
    found = compare([cell("a", before), cell("b")], [cell("a", after), cell("b")])
    assert [(each.before.outcome, each.after.outcome) for each in getattr(found, where)] == [(before, after)]
    assert (len(found.worse) + len(found.better), found.as_before) == (1, 1)


def test_a_cell_is_known_by_promise_scenario_and_fault() -> None:
    found = compare([cell("a", fault="latency")], [cell("a", VIOLATED, fault="reset")])
    assert (found.worse, found.as_before) == ((), 0)
    assert [each.fault for each in found.no_longer_judged] == ["latency"]
    assert [each.fault for each in found.newly_judged] == ["reset"]


def test_what_is_skipped_is_not_judged() -> None:
    skipped = cell("a", CellOutcome.SKIPPED)
    assert compare([cell("a")], [skipped]).no_longer_judged == (cell("a"),)
    assert compare([skipped], [cell("a")]).newly_judged == (cell("a"),)
    assert compare([skipped], [skipped]).as_before == 0


@pytest.mark.parametrize(
    ("before", "after", "factor"),
    [
        ("p99 12ms", "p99 24ms", 2.0),
        ("p99 500us", "p99 1.5ms", 3.0),
        ("1.2MB", "300kB", 0.25),
        ("10/10 in 1s", "10/10 in 3s", 3.0),
        ("p99 12ms", "p99 23ms", None),
        ("p99 12ms", "median 99ms", None),
        ("12ms", "12kB", None),
        ("0s", "5s", None),
        ("", "", None),
        ("none", "none", None),
    ],
)
def test_a_figure_moved(before: str, after: str, factor: float | None) -> None:
    found = compare([cell("a", figure=before)], [cell("a", figure=after)])
    assert found.moved == (() if factor is None else (Moved(cell("a", figure=after), before, after, factor),))


def test_only_what_held_twice_has_a_figure_that_moved_and_the_furthest_is_first() -> None:
    before = [cell("a", figure="1s"), cell("b", figure="1s"), cell("c", figure="1s")]
    after = [cell("a", figure="3s"), cell("b", figure="100ms"), cell("c", VIOLATED, figure="50s")]
    assert [each.cell.scenario for each in compare(before, after).moved] == ["b", "a"]


def test_what_is_said(state: Path) -> None:
    calm = Cell(promise="latency", scenario="round trips", figure="p99 2ms")
    dead = Cell(promise="cleanup", scenario="dead peers are found", fault="vanished")
    before = make_run(state, [calm, dead])
    after = make_run(
        state, [replace(calm, figure="p99 9ms"), replace(dead, outcome="violated", observed="4 of 10 were held for 3s")]
    )
    found = compare(read_cells(before), read_cells(after))
    assert plain(comparison_lines(found, before=before, after=after)).splitlines() == [
        f"before  {before.id} target reference, runtime processes, seed 20250131",
        f"after   {after.id} target reference, runtime processes, seed 20250131",
        "",
        "WORSE cleanup, dead peers are found under vanished: held before, violated now",
        "    4 of 10 were held for 3s; promised: released within 900ms (interval + timeout + sweep)",
        f"    again: python -m chaos replay {after.id} cleanup-dead_peers_are_found-vanished",
        "",
        "figures that moved by a factor of 2 or more, the furthest first",
        "cell                   before    after  factor",
        "latency, round trips  p99 2ms  p99 9ms   x 4.5",
        "",
        "1 cell worse, 0 better, 1 as before, 0 no longer judged, 0 newly",
    ]
