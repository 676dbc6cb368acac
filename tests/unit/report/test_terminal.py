"""The summary at the end of a run, character by character."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from _pytest._io import TerminalWriter

from chaos.journal import FindingMade
from chaos.report import CellOutcome, CellRecord, Run, build_matrix, read_cells
from chaos.report.spans import Line, Span, ansi, emit, plain
from chaos.report.terminal import ASCII, UNICODE, WIDTH, render_terminal, signs_for, what_happened
from chaos.report.text import clean, shorten

from .samples import Cell, make_run

FEW = (
    Cell(promise="establishment", scenario="all at once", figure="10/10"),
    Cell(promise="cleanup", scenario="dead peers are found", fault="client-reset", family="client", figure="41ms"),
    Cell(
        promise="cleanup",
        scenario="dead peers are found",
        fault="stalled-reader",
        family="client",
        outcome="violated",
        figure="4/10 kept",
        observed="4 of 10 connections still held after 1.2s",
        promised="released within 900ms",
    ),
    Cell(
        promise="leak_free",
        scenario="nothing kept",
        fault="client-reset",
        family="client",
        outcome="inconclusive",
        detail="the margin is still crossed",
        observed="between -2kB and 7kB kept",
        promised="at most 4kB kept",
    ),
    Cell(
        promise="recovery",
        scenario="served again",
        fault="partition",
        family="kernel",
        outcome="skipped",
        detail="needs kernel rules: nft is not installed; apt-get install nftables",
    ),
)


PROVEN = {("cleanup", "dead peers are found", "client-reset"), ("leak_free", "nothing kept", "client-reset")}


def rendered(run: Run, **options: object) -> str:
    return plain(render_terminal(build_matrix(read_cells(run), proven=PROVEN), run=run, **options))  # type: ignore[arg-type]  # as given


def record(outcome: CellOutcome, detail: str = "", findings: tuple[FindingMade, ...] = ()) -> CellRecord:
    return CellRecord(
        slug="s", node="n", promise="p", scenario="s", fault="f", outcome=outcome, detail=detail, findings=findings
    )


def finding(verdict: str, observed: str = "seen", promised: str = "told") -> FindingMade:
    return FindingMade(at=1.0, expectation="e", verdict=verdict, observed=observed, promised=promised)


def test_the_whole_summary(state: Path) -> None:
    run = make_run(state, FEW)
    text = rendered(replace(run, header=replace(run.header, ended=run.header.started + 41)))
    assert text == dedent(
        f"""\
        promises x faults   target reference, runtime processes, seed 20250131, 41s

                                                                  client-  stalled-
                                             no fault  partition  reset    reader
        establishment  all at once           ○ 10/10
        cleanup        dead peers are found                       ✓ 41ms   ✗ 4/10 kept
        leak free      nothing kept                               ?
        recovery       served again                    -

        ✗ violated 1   ? inconclusive 1   ✓ held 2   - skipped 1   blank: not asked
        1 of 2 held are proven; ○ 1: held, and no defect has ever been seen to turn it red

        VIOLATED cleanup, dead peers are found under stalled-reader: 4 of 10 connections still held after
            1.2s; promised: released within 900ms
            again: python -m chaos replay {run.id} cleanup-dead_peers_are_found-stalled-reader

        INCONCLUSIVE leak free, nothing kept under client-reset: the margin is still crossed; between -2kB
            and 7kB kept; promised: at most 4kB kept
            again: python -m chaos replay {run.id} leak_free-nothing_kept-client-reset

        - skipped 1: needs kernel rules: nft is not installed; apt-get install nftables
        """
    )


@pytest.mark.parametrize("width", [100, 80])
def test_it_fits_the_width(sample_run: Run, width: int) -> None:
    for line in rendered(sample_run, width=width).splitlines():
        assert len(line) <= width or line.startswith("    again: "), line


def test_every_cell_appears_in_it(sample_run: Run) -> None:
    text = rendered(sample_run)
    for cell in read_cells(sample_run):
        assert cell.figure in text
        assert cell.scenario in text


def test_a_terminal_without_the_signs_gets_plain_ones(sample_run: Run) -> None:
    grid = rendered(sample_run, signs=ASCII).split("+ held")[0]
    assert "X 0/10" in grid
    assert "✗" not in grid
    assert "o 1.2ms" in grid
    assert "○" not in grid
    assert signs_for("utf-8") is UNICODE
    assert signs_for("UTF8") is UNICODE
    assert signs_for("ascii") is ASCII
    assert signs_for("latin-1") is ASCII
    assert signs_for("no such encoding") is ASCII
    assert signs_for(None) is ASCII


UNDECLARED = (
    Cell(
        promise="breaker",
        scenario="opens",
        fault="upstream-errors",
        family="upstream",
        outcome="skipped",
        detail="the contract declares no promises.breaker.failure_threshold; the target declares no endpoints.data",
    ),
    Cell(
        promise="liveness",
        scenario="idle clients are closed",
        outcome="skipped",
        detail="the contract declares no promises.liveness.idle_timeout, promises.liveness.idle_code",
    ),
)


def test_rows_of_what_is_not_declared_are_left_out_and_told_by_family(state: Path) -> None:
    run = make_run(state, (*FEW, *UNDECLARED))
    known = replace(run, header=replace(run.header, declares=("cleanup", "liveness")))
    text = rendered(known)
    assert "opens" not in text
    assert "upstream" not in text, "nor is there a column of nothing but blanks"
    assert "idle clients" not in text
    assert "served again" in text, "this machine cannot: that is another thing"
    assert "✓ held 2   - skipped 3" in text
    assert text.endswith(
        "\n- skipped 2: not declared: breaker; of liveness: idle_code, idle_timeout; endpoints: data\n"
        "- skipped 1: needs kernel rules: nft is not installed; apt-get install nftables\n"
    )
    assert "not declared: of breaker: failure_threshold; of liveness: " in rendered(run), "an earlier release's"


def test_where_nothing_is_declared_there_is_no_grid(state: Path) -> None:
    run = make_run(state, UNDECLARED)
    assert "\n\n✗ violated 0   ? inconclusive 0   ✓ held 0   - skipped 2   blank: not asked\n\n- skipped 2: " in (
        rendered(run)
    )


def test_without_faults_nothing_is_said_to_be_proven(state: Path) -> None:
    run = make_run(state, [FEW[1]])
    calm = replace(run, header=replace(run.header, options=("--chaos-dry=no-faults",)))
    assert "proven" in rendered(run)
    assert "proven" not in rendered(calm)
    assert "WITHOUT FAULTS: what held here held in calm" in rendered(calm)


def test_nothing_ran(state: Path) -> None:
    assert "no scenario ran, so nothing was judged" in rendered(make_run(state, ()))


def test_names_that_are_too_long_are_cut_and_the_rest_stays_in_line(state: Path) -> None:
    long = Cell(
        promise="a_promise_with_a_very_long_name",
        scenario="a scenario whose name goes on and on and on and on",
        fault="antidisestablishmentarianism",
        figure="1234567890123456",
    )
    lines = rendered(make_run(state, [long])).splitlines()
    assert lines[2:4] == [
        "                                                      antidisest",
        "a promise wit…  a scenario whose name goes on and o…  ○ 1234567890123…",
    ]


def test_how_much_the_green_is_worth(state: Path) -> None:
    assert "1 of 1 held are proven: each has been seen red against a defect\n" in rendered(make_run(state, [FEW[1]]))
    assert "○" not in rendered(make_run(state, [FEW[1]]))
    assert "0 of 1 held are proven; ○ 1: held, and no" in rendered(make_run(state, [FEW[0]]))
    assert "proven" not in rendered(make_run(state, [FEW[2]])), "where nothing held there is nothing to say"


def test_several_cells_in_one_place(state: Path) -> None:
    assert "✓ 41ms x2" in rendered(make_run(state, [FEW[1], FEW[1]]))


def test_a_server_cannot_write_to_the_terminal(state: Path) -> None:
    evil = replace(FEW[2], observed="\x1b[2Jclosed with\n'\x07bye'", figure="\x1b[31m1")
    text = rendered(make_run(state, [evil]))
    assert "\x1b" not in text
    assert "\\x1b[2Jclosed with '\\x07bye'" in text


def test_the_sentence_of_a_cell() -> None:
    assert what_happened(record(CellOutcome.VIOLATED, findings=(finding("held"), finding("violated", "bad")))) == (
        "bad; promised: told"
    )
    assert what_happened(record(CellOutcome.VIOLATED, findings=(finding("violated"),) * 2)) == (
        "seen; promised: told; and 1 more such finding"
    )
    assert what_happened(record(CellOutcome.VIOLATED, findings=(finding("violated"),) * 3)) == (
        "seen; promised: told; and 2 more such findings"
    )
    assert what_happened(record(CellOutcome.INCONCLUSIVE, "no receipt", (finding("inconclusive"),))) == (
        "no receipt; seen; promised: told"
    )
    assert what_happened(record(CellOutcome.INCONCLUSIVE, "interrupted")) == "interrupted"
    assert what_happened(record(CellOutcome.INCONCLUSIVE)) == "no finding says why"


def test_text_is_cleaned_and_cut() -> None:
    assert clean("a\n b\tc\x00\u202e\udce9é") == "a b c\\x00\\u202e\\udce9é"
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"
    assert shorten("abcd efg", 6) == "abcd…"


class Recorder:
    """Looks like pytest's terminal reporter."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, bool]]] = []

    def write(self, content: str, **markup: bool) -> None:
        self.written.append((content, markup))

    def line(self, msg: str, **kw: bool) -> None:
        self.written.append((msg + "\n", kw))


def test_lines_are_written_with_pytests_markup() -> None:
    lines: list[Line] = [(Span("✗", ("red", "bold")), Span(" x")), ()]
    recorder = Recorder()
    emit(lines, recorder)
    assert recorder.written == [("✗", {"red": True, "bold": True}), (" x", {}), ("\n", {}), ("\n", {})]
    assert plain(lines) == "✗ x\n\n"
    assert ansi(lines) == "\x1b[31;1m✗\x1b[0m x\n\n"


def test_every_style_is_one_that_pytest_and_ansi_know(sample_run: Run) -> None:
    lines = render_terminal(build_matrix(read_cells(sample_run)), run=sample_run)
    known = set(TerminalWriter._esctable)
    assert {style for line in lines for span in line for style in span.styles} <= known
    assert ansi(lines)
    assert max(len(line) for line in plain(lines).splitlines() if "again" not in line) <= WIDTH
