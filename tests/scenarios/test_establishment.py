"""Establishment: within its capacity, the server lets every client in, whatever order they come in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.crowd.plan import Mode
from chaos.expectations import Established
from chaos.experiment import Experiment, Via
from chaos.experiment.delays import added_by
from chaos.faults import Latency
from chaos.faults.base import Fault
from chaos.units import format_duration

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.reads("establishment.within", "establishment.success_ratio"),
]


@pytest.mark.promise(
    "establishment",
    "one after the other",
    expects="Connections made one after the other all succeed, each with its first message in time.",
    because="A server that loses one in ten here loses them to its own bookkeeping: nothing competes.",
)
@pytest.mark.reads("establishment.sequential")
@pytest.mark.faults(None, Latency(delay=0.01))
async def test_sequential(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.establishment
    crowd = await experiment.crowd("visitors", promised.sequential, via=Via.LINK if fault else Via.DIRECT)
    async with experiment.inject(fault):
        await crowd.connect(mode=Mode.SEQUENTIAL, hold=False)
    await experiment.judge(_everyone(crowd.name, promised.sequential, promised, fault))


@pytest.mark.promise(
    "establishment",
    "all at once",
    expects="Clients that connect in the same instant, and all stay, all get in.",
    because="A worker that serves one socket at a time passes every sequential test and none of this.",
)
@pytest.mark.reads("establishment.simultaneous", optional=["rejection.max_connections"])
@pytest.mark.faults(None, Latency())
async def test_simultaneous(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.establishment
    count = experiment.fitting(promised.simultaneous)
    crowd = await experiment.crowd("visitors", count, via=Via.LINK if fault else Via.DIRECT)
    async with experiment.inject(fault):
        await crowd.connect(mode=Mode.SIMULTANEOUS)
    await experiment.judge(_everyone(crowd.name, count, promised, fault))


@pytest.mark.promise(
    "establishment",
    "a growing crowd",
    expects="While the crowd grows step by step and everyone stays, newcomers are served as fast as the first.",
    because="What is done once per connected client when another one comes shows here first.",
)
@pytest.mark.reads("establishment.ramp", optional=["rejection.max_connections"])
@pytest.mark.faults(None, Latency())
async def test_ramp(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.establishment
    expectations, inside = [], 0
    async with experiment.inject(fault):
        for step in promised.ramp:
            wanted = experiment.fitting(step)
            if wanted <= inside:
                continue
            crowd = await experiment.crowd(f"up to {step}", wanted - inside, via=Via.LINK if fault else Via.DIRECT)
            await crowd.connect(mode=Mode.SIMULTANEOUS)
            expectations.append(_everyone(crowd.name, wanted - inside, promised, fault))
            inside = wanted
    await experiment.judge(*expectations)


def _everyone(crowd: str, count: int, promised: SimpleNamespace, fault: Fault | None) -> Established:
    # The 101 and the first message each cross the link, one after the other.
    added = 2 * added_by(fault)
    return Established(
        crowd=crowd,
        count=count,
        within=promised.within + added,
        success_ratio=promised.success_ratio,
        why=f"of which the link adds {format_duration(added)}" if added else "",
    )
