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


def test_a_run_that_is_not_there(chaos: Invoke, project: Path) -> None:
    make_run(project / ".chaos", [CELL])
    result = chaos("compare", "19990101")
    assert result.code == 2
    assert "19990101" in result.err
