"""Establishment: within its capacity, the server lets every client in, whatever order they come in.

A link that loses, trickles or jitters brings the request later, as one with latency does, and no cell of its own: until
it is whole a server has nothing to do, and what it does with one that never is whole is survival's. A crash around the
101 is survival's and leak-free's, who comes when there is no room rejection's, what a slow upstream does to those who
need it the accept breaker's, and newcomers under a shortage are pressure's.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.crowd.plan import Mode
from chaos.expectations import Established, Expectation, StayedAfterUpgrade, Undisturbed
from chaos.experiment import Experiment, Via
from chaos.experiment.delays import added_by
from chaos.faults import Latency
from chaos.faults.base import Fault
from chaos.units import format_duration

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.reads("establishment.within", "establishment.success_ratio"),
]

QUIET = 10
"""Clients that say nothing at first: a race about newcomers that spares one in ten of them is seen too."""


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
    expects="While the crowd grows step by step newcomers are served as fast as the first, and everyone stays.",
    because="What is done once per connected client when another one comes shows here first, and so does a worker that "
    "falls over: by those it had.",
)
@pytest.mark.reads("establishment.ramp", optional=["rejection.max_connections"])
@pytest.mark.faults(None, Latency())
async def test_ramp(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    promised = contract.establishment
    expectations: list[Expectation] = []
    inside = 0
    async with experiment.inject(fault):
        for step in promised.ramp:
            wanted = experiment.fitting(step)
            if wanted <= inside:
                continue
            crowd = await experiment.crowd(f"up to {step}", wanted - inside, via=Via.LINK if fault else Via.DIRECT)
            await crowd.connect(mode=Mode.SIMULTANEOUS)
            expectations.append(_everyone(crowd.name, wanted - inside, promised, fault))
            expectations.append(Undisturbed(crowd=crowd.name, who_got_in=True))
            inside = wanted
    await experiment.judge(*expectations)


@pytest.mark.promise(
    "establishment",
    "still there after the 101",
    expects="A client that is let in and says nothing yet is still there when its first message may come.",
    because="A server whose tasks race about a newcomer ends it half a millisecond after the 101, or after a second.",
)
@pytest.mark.waits
@pytest.mark.reads(optional=["rejection.max_connections", "liveness.idle_timeout"])
@pytest.mark.faults(None, Latency())
async def test_still_there_after_the_101(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault | None
) -> None:
    promised = contract.establishment
    count = experiment.fitting(QUIET)
    # As long as a first message may take, and not so long that they would rightly be closed for idling.
    quiet = min(promised.within, (contract.liveness.idle_timeout or 2 * promised.within) / 2)
    via = Via.LINK if fault else Via.DIRECT
    crowd = await experiment.crowd("quiet", count, via=via, first_message=False, keep_alive=False)
    async with experiment.inject(fault):
        await crowd.connect(mode=Mode.SIMULTANEOUS)
        await experiment.watch(quiet)
    await experiment.judge(StayedAfterUpgrade(crowd=crowd.name, quiet=quiet))


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
