"""Every line about a client carries its correlation id, and /metrics claims what it cannot show."""

from __future__ import annotations

import logging

import pytest

from tests.unit.incidents.test_exhaustion import Machine, clean_up, come, leave, managed


async def test_rejections_warnings_cuts_and_ends_say_whose_they_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    machine = Machine()
    manager = managed(machine, monkeypatch, MAX_CONNECTIONS="3", BACKPRESSURE_THRESHOLD="1", IDLE_TIMEOUT_SECONDS="300")
    idle, dead, closing = come(manager, machine, 3)
    assert manager.admit(777) == "connections"
    machine.now += 240
    dead.wire.given_up = dead.wire.is_ending = closing.wire.is_ending = True
    await clean_up(manager)
    machine.now += 60
    await clean_up(manager)
    leave(manager, dead)
    manager.gave_up(778)
    said = {record.getMessage() for record in caplog.records}
    assert said >= {
        f"connection={idle.number} accepted, 1 inside",
        f"connection={idle.number} warned: 3 of 3 places are taken",
        "connection=777 rejected: too little left of connections, 3 inside",
        f"connection={idle.number} warned: idle for 240.0 s",
        f"connection={idle.number} closed: idle for 300.0 s",
        f"connection={dead.number} cut: no pong came",
        f"connection={closing.number} cut: it has been closed, and does not end",
        f"connection={dead.number} ended, 2 inside",
        "connection=778 gone before it was accepted, 1 inside",
    }


async def test_what_nobody_outside_can_see_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch)
    going, *_ = come(manager, machine, 3)
    manager.heard(going)  # type: ignore[arg-type]  # a fake
    going.ending_since = machine.now
    machine.now += 0.025
    leave(manager, going)
    await clean_up(manager)
    manager.statistics()
    told = manager.statistics()
    claims = told["claims"]
    assert isinstance(claims, dict)
    assert {name: each["count"] for name, each in claims.items()} == {
        "registration": 3,
        "activity": 1,
        "cleanup": 1,
        "scan": 1,
        "giving_back": 1,
        "metrics": 2,
    }
    assert claims["cleanup"]["median_ms"] == pytest.approx(25.0)
    assert claims["cleanup"]["p95_ms"] == pytest.approx(25.0)
    assert told["cleanup"] == {"runs": 1, "cut": 0, "overdue": 0}
