"""Accept breaker: when establishment keeps failing, the next clients are turned away at once, not kept waiting."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.crowd.plan import Mode
from chaos.expectations import Established, TurnedAwayWhileOpen
from chaos.experiment import Experiment
from chaos.faults import UpstreamDown, UpstreamErrors, UpstreamHangs
from chaos.faults.base import Fault

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.waits,
    pytest.mark.destructive,
    pytest.mark.needs(Capability.UPSTREAM, endpoints=["gated"]),
    pytest.mark.reads("accept_breaker.failure_threshold"),
]


@pytest.mark.promise(
    "accept_breaker",
    "turns clients away while open",
    expects="After the declared failed establishments, each closed with its code, clients are turned away at once.",
    because="Waiting in line for something that cannot succeed is how a slow backend takes the front door down.",
)
@pytest.mark.reads(
    "accept_breaker.recovery_timeout",
    "accept_breaker.failure_code",
    "accept_breaker.open_code",
    "accept_breaker.answer_within",
)
@pytest.mark.faults(UpstreamErrors(), UpstreamHangs(), UpstreamDown())
async def test_turns_away_while_open(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.accept_breaker
    crowd = await experiment.crowd("comers", promised.failure_threshold + 3, endpoint="gated", keep_alive=False)
    async with experiment.inject(fault):
        await crowd.connect(mode=Mode.SEQUENTIAL)
    await experiment.judge(
        TurnedAwayWhileOpen(
            crowd=crowd.name,
            failures=promised.failure_threshold,
            open_for=promised.recovery_timeout,
            failure_code=promised.failure_code,
            open_code=promised.open_code,
            within=promised.answer_within,
        )
    )


@pytest.mark.promise(
    "accept_breaker",
    "lets clients in again",
    expects="When the dependency is back and the recovery timeout over, clients get in as before.",
    because="The front door must not stay shut after the reason is gone.",
)
@pytest.mark.reads("accept_breaker.recovery_timeout", "establishment.within", "establishment.success_ratio")
@pytest.mark.faults(UpstreamErrors(), UpstreamDown())
async def test_lets_clients_in_again(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.accept_breaker
    failing = await experiment.crowd("failing", promised.failure_threshold + 1, endpoint="gated", keep_alive=False)
    async with experiment.inject(fault):
        await failing.connect(mode=Mode.SEQUENTIAL)
    await experiment.watch(promised.recovery_timeout)
    # The trial may be the only one let in while half-open, so clients come one after the other.
    back = await experiment.crowd("back", 5, endpoint="gated", keep_alive=False)
    await back.connect(mode=Mode.SEQUENTIAL)
    await experiment.judge(
        Established(
            crowd=back.name,
            count=back.count,
            within=contract.establishment.within,
            success_ratio=contract.establishment.success_ratio,
        )
    )
