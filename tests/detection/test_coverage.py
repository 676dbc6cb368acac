"""What the suite can say, and has been seen to say of a server that deserves it.

An expectation that no defect was ever caught by may be blind, and a promise that no scenario reads is silently held:
both are told here, without running anything.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import chaos.expectations
from chaos.contract import Contract, unread_keys
from chaos.expectations import (
    CameBesideTheHostile,
    ClosedAgain,
    Expectation,
    FailedByTheirOwnDoing,
    FailuresReached,
    FaultLasted,
    FaultsBit,
    FaultsHealed,
    LeftMidCall,
    OutlastedTheOpening,
    PongsDelayed,
    Provided,
    SentAtRate,
    ShortageLasted,
    SteadyBefore,
)
from chaos.report.incident_file import load_incident
from chaos.target_file import load_target
from tests.detection.__main__ import INCIDENTS
from tests.detection.cases import CASES

ROOT = Path(__file__).resolve().parents[2]

SCENARIOS = sorted((ROOT / "tests" / "scenarios").glob("test_*.py"))

OF_THE_EXPERIMENT = {
    expectation.name
    for expectation in (
        CameBesideTheHostile,
        ClosedAgain,
        SteadyBefore,
        FailuresReached,
        FaultLasted,
        FaultsBit,
        FaultsHealed,
        FailedByTheirOwnDoing,
        LeftMidCall,
        OutlastedTheOpening,
        PongsDelayed,
        Provided,
        SentAtRate,
        ShortageLasted,
    )
}
"""These judge the experiment and not the server: they are inconclusive at worst, so no defect is caught by them."""

OF_INCIDENTS_ALONE = {
    "database_sessions_given_back": "the reference has no database",
    "reached_everybody": "the reference is one process",
    "reaches_everybody_again": "the reference is one process",
    "rode_out": "the reference promises no such thing",
    "worker_recycled": "the reference is one process",
    "worker_replaced": "the reference is one process",
}
"""Expectations that no case of the catalogue is caught by, each with the reason: a server of an incident is."""


def test_every_expectation_has_been_seen_red() -> None:
    given = {each.name for each in _expectations()} - OF_THE_EXPERIMENT
    caught_by = {case.finding for case in CASES}
    of_incidents = {told.finding for folder in INCIDENTS for told in load_incident(folder).red}
    assert caught_by | of_incidents <= given, f"findings of no expectation: {sorted(caught_by | of_incidents - given)}"
    assert given - caught_by == set(OF_INCIDENTS_ALONE), "add a defect that is caught by it, or say why there is none"
    assert set(OF_INCIDENTS_ALONE) <= of_incidents, "no server of an incident is red with it either"


@pytest.mark.parametrize(
    ("key", "node"),
    [
        ("cleanup.database_sessions", "test_cleanup.py::test_database_sessions_are_given_back[calm]"),
        ("pressure.memory_reserve", "test_pressure.py::test_newcomers_without_memory[memory-limit]"),
        ("recovery.worker_within", "test_recovery.py::test_after_a_worker_died[worker-killed]"),
        (
            "delivery.queue_back_within",
            "test_delivery.py::test_what_one_says_everybody_hears_again[queue-killed]",
        ),
        (
            "settings.max_requests",
            "test_settings.py::test_a_worker_is_replaced_after_so_many_requests",
        ),
        ("observability.memory_short", "test_observability.py::test_alert_when_memory_is_short[memory-limit]"),
    ],
)
def test_a_promise_of_an_incident_alone_has_a_cell_that_is_red_in_it(key: str, node: str) -> None:
    """The reference promises none of these, so no defect of it can break them."""
    assert key not in load_target(ROOT / "targets" / "reference" / "target.toml").promises.declared()
    assert node in {told.cell for folder in INCIDENTS for told in load_incident(folder).red}


def test_every_promise_is_read_by_a_scenario() -> None:
    unread = [key for key in _all_keys() if key not in _keys_read()]
    assert unread == [], "a target may declare these, and no scenario looks at them"


def test_the_reference_declares_nothing_in_vain() -> None:
    promises = load_target(ROOT / "targets" / "reference" / "target.toml").promises
    assert unread_keys(promises, _keys_read()) == ()


def test_every_scenario_of_the_catalogue_is_there() -> None:
    there = {f"{path.name}::{name}" for path in SCENARIOS for name, _ in _functions(_module(path))}
    wanted = {node.partition("[")[0] for case in CASES for node in (case.caught_by, *case.also, *case.sentinels)}
    assert wanted <= there


def _expectations() -> Iterator[type[Expectation]]:
    for name in chaos.expectations.__all__:
        each = getattr(chaos.expectations, name)
        if inspect.isclass(each) and issubclass(each, Expectation) and not inspect.isabstract(each):
            yield each
    yield chaos.expectations.survival.ServerSurvived


def _all_keys() -> list[str]:
    """Every key of the contract, as `family.field`."""
    return [
        f"{family}.{field}"
        for family, info in Contract.model_fields.items()
        for option in getattr(info.annotation, "__args__", ())
        if option is not type(None)
        for field in option.model_fields
    ]


def _keys_read() -> set[str]:
    """The keys in the `reads` marks of all scenarios, the optional ones included."""
    read: set[str] = set()
    for path in SCENARIOS:
        module = _module(path)
        marked = getattr(module, "pytestmark", [])
        marks = [*(marked if isinstance(marked, list) else [marked])]
        for _, function in _functions(module):
            marks += getattr(function, "pytestmark", [])
        for mark in marks:
            found = mark.mark if isinstance(mark, pytest.MarkDecorator) else mark
            if found.name == "reads":
                read.update(found.args, found.kwargs.get("optional", ()))
    return read


def _module(path: Path) -> ModuleType:
    return importlib.import_module(f"tests.scenarios.{path.stem}")


def _functions(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name, value in vars(module).items():
        if name.startswith("test_") and inspect.iscoroutinefunction(value):
            yield name, value
