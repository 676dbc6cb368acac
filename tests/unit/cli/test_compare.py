"""`compare`: a run before a change beside one after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from report.samples import Cell, make_run

from .conftest import Invoke

CELL = Cell(promise="latency", scenario="round trips", figure="p99 2ms")


@pytest.mark.parametrize(
    ("before", "after", "code"), [("held", "violated", 1), ("held", "inconclusive", 1), ("violated", "held", 0)]
)
def test_it_is_red_where_something_is_worse(chaos: Invoke, project: Path, before: str, after: str, code: int) -> None:
    first = make_run(project / ".chaos", [replace(CELL, outcome=before)])
    make_run(project / ".chaos", [replace(CELL, outcome=after)])
    result = chaos("compare", first.id)
    assert (result.code, result.err) == (code, "")
    assert f"latency, round trips: {before} before, {after} now" in result.out


def test_what_only_one_judged_is_counted_by_promise_and_named_when_asked(chaos: Invoke, project: Path) -> None:
    others = [Cell(promise="leak_free", scenario=f"nothing kept {number}") for number in range(3)]
    first = make_run(project / ".chaos", [CELL, *others, replace(CELL, scenario="loaded")])
    make_run(project / ".chaos", [CELL])
    told = chaos("compare", first.id).out
    assert "no longer judged: 4 cells (leak free 3, latency 1); -v names them\n" in told
    assert "nothing kept" not in told
    verbose = chaos("compare", first.id, "-v").out
    assert "no longer judged: 4 cells\n    leak free, nothing kept 0 (held)\n" in verbose


@pytest.mark.parametrize("empty_first", [True, False])
def test_a_run_without_cells_is_refused(chaos: Invoke, project: Path, empty_first: bool) -> None:
    one, other = make_run(project / ".chaos", []), make_run(project / ".chaos", [CELL])
    result = chaos("compare", *((one.id, other.id) if empty_first else (other.id, one.id)))
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"error: run {one.id} has no cells (did not start), so there is nothing to compare; `python -m chaos runs` "
        "lists those that have\n"
    )


def test_a_run_that_is_not_there(chaos: Invoke, project: Path) -> None:
    make_run(project / ".chaos", [CELL])
    result = chaos("compare", "19990101")
    assert result.code == 2
    assert "19990101" in result.err
