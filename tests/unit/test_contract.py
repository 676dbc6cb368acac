"""Promises: what may be declared, and how a scenario looks one up."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from chaos.contract import (
    Contract,
    Establishment,
    Family,
    Liveness,
    Observability,
    Rejection,
    RejectionAnswer,
    Settings,
    unread_keys,
)


def test_durations_and_sizes_are_numbers_inside() -> None:
    contract = Contract.model_validate(
        {
            "liveness": {"heartbeat_interval": "300ms", "max_age": "2h"},
            "leak_free": {"memory_per_connection": "4KiB"},
        }
    )
    assert contract.value("liveness.heartbeat_interval") == pytest.approx(0.3)
    assert contract.value("liveness.max_age") == pytest.approx(7200)
    assert contract.value("leak_free.memory_per_connection") == 4096


def test_what_is_not_declared_is_none() -> None:
    contract = Contract(liveness=Liveness.model_validate({"max_age": "1h"}))
    assert contract.value("liveness.heartbeat_interval") is None
    assert contract.value("breaker.recovery_timeout") is None
    assert contract.value("breaker") is None


def test_a_family_is_looked_up_by_its_name() -> None:
    establishment = Establishment.model_validate({"within": "2s"})
    assert Contract(establishment=establishment).value("establishment") is establishment


@pytest.mark.parametrize("key", ["nonsense", "liveness.nonsense", "nonsense.within", "liveness.heartbeat.interval", ""])
def test_an_unknown_key_is_a_mistake_of_the_scenario(key: str) -> None:
    with pytest.raises(KeyError):
        Contract().value(key)


def test_every_declared_field_can_be_looked_up() -> None:
    contract = Contract()
    for family, field in Contract.model_fields.items():
        (model,) = (option for option in get_args(field.annotation) if option is not type(None))
        for name in model.model_fields:
            assert contract.value(f"{family}.{name}") is None


def test_a_contract_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Contract().liveness = None  # type: ignore[misc]  # that it cannot be assigned is what is tested


@pytest.mark.parametrize(
    ("family", "values"),
    [
        (Establishment, {"within": "0s"}),
        (Establishment, {"within": "1s", "success_ratio": 0}),
        (Establishment, {"within": "1s", "success_ratio": 1.01}),
        (Establishment, {"within": "1s", "success_ratio": float("nan")}),
        (Establishment, {"within": "1s", "ramp": []}),
        (Establishment, {"within": "1s", "ramp": [10, 0]}),
        (Establishment, {"within": "1s", "sequential": 0}),
        (Rejection, {"max_connections": 0, "answer": "http-503", "within": "1s"}),
        (Rejection, {"max_connections": 1, "answer": "http-500", "within": "1s"}),
        (Rejection, {"max_connections": 1, "answer": "http-503", "within": 1}),
        (Rejection, {"max_connections": 1, "answer": "http-503", "within": "1s", "warning_threshold": 1.5}),
        (Liveness, {"heartbeat_intervall": "1s"}),
        (Observability, {"full": ""}),
        (Observability, {"nearly_full": {"alert": "high", "above": 0}}),
        (Observability, {"nearly_full": {"alert": "high"}}),
        (Settings, {"refused": {}}),
        (Settings, {"refused": {"LIMIT": []}}),
        (Settings, {"refused": {"LIMIT": [0]}}),
        (Settings, {"max_connections": {"environment": {}, "promised": 10}}),
        (Settings, {"max_connections": {"environment": {"LIMIT": "10"}, "promised": 0}}),
        (Settings, {"idle_timeout": {"environment": {"IDLE": "1"}, "promised": 1}}),
    ],
)
def test_figures_outside_their_range_are_refused(family: type[Family], values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        family.model_validate(values)


DECLARED = Contract.model_validate(
    {
        "establishment": {"within": "1s", "success_ratio": 1.0},
        "liveness": {"heartbeat_interval": "300ms", "max_age": "2h"},
        "closing": {"shutdown_within": "3s"},
    }
)


def test_declared_is_what_is_written_down() -> None:
    """Also where it says what would hold anyway; what is left to a default is not."""
    assert DECLARED.declared() == (
        "establishment.within",
        "establishment.success_ratio",
        "liveness.heartbeat_interval",
        "liveness.max_age",
        "closing.shutdown_within",
    )
    assert Contract().declared() == ()


def test_a_promise_that_nobody_reads_is_named() -> None:
    read = ["establishment.within", "establishment.success_ratio", "liveness.heartbeat_interval", "latency.p99"]
    assert unread_keys(DECLARED, read) == ("liveness.max_age", "closing.shutdown_within")
    assert unread_keys(DECLARED, DECLARED.declared()) == ()
    assert unread_keys(DECLARED, []) == DECLARED.declared()
    assert unread_keys(Contract(), []) == ()


def test_an_answer_in_words() -> None:
    assert [answer.in_words for answer in RejectionAnswer] == ["HTTP 503", "close code 1013"]
