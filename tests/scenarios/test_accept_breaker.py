"""Accept breaker: when establishment keeps failing, the next clients are turned away at once, not kept waiting.

An upstream that is slow has no cell here. Nothing is promised of how long an establishment waits for it: below that it
is one that answers, beyond it one that hangs; and whoever is turned away hears the same of each. One that flaps fails
nobody in a row, so there is nothing to turn away for, to let in again or to ride out: it has a scenario of its own.
"""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.crowd.plan import Mode
from chaos.expectations import (
    Established,
    FailedByTheirOwnDoing,
    FailuresReached,
    FollowsTheBreakerModel,
    Provided,
    RodeOut,
    TurnedAwayForARow,
    TurnedAwayWhileOpen,
)
from chaos.expectations.breaker_model import Limits
from chaos.experiment import Experiment, Inconclusive, NotJudged
from chaos.experiment.crowd import request_of
from chaos.faults import UpstreamDown, UpstreamErrors, UpstreamFlapping, UpstreamHangs
from chaos.faults.base import Fault
from chaos.target import Gated
from chaos.units import format_duration

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.waits,
    pytest.mark.destructive,
    pytest.mark.needs(Capability.UPSTREAM, endpoints=["gated"]),
    pytest.mark.reads(
        "accept_breaker.failure_threshold",
        "accept_breaker.recovery_timeout",
        "accept_breaker.success_threshold",
        optional=["accept_breaker.rides_out"],
    ),
]


def follows_the_model(
    contract: SimpleNamespace, fault: Fault, *crowds: str, end: float
) -> list[FollowsTheBreakerModel]:
    """All that came, one after the other, up to a time. With its link down the upstream cannot see who knocks."""
    if isinstance(fault, UpstreamDown):
        return []
    promised = contract.accept_breaker
    limits = Limits(
        failure_threshold=promised.failure_threshold,
        recovery_timeout=promised.recovery_timeout,
        success_threshold=promised.success_threshold,
        # Nothing is promised of how long one that waits for the upstream takes to fail.
        call_timeout=math.inf,
        retries=promised.rides_out is not None,
    )
    return [FollowsTheBreakerModel(limits=limits, end=end, crowds=crowds)]


COMERS = 10
"""Clients that come during a short outage: with a promise for each, one of ten that is lost is seen."""


