"""What scenarios wait for before they look: as long as a busy machine may keep the server from it, and no longer."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from chaos.conditions import StatisticsSay
from chaos.contract import RejectionAnswer
from chaos.experiment import Worse
from chaos.faults import Churn, ConnectionBurst
from chaos.target import Statistics
from tests.scenarios import test_rejection as rejection
from tests.unit.experiment.scripted import Make, Scripted, make_target

PATIENCE = 3.0
"""Seconds: thrice what establishing takes here."""


def promising(*, tells: Mapping[str, Any] | None = None, **promises: dict[str, Any]) -> Any:
    statistics = None if tells is None else Statistics(path="/stats", **tells)
    return make_target(statistics=statistics, establishment={"within": "1s"}, **promises)


def watched(made: Scripted, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every wait that nothing can end early."""
    found: list[float] = []

    async def watch(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(made.experiment, "watch", watch)
    return found


REJECTION = SimpleNamespace(
    rejection=SimpleNamespace(max_connections=100, answer=RejectionAnswer.HTTP_503, within=1.0, retry_after=False),
    cleanup=SimpleNamespace(closed_within=0.5),
)
ITSELF = StatisticsSay(which="connections", value=1)
"""What it says of nobody but the canary."""


async def test_whose_end_the_kernel_forgot_at_once_has_the_time_to_be_counted_out(make: Make) -> None:
    """503 to 2 of 99: a server that had no core for some 100 ms held the places of clients that RST had ended."""
    made = make(target=promising(tells={"connections": "/connections"}), fault=Churn())
    with pytest.raises(Worse):
        await rejection.test_the_limit_after_a_churn(made.experiment, REJECTION, Churn())
    assert (ITSELF, 0.5 + PATIENCE) in made.remote.called("wait_until")
    calls = [(name, *rest) for name, *rest in made.remote.calls if name in ("wait_until", "inject")]
    bursts = [number for number, call in enumerate(calls) if isinstance(call[1], ConnectionBurst)]
    assert calls[bursts[0] - 1] == ("wait_until", ITSELF, 0.5 + PATIENCE)


async def test_who_tells_no_count_has_as_long(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(target=promising(), fault=Churn())
    seconds = watched(made, monkeypatch)
    with pytest.raises(Worse):
        await rejection.test_the_limit_after_a_churn(made.experiment, REJECTION, Churn())
    assert seconds == [0.5 + PATIENCE]


async def test_places_are_asked_for_when_a_starved_server_can_have_given_them_back(make: Make) -> None:
    made = make(target=promising(tells={"connections": "/connections"}))
    await rejection._settled(made.experiment, REJECTION)
    assert made.remote.called("wait_until") == [(ITSELF, 0.5 + PATIENCE)]
