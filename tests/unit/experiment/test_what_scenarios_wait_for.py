"""What scenarios wait for before they look: as long as a busy machine may keep the server from it, and no longer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.capability import Capability
from chaos.conditions import AlertShown, ConnectionsAtMost, StatisticsSay
from chaos.contract import NearlyFull, RejectionAnswer
from chaos.expectations import AlertNotRaised, CounterAgrees, DatabaseSessionsGivenBack, Expectation
from chaos.experiment import RemoteConductor, Worse
from chaos.faults import Churn, ConnectionBurst, DiskFull, UpstreamErrors
from chaos.journal import Statistics as Told
from chaos.rpc import RpcClient
from chaos.target import Statistics
from chaos.verdict import Verdict
from fixtures.experiment import _as_it_was
from fixtures.session import Laboratory
from tests.scenarios import test_cleanup as cleanup
from tests.scenarios import test_observability as observability
from tests.scenarios import test_rejection as rejection
from tests.unit.expectations.records import attempt, ended, record
from tests.unit.experiment.scripted import Make, Remote, Scripted, make_target

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


def judged(made: Scripted, monkeypatch: pytest.MonkeyPatch) -> list[Expectation]:
    """What is asked of the record in the end, in its order."""
    found: list[Expectation] = []

    async def judge(*expectations: Expectation) -> None:
        found.extend(expectations)

    monkeypatch.setattr(made.experiment, "judge", judge)
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


async def test_the_dead_have_no_longer_than_is_promised(make: Make) -> None:
    """An idle timeout, or an age, would let go of those whom a server never finds."""
    made = make(target=promising(tells={"connections": "/connections"}))
    await rejection._settled(made.experiment, REJECTION)
    assert made.remote.called("wait_until") == [(ITSELF, 0.5)]


ALERTS = SimpleNamespace(
    observability=SimpleNamespace(
        raised_within=0.3,
        gone_within=0.5,
        nearly_full=NearlyFull(above=0.8, alert="alert"),
        full="alert",
        disk_full="alert",
        establishment_failing="alert",
    ),
    rejection=SimpleNamespace(max_connections=100),
    accept_breaker=SimpleNamespace(failure_threshold=3, recovery_timeout=0.5),
    establishment=SimpleNamespace(within=1.0, success_ratio=1.0),
)


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        (observability.test_alert_when_nearly_full, None),
        (observability.test_alert_when_full, ConnectionBurst()),
        (observability.test_alert_when_the_disk_is_full, DiskFull()),
        (observability.test_alert_while_nobody_can_be_let_in, UpstreamErrors()),
    ],
)
async def test_an_alert_of_the_scenario_before_is_not_raised_for_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, scenario: Any, fault: Any
) -> None:
    made = make(target=promising(tells={"alerts": "/alerts"}))
    made.remote.answers |= {"crowd_call": [], "open_clients": 0}
    watched(made, monkeypatch)
    expectations = judged(made, monkeypatch)
    await scenario(made.experiment, ALERTS, fault)
    assert made.remote.called("wait_until")[0] == (AlertShown(alert="alert", shown=False), 0.5 + PATIENCE)
    (asked,) = (each for each in expectations if isinstance(each, AlertNotRaised))

    def found(before: str, *, now: str) -> Verdict:
        readings = ((asked.start - 0.01, before), (asked.end, now))
        return asked.judge(record(*(Told(at=at, values={"alerts": alerts}) for at, alerts in readings))).verdict

    assert found("alert", now="") is Verdict.HELD
    assert found("alert", now="alert") is Verdict.VIOLATED, "it has not gone"
    assert found("", now="alert") is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("tells", "sees", "conditions"),
    [
        ({"connections": "/connections"}, True, [ConnectionsAtMost(0), StatisticsSay(which="connections", value=0)]),
        ({"connections": "/connections"}, False, [StatisticsSay(which="connections", value=0)]),
        ({"tasks": "/tasks"}, True, [ConnectionsAtMost(0)]),
        (None, False, []),
    ],
)
async def test_a_server_is_as_it_was_once_it_says_itself_that_nobody_is_there(
    tells: dict[str, str] | None, sees: bool, conditions: list[object]
) -> None:
    """Counters are read as the next scenario begins: whom the server counts out later is counted as one of its own."""
    target = promising(tells=tells, cleanup={"closed_within": "3s"})
    laboratory = SimpleNamespace(
        deployment=SimpleNamespace(target=target), can=lambda what: sees and what is Capability.SOCKET_PROBE
    )

    async def as_it_was(remote: Remote) -> bool:
        return await _as_it_was(RemoteConductor(cast(RpcClient, remote), patience=1.0), cast(Laboratory, laboratory))

    remote = Remote({"wait_until": True, "calm": True})
    assert await as_it_was(remote)
    assert remote.called("wait_until") == [(condition, pytest.approx(3.3)) for condition in conditions]
    for missed in conditions:
        assert not await as_it_was(Remote({"wait_until": lambda asked, _, it=missed: asked != it, "calm": True}))
    assert not await as_it_was(Remote({"wait_until": True, "calm": False}))


SESSIONS = SimpleNamespace(cleanup=SimpleNamespace(closed_within=0.5, database_sessions=3))


async def sessions_judged(
    make: Make, monkeypatch: pytest.MonkeyPatch, held: Callable[[int], float], *, first_left: float | None = None
) -> Verdict:
    """The finding of a server that holds so many sessions at each of its readings, from 0 on: ten of them before
    anybody comes, a twentieth of a second between two. `first_left` is how long after they had begun to come one of
    the clients was closed, seconds."""
    made = make(target=promising(tells={"database_sessions": "/pool"}))
    made.remote.answers |= {"crowd_call": [], "open_clients": 0}
    expectations, numbers, told = judged(made, monkeypatch), count(), []
    clock = 100.0

    async def watch(seconds: float) -> None:
        nonlocal clock
        clock += seconds

    async def statistics() -> dict[str, float | str]:
        told.append(Told(at=clock, values={"database_sessions": held(next(numbers))}))
        return told[-1].values

    async def so_far() -> Any:
        ends = [] if first_left is None else [ended(at=100.5 + first_left, crowd="listening")]
        return record(attempt(crowd="listening"), *ends)

    for name, does in (("watch", watch), ("statistics", statistics), ("record", so_far), ("now", lambda: clock)):
        monkeypatch.setattr(made.experiment, name, does)
    await cleanup.test_database_sessions_are_given_back(made.experiment, SESSIONS, None)
    (asked,) = expectations
    assert isinstance(asked, DatabaseSessionsGivenBack)
    return asked.judge(record(*told)).verdict


async def test_sessions_that_a_starved_half_second_of_questions_held_are_not_held_by_who_listens(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All ten readings of it met a broadcaster's question that waited for a core."""
    assert await sessions_judged(make, monkeypatch, lambda number: 4.0 if 10 <= number < 25 else 0.0) is Verdict.HELD


