"""Settings: a bad one stops the start and is named, a good one does what it says.

A setting that is read and not used looks like one that works until the day that somebody changes it. So each is changed
here to what no default would be, and what it is about is measured. The faults are those that it takes to see that: a
crowd for the limit, an upstream that fails for the breaker. The others are in the scenarios of what is set.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.conditions import NobodyLeaving
from chaos.crowd.plan import Mode
from chaos.expectations import (
    AllTried,
    ClosedWhenIdle,
    ClosedWith,
    RefusedAtStart,
    RejectedGracefully,
    WorkerRecycled,
)
from chaos.experiment import Crowd, Experiment
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
            places=changed.promised,
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


INSIDE = 12
"""Clients who stay while the workers serve newcomers."""

WHILE_ONE_IS_MISSING = 4
"""Newcomers in the time in which another worker is to serve: few, for each is a request to a worker that is left."""


@pytest.mark.promise(
    "settings",
    "a worker is replaced after as many requests as are set",
    expects="After so many requests another worker takes its place; it costs its own clients alone, who are told.",
    because="Each worker that is recycled is a small outage for whoever it serves, all day, and nobody's alarm.",
)
@pytest.mark.needs(Capability.SOCKET_PROBE, Capability.PROCESS_PROBE, Capability.TCP_TRUE)
@pytest.mark.reads(
    "settings.max_requests",
    "recovery.worker_within",
    optional=["closing.shutdown_code", "closing.shutdown_within", "rejection.max_connections"],
)
async def test_a_worker_is_replaced_after_so_many_requests(experiment: Experiment, contract: SimpleNamespace) -> None:
    changed, limit, closing = contract.settings.max_requests, contract.recovery.worker_within, contract.closing
    experiment.needs_places(INSIDE + 1)
    await experiment.restart_server_with(changed.environment)
    inside = await experiment.crowd("inside", INSIDE)
    await inside.connect_apart()
    first = await experiment.needs_workers(inside)
    workers, new = set(first.serving), False
    came: list[str] = []
    gone_at: float | None = None
    there_at = experiment.now()
    # While no worker goes: as many requests as they may serve, all together. Once one has gone: twice the bound.
    while not new and (
        len(came) <= changed.promised * len(workers) if gone_at is None else experiment.now() < gone_at + 2 * limit
    ):
        newcomer = await experiment.crowd(f"newcomer {len(came) + 1}", 1)
        await newcomer.connect()
        came.append(newcomer.name)
        found = await experiment.note_holders(newcomer)
        await newcomer.close()
        new = not first.there.issuperset(found.held.values())
        if gone_at is None and workers - set(found.serving):
            gone_at = experiment.now()
        elif gone_at is None:
            there_at = found.at
        if gone_at is not None and first.there.issuperset(found.serving):
            await _until_one_is_new(experiment, inside, first.there, within=limit / WHILE_ONE_IS_MISSING)
    await experiment.watch(closing.shutdown_within or limit)  # another may be on its way
    await experiment.wait_until(NobodyLeaving(inside.name), within=2 * inside.close_timeout)
    result = await inside.exchange(1)
    last = await experiment.note_holders(inside)
    gone = {int(client) for client, pid in first.held.items() if pid not in last.serving}
    told = ClosedWith(
        crowd=inside.name,
        codes=(closing.shutdown_code,),
        why="when their worker ends",
        only=tuple(sorted(gone)),
        within=closing.shutdown_within or 0.0,
        since=there_at,
    )
    await experiment.judge(
        WorkerRecycled(
            crowd=inside.name,
            answered=result.answered,
            newcomers=tuple(came),
            requests=changed.promised,
            limit=limit,
        ),
        *([told] if gone and closing.shutdown_within is not None else []),
    )


async def _until_one_is_new(experiment: Experiment, inside: Crowd, known: frozenset[int], *, within: float) -> None:
    end = experiment.now() + within
    while experiment.now() < end and known.issuperset((await experiment.note_holders(inside)).serving):
        await experiment.watch(within / 10)
