"""Each of the six alerts: not at its edge, raised one beyond it, gone when it is back."""

from __future__ import annotations

import pytest
from exhaustion.manager import WebSocketResourceManager
from exhaustion.settings import MEGABYTE

from tests.unit.incidents.test_exhaustion import Machine, clean_up, come, leave, managed

HIGH, CRITICAL = "websocket_connections_high", "websocket_connections_critical"
BACKPRESSURE = "websocket_backpressure"
MEMORY_HIGH, MEMORY_CRITICAL = "websocket_memory_usage_high", "websocket_memory_usage_critical"
CLEANUP = "websocket_cleanup_failures"


def alerts(manager: WebSocketResourceManager) -> list[str]:
    told = manager.statistics()["alerts"]
    assert isinstance(told, list)
    return told


@pytest.mark.parametrize(
    ("alert", "edge"),
    [(HIGH, 80), (CRITICAL, 95), (BACKPRESSURE, 84)],
    ids=["over 80", "over 95", "from 85 on"],
)
async def test_by_the_number_of_connections(alert: str, edge: int, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch)
    come(manager, machine, edge)
    assert alert not in alerts(manager)
    (one_more,) = come(manager, machine, 1)
    assert alert in alerts(manager)
    leave(manager, one_more)
    assert alert not in alerts(manager)


@pytest.mark.parametrize(("alert", "megabytes"), [(MEMORY_HIGH, 400), (MEMORY_CRITICAL, 480)])
async def test_by_the_memory_that_they_take(alert: str, megabytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch)
    machine.resident += megabytes * MEGABYTE
    assert alert not in alerts(manager)
    machine.resident += 1
    assert alert in alerts(manager)
    machine.resident -= 1
    assert alert not in alerts(manager)


async def test_by_the_memory_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, MEMORY_RESERVE_MB="50")
    machine.headroom = 50 * MEGABYTE
    assert alerts(manager) == []
    machine.headroom -= 1
    assert alerts(manager) == [MEMORY_CRITICAL, MEMORY_HIGH]
    machine.headroom += 1
    assert alerts(manager) == []


async def test_by_clean_ups_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over 5 %: with 38 that went when they were told to, two that did not are 5 %, and three are more."""
    machine = Machine()
    manager = managed(machine, monkeypatch, CLOSE_TIMEOUT_SECONDS="10", CLEANUP_INTERVAL_SECONDS="60")
    clients = come(manager, machine, 41)
    for client in clients:
        client.wire.is_ending = True
    for client in clients[2:40]:
        client.ending_since = machine.now
        leave(manager, client)
    late = clients[40]
    late.wire.is_ending = False
    await clean_up(manager)
    machine.now += 131
    assert CLEANUP not in alerts(manager)
    late.ending_since = machine.now - 131
    assert CLEANUP in alerts(manager)
    for client in (*clients[:2], late):
        leave(manager, client)
    assert CLEANUP not in alerts(manager)
