"""From the ends of a test's phases to the verdict of its cell: what is the server's, what is ours, what comes first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, cast

import pytest

from chaos.errors import AgentError, ChaosError
from chaos.experiment import Experiment, Inconclusive, NotJudged, Violated, Worse
from chaos.faults import Vanished
from chaos.journal import FindingMade, JournalWriter, VerdictGiven, read_journal
from chaos.report import CellOutcome, create_run
from fixtures import plugin
from fixtures.marks import Cell
from fixtures.state import CELL as CELL_STATE
from fixtures.state import CellState
from fixtures.verdicts import note_outcome, record_of, require_judgement, verdict_repr, write_verdict

CELL = Cell(
    node="test_it.py::test_it[vanished]",
    promise="cleanup",
    scenario="dead peers are released",
    expects="They are.",
    because="They must.",
    fault=Vanished(),
    reads=(),
    optional=(),
    fresh=False,
    needs=(),
    endpoints=(),
    destructive=False,
    waits=False,
)
DEATH = "the server ended in the middle of the scenario, with exit code 3; promised: ..."


class Made:
    """An experiment as far as a verdict needs it."""

    def __init__(self, *findings: FindingMade, death: str | None = None) -> None:
        self.findings = list(findings)
        self._death = death

    def died_unasked(self) -> str | None:
        return self._death


def finding(verdict: str, *, figure: str = "", evidence: tuple[str, ...] = ()) -> FindingMade:
    return FindingMade(
        at=1.0,
        expectation="released_within",
        verdict=verdict,
        observed=f"seen {verdict}",
        promised="all",
        figure=figure,
        evidence=evidence,
    )


@pytest.fixture
def state(tmp_path: Path) -> Iterator[CellState]:
    with JournalWriter(tmp_path / "cell", role="pytest", run="run", cell="cell") as journal:
        made = CellState(cell=CELL, directory=tmp_path / "cell", journal=journal, began=time.monotonic())
        made.experiment = cast(Experiment, Made(finding("held")))
        yield made


def ends(state: CellState, when: Literal["setup", "call", "teardown"], error: BaseException | None = None) -> bool:
    """A phase of the test ends, with an error or well."""

    def phase() -> None:
        if error is not None:
            raise error

    return note_outcome(state, pytest.CallInfo.from_call(phase, when))


def ended_by(state: CellState, error: BaseException) -> BaseException:
    """What becomes of the error that a scenario ends with."""

    class Item:
        stash = pytest.Stash()

    Item.stash[CELL_STATE] = state
    call = plugin.pytest_runtest_call(cast(pytest.Item, Item()))
    next(call)
    with pytest.raises((Exception, pytest.skip.Exception)) as caught:
        call.throw(error)
    return caught.value


def worse(*errors: AssertionError) -> Worse:
    return Worse("the message is not what decides", list(errors))


# -- one phase ----------------------------------------------------------------------------------------------------


def test_a_scenario_that_ends_well_is_held(state: CellState) -> None:
    for when in ("setup", "call", "teardown"):
        assert not ends(state, cast(Literal["setup"], when))
    assert (state.outcome, state.detail) == ("held", "")


def test_a_set_up_that_ends_well_says_nothing_yet(state: CellState) -> None:
    ends(state, "setup")
    assert state.outcome == ""
    assert record_of(state).outcome is CellOutcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("error", "outcome", "detail"),
    [
        (worse(Inconclusive("no"), Violated("broken")), "violated", ""),
        (worse(Inconclusive("no")), "inconclusive", ""),
        (Violated("broken by hand"), "violated", "broken by hand"),
        (Inconclusive("nothing was given to judge"), "inconclusive", "nothing was given to judge"),
        (ChaosError("no crowd"), "inconclusive", "the harness failed in call: no crowd"),
    ],
)
def test_a_judgement_and_an_error_in_plain_words_need_no_traceback(
    state: CellState, error: BaseException, outcome: str, detail: str
) -> None:
    assert ends(state, "call", error) is True
    assert (state.outcome, state.detail) == (outcome, detail)


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), AssertionError("a bug"), TimeoutError("a bug")])
def test_a_bug_is_ours_and_shows_its_traceback(state: CellState, error: BaseException) -> None:
    assert ends(state, "call", error) is False
    assert (state.outcome, state.detail) == (
        "inconclusive",
        f"the harness failed in call: {type(error).__name__}: a bug",
    )


def test_an_environment_that_fails_is_ours(state: CellState) -> None:
    state.experiment = None
    assert ends(state, "setup", AgentError("the agent is gone"))
    assert (state.outcome, state.detail) == ("inconclusive", "the harness failed in setup: the agent is gone")


@pytest.mark.parametrize("when", ["setup", "call"])
def test_a_skip_is_no_verdict(state: CellState, when: Literal["setup", "call"]) -> None:
    assert ends(state, when, pytest.skip.Exception("the contract declares no promises.recovery.within")) is False
    assert (state.outcome, state.detail) == ("skipped", "the contract declares no promises.recovery.within")
    assert record_of(state).outcome is CellOutcome.SKIPPED


# -- a server that died -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [ChaosError("no crowd"), ConnectionResetError(), ZeroDivisionError(), Inconclusive("no live answer")],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_died_unasked_is_violated_whatever_came_of_it(state: CellState, error: BaseException) -> None:
    state.experiment = cast(Experiment, Made(death=DEATH))
    assert ends(state, "call", error) is True
    assert (state.outcome, state.detail) == ("violated", DEATH)


def test_a_judgement_says_more_than_that_the_server_died(state: CellState) -> None:
    state.experiment = cast(Experiment, Made(death=DEATH))
    ends(state, "call", worse(Violated("the server ended in the middle of the scenario")))
    assert (state.outcome, state.detail) == ("violated", "")


def test_a_server_that_died_while_everything_was_put_away(state: CellState) -> None:
    ends(state, "call")
    state.experiment = cast(Experiment, Made(finding("held"), death=DEATH))
    ends(state, "teardown", ChaosError("connection refused"))
    assert (state.outcome, state.detail) == ("violated", DEATH)


@pytest.mark.parametrize("gives_up", [NotJudged("no compression"), pytest.skip.Exception("no compression")])
def test_a_scenario_does_not_give_up_on_a_server_that_died(state: CellState, gives_up: BaseException) -> None:
    state.experiment = cast(Experiment, Made(death=DEATH))
    error = ended_by(state, gives_up)
    assert isinstance(error, Violated)
    assert ends(state, "call", error) is True
    assert (state.outcome, state.detail) == ("violated", DEATH)


@pytest.mark.parametrize("gives_up", [NotJudged("no compression"), pytest.skip.Exception("no compression")])
def test_a_scenario_that_gives_up_on_a_server_that_lives_is_skipped(state: CellState, gives_up: BaseException) -> None:
    error = ended_by(state, gives_up)
    assert isinstance(error, pytest.skip.Exception)
    ends(state, "call", error)
    assert (state.outcome, state.detail) == ("skipped", "no compression")


# -- several phases -----------------------------------------------------------------------------------------------


def test_a_violation_stands_whatever_breaks_afterwards(state: CellState) -> None:
    ends(state, "call", worse(Violated("broken")))
    assert ends(state, "teardown", AgentError("the agent is gone")) is True
    assert (state.outcome, state.detail) == ("violated", "")


def test_what_is_held_is_not_when_something_breaks_afterwards(state: CellState) -> None:
    ends(state, "call")
    ends(state, "teardown", AgentError("the agent is gone"))
    assert (state.outcome, state.detail) == ("inconclusive", "the harness failed in teardown: the agent is gone")


def test_the_first_thing_that_went_wrong_is_the_one_that_is_told(state: CellState) -> None:
    ends(state, "call", ChaosError("the cause"))
    ends(state, "teardown", ChaosError("its consequence"))
    assert state.detail == "the harness failed in call: the cause"


def test_a_skip_does_not_hide_what_breaks_afterwards(state: CellState) -> None:
    ends(state, "call", pytest.skip.Exception("without its fault there is nothing to judge here"))
    ends(state, "teardown", AgentError("the agent is gone"))
    assert state.outcome == "inconclusive"


# -- a scenario that ended well and should not have ---------------------------------------------------------------


def test_a_scenario_that_judged_nothing(state: CellState) -> None:
    for experiment in (None, cast(Experiment, Made())):
        state.experiment = experiment
        with pytest.raises(Inconclusive) as caught:
            require_judgement(state)
        assert str(caught.value) == "the scenario judged nothing: it has to await experiment.judge(...)"


def test_a_scenario_that_caught_its_own_judgement(state: CellState) -> None:
    state.experiment = cast(Experiment, Made(finding("held"), finding("violated")))
    with pytest.raises(Worse) as caught:
        require_judgement(state)
    assert [str(error) for error in caught.value.exceptions] == ["seen violated; promised: all"]


def test_a_scenario_that_was_judged_and_held(state: CellState) -> None:
    require_judgement(state)
    assert state.judged_held


# -- what is written down -----------------------------------------------------------------------------------------


def test_the_verdict_is_the_journals_last_word(state: CellState) -> None:
    ends(state, "call")
    record = write_verdict(state)
    (verdict,) = read_journal(state.directory).of(VerdictGiven)
    assert (verdict.outcome, verdict.promise, verdict.scenario) == ("held", "cleanup", "dead peers are released")
    assert (verdict.fault, verdict.fault_family, verdict.node) == ("vanished", "kernel", CELL.node)
    assert verdict.expects == "They are. They must."
    assert (record.outcome, record.slug, len(record.findings)) == (CellOutcome.HELD, "cell", 1)


@pytest.mark.parametrize(
    ("outcome", "findings", "figure"),
    [
        ("violated", (finding("held", figure="1ms"), finding("violated", figure="2s")), "2s"),
        ("held", (finding("held"), finding("held", figure="1ms"), finding("held", figure="9ms")), "1ms"),
        ("inconclusive", (finding("held", figure="1ms"), finding("inconclusive")), "1ms"),
        ("held", (finding("held"),), ""),
    ],
)
def test_the_figure_is_that_of_the_finding_that_decides(
    state: CellState, outcome: str, findings: tuple[FindingMade, ...], figure: str
) -> None:
    state.experiment = cast(Experiment, Made(*findings))
    state.outcome = outcome
    assert record_of(state).figure == figure


def test_what_a_failed_scenario_prints(state: CellState, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    run = create_run(
        tmp_path,
        target="small",
        target_file="target.toml",
        runtime="processes",
        runtime_reason="it was asked for",
        seed=7,
        versions={},
    )
    state.experiment = cast(Experiment, Made(finding("held"), finding("violated", evidence=("client 3 at 1.5s",))))
    ends(state, "call", worse(Violated("broken")))
    lines = _printed(verdict_repr(state, request.node, run).toterminal)
    assert lines[:2] == ["VIOLATED: cleanup, dead peers are released under vanished", "    They are. They must."]
    assert lines[3:7] == [
        "VIOLATED (released_within)",
        "    observed: seen violated",
        "    promised: all",
        "    evidence: client 3 at 1.5s",
    ]
    assert not any("seen held" in line for line in lines)
    assert lines[-2] == f"journal: {state.directory}"
    assert lines[-1].endswith(f"-m chaos replay {run.id} cell")


def _printed(show: Callable[..., None]) -> list[str]:
    lines: list[str] = []

    class Terminal:
        def line(self, text: str = "") -> None:
            lines.append(text)

    show(Terminal())
    return lines
