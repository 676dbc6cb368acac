"""The matrix as data: where each cell stands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chaos.report import CellOutcome, CellRecord, Run, build_matrix, read_cells
from chaos.report.matrix import NO_FAULT, Row


def cell(
    promise: str = "cleanup",
    scenario: str = "dead peers",
    fault: str = "reset",
    outcome: CellOutcome = CellOutcome.HELD,
    *,
    family: str = "network",
    slug: str = "",
    figure: str = "",
) -> CellRecord:
    return CellRecord(
        slug=slug,
        node="n",
        promise=promise,
        scenario=scenario,
        fault=fault,
        fault_family=family,
        outcome=outcome,
        figure=figure,
    )


def test_rows_go_by_promise_and_columns_by_where_a_fault_acts(sample_run: Run) -> None:
    matrix = build_matrix(read_cells(sample_run))
    assert matrix.promises == (
        "establishment",
        "rejection",
        "liveness",
        "cleanup",
        "leak_free",
        "breaker",
        "delivery",
        "closing",
        "recovery",
    )
    assert matrix.groups == (
        ("", 1),
        ("network", 4),
        ("kernel", 2),
        ("client", 5),
        ("crowd", 1),
        ("server", 2),
        ("upstream", 1),
    )
    assert matrix.faults[:3] == (NO_FAULT, "latency", "reset")


def test_no_cell_is_lost(sample_run: Run) -> None:
    cells = read_cells(sample_run)
    matrix = build_matrix(cells)
    assert sorted(matrix.cells, key=id) == sorted(cells, key=id)
    assert sum(matrix.counts().values()) == len(cells)


def test_what_has_no_place_in_the_order_comes_after_it_as_it_came() -> None:
    matrix = build_matrix([cell("zeal"), cell("latency"), cell("art"), cell("liveness")])
    assert matrix.promises == ("liveness", "latency", "zeal", "art")
    matrix = build_matrix([cell(fault="x", family="weather"), cell(fault="y", family="upstream"), cell(fault="")])
    assert matrix.faults == (NO_FAULT, "y", "x")


def test_columns_go_from_outside_inwards_and_several_faults_at_once_come_last() -> None:
    shuffled = ("combined", "frame", "server", "network", "handshake", "upstream", "crowd", "client", "application")
    matrix = build_matrix([cell(fault=family, family=family) for family in shuffled])
    assert matrix.groups == tuple(
        (family, 1)
        for family in (
            "network",
            "client",
            "crowd",
            "handshake",
            "frame",
            "application",
            "server",
            "upstream",
            "combined",
        )
    )


def test_a_fault_that_an_interrupted_cell_could_not_place_is_placed_by_another() -> None:
    matrix = build_matrix([cell(fault="down", family=""), cell("latency", fault="down", family="network")])
    assert matrix.groups == (("network", 1),)
    assert build_matrix([cell(fault="down", family="")]).groups == (("other", 1),)


def test_several_cells_in_one_place_are_as_bad_as_the_worst() -> None:
    cells = [
        cell(outcome=CellOutcome.HELD, slug="a", figure="1"),
        cell(outcome=CellOutcome.VIOLATED, slug="b", figure="2"),
        cell(outcome=CellOutcome.INCONCLUSIVE, slug="c", figure="3"),
    ]
    matrix = build_matrix(cells)
    entry = matrix.entries[(Row("cleanup", "dead peers"), "reset")]
    assert (entry.outcome, entry.figure, entry.worst.slug) == (CellOutcome.VIOLATED, "2", "b")
    assert matrix.cells == tuple(cells)


def test_a_held_cell_speaks_before_a_skipped_one() -> None:
    matrix = build_matrix([cell(outcome=CellOutcome.SKIPPED), cell(outcome=CellOutcome.HELD)])
    assert next(iter(matrix.entries.values())).outcome is CellOutcome.HELD


def test_what_did_not_hold_begins_with_the_violations() -> None:
    cells = [
        cell(scenario="a", outcome=CellOutcome.INCONCLUSIVE),
        cell(scenario="b", outcome=CellOutcome.HELD),
        cell(scenario="c", outcome=CellOutcome.VIOLATED),
        cell(scenario="d", outcome=CellOutcome.SKIPPED),
        cell(scenario="e", outcome=CellOutcome.VIOLATED),
    ]
    assert [found.scenario for found in build_matrix(cells).not_held()] == ["c", "e", "a"]


def test_a_part_has_no_empty_rows(sample_run: Run) -> None:
    part = build_matrix(read_cells(sample_run)).within(["burst"])
    assert part.faults == ("burst",)
    assert [row.scenario for row in part.rows] == ["graceful beyond the limit"]


def test_nothing_at_all() -> None:
    matrix = build_matrix([])
    assert (matrix.rows, matrix.faults, matrix.cells, matrix.groups) == ((), (), (), ())
    assert set(matrix.counts().values()) == {0}


WORDS = st.sampled_from(["liveness", "latency", "x", "y", ""])


@given(st.lists(st.builds(cell, WORDS, WORDS, WORDS, st.sampled_from(CellOutcome), family=WORDS), max_size=12))
def test_every_cell_has_one_place(cells: list[CellRecord]) -> None:
    matrix = build_matrix(cells)
    assert sorted(map(id, matrix.cells)) == sorted(map(id, cells))
    assert sum(columns for _, columns in matrix.groups) == len(matrix.faults)
