"""RST in the middle of a frame, once its first half has been read."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.crowd.handle import CrowdHandle
from chaos.faults.crash_mid_frame import CrashMidFrame
from chaos.journal import Bite, HealingState
from tests.unit.crowd.making import until
from tests.unit.faults.stage import IMPATIENCE, Direct, run_fault, run_with_broken_body


async def test_the_server_has_read_the_beginning_before_the_end(
    direct: Direct, ends: list[str], tmp_path: Path
) -> None:
    victims = await direct.connect()
    receipt, healing = await run_fault(CrashMidFrame(), direct.scene(victims), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.BIT, 3, 3)
    sockets, beginning = receipt.evidence
    assert (sockets.side, sockets.before) == ("server kernel", "3 ESTABLISHED")
    assert "ESTABLISHED" not in sockets.during
    assert (beginning.what, beginning.during) == ("half a frame, read by the server", "3 of 3")
    await until(lambda: len(ends) == 3)
    assert ends == ["ConnectionResetError"] * 3
    assert healing.state is HealingState.HEALED
    assert receipt.since < receipt.at <= healing.since <= healing.at


async def test_an_end_without_a_beginning_does_not_bite(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect()
    begin = CrowdHandle.begin_frame

    async def of_two(self: CrowdHandle) -> list[int]:
        return await begin(self.subset([0, 1]))

    monkeypatch.setattr(CrowdHandle, "begin_frame", of_two)
    receipt, _ = await run_fault(CrashMidFrame(), direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 2, 3)
    assert receipt.evidence[1].during == "2 of 3"


async def test_connections_that_stay_are_not_covered(
    direct: Direct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = await direct.connect()

    async def stay(self: CrowdHandle) -> list[int]:
        return []

    monkeypatch.setattr(CrowdHandle, "reset", stay)
    receipt, healing = await run_fault(CrashMidFrame(), direct.scene(victims, patience=IMPATIENCE), tmp_path)
    assert (receipt.bite, receipt.covered, receipt.total) == (Bite.DID_NOT_BITE, 0, 3)
    assert receipt.evidence[0].during == "3 ESTABLISHED"
    assert healing.state is HealingState.FAILED


async def test_it_is_over_when_the_body_raises(direct: Direct, tmp_path: Path) -> None:
    victims = await direct.connect()
    healing = await run_with_broken_body(CrashMidFrame(), direct.scene(victims), tmp_path)
    assert healing.state is HealingState.HEALED
    assert await victims.open_count() == 0
