"""Places are taken and given back; backpressure follows."""

from __future__ import annotations

import pytest
from reference_server.admission import FULL, OUT_OF_MEMORY, Admission
from reference_server.backpressure import Backpressure
from reference_server.registry import Registry
from reference_server.statistics import Counters

from .fakes import AlwaysAttentive, FakeTime, make_connection


def test_lets_in_exactly_the_limit() -> None:
    admission = Admission(limit=3)
    assert [admission.try_enter() for _ in range(5)] == [None, None, None, FULL, FULL]
    admission.leave()
    assert [admission.try_enter() for _ in range(2)] == [None, FULL]


def test_rejects_by_memory_and_recovers() -> None:
    resident = 100
    admission = Admission(limit=10, memory_limit_bytes=150, resident=lambda: resident)
    assert admission.try_enter() is None
    resident = 150
    assert admission.try_enter() == OUT_OF_MEMORY
    resident = 149
    assert admission.try_enter() is None
    assert admission.inside == 2


@pytest.mark.parametrize(
    ("limit", "threshold", "warn_from"), [(100, 0.85, 85), (100, 0.07, 7), (10, 0.85, 9), (1, 0.5, 1)]
)
def test_threshold_in_connections(limit: int, threshold: float, warn_from: int) -> None:
    backpressure = Backpressure(
        limit=limit, threshold=threshold, inside=lambda: 0, registry=Registry(), counters=Counters()
    )
    assert backpressure.warn_from == warn_from


async def test_warns_once_per_crossing_with_hysteresis() -> None:
    clock = AlwaysAttentive(FakeTime())
    registry, counters = Registry(), Counters()
    inside = 0
    connection, _ = make_connection(clock, counters=counters)
    silent, _ = make_connection(clock, endpoint="echo", takes_warnings=False, counters=counters)
    registry.add(connection)
    registry.add(silent)
    backpressure = Backpressure(limit=100, threshold=0.85, inside=lambda: inside, registry=registry, counters=counters)
    warned = []
    for inside in (84, 85, 86, 84, 85, 80, 85, 79, 84, 85):  # noqa: B007  # read by the lambda
        backpressure.update()
        warned.append(counters.backpressure_warned)
    assert warned == [0, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    assert await connection.outbox.get() == '{"type": "backpressure_warning", "connections": 85, "limit": 100}'
    assert len(silent.outbox) == 0
