"""`detection`: how long dead peers were held, over one run or several."""

from __future__ import annotations

import json
from pathlib import Path

from report.deaths import a_run, died

from .conftest import Invoke, in_a_process

HELD = ((0.1, 4), (0.5, 0))


def test_the_newest_run_by_itself(chaos: Invoke, project: Path) -> None:
    died(a_run(project / ".chaos"), "silent", HELD)
    died(a_run(project / ".chaos"), "vanished", HELD)
    result = chaos("detection")
    assert result.code == 0
    assert result.out.splitlines()[0] == "dead peers found   target reference, 1 run"
    assert "vanished" in result.out
    assert "silent" not in result.out


def test_several_runs_together_as_json(chaos: Invoke, project: Path) -> None:
    runs = [a_run(project / ".chaos") for _ in range(2)]
    for each in runs:
        died(each, "vanished", HELD)
    record = json.loads(chaos("detection", *(each.id for each in runs), "--json").out)
    assert record["runs"] == [each.id for each in runs]
    assert [curve["deaths"] for curve in record["curves"]] == [8]


def test_the_page_is_written_where_it_is_asked_for(chaos: Invoke, project: Path) -> None:
    died(a_run(project / ".chaos"), "vanished", HELD)
    assert chaos("detection", "--html", "held.html").code == 0
    assert (project / "held.html").read_text().startswith("<!doctype html>")
    result = chaos("detection", "--html", "no/such/held.html")
    assert (result.code, result.err) == (
        2,
        "error: cannot write --html no/such/held.html: No such file or directory\n",
    )


def test_runs_without_deaths_say_where_there_are_some(chaos: Invoke, project: Path) -> None:
    made = a_run(project / ".chaos")
    result = chaos("detection")
    assert (result.code, result.err) == (
        2,
        f"error: no dead peers were waited for in {made.id}; tests/scenarios/test_cleanup.py does, in runs of this "
        "release\n",
    )


def test_different_targets_are_refused_in_words(project: Path) -> None:
    runs = [a_run(project / ".chaos", target=target) for target in ("one", "two")]
    result = in_a_process("detection", *(each.id for each in runs), cwd=project)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: the runs are of 2 targets: one (")