async def test_sessions_that_are_held_all_the_while_are(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await sessions_judged(make, monkeypatch, lambda number: 10.0 if number >= 10 else 0.0) is Verdict.VIOLATED


async def test_sessions_that_come_back_with_a_client_s_age_are_held_all_the_same(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(number: int) -> float:
        return 10.0 if 10 <= number < 40 else 0.0

    assert await sessions_judged(make, monkeypatch, held, first_left=1.4) is Verdict.VIOLATED


COUNTED = SimpleNamespace(
    observability=SimpleNamespace(counted_within=0.5), rejection=SimpleNamespace(max_connections=100)
)


async def test_counters_are_waited_for_together(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is wrong is waited for to the end: each for itself, those who stay would grow old meanwhile."""
    made = make(target=promising(tells={"accepted": "/in", "rejected": "/out"}))
    made.remote.answers["statistics"] = {"accepted": 3.0, "rejected": 0.0}
    expectations, clock, waits = judged(made, monkeypatch), 100.0, []

    async def wait_until(_: object, *, within: float) -> bool:
        nonlocal clock
        waits.append(within)
        clock += within
        return False

    monkeypatch.setattr(made.experiment, "wait_until", wait_until)
    monkeypatch.setattr(made.experiment, "now", lambda: clock)
    await observability.test_clients_are_counted(made.experiment, COUNTED, ConnectionBurst())
    assert waits == [0.5 + PATIENCE, 0.0]
    assert [(each.counter, each.canary) for each in expectations if isinstance(each, CounterAgrees)] == [
        ("accepted", True),
        ("rejected", True),
    ]
