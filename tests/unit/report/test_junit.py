"""What JUnit files carry: the verdict first, the figures as properties."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from chaos.report import CellRecord, Run, read_cells
from chaos.report.junit import MESSAGE_LIMIT, junit_message, junit_properties

from .samples import Cell, make_run


def violated(run: Run) -> CellRecord:
    return next(cell for cell in read_cells(run) if cell.fault == "stalled_reader" and cell.outcome == "violated")


def test_the_message_begins_with_the_verdict(sample_run: Run) -> None:
    slug = "cleanup-dead_peers_are_found-stalled_reader"
    assert junit_message(violated(sample_run), run=sample_run) == (
        "violated: cleanup, dead peers are found under stalled_reader: 4 of 10 stalled connections were still held "
        "1.8s after they stopped reading; promised: released within 900ms (interval + timeout + sweep) "
        f"| again: python -m chaos replay {sample_run.id} {slug}"
    )


def test_a_long_message_loses_its_middle_and_never_the_command(state: Path) -> None:
    run = make_run(state, [Cell(promise="p", scenario="s", outcome="violated", observed="word " * 300)])
    (cell,) = read_cells(run)
    message = junit_message(cell, run=run)
    assert len(message) <= MESSAGE_LIMIT
    assert message.startswith("violated: p, s: word word")
    assert message.endswith(f"… | again: python -m chaos replay {run.id} p-s")


def test_the_figures_are_properties(sample_run: Run) -> None:
    assert junit_properties(violated(sample_run), run=sample_run) == [
        ("chaos.run", sample_run.id),
        ("chaos.target", "reference"),
        ("chaos.runtime", "processes"),
        ("chaos.seed", "20250131"),
        ("chaos.promise", "cleanup"),
        ("chaos.scenario", "dead peers are found"),
        ("chaos.fault", "stalled_reader"),
        ("chaos.verdict", "violated"),
        ("chaos.figure", "4/10 kept"),
        ("chaos.cell", "cleanup-dead_peers_are_found-stalled_reader"),
        ("chaos.finding.released_within", "violated: 4/10 kept"),
        ("chaos.finding.canary_unharmed", "held: 50 of 50 exchanges answered, p99 1.5ms"),
    ]


def test_everything_in_it_is_fit_for_xml(state: Path) -> None:
    evil = Cell(promise="p", scenario="s", outcome="violated", observed="\x00\x1b\ufffe & <b>", figure="\x01")
    run = make_run(state, [evil])
    (cell,) = read_cells(run)
    for text in (junit_message(cell, run=run), *(value for _, value in junit_properties(cell, run=run))):
        element = ElementTree.Element("failure", message=text)
        assert ElementTree.fromstring(ElementTree.tostring(element)).get("message") == text
