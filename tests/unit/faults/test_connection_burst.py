"""A burst: everybody begins to connect before the first is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.address import Address
from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import Mode
from chaos.errors import CrowdError
from chaos.faults.connection_burst import ConnectionBurst, peak
from chaos.journal import Attempt, Bite, Ended, HealingState, Outcome
from tests.unit.faults.stage import (
    DirectLink,
    InProcess,
    connect_victims,
    make_scene,
    make_victims,
    run_fault,
    run_with_broken_body,
)

SIZE = 6


@pytest.fixture
async def newcomers(worker: InProcess, server: Address) -> CrowdHandle:
    """Clients that have not connected yet."""
    return await make_victims(worker, DirectLink(server), SIZE)


async def test_all_of_them_are_under_way_at_once(newcomers: CrowdHandle, server: Address, tmp_path: Path) -> None:
    inside: list[int] = []

    async def look() -> None:
        inside.append(await newcomers.open_count())

    receipt, healing = await run_fault(ConnectionBurst(), make_scene(server, victims=newcomers), tmp_path, look)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 0, 0)
    assert (receipt.evidence[0].side, receipt.evidence[0].before) == ("client", "0")
    assert receipt.evidence[0].during.startswith(f"{SIZE} of {SIZE}, begun within ")
    assert inside == [SIZE]
    assert receipt.since < receipt.at < healing.since <= healing.at
    assert healing.state is HealingState.HEALED
    assert [(seen.side, seen.before, seen.during) for seen in healing.evidence] == [("client", str(SIZE), "0")]


async def test_one_after_the_other_is_no_burst(
    newcomers: CrowdHandle, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = CrowdHandle.connect

    async def queue_up(self: CrowdHandle, mode: Mode) -> list[Attempt]:
        return await connect(self, Mode.SEQUENTIAL)

    monkeypatch.setattr(CrowdHandle, "connect", queue_up)
    receipt, _ = await run_fault(ConnectionBurst(), make_scene(server, victims=newcomers), tmp_path)
    assert receipt.bite is Bite.DID_NOT_BITE
    assert receipt.evidence[0].during.startswith(f"1 of {SIZE}, ")


async def test_clients_that_stay_are_not_healed(
    newcomers: CrowdHandle, server: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stay(self: CrowdHandle) -> list[Ended]:
        return []

    monkeypatch.setattr(CrowdHandle, "close", stay)
    _, healing = await run_fault(ConnectionBurst(), make_scene(server, victims=newcomers), tmp_path)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during == str(SIZE)


async def test_it_heals_when_the_body_raises(newcomers: CrowdHandle, server: Address, tmp_path: Path) -> None:
    healing = await run_with_broken_body(ConnectionBurst(), make_scene(server, victims=newcomers), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await newcomers.open_count() == 0


async def test_clients_that_are_connected_cannot_burst(worker: InProcess, server: Address, tmp_path: Path) -> None:
    connected = await connect_victims(worker, DirectLink(server))
    with pytest.raises(CrowdError, match=r"^client 0 of crowd 'victims' is open; close it first, "):
        await run_fault(ConnectionBurst(), make_scene(server, victims=connected), tmp_path)


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([], 0),
        ([(1.0, 2.0)], 1),
        ([(1.0, 2.0), (3.0, 4.0)], 1),
        ([(1.0, 4.0), (2.0, 3.0), (2.5, 5.0)], 3),
        ([(1.0, 2.0), (2.0, 3.0)], 2),  # the second had begun when the first had not ended yet
    ],
)
def test_the_peak_is_the_most_at_one_time(spans: list[tuple[float, float]], most: int) -> None:
    attempts = [
        Attempt(at=end, crowd="crowd", client=0, outcome=Outcome.OPEN, phase="tcp", began=began) for began, end in spans
    ]
    assert peak(attempts) == most
