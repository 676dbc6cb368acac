from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from chaos.errors import ConfigurationError
from chaos.journal import Bite
from chaos.report import Run, build_matrix, read_cells
from chaos.report.detection import Figures, read_detections
from chaos.report.detection_drawing import draw_detections, said_of
from chaos.report.detection_text import as_record, detection_lines
from chaos.report.figures import write_figures
from chaos.report.html import render_detections, render_html
from chaos.report.spans import plain
from chaos.report.terminal import render_terminal

from .deaths import a_run, died

ALL_FOUND = ((0.1, 4), (0.2, 3), (0.4, 1), (0.5, 0))
TWO_KEPT = ((0.5, 4), (1.0, 2), (2.0, 2))


@pytest.fixture
def run(state: Path) -> Run:
    made = a_run(state)
    died(made, "vanished", ALL_FOUND)
    died(made, "silent", TWO_KEPT)
    return made


def test_a_curve_for_each_way_to_die(run: Run) -> None:
    vanished, silent = read_detections([run]).curves
    assert (vanished.fault, vanished.within, vanished.beyond, vanished.unsure, vanished.not_found) == (
        "vanished",
        4,
        0,
        0,
        0,
    )
    assert _rounded(vanished.figures) == (0.2, 0.4, 0.5, 0.5)
    assert vanished.cells == (f"{run.id}/cleanup-dead_peers_are_released-vanished",)
    # Two were found by the sample at the very limit, two were held beyond it and never found.
    assert (silent.within, silent.beyond, silent.unsure, silent.not_found) == (2, 2, 0, 2)
    assert _rounded(silent.figures) == (1.0, 1.0, None, None)
    assert silent.watched == pytest.approx(2.0)


def test_several_runs_make_one_distribution(run: Run, state: Path) -> None:
    other = a_run(state)
    died(other, "vanished", ((0.1, 4), (0.9, 0)))
    vanished, _ = read_detections([run, other]).curves
    assert [each.at_most for each in vanished.detections] == pytest.approx([0.2, 0.4, 0.4, 0.5, 0.9, 0.9, 0.9, 0.9])
    assert [cell.partition("/")[0] for cell in vanished.cells] == [run.id, other.id]
    assert vanished.moments == 2
    assert vanished.watched == pytest.approx(0.5), "of what is not found nothing is known beyond the shorter watch"
    assert vanished.uncertainty.reasons[-1] == "samples were up to 800ms apart", "that of the worse run"


def test_a_run_given_twice_counts_once(run: Run) -> None:
    assert read_detections([run, run]).curves == read_detections([run]).curves


def test_runs_of_several_targets_are_refused(run: Run, state: Path) -> None:
    other = a_run(state, target="mine")
    with pytest.raises(ConfigurationError) as raised:
        read_detections([run, other])
    assert str(raised.value) == (
        f"the runs are of 2 targets: mine ({other.id}), reference ({run.id}); give runs of one"
    )


def test_runs_of_several_contracts_are_refused(run: Run, state: Path) -> None:
    other = a_run(state)
    died(other, "vanished", ALL_FOUND, limit=3.0, why="interval")
    with pytest.raises(ConfigurationError) as raised:
        read_detections([run, other])
    assert str(raised.value) == (
        f"peers that died by vanished were held to 1s (interval + timeout) in "
        f"{run.id}/cleanup-dead_peers_are_released-vanished and to 3s (interval) in "
        f"{other.id}/cleanup-dead_peers_are_released-vanished: runs of different contracts make no one distribution; "
        "give runs of one"
    )


def test_what_was_not_measured_is_said_and_not_dropped(run: Run) -> None:
    died(run, "half-open", ALL_FOUND, bite=Bite.DID_NOT_BITE)
    measured = read_detections([run])
    assert len(measured.curves) == 2
    [left_out] = measured.left_out
    assert left_out.cell == f"{run.id}/cleanup-dead_peers_are_released-half-open"
    assert left_out.why == "not all of them died of it: did not bite on 4 of 4"
    assert f"not measured in {left_out.cell}: {left_out.why}" in plain(detection_lines(measured))
    assert f"Not measured in {left_out.cell}: {left_out.why}" in render_html(run)


