"""The resource manager's admission, clean-up and Plan B; what is seen from outside is for the scenarios."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from exhaustion.connection import NUMBERS
from exhaustion.manager import WebSocketResourceManager
from exhaustion.plan_b import DEAD, MEMORY, OVERLOAD, TOO_MANY
from exhaustion.settings import MEGABYTE, Settings, read_settings

from chaos.target_file import load_target

EXHAUSTION = Path(__file__).resolve().parents[3] / "targets/incidents/exhaustion"

PLENTY = 1000 * MEGABYTE
LATE_COMER = 9_999


class Machine:
    """A clock, and memory."""

    def __init__(self) -> None:
        self.now, self.resident, self.headroom = 100.0, 50 * MEGABYTE, float(PLENTY)
        self.given_back = 0

    def give_back(self) -> None:
        self.given_back += 1


@dataclass
class Wire:
    given_up: bool = False
    is_ending: bool = False
    ping_interval: float = 30.0
    aborted: bool = False

    def abort(self) -> None:
        self.aborted = True


@dataclass(eq=False)
class Client:
    """A connection as the manager sees it."""

    active_at: float
    number: int = field(default_factory=lambda: next(NUMBERS))
    came_at: float = 0.0
    wire: Wire = field(default_factory=Wire)
    warned_at: float | None = None
    ending_since: float | None = None
    told: list[str] = field(default_factory=list)

    async def tell(self, message: dict[str, Any]) -> bool:
        self.told.append(message["type"])
        return True

    def is_active(self) -> None:
        self.warned_at = None

    async def close(self, code: int, reason: str) -> None:
        self.told.append(f"{code} {reason}")


def managed(machine: Machine, monkeypatch: pytest.MonkeyPatch, **environment: str) -> WebSocketResourceManager:
    return WebSocketResourceManager(
        settings(monkeypatch, **environment),
        resident=lambda: machine.resident,
        headroom=lambda: machine.headroom,
        give_back=machine.give_back,
        monotonic=lambda: machine.now,
    )


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(f"WEBSOCKET_{name}", value)
    return read_settings()


def come(manager: WebSocketResourceManager, machine: Machine, count: int) -> list[Client]:
    clients = [Client(active_at=machine.now) for _ in range(count)]
    for client in clients:
        assert manager.admit(client.number) is None
        manager.joined(client)  # type: ignore[arg-type]  # a fake
    return clients


def leave(manager: WebSocketResourceManager, client: Client) -> None:
    manager.left(client)  # type: ignore[arg-type]  # a fake


def in_force(manager: WebSocketResourceManager) -> list[str]:
    return manager.plan_b.in_force()


async def clean_up(manager: WebSocketResourceManager) -> None:
    manager.cleanup.run()
    await asyncio.sleep(0)


async def test_too_many_connections_new_ones_are_rejected_and_the_idle_have_half_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, MAX_CONNECTIONS="2", IDLE_TIMEOUT_SECONDS="300")
    idle, busy = come(manager, machine, 2)
    machine.now += 149
    busy.active_at = machine.now
    await clean_up(manager)
    assert (idle.told, busy.told, in_force(manager)) == (["backpressure_warning"], ["backpressure_warning"], [])
    assert manager.admit(LATE_COMER) == "connections"
    assert in_force(manager) == [TOO_MANY]
    await clean_up(manager)
    assert idle.told[-1] == "idle_warning"
    machine.now += 59
    manager.admit(LATE_COMER)
    machine.now += 1
    await clean_up(manager)
    assert (idle.told[-1], busy.told[-1]) == ("1001 idle", "backpressure_warning")
    leave(manager, idle)
    assert manager.admit(LATE_COMER) is None


async def test_memory_pressure_turns_away_by_memory_and_keeps_the_limit_low_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, EMERGENCY_SECONDS="60", MEMORY_RESERVE_MB="50")
    clients = come(manager, machine, 3)
    machine.headroom = 49 * MEGABYTE
    assert manager.admit(LATE_COMER) == "memory"
    assert in_force(manager) == [MEMORY]
    assert "websocket_memory_usage_high" in manager.statistics()["alerts"]  # type: ignore[operator]
    machine.headroom = PLENTY
    assert manager.statistics()["alerts"] == []
    assert manager.admit(LATE_COMER) == "memory"
    leave(manager, clients[0])
    assert manager.admit(LATE_COMER) is None
    machine.now += 60
    assert (in_force(manager), manager.admit(LATE_COMER)) == ([], None)


async def test_what_the_process_has_grown_by_is_held_against_the_limit_of_all_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, MAX_CONNECTIONS="100", MEMORY_LIMIT_PER_CONNECTION_MB="5")
    come(manager, machine, 1)
    machine.resident += 500 * MEGABYTE
    assert manager.admit(LATE_COMER) == "memory"


async def test_as_told_memory_is_the_number_of_connections_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, MEMORY_MEASURED_BY="count")
    machine.headroom, machine.resident = 0, PLENTY
    come(manager, machine, 97)
    assert manager.budget.taken() == 485 * MEGABYTE
    come(manager, machine, 3)
    assert (manager.admit(LATE_COMER), manager.admission.rejected["memory"]) == ("connections", 0)


async def test_dead_connections_that_pile_up_double_the_pace_of_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, HEARTBEAT_INTERVAL_SECONDS="30", EMERGENCY_SECONDS="60")
    clients = come(manager, machine, 20)
    for client in clients[:2]:
        client.wire.given_up = client.wire.is_ending = True
        leave(manager, client)
    await clean_up(manager)
    assert (in_force(manager), clients[-1].wire.ping_interval) == ([DEAD], 15.0)
    machine.now += 60
    await clean_up(manager)
    assert (in_force(manager), clients[-1].wire.ping_interval) == ([], 30.0)


async def test_one_dead_connection_in_twenty_is_no_pile(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch)
    client, *_ = come(manager, machine, 20)
    client.wire.given_up = True
    leave(manager, client)
    await clean_up(manager)
    assert in_force(manager) == []


async def test_overload_halves_the_limit_until_it_has_been_over_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, MAX_CONNECTIONS="4", EMERGENCY_SECONDS="60")
    come(manager, machine, 2)

    async def late(_: float) -> None:
        machine.now += 1

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "sleep", late)
        for _ in range(3):
            await manager._look_at_the_loop(0.1)
    assert (in_force(manager), manager.admit(LATE_COMER)) == ([OVERLOAD], "cpu")
    machine.now += 60
    assert manager.admit(LATE_COMER) is None


async def test_a_peer_that_is_given_up_and_takes_nothing_is_cut_by_the_next_clean_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, CLOSE_TIMEOUT_SECONDS="10")
    dead, closing = come(manager, machine, 2)
    dead.wire.given_up = dead.wire.is_ending = closing.wire.is_ending = True
    await clean_up(manager)
    assert (dead.wire.aborted, closing.wire.aborted) == (True, False)
    machine.now += 10
    await clean_up(manager)
    assert closing.wire.aborted


async def test_memory_is_given_back_in_the_two_clean_ups_after_an_end_and_in_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch)
    client, _ = come(manager, machine, 2)
    await clean_up(manager)
    assert machine.given_back == 0
    leave(manager, client)
    for _ in range(3):
        await clean_up(manager)
    assert machine.given_back == 2


async def test_memory_is_given_back_once_in_an_emergency_however_many_are_turned_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch)
    machine.headroom = 0.0
    assert [manager.admit(LATE_COMER) for _ in range(5)] == ["memory"] * 5
    assert machine.given_back == 1


async def test_also_where_memory_is_given_back_at_once_the_limit_stays_low_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, EMERGENCY_SECONDS="60")
    come(manager, machine, 1)
    before, machine.resident = machine.resident, machine.resident + 500 * MEGABYTE
    monkeypatch.setattr(manager, "_give_back", lambda: setattr(machine, "resident", before))
    assert manager.admit(LATE_COMER) == "memory"
    machine.now += 60
    assert manager.admit(LATE_COMER) is None


async def test_who_goes_while_it_is_accepted_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    manager = managed(machine, monkeypatch, MAX_CONNECTIONS="1")
    assert manager.admit(1) is None
    assert manager.admit(2) == "connections"
    manager.gave_up(1)
    assert manager.admit(3) is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MAX_CONNECTIONS", "0"),
        ("BACKPRESSURE_THRESHOLD", "85"),
        ("IDLE_WARNING_SECONDS", "300"),
        ("MEMORY_MEASURED_BY", "guess"),
    ],
)
def test_a_bad_setting_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=f"^WEBSOCKET_{variable} is '?{value}'?: "):
        settings(monkeypatch, **{variable: value})


def test_the_sweep_changes_the_threshold_and_its_promise_together() -> None:
    after = load_target(EXHAUSTION / "after.toml")
    swept = {path.stem: load_target(path) for path in sorted((EXHAUSTION / "sweep").glob("*.toml"))}
    assert list(swept) == ["70", "80", "85", "90"]
    for name, target in swept.items():
        share = int(name) / 100
        assert target.start.environment == {
            **after.start.environment,
            "WEBSOCKET_BACKPRESSURE_THRESHOLD": f"0.{name}",
        }
        assert target.promises.rejection is not None
        assert after.promises.rejection is not None
        assert target.promises.rejection == after.promises.rejection.model_copy(update={"warning_threshold": share})
