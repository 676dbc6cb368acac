"""Pressure: a server that runs short of something stays with those it has, and is whole again afterwards."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.expectations import PingedAtPeriod, RecoveredWithin, Undisturbed
from chaos.experiment import Experiment
from chaos.faults import FdLimit
from chaos.faults.base import Fault

pytestmark = [pytest.mark.chaos, pytest.mark.waits]

CLIENTS = 10

PERIODS = 3
"""Heartbeats under the shortage: the second says whether it goes on, the third whether it still keeps its period."""


@pytest.mark.promise(
    "pressure",
    "those inside while files are short",
    expects="Clients that are in are pinged at their period while the server can open no more files.",
    because="They need no file: only an accept loop that spins, or a loop that dies of EMFILE, hurts them.",
)
@pytest.mark.reads("liveness.heartbeat_interval")
@pytest.mark.faults(FdLimit())
async def test_heartbeat_without_files(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    interval = contract.liveness.heartbeat_interval
    crowd = await experiment.crowd("pinged", CLIENTS, trace=True)
    await crowd.connect()
    async with experiment.inject(fault):
        await experiment.watch(PERIODS * interval)
        until = experiment.now()
    await experiment.judge(
        PingedAtPeriod(crowd=crowd.name, interval=interval, until=until), Undisturbed(crowd=crowd.name)
    )


@pytest.mark.promise(
    "pressure",
    "service after files were short",
    expects="Once the server may open files again newcomers are served, without a restart.",
    because="An accept loop that ended at its first EMFILE leaves a server that looks alive and takes nobody.",
)
@pytest.mark.reads("recovery.within")
@pytest.mark.faults(FdLimit())
async def test_after_files_were_short(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    before = await experiment.crowd("before", CLIENTS)
    await before.connect()
    async with experiment.inject(fault):
        await experiment.watch(contract.recovery.within / 4)
    after = await experiment.crowd("after", CLIENTS)
    await after.connect()
    await experiment.judge(
        RecoveredWithin(crowd=after.name, count=CLIENTS, limit=contract.recovery.within),
        Undisturbed(crowd=before.name),
    )
