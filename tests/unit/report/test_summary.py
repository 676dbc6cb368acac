"""The few lines of Markdown for a CI system's page."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import JournalError
from chaos.report import build_matrix, read_cells
from chaos.report.summary import append_summary, render_summary

from .samples import Cell, make_run

HELD = Cell(promise="bounded_memory", scenario="a cost", figure="12kB")
BROKEN = Cell(
    promise="cleanup",
    scenario="dead peers are found",
    fault="vanished",
    outcome="violated",
    observed="2 | of <b> *kept*",
)
UNASKED = Cell(promise="cleanup", scenario="sessions", outcome="skipped", detail="not declared")


def test_promises_in_a_table_and_what_did_not_hold_in_words(state: Path) -> None:
    run = make_run(state, [HELD, BROKEN, UNASKED])
    lines = render_summary(build_matrix(read_cells(run)), run=run).splitlines()
    assert lines == [
        "### WebSocket chaos: 1 violated, 1 held, 1 skipped",
        "",
        f"Target reference, runtime processes, seed 20250131, run `{run.id}`.",
        "",
        "| promise | ✗ violated | ? inconclusive | ✓ held | - skipped |",
        "|---|---:|---:|---:|---:|",
        "| cleanup | 1 |  |  | 1 |",
        "| bounded memory |  |  | 1 |  |",
        "",
        "**violated** cleanup, dead peers are found under vanished: 2 &#124; of &#60;b&#62; &#42;kept&#42;; "
        "promised: released within 900ms (interval + timeout + sweep)",
        f"`python -m chaos replay {run.id} cleanup-dead_peers_are_found-vanished`",
        "",
    ]


def test_a_job_has_one_file_for_all_of_its_steps(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("what another step said\n")
    run = make_run(state, [HELD])
    append_summary(file, build_matrix(read_cells(run)), run=run)
    append_summary(file, build_matrix(read_cells(run)), run=run)
    text = file.read_text()
    assert text.startswith("what another step said\n### WebSocket chaos: 1 held\n")
    assert text.count("### ") == 2
    with pytest.raises(JournalError, match=r"^cannot write the summary .*: Is a directory$"):
        append_summary(tmp_path, build_matrix(read_cells(run)), run=run)


def test_what_makes_it_red_beside_its_cells_is_in_the_headline(state: Path, tmp_path: Path) -> None:
    run = make_run(state, [HELD])
    file = tmp_path / "summary.md"
    told = "1 scenario judged, --chaos-require=40 asks for more"
    append_summary(file, build_matrix(read_cells(run)), run=run, shortfall=told)
    assert file.read_text().startswith(f"### WebSocket chaos: FAILED, {told}; 1 held\n")


def test_a_run_without_cells_says_so(state: Path) -> None:
    run = make_run(state, [])
    assert render_summary(build_matrix([]), run=run).startswith("### WebSocket chaos: nothing was judged\n")