@pytest.mark.promise(
    "accept_breaker",
    "turns clients away while open",
    expects="After the declared failed establishments, each closed with its code, clients are turned away at once.",
    because="Waiting in line for something that cannot succeed is how a slow backend takes the front door down.",
)
@pytest.mark.reads(
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
        end = experiment.now()
    await experiment.judge(
        TurnedAwayWhileOpen(
            crowd=crowd.name,
            failures=promised.failure_threshold,
            open_for=promised.recovery_timeout,
            failure_code=promised.failure_code,
            open_code=promised.open_code,
            within=promised.answer_within,
        ),
        *follows_the_model(contract, fault, crowd.name, end=end),
    )


@pytest.mark.promise(
    "accept_breaker",
    "lets clients in again",
    expects="When the dependency is back and the recovery timeout over, clients get in as before.",
    because="The front door must not stay shut after the reason is gone.",
)
@pytest.mark.reads("establishment.within", "establishment.success_ratio")
@pytest.mark.faults(UpstreamErrors(), UpstreamDown())
async def test_lets_clients_in_again(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.accept_breaker
    failing = await experiment.crowd("failing", promised.failure_threshold + 1, endpoint="gated", keep_alive=False)
    async with experiment.inject(fault):
        await failing.connect(mode=Mode.SEQUENTIAL)
    opened = experiment.now()
    await experiment.watch(promised.recovery_timeout / 2)
    # The dependency is back, and no trial is due.
    early = await experiment.crowd("early", 2, endpoint="gated", keep_alive=False)
    await early.connect(mode=Mode.SEQUENTIAL)
    await experiment.watch(opened + promised.recovery_timeout - experiment.now())
    # The trial may be the only one let in while half-open, so clients come one after the other.
    back = await experiment.crowd("back", 5, endpoint="gated", keep_alive=False)
    await back.connect(mode=Mode.SEQUENTIAL)
    await experiment.judge(
        _everyone(back.name, back.count, contract),
        *follows_the_model(contract, fault, failing.name, early.name, back.name, end=experiment.now()),
    )


@pytest.mark.promise(
    "accept_breaker",
    "turns nobody away for failures that are not in a row",
    expects="While the dependency fails every other time, each client is tried: none is turned away.",
    because="A count that no success clears shuts everybody out, also from the half that works.",
)
@pytest.mark.reads("accept_breaker.failure_code", "accept_breaker.open_code")
@pytest.mark.faults(UpstreamFlapping())
async def test_failures_not_in_a_row(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.accept_breaker
    if promised.failure_threshold == 1:
        raise NotJudged("promises.accept_breaker.failure_threshold = 1, so that each failure opens it rightly")
    # One failure more than opens it in a row.
    crowd = await experiment.crowd("comers", 2 * (promised.failure_threshold + 1), endpoint="gated", keep_alive=False)
    async with experiment.inject(fault):
        await crowd.connect(mode=Mode.SEQUENTIAL)
    await experiment.judge(
        TurnedAwayForARow(
            crowd=crowd.name,
            count=crowd.count,
            failures=promised.failure_threshold,
            failure_code=promised.failure_code,
            open_code=promised.open_code,
        ),
        *follows_the_model(contract, fault, crowd.name, end=experiment.now()),
    )


@pytest.mark.promise(
    "accept_breaker",
    "is not opened by another circuit",
    expects="While calls of those who are inside have opened a circuit of their own, newcomers get in as before.",
    because="One breaker for all that is called shuts the front door for what ails a single function behind it.",
)
@pytest.mark.needs(endpoints=["data"])
@pytest.mark.reads(
    "breaker.failure_threshold", "breaker.recovery_timeout", "establishment.within", "establishment.success_ratio"
)
@pytest.mark.faults(UpstreamErrors())
async def test_is_not_opened_by_another_circuit(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    promised, threshold = contract.breaker, contract.breaker.failure_threshold
    comers = await experiment.crowd("comers", 3, endpoint="gated", keep_alive=False)
    await experiment.fill_cache()
    start = experiment.now()
    async with experiment.inject(fault):
        failed = await experiment.call_upstream(threshold)
        await experiment.call_upstream(1)
        spared = experiment.now()
    # The dependency is back for everybody who asks it.
    await comers.connect(mode=Mode.SEQUENTIAL)
    first = min(attempt.began for attempt in (await experiment.record()).attempts(comers.name))
    # No earlier did the other circuit open; from then on it may let somebody try.
    if first >= failed[-1].began + promised.recovery_timeout:
        raise Inconclusive(
            "the first newcomer came when the circuit of those inside may have been tried again, "
            f"{format_duration(first - failed[-1].began)} after it opened"
        )
    opened = FailuresReached(failures=threshold, start=start, end=spared)
    await experiment.judge(
        Provided(condition=opened, then=_everyone(comers.name, comers.count, contract)),
        *follows_the_model(contract, fault, comers.name, end=experiment.now()),
    )


@pytest.mark.promise(
    "accept_breaker",
    "keeps users' failures apart",
    expects="However many clients fail by their own doing, the others get in as before.",
    because="A breaker that counts whoever has no right to come in is a switch that anybody can turn.",
)
@pytest.mark.reads("accept_breaker.own_failure", "establishment.within", "establishment.success_ratio")
async def test_keeps_users_failures_apart(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.accept_breaker
    theirs = request_of({**experiment.endpoint(Gated).headers, **promised.own_failure})
    failing = await experiment.crowd(
        "failing", promised.failure_threshold + 3, endpoint="gated", keep_alive=False, **theirs
    )
    await failing.connect(mode=Mode.SEQUENTIAL)
    others = await experiment.crowd("others", 5, endpoint="gated", keep_alive=False)
    await others.connect(mode=Mode.SEQUENTIAL)
    await experiment.judge(
        FailedByTheirOwnDoing(crowd=failing.name, count=failing.count), _everyone(others.name, others.count, contract)
    )


@pytest.mark.promise(
    "accept_breaker",
    "rides out a short outage",
    expects="Clients that come while the dependency is away for a moment get in after all, without a second attempt.",
    because="Whoever is told of a failure that is over by then comes again, and everybody else at the same time.",
)
@pytest.mark.reads(
    "accept_breaker.rides_out",
    "establishment.within",
    "establishment.success_ratio",
    optional=["rejection.max_connections"],
)
@pytest.mark.faults(UpstreamErrors(), UpstreamHangs(), UpstreamDown())
async def test_rides_out_a_short_outage(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.accept_breaker
    comers = await experiment.crowd("comers", experiment.fitting(COMERS), endpoint="gated", keep_alive=False)
    async with experiment.inject(fault):
        coming = asyncio.create_task(comers.connect())
        # Half of it: injecting, healing and a busy machine take their part.
        await experiment.watch(promised.rides_out / 2)
    await coming
    await experiment.judge(
        RodeOut(
            crowd=comers.name,
            count=comers.count,
            outage=promised.rides_out,
            within=contract.establishment.within,
            success_ratio=contract.establishment.success_ratio,
        )
    )


def _everyone(crowd: str, count: int, contract: SimpleNamespace) -> Established:
    promised = contract.establishment
    return Established(crowd=crowd, count=count, within=promised.within, success_ratio=promised.success_ratio)