def test_a_run_that_adds_nothing_to_others_is_said(run: Run, state: Path) -> None:
    other = a_run(state)
    [left_out] = read_detections([run, other]).left_out
    assert (left_out.cell, left_out.why) == (
        other.id,
        "no dead peers were waited for, or an earlier release recorded it",
    )


def test_the_terminal_shows_a_table_where_something_was_measured(run: Run, state: Path) -> None:
    text = plain(detection_lines(read_detections([run])))
    assert text.splitlines() == [
        "dead peers found   target reference, 1 run",
        "dead by   deaths  moments    min  median        p95        max  limit  within  read to",
        "vanished       4        1  200ms   400ms      500ms      500ms     1s     4/4    210ms",
        "silent         4        1     1s      1s  not found  not found     1s     2/4    1.01s",
        "read least finely: silent, to 1.01s: injecting the fault took 10ms, samples were up to 1s apart",
    ]
    assert text in plain(render_terminal(build_matrix(read_cells(run)), run=run))
    nothing = a_run(state)
    assert list(detection_lines(read_detections([nothing]))) == []


def test_the_figures_are_written_beside_the_report(run: Run, state: Path) -> None:
    [path] = write_figures(run)
    assert path == run.directory / "detection.json"
    record = json.loads(path.read_text())
    assert record == as_record(read_detections([run]))
    silent = record["curves"][1]
    assert (silent["median"], silent["maximum"], silent["not_found"], silent["share_within"]) == (1.0, None, 2, 0.5)
    assert silent["detections"][-1] == {"at_least": 1.99, "at_most": None}
    assert write_figures(a_run(state)) == []


def test_every_death_is_in_the_picture(run: Run) -> None:
    curves = read_detections([run]).curves
    picture = ElementTree.fromstring(draw_detections(curves))
    words = "".join(picture.itertext())
    assert said_of(curves) == (
        "How long dead peers were held: vanished: 4 of 4 within 1s; silent: 2 of 4 within 1s, 2 not found"
    )
    assert picture.get("aria-label") == said_of(curves)
    assert "the limit: 1s (interval + timeout)" in words
    assert "each was found somewhere in here: 210ms: injecting the fault took 10ms, samples were up to 200ms" in words
    assert len(picture.findall(".//path[@class='mark']")) == 1, "an arrow where some were never found"
    assert draw_detections(()) == ""


def test_curves_with_one_limit_share_their_axis(run: Run) -> None:
    """The limit of both stands at the same place of its chart, though one goes on for twice as long."""
    picture = ElementTree.fromstring(draw_detections(read_detections([run]).curves))
    first, second = (float(each.get("x1", "")) for each in picture.findall(".//line[@class='instant']"))
    assert second - first == pytest.approx(500)


def test_a_run_in_which_nothing_was_found_is_drawn(state: Path) -> None:
    made = a_run(state)
    died(made, "vanished", ((0.5, 4), (2.0, 4)))
    assert "0 of 4 within 1s, 4 not found" in draw_detections(read_detections([made]).curves)


def test_the_line_never_runs_back(run: Run, state: Path) -> None:
    """A watch that was shorter than another run's last detection ends the line no earlier than that."""
    other = a_run(state)
    died(other, "silent", ((0.5, 4), (4.0, 0)))
    [_, silent] = read_detections([run, other]).curves
    picture = ElementTree.fromstring(draw_detections([silent]))
    _, tail = picture.findall(".//path[@class='series']")
    begin, end = (float(point.split()[0]) for point in tail.get("d", "")[1:].split("L"))
    assert begin <= end


def test_the_page_of_several_runs_stands_alone(run: Run) -> None:
    page = render_detections(read_detections([run]))
    assert page.startswith("<!doctype html>")
    assert "http" not in page.replace("http-equiv", "")
    assert "How long dead peers were held" in page


def _rounded(figures: Figures) -> tuple[float | None, ...]:
    times = (figures.minimum, figures.median, figures.p95, figures.maximum)
    return tuple(None if time is None else round(time, 6) for time in times)
