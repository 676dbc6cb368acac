"""When a scenario counts as hanging: beyond all that it may wait for."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from chaos.bounds import patience
from chaos.contract import Cleanup, Contract, Establishment, Liveness
from chaos.experiment.leaks import MOST_ROUNDS
from chaos.stats import MOST_POINTS
from fixtures.marks import Steps, steps_of
from fixtures.timeouts import hangs_after
from tests.scenarios import test_bounded_memory, test_leak_free

REAL = Contract(
    establishment=Establishment(within="1s"),
    liveness=Liveness(heartbeat_interval="30s", heartbeat_timeout="10s"),
    cleanup=Cleanup(sweep_interval="60s"),
)
DEAD = ("liveness.heartbeat_interval", "liveness.heartbeat_timeout", "cleanup.sweep_interval")
SCENARIOS = Path(test_leak_free.__file__).parent


@pytest.fixture
def item(request: pytest.FixtureRequest) -> pytest.Item:
    """This very test, to be marked as a scenario would be."""
    node: pytest.Item = request.node
    return node


def test_beyond_what_is_promised_ten_times_over() -> None:
    assert hangs_after(REAL) > 10 * (1 + 30 + 10 + 60)


def test_each_step_may_wait_for_what_it_names_and_for_a_crowd_and_a_fault() -> None:
    """With 30 s, 10 s and 60 s a leak that takes its whole budget is at work for over three hours."""
    steps = Steps(most=60, keys=DEAD, times=2)
    assert hangs_after(REAL, steps) - hangs_after(REAL) == pytest.approx(60 * (2 * 100 + 2 * patience(REAL)))


def test_a_step_that_waits_until_our_patience_ends() -> None:
    steps = Steps(most=20, patience=2)
    assert hangs_after(REAL, steps) - hangs_after(REAL) == pytest.approx(20 * 4 * patience(REAL))


@pytest.mark.parametrize("promises", [Contract(), Contract(liveness=Liveness(heartbeat_interval="30s"))])
def test_what_is_not_declared_is_not_waited_for(promises: Contract) -> None:
    declared = promises.value("liveness.heartbeat_interval") or 0.0
    found = hangs_after(promises, Steps(most=3, keys=DEAD)) - hangs_after(promises)
    assert found == pytest.approx(3 * (declared + 2 * patience(promises)))


def test_steps_are_read_from_the_mark(item: pytest.Item) -> None:
    assert steps_of(item) is None
    item.add_marker(pytest.mark.reads("cleanup.closed_within"))
    item.add_marker(pytest.mark.steps(7, "cleanup.closed_within", times=10))
    assert steps_of(item) == Steps(most=7, keys=("cleanup.closed_within",), times=10)


@pytest.mark.parametrize(
    ("mark", "refusal"),
    [
        (pytest.mark.steps(), "steps takes a number of steps and keys of the contract"),
        (pytest.mark.steps("cleanup.closed_within"), "steps takes a number of steps and keys of the contract"),
        (pytest.mark.steps(7, often=2), "steps takes a number of steps and keys of the contract"),
        (pytest.mark.steps(7, "cleanup.closed_within"), "'cleanup.closed_within', never read"),
    ],
)
def test_a_mark_that_is_wrong(item: pytest.Item, mark: pytest.MarkDecorator, refusal: str) -> None:
    item.add_marker(mark)
    with pytest.raises(pytest.UsageError, match=refusal):
        steps_of(item)


def test_every_scenario_that_goes_in_rounds_or_is_slow_says_in_how_many_steps() -> None:
    """But for a soak, which lasts as long as it is told to."""
    missing, looked_at = [], 0
    for path in sorted(SCENARIOS.glob("test_*.py")):
        module = importlib.import_module(f"tests.scenarios.{path.stem}")
        of_all = getattr(module, "pytestmark", [])
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            marks = {mark.name for mark in getattr(function, "pytestmark", [])}
            marks |= {mark.name for mark in (of_all if isinstance(of_all, list) else [of_all])}
            in_rounds = "ounds(" in inspect.getsource(function)
            if name.startswith("test_") and "soak" not in marks and ("slow" in marks or in_rounds):
                looked_at += 1
                if "steps" not in marks:
                    missing.append(f"{path.name}::{name}")
    assert missing == []
    assert looked_at >= 5


def test_the_rounds_of_a_leak_are_all_of_its_budget() -> None:
    most = {
        function.__name__: mark.args[0]
        for function in (
            test_leak_free.test_nothing_kept,
            test_leak_free.test_nothing_kept_of_what_was_half_done,
            test_leak_free.test_nothing_kept_of_crashes_around_the_upgrade,
            test_leak_free.test_nothing_kept_of_who_is_turned_away,
            test_leak_free.test_nothing_kept_of_who_is_closed_for_idling,
            test_leak_free.test_nothing_kept_of_dead_peers,
            test_bounded_memory.test_given_back,
        )
        for mark in getattr(function, "pytestmark", [])
        if mark.name == "steps"
    }
    assert most == {
        "test_nothing_kept": MOST_ROUNDS,
        "test_nothing_kept_of_what_was_half_done": MOST_ROUNDS,
        "test_nothing_kept_of_crashes_around_the_upgrade": MOST_ROUNDS,
        "test_nothing_kept_of_who_is_turned_away": MOST_ROUNDS,
        "test_nothing_kept_of_who_is_closed_for_idling": MOST_ROUNDS,
        "test_nothing_kept_of_dead_peers": MOST_ROUNDS,
        "test_given_back": test_bounded_memory.WARM_UP + MOST_POINTS,
    }
