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
    Expectation,
    FailuresReached,
    FaultLasted,
    FaultsBit,
    FaultsHealed,
    KeptOut,
    LeftMidTrial,
    PongsDelayed,
    Provided,
    SteadyBefore,
)
from chaos.target_file import load_target
from tests.detection.cases import CASES

ROOT = Path(__file__).resolve().parents[2]

SCENARIOS = sorted((ROOT / "tests" / "scenarios").glob("test_*.py"))

OF_THE_EXPERIMENT = {
    expectation.name
    for expectation in (
        CameBesideTheHostile,
        SteadyBefore,
        FailuresReached,
        FaultLasted,
        FaultsBit,
        FaultsHealed,
        KeptOut,
        LeftMidTrial,
        PongsDelayed,
        Provided,
    )
}
"""These judge the experiment and not the server: they are inconclusive at worst, so no defect is caught by them."""

NEVER_SEEN_RED: dict[str, str] = {
    "database_sessions_given_back": "the reference has no database; the incident broadcast is caught by it",
    "reached_everybody": "the reference is one process; the incident pg2 is red with it without its message queue",
    "rode_out": "the reference promises no such thing: the breaker incident is red with it before its fix",
}
"""Expectations that no case of the catalogue is caught by, each with the reason why that has to do."""


def test_every_expectation_has_been_seen_red() -> None:
    given = {each.name for each in _expectations()} - OF_THE_EXPERIMENT
    caught_by = {case.finding for case in CASES}
    assert caught_by <= given, f"findings of no expectation: {sorted(caught_by - given)}"
    assert given - caught_by == set(NEVER_SEEN_RED), "add a defect that is caught by it, or say why there is none"


def test_every_promise_is_read_by_a_scenario() -> None:
    unread = [key for key in _all_keys() if key not in _keys_read()]
    assert unread == [], "a target may declare these, and no scenario looks at them"


def test_the_reference_declares_nothing_in_vain() -> None:
    promises = load_target(ROOT / "targets" / "reference" / "target.toml").promises
    assert unread_keys(promises, _keys_read()) == ()


def test_every_scenario_of_the_catalogue_is_there() -> None:
    there = {f"{path.name}::{name}" for path in SCENARIOS for name, _ in _functions(_module(path))}
    wanted = {node.partition("[")[0] for case in CASES for node in (case.caught_by, *case.sentinels)}
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
