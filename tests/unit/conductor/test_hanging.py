"""A fault that hangs in the conductor: its caller is told, and what comes after does not wait for it for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaos.conductor.setup import ConductorSetup
from chaos.errors import FaultError
from chaos.journal import Healing, HealingState, read_journal
from tests.unit.conductor.deployment import CELL, Stage
from tests.unit.conductor.gated import Gated

IMPATIENCE = 0.2
"""Seconds that a step of the fault may take here: a hundred times what one takes."""

WITHIN = 50 * IMPATIENCE
"""Seconds for everything, also on a busy machine: four steps that hang are 0.8."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gated, "within", lambda self, patience: IMPATIENCE)


async def test_a_fault_that_hangs_in_injecting_ends_its_scenario_and_no_other(
    stage: Stage, bare: ConductorSetup, tmp_path: Path
) -> None:
    fault, gate = Gated.made("stuck")
    gate.inject.clear()
    async with asyncio.timeout(WITHIN):
        async with await stage.scenario(bare) as rpc:
            await rpc.call("open_cell", tmp_path / "first", **CELL)
            with pytest.raises(FaultError, match=r"^gated was not injected within 200ms and was called off; "):
                await rpc.call("inject", fault, None)
            assert gate.log == ["stuck injects", "stuck heals", "stuck is healed"]
            await rpc.call("close_cell")
        async with await stage.scenario(bare) as rpc:
            await rpc.call("open_cell", tmp_path / "second", **CELL)
            await rpc.call("close_cell")


async def test_cleaning_up_does_not_wait_for_ever_for_a_fault_that_does_not_heal(
    stage: Stage, bare: ConductorSetup, tmp_path: Path
) -> None:
    fault, gate = Gated.made("stuck")
    async with asyncio.timeout(WITHIN):
        async with await stage.scenario(bare) as rpc:
            await rpc.call("open_cell", tmp_path / "first", **CELL)
            await rpc.call("inject", fault, None)
            gate.heal.clear()
        async with await stage.scenario(bare) as rpc:
            await rpc.call("open_cell", tmp_path / "second", **CELL)
            await rpc.call("close_cell")
    (healing,) = read_journal(tmp_path / "first").of(Healing)
    assert healing.state is HealingState.FAILED
    assert healing.evidence[0].during.startswith("FaultError: gated was not healed within 200ms and was called off; ")
