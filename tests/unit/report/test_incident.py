"""Reproduced and fixed, or what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.journal import FindingMade
from chaos.report.cells import CellOutcome, CellRecord
from chaos.report.incident import Ran, judge_incident, render_figures, render_incident, undecided
from chaos.report.incident_file import Expected, Figure, Incident, Told, Variant
from chaos.report.terminal import ASCII
from chaos.target import Target

CELL = "test_latency.py::test_round_trips[calm]"
CONTROL = "test_liveness.py::test_heartbeat[calm]"
OTHER = "test_closing.py::test_graceful_shutdown[calm]"
TOLD = Told(cell=CELL, finding="round_trips_within", says=r"^0 of \d+")
HELD, VIOLATED = CellOutcome.HELD, CellOutcome.VIOLATED
INCONCLUSIVE, SKIPPED = CellOutcome.INCONCLUSIVE, CellOutcome.SKIPPED


def incident(*red: Told, held: tuple[Expected, ...] = (), figures: tuple[Figure, ...] = ()) -> Incident:
    target = Target.model_validate({"name": "it", "start": {"command": ("x",)}, "endpoints": {"echo": {"path": "/"}}})
    return Incident(
        name="it",
        title="it went wrong",
        variants={name: Variant(target="x.toml") for name in ("before", "after")},
        targets={"before": target, "after": target},
        red=red or (TOLD,),
        held=held,
        figures=figures,
    )


def cell(
    outcome: CellOutcome,
    node: str = CELL,
    *,
    observed: str = "0 of 300 were answered",
    finding: str = "round_trips_within",
    figure: str = "",
) -> CellRecord:
    made = FindingMade(
        at=1.0, expectation=finding, verdict=outcome.value, observed=observed, promised="all", figure=figure
    )
    return CellRecord(
        slug="",
        node=f"tests/scenarios/{node}",
        promise="latency",
        scenario=node.partition("::test_")[2].partition("[")[0].replace("_", " "),
        fault="",
        outcome=outcome,
        figure=figure,
        detail="not promised" if outcome is SKIPPED else "",
        findings=() if outcome is SKIPPED else (made,),
    )


def judged(before: Ran, after: Ran, about: Incident | None = None, *, runtime: str = "processes") -> list[str]:
    verdict = judge_incident(about or incident(), {"before": before, "after": after}, runtime=runtime)
    return [verdict.sentence(), *verdict.not_reproduced, *verdict.not_fixed]


RED, GREEN = Ran((cell(VIOLATED),), 1), Ran((cell(HELD),))


def test_red_before_and_green_after() -> None:
    assert judged(RED, GREEN) == ["reproduced and fixed"]


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (Ran((), 4), f"before: {CELL} did not run"),
        (GREEN, f"before: {CELL} is held where it has to go red: 0 of 300 were answered; promised: all"),
        (
            Ran((cell(VIOLATED, finding="undisturbed"),), 1),
            f"before: {CELL} went red for another reason: it violates undisturbed, not round_trips_within",
        ),
        (
            Ran((cell(VIOLATED, observed="p99 3s of 300"),), 1),
            f"before: {CELL} went red with other words than '^0 of \\\\d+': p99 3s of 300",
        ),
    ],
)
def test_what_is_not_reproduced(before: Ran, said: str) -> None:
    assert judged(before, GREEN) == ["not reproduced and fixed", said]


def test_what_the_same_cell_shows_after_the_fix_has_to_hold() -> None:
    assert judged(RED, RED)[0] == "reproduced and not fixed"
    skipped = judged(RED, Ran((cell(SKIPPED), cell(HELD, OTHER))))
    assert skipped == [
        "reproduced and not fixed",
        f"after: {CELL} is skipped where it has to hold: not promised",
    ]
    assert judged(RED, Ran((cell(HELD, OTHER),)))[1:] == [f"after: {CELL} did not run"]


@pytest.mark.parametrize("outcome", [VIOLATED, INCONCLUSIVE])
def test_nothing_else_may_be_red_or_undecided_after_the_fix(outcome: CellOutcome) -> None:
    found = judged(RED, Ran((cell(HELD), cell(outcome, OTHER, observed="still open")), 1))
    assert found == [
        "reproduced and not fixed",
        f"after: latency, graceful shutdown is {outcome.value}: still open; promised: all",
    ]


def test_a_run_that_died_after_the_fix_fixes_nothing() -> None:
    assert judged(RED, Ran((cell(HELD),), 3))[1:] == ["after: its run ended with pytest's exit code 3"]


def test_a_control_has_to_hold_before_the_fix_too() -> None:
    about = incident(held=(Expected(variant="before", cell=CONTROL),))
    assert judged(Ran((*RED.cells, cell(HELD, CONTROL)), 1), GREEN, about) == ["reproduced and fixed"]
    broken = Ran((*RED.cells, cell(VIOLATED, CONTROL)), 1)
    assert judged(broken, GREEN, about)[0] == "reproduced and not fixed"


def test_a_cell_that_a_runtime_cannot_ask_for_is_not_asked_there() -> None:
    about = incident(TOLD, Told(cell=CONTROL, finding="x", says="x", not_in={"containers": "no kernel"}))
    assert judged(RED, GREEN, about, runtime="containers") == ["reproduced and fixed"]
    assert judged(RED, GREEN, about)[0] == "not reproduced and not fixed"


def test_undecided_cells_run_again_where_the_verdict_asks_for_them() -> None:
    unsound = Ran((cell(INCONCLUSIVE), cell(INCONCLUSIVE, OTHER), cell(VIOLATED, CONTROL)), 1)
    assert [each.node for each in undecided(incident(), "before", unsound)] == [f"tests/scenarios/{CELL}"]
    assert len(undecided(incident(), "after", unsound)) == 2
    again = unsound.with_([cell(HELD)])
    assert [each.outcome for each in again.cells] == [HELD, INCONCLUSIVE, VIOLATED]


def test_a_cell_that_is_red_for_something_else_runs_again_where_what_it_is_asked_for_is_undecided() -> None:
    red = cell(VIOLATED, observed="too young")
    open_ = FindingMade(
        at=1.0, expectation="round_trips_within", verdict="inconclusive", observed="0 of 300, perhaps", promised="all"
    )
    other = replace(open_, expectation="undisturbed")
    for findings, again in (((open_,), 1), ((other,), 0), ((), 0)):
        ran = Ran((replace(red, findings=(*red.findings, *findings)),), 1)
        assert len(undecided(incident(), "before", ran)) == again
    in_its_words = Ran((replace(RED.cells[0], findings=(*RED.cells[0].findings, open_)),), 1)
    assert undecided(incident(), "before", in_its_words) == []


def test_matrices_side_by_side_sentences_and_figures() -> None:
    figure = Figure(what="p99", told="100 ms", cell=CELL, finding="round_trips_within", note="10 clients")
    about = incident(figures=(figure,))
    ran = {
        "before": RED,
        "after": Ran((cell(HELD, observed="p99 3ms", figure="p99 3ms"), cell(HELD, OTHER), cell(SKIPPED, CONTROL))),
    }
    verdict = judge_incident(about, ran, runtime="processes")
    assert render_incident(about, ran, verdict, signs=ASCII) == [
        "it: it went wrong",
        "",
        "                            before  after",
        "latency, round trips        X       + p99 3ms",
        "latency, graceful shutdown          +",
        "- 1 more are skipped by all: not promised, or not possible here",
        "",
        "before",
        "  violated: latency, round trips: 0 of 300 were answered; promised: all",
        "",
        "the owners' figures, and what was measured",
        "  p99: told 100 ms (10 clients)",
        "    before  0 of 300 were answered",
        "    after   p99 3ms",
        "",
        "it: reproduced and fixed",
    ]


def test_a_figure_that_was_not_measured_says_why() -> None:
    figure = Figure(what="p99", told="100 ms", cell=CELL, finding="another")
    ran = {"before": Ran(()), "after": Ran((cell(SKIPPED),))}
    assert list(render_figures([figure], ran)) == [
        "  p99: told 100 ms",
        "    before  not run",
        "    after   skipped: not promised",
    ]
