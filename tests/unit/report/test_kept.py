from __future__ import annotations

import json
from pathlib import Path

from chaos.journal import JournalWriter, Round, VerdictGiven
from chaos.report import Run, build_matrix, read_cells
from chaos.report.figures import write_figures
from chaos.report.html import render_html
from chaos.report.kept import kept_lines, read_kept, row_of
from chaos.report.spans import plain
from chaos.report.terminal import render_terminal
from chaos.stats import MINIMUM_ROUNDS, slope

from .deaths import a_run


def measured(
    run: Run,
    fault: str,
    *,
    rounds: int = MINIMUM_ROUNDS,
    told: bool = True,
    scenario: str = "nothing kept per connection",
) -> list[Round]:
    """A cell of a server that keeps a task of every fifth ending, and 20 bytes of every one, more or less."""
    made = [
        Round(
            at=float(number),
            ended=50 * number,
            fds=9,
            memory=40_000_000 + 1000 * number + (number % 3) * 100,
            threads=1,
            connections=1.0 if told else None,
            tasks=10.0 + 10 * number if told else None,
            kept_sessions=0.0 if told else None,
        )
        for number in range(1, rounds + 1)
    ]
    directory = run.new_cell(f"tests/scenarios/test_leak_free.py::test_nothing_kept[{fault or 'calm'}]")
    verdict = VerdictGiven(at=99.0, outcome="held", promise="leak_free", scenario=scenario, fault=fault, node="")
    with JournalWriter(directory, role="pytest", run=run.id, cell=directory.name) as journal:
        for event in (*made, verdict):
            journal.write(event)
    return made


def test_the_slopes_are_those_that_judge(state: Path) -> None:
    run = a_run(state)
    rounds = measured(run, "client-reset")
    [ending] = read_kept(run)
    assert (ending.fault, ending.rounds, ending.endings) == ("client-reset", 12, 600)
    by_name = {kept.quantity.name: kept.slope for kept in ending.kept}
    assert list(by_name) == ["memory", "fds", "threads", "connections", "tasks", "sessions"]
    assert by_name["memory"] == slope([each.ended for each in rounds], [each.memory for each in rounds])
    assert by_name["tasks"] is not None
    assert by_name["tasks"].value == 0.2
    assert row_of(ending, ending.kept[-2]) == ("client-reset", "tasks", "200", "200", "200", "0", "12", "600")


def test_what_has_no_slope_says_why(state: Path) -> None:
    run = a_run(state)
    measured(run, "reset", told=False)
    measured(run, "", rounds=3)
    untold, short = read_kept(run)
    assert [kept.why for kept in untold.kept] == ["", "", "", *["the server's statistics do not tell"] * 3]
    assert {kept.why for kept in short.kept} == {"3 points, and 12 are needed"}
    page = render_html(run)
    assert "3 points, and 12 are needed" in page
    assert "the server&#39;s statistics do not tell" in page


def test_the_terminal_has_a_row_for_each_way_to_end(state: Path) -> None:
    run = a_run(state)
    assert list(kept_lines(read_kept(run))) == []
    measured(run, "client-reset")
    measured(run, "reset", told=False)
    measured(run, "", rounds=3)
    text = plain(kept_lines(read_kept(run)))
    assert text.splitlines() == [
        "kept of 1,000 ended connections   slope (its interval)",
        "ended by                   memory  fds  threads  connections  tasks  sessions  rounds  endings",
        "client-reset  20kB (16kB to 22kB)    0        0            0    200         0      12      600",
        "reset         20kB (16kB to 22kB)    0        0            -      -         -      12      600",
        "smallest that could be seen   memory 3kB",
    ]
    assert text in plain(render_terminal(build_matrix(read_cells(run)), run=run))


def test_two_ways_to_end_without_a_fault_are_told_apart(state: Path) -> None:
    run = a_run(state)
    for scenario in ("nothing kept per connection", "nothing kept of who is closed for idling"):
        measured(run, "", scenario=scenario)
    lines = plain(kept_lines(read_kept(run))).splitlines()[2:]
    assert [line.partition("  ")[0] for line in lines] == [
        "no fault, nothing kept per connection",
        "no fault, nothing kept of who is closed for idling",
        "smallest that could be seen",
    ]


def test_the_page_says_where_nothing_was_measured(state: Path) -> None:
    run = a_run(state)
    assert "No leak was measured in this run" in render_html(run)
    measured(run, "reset")
    page = render_html(run)
    assert "No leak was measured" not in page
    assert "smallest visible" in page


def test_the_figures_are_written_beside_the_report(state: Path) -> None:
    run = a_run(state)
    measured(run, "client-reset")
    [path] = write_figures(run)
    assert path == run.directory / "kept.json"
    [ending] = json.loads(path.read_text())["endings"]
    assert (ending["fault"], ending["rounds"], ending["endings"]) == ("client-reset", 12, 600)
    assert ending["kept"]["tasks"] == {"value": 200.0, "low": 200.0, "high": 200.0, "smallest_visible": 0.0}
