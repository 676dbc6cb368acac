"""Settings: a bad one stops the start and is named, a good one does what it says.

A setting that is read and not used looks like one that works until the day that somebody changes it. So each is changed
here to what no default would be, and what it is about is measured.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.crowd.plan import Mode
from chaos.expectations import AllTried, ClosedWhenIdle, RefusedAtStart, RejectedGracefully
from chaos.experiment import Experiment
from chaos.faults import ConnectionBurst, UpstreamErrors
from chaos.faults.base import Fault

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.waits,
    pytest.mark.destructive,
    pytest.mark.needs(Capability.RESTART, Capability.SETTINGS),
]

BEYOND = 5
"""Clients of a burst beyond a limit that was changed."""


@pytest.mark.promise(
    "settings",
    "bad ones stop the start",
    expects="With a value that makes no sense the server ends at once, with an exit code and the name of the setting.",
    because="A server that puts a default in its place runs for months with a limit that nobody has set.",
)
@pytest.mark.reads("settings.refused", "settings.refused_within")
async def test_bad_ones_stop_the_start(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.settings
    await experiment.try_settings(promised.refused)
    await experiment.judge(
        RefusedAtStart(tried=sum(map(len, promised.refused.values())), within=promised.refused_within)
    )


@pytest.mark.promise(
    "settings",
    "the limit is what is set",
    expects="With another limit just as many clients get in, and the others are turned away as with the old one.",
    because="A limit that is compared in one place and set in another is found out by the burst it was changed for.",
)
@pytest.mark.reads(
    "settings.max_connections", "rejection.answer", "rejection.within", optional=["rejection.retry_after"]
)
@pytest.mark.faults(ConnectionBurst())
async def test_the_limit_is_what_is_set(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    changed, promised = contract.settings.max_connections, contract.rejection
    free = experiment.some(changed.promised - experiment.own_connections)
    await experiment.restart_server_with(changed.environment)
    burst = await experiment.crowd("burst", free + BEYOND)
    async with experiment.inject(fault, burst):
        pass
    await experiment.judge(
        RejectedGracefully(
            crowd=burst.name,
            free=free,
            answer=promised.answer,
            within=promised.within,
            retry_after=promised.retry_after,
        )
    )


@pytest.mark.promise(
    "settings",
    "the idle timeout is what is set",
    expects="With another idle timeout clients that send nothing are closed after that one.",
    because="A timer that was armed with a constant keeps to it, whatever the file says.",
)
@pytest.mark.reads("settings.idle_timeout", optional=["cleanup.sweep_interval"])
async def test_the_idle_timeout_is_what_is_set(experiment: Experiment, contract: SimpleNamespace) -> None:
    changed = contract.settings.idle_timeout
    slack = contract.cleanup.sweep_interval or 0.0
    await experiment.restart_server_with(changed.environment)
    idle = await experiment.crowd("idle", 5, keep_alive=False)
    await idle.connect()
    # Twice the time: one that is only late is told from one that never comes.
    await experiment.wait_until_gone(idle, within=2 * (changed.promised + slack))
    await experiment.judge(ClosedWhenIdle(crowd=idle.name, timeout=changed.promised, slack=slack))


@pytest.mark.promise(
    "settings",
    "the accept breaker is off where it is set so",
    expects="With it switched off every establishment is tried, however many have failed before.",
    because="Whoever has to rule the breaker out at night needs a switch that is one.",
)
@pytest.mark.needs(Capability.UPSTREAM, endpoints=["gated"])
@pytest.mark.reads("settings.accept_breaker_off", "accept_breaker.failure_threshold", "accept_breaker.failure_code")
@pytest.mark.faults(UpstreamErrors())
async def test_the_accept_breaker_is_off_where_it_is_set_so(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    promised = contract.accept_breaker
    await experiment.restart_server_with(contract.settings.accept_breaker_off)
    comers = await experiment.crowd("comers", promised.failure_threshold + 3, endpoint="gated", keep_alive=False)
    async with experiment.inject(fault):
        await comers.connect(mode=Mode.SEQUENTIAL)
    await experiment.judge(AllTried(crowd=comers.name, count=comers.count, failure_code=promised.failure_code))
