"""Observability: what is wrong is told while it is, and what is told is so.

An alert is raised within its time, gone within its time, and never shown for nothing. A counter has risen by what
happened outside, counted by those it happened to, and a count of connections follows the kernel's.

Among the ends those are cells that a server counts in different places: one that its kernel was told of by RST, one by
FIN, one that only its heartbeat finds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.bounds import found_dead
from chaos.capability import Capability
from chaos.conditions import AlertShown, ConnectionsAtMost, StatisticsSay
from chaos.contract import NearlyFull
from chaos.crowd.plan import Mode
from chaos.expectations import (
    AlertGone,
    AlertNotRaised,
    AlertRaised,
    ClosedAgain,
    CounterAgrees,
    Established,
    FailuresReached,
    Provided,
    WitnessesAgree,
)
from chaos.experiment import Experiment, Injection, NotJudged
from chaos.faults import (
    ClientReset,
    ConnectionBurst,
    CrashMidMessage,
    DiskFull,
    FinWithoutClose,
    MemoryLimit,
    SilentClient,
    UpstreamErrors,
    UpstreamHangs,
    Vanished,
)
from chaos.faults.base import Fault
from chaos.journal import Bite, Outcome, Source, Traffic

pytestmark = [pytest.mark.chaos, pytest.mark.waits, pytest.mark.needs(Capability.STATISTICS)]

BURST = 1.5
"""Size of a burst as a multiple of the limit, as for rejection."""

LEAVING = 10
"""Clients whose end is counted: one that was left out is told from all of them."""

RECOVERIES = 10
"""Recovery timeouts in which a circuit has to be seen closed: a trial that fails for want of a core prolongs it."""

EXCHANGES = 10
"""Messages of each client: many more than the one or two of the canary that nobody can say of whether they were
counted yet."""


# -- alerts -------------------------------------------------------------------------------------------------------


@pytest.mark.promise(
    "observability",
    "alert when nearly full",
    expects="Above the declared share of the limit the alert is raised; just below it, before and after, it is not.",
    because="An alert that compares the wrong figure is found out on the day that it would have been needed.",
)
@pytest.mark.reads(
    "observability.nearly_full",
    "observability.raised_within",
    "observability.gone_within",
    "rejection.max_connections",
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(None, ClientReset())
async def test_alert_when_nearly_full(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    await _alert_above(experiment, contract, contract.observability.nearly_full, fault)


@pytest.mark.promise(
    "observability",
    "alert when very full",
    expects="Above the larger share of the limit the more urgent alert is raised; just below it it is not.",
    because="Two alerts that come together are one: who is woken up by the second has nothing left to do.",
)
@pytest.mark.reads(
    "observability.very_full",
    "observability.raised_within",
    "observability.gone_within",
    "rejection.max_connections",
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
async def test_alert_when_very_full(experiment: Experiment, contract: SimpleNamespace) -> None:
    await _alert_above(experiment, contract, contract.observability.very_full, None)


async def _alert_above(
    experiment: Experiment, contract: SimpleNamespace, promise: NearlyFull, fault: Fault | None
) -> None:
    """As many clients come as are below a share of the limit, and two more; those two leave again, by the fault."""
    promised, limit, alert = contract.observability, contract.rejection.max_connections, promise.alert
    # A billionth off, so that 0.8 of 100 is 80 also where the product is a hair below it.
    edge = math.floor(promise.above * limit + 1e-9)
    below = await experiment.crowd("below", experiment.some(edge - 1 - experiment.own_connections))
    above = await experiment.victims_of(fault, "above", 2)
    began = await _not_of_another(experiment, alert, within=promised.gone_within)
    await below.connect()
    await experiment.watch(promised.raised_within)
    await experiment.statistics()
    quiet = experiment.now()
    await above.connect()
    crossed = experiment.now()
    await _shown(experiment, alert, within=promised.raised_within)
    still = experiment.now()
    async with experiment.inject(fault, above) as injection:
        if injection.receipt.bite is not Bite.BIT:
            await above.close()
        await experiment.wait_until(
            ConnectionsAtMost(below.count + experiment.own_connections), within=experiment.patience
        )
        left = experiment.now()
        await _gone(experiment, alert, within=promised.gone_within)
    await experiment.judge(
        AlertNotRaised(alert=alert, why=f"{edge - 1} of {limit} places are taken", start=began, end=quiet),
        AlertRaised(
            alert=alert,
            why=f"{edge + 1} of {limit} places are taken",
            start=crossed,
            end=still,
            within=promised.raised_within,
        ),
        AlertGone(alert=alert, why=f"{edge - 1} of {limit} places are taken", start=left, within=promised.gone_within),
    )


@pytest.mark.promise(
    "observability",
    "alert when full",
    expects="While every place is taken the alert is raised; before, and when everybody has left, it is not.",
    because="Clients that are turned away complain to nobody: somebody has to be told.",
)
@pytest.mark.reads(
    "observability.full", "observability.raised_within", "observability.gone_within", "rejection.max_connections"
)
@pytest.mark.faults(ConnectionBurst())
async def test_alert_when_full(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    burst = await experiment.crowd("burst", round(BURST * contract.rejection.max_connections))
    await _alert_while(
        experiment,
        experiment.inject(fault, burst),
        contract.observability.full,
        contract,
        before="nobody is there",
        meanwhile="every place is taken",
        after="everybody has left",
    )


@pytest.mark.promise(
    "observability",
    "alert when memory is short",
    expects="While less memory is left than is kept for those inside the alert is raised; before and after it is not.",
    because="An alert that multiplies clients by what one should take says what the count says, and nothing of memory.",
)
@pytest.mark.reads(
    "observability.memory_short", "observability.raised_within", "observability.gone_within", "pressure.memory_reserve"
)
@pytest.mark.faults(MemoryLimit())
async def test_alert_when_memory_is_short(
    experiment: Experiment, contract: SimpleNamespace, fault: MemoryLimit
) -> None:
    await _alert_while(
        experiment,
        experiment.inject(replace(fault, spare=contract.pressure.memory_reserve // 2)),
        contract.observability.memory_short,
        contract,
        before="there is memory enough",
        meanwhile="memory is short",
        after="memory is there again",
    )


@pytest.mark.promise(
    "observability",
    "alert when the disk is full",
    expects="While nothing can be written to the disk the alert is raised; before and after it is not.",
    because="What a server would say of it in its log is what it cannot say: only an alert does.",
)
@pytest.mark.reads("observability.disk_full", "observability.raised_within", "observability.gone_within")
@pytest.mark.faults(DiskFull())
async def test_alert_when_the_disk_is_full(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    await _alert_while(
        experiment,
        experiment.inject(fault),
        contract.observability.disk_full,
        contract,
        before="there is room on the disk",
        meanwhile="the disk is full",
        after="there is room on the disk again",
    )


@pytest.mark.promise(
    "observability",
    "alert while the upstream fails",
    expects="The alert is raised when the circuit opens, not at a failure before that, and gone when it has closed.",
    because="Answers from a cache look well to everybody: that there is no upstream, only an alert says.",
)
@pytest.mark.reads(
    "observability.upstream_failing",
    "observability.raised_within",
    "observability.gone_within",
    "breaker.failure_threshold",
    "breaker.recovery_timeout",
    "breaker.success_threshold",
)
@pytest.mark.destructive
@pytest.mark.needs(Capability.UPSTREAM, endpoints=["data"])
@pytest.mark.faults(UpstreamErrors(), UpstreamHangs())
async def test_alert_while_the_upstream_fails(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised, breaker = contract.observability, contract.breaker
    alert = promised.upstream_failing
    few = breaker.failure_threshold - 1
    began = await _not_of_another(experiment, alert, within=promised.gone_within)
    await experiment.fill_cache()
    async with experiment.inject(fault):
        failing = experiment.now()
        await experiment.call_upstream(few)
        await experiment.statistics()
        quiet = experiment.now()
        await experiment.call_upstream(1)
        opened = experiment.now()
        await _shown(experiment, alert, within=promised.raised_within)
        still = experiment.now()
    closed = await _closed(experiment, breaker)
    end = experiment.now()
    await _gone(experiment, alert, within=promised.gone_within)
    await experiment.judge(
        FailuresReached(failures=few, start=failing, end=quiet),
        AlertNotRaised(
            alert=alert, why=f"{few} calls have failed, which does not open the circuit", start=began, end=quiet
        ),
        AlertRaised(alert=alert, why="the circuit is open", start=opened, end=still, within=promised.raised_within),
        Provided(
            condition=ClosedAgain(start=closed, end=end),
            then=AlertGone(alert=alert, why="the circuit has closed", start=closed, within=promised.gone_within),
        ),
    )


async def _closed(experiment: Experiment, breaker: SimpleNamespace) -> float:
    """When as many live answers had come as close the circuit; one call more has been made since, which tells.

    How soon it closes is the breaker's own promise: one trial that fails, and it is open again for longer.
    """
    deadline = experiment.now() + RECOVERIES * breaker.recovery_timeout
    while True:
        await experiment.call_upstream_until(deadline, gap=breaker.recovery_timeout / 20, stop=Source.LIVE)
        calls = await experiment.call_upstream(breaker.success_threshold)
        closed = experiment.now()
        calls += await experiment.call_upstream(1)
        if all(call.source is Source.LIVE for call in calls) or closed >= deadline:
            return closed


@pytest.mark.promise(
    "observability",
    "alert while nobody can be let in",
    expects="The alert is raised when establishment has failed too often, and gone when clients get in as before.",
    because="To a client that is turned away the reason is all the same; to whoever runs the server it is not.",
)
@pytest.mark.reads(
    "observability.establishment_failing",
    "observability.raised_within",
    "observability.gone_within",
    "accept_breaker.failure_threshold",
    "accept_breaker.recovery_timeout",
    "establishment.within",
    "establishment.success_ratio",
)
@pytest.mark.destructive
@pytest.mark.needs(Capability.UPSTREAM, endpoints=["gated"])
@pytest.mark.faults(UpstreamErrors())
async def test_alert_while_nobody_can_be_let_in(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    promised, breaker = contract.observability, contract.accept_breaker
    alert = promised.establishment_failing
    failing = await experiment.crowd("failing", breaker.failure_threshold + 1, endpoint="gated", keep_alive=False)
    began = await _not_of_another(experiment, alert, within=promised.gone_within)
    await experiment.statistics()
    quiet = experiment.now()
    async with experiment.inject(fault):
        await failing.connect(mode=Mode.SEQUENTIAL)
        opened = experiment.now()
        await _shown(experiment, alert, within=promised.raised_within)
        still = experiment.now()
    await experiment.watch(breaker.recovery_timeout)
    # The trial may be the only one let in while half-open, so clients come one after the other.
    back = await experiment.crowd("back", 5, endpoint="gated", keep_alive=False)
    await back.connect(mode=Mode.SEQUENTIAL)
    closed = experiment.now()
    await _gone(experiment, alert, within=promised.gone_within)
    everyone_is_in = Established(
        crowd=back.name,
        count=back.count,
        within=contract.establishment.within,
        success_ratio=contract.establishment.success_ratio,
    )
    await experiment.judge(
        AlertNotRaised(alert=alert, why="nobody has failed to get in", start=began, end=quiet),
        AlertRaised(
            alert=alert,
            why=f"{breaker.failure_threshold} have failed to get in",
            start=opened,
            end=still,
            within=promised.raised_within,
        ),
        Provided(
            condition=everyone_is_in,
            then=AlertGone(alert=alert, why="clients get in again", start=closed, within=promised.gone_within),
        ),
    )


async def _alert_while(
    experiment: Experiment,
    injection: AbstractAsyncContextManager[Injection],
    alert: str,
    contract: SimpleNamespace,
    *,
    before: str,
    meanwhile: str,
    after: str,
) -> None:
    """Judge an alert that is due while a fault lasts, and at no other time; the three say in words what is so when."""
    promised = contract.observability
    began = await _not_of_another(experiment, alert, within=promised.gone_within)
    await experiment.statistics()
    quiet = experiment.now()
    async with injection:
        start = experiment.now()
        await _shown(experiment, alert, within=promised.raised_within)
        still = experiment.now()
    healed = experiment.now()
    await _gone(experiment, alert, within=promised.gone_within)
    await experiment.judge(
        AlertNotRaised(alert=alert, why=before, start=began, end=quiet),
        AlertRaised(alert=alert, why=meanwhile, start=start, end=still, within=promised.raised_within),
        AlertGone(alert=alert, why=after, start=healed, within=promised.gone_within),
    )


async def _not_of_another(experiment: Experiment, alert: str, *, within: float) -> float:
    """Wait until an alert is gone that the scenario before has left, and say when it was looked for, seconds monotonic:
    from then on it is shown for nothing. Where it does not go it is shown afterwards, too."""
    await _gone(experiment, alert, within=within)
    return experiment.now()


async def _shown(experiment: Experiment, alert: str, *, within: float) -> None:
    """Wait until an alert is shown. A step's patience longer: one that is only late is told from one that never comes,
    on a crowded machine as well."""
    await experiment.wait_until(AlertShown(alert=alert), within=within + experiment.patience)


async def _gone(experiment: Experiment, alert: str, *, within: float) -> None:
    """Wait until an alert is shown no more, likewise."""
    await experiment.wait_until(AlertShown(alert=alert, shown=False), within=within + experiment.patience)


# -- counters -----------------------------------------------------------------------------------------------------


@pytest.mark.promise(
    "observability",
    "clients are counted",
    expects="Of a burst beyond the limit as many are counted as let in, and as turned away, as say so themselves.",
    because="Whoever sizes a service by figures that count some twice, and others not at all, sizes it wrong.",
)
@pytest.mark.reads("observability.counted_within", "rejection.max_connections")
@pytest.mark.faults(ConnectionBurst())
async def test_clients_are_counted(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    within = contract.observability.counted_within
    _tells_one_of(experiment, "accepted", "rejected")
    burst = await experiment.crowd("burst", round(BURST * contract.rejection.max_connections))
    before = await experiment.statistics()
    start = experiment.now()
    async with experiment.inject(fault, burst):
        end = experiment.now()
        attempts = (await experiment.record()).attempts(burst.name)
        let_in = sum(attempt.outcome is Outcome.OPEN for attempt in attempts)
        turned_away = sum(attempt.outcome in (Outcome.HTTP, Outcome.CLOSED) for attempt in attempts)
        counted = {"accepted": (let_in, "clients let in"), "rejected": (turned_away, "clients turned away")}
        unheard = len(attempts) - let_in - turned_away
        agree = await _counted(experiment, before, counted, start=start, end=end, within=within, perhaps=unheard)
    await experiment.judge(*agree)


@pytest.mark.promise(
    "observability",
    "ends are counted",
    expects="Connections that ended with a FIN or RST are counted as over, and none of them as dead.",
    because="The way out that forgets to count is found by an operator who adds up, and by nobody else.",
)
@pytest.mark.reads("observability.counted_within", "cleanup.closed_within")
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(ClientReset(), FinWithoutClose())
async def test_ends_are_counted(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    await _ends_are_counted(experiment, contract, fault, found_within=contract.cleanup.closed_within, dead=0)


@pytest.mark.promise(
    "observability",
    "the dead are counted",
    expects="Peers that the heartbeat has given up are counted as dead, and as over, each once.",
    because="How many clients die without a word says how the network is; nobody but the server can count them.",
)
@pytest.mark.reads(
    "observability.counted_within",
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    "cleanup.closed_within",
    optional=["cleanup.sweep_interval", "cleanup.farewell"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.faults(Vanished(), SilentClient())
async def test_the_dead_are_counted(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    bound = found_dead(contract)
    await _ends_are_counted(experiment, contract, fault, found_within=bound.seconds, dead=LEAVING)


async def _ends_are_counted(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault, *, found_within: float, dead: int
) -> None:
    """Some go beside others that stay; what has ended is what came and what the kernel does not hold any more."""
    within, settles = contract.observability.counted_within, contract.cleanup.closed_within
    _tells_one_of(experiment, "ended", "dead", "connections")
    staying = await experiment.crowd("staying", 5)
    leaving = await experiment.victims_of(fault, "leaving", LEAVING)
    before, start = await experiment.statistics(), experiment.now()
    held = (await experiment.sample()).connections
    await staying.connect()
    await leaving.connect()
    record = await experiment.record()
    came = sum(len(record.opened(crowd.name)) for crowd in (staying, leaving))
    async with experiment.inject(fault, leaving):
        await experiment.wait_until(
            ConnectionsAtMost(staying.count + experiment.own_connections),
            within=2 * found_within + experiment.sampling,
        )
        end = experiment.now()
        ended = came - ((await experiment.sample()).connections - held)
        counted = {
            "accepted": (came, "clients let in"),
            "ended": (ended, "connections that are over"),
            "dead": (min(dead, ended), "peers that had died"),
        }
        agree = await _counted(experiment, before, counted, start=start, end=end, within=within)
        # What is said so long after they went is wrong for certain, once the kernel was looked at as long after that.
        await experiment.watch(end + 2 * settles + 2 * experiment.sampling - experiment.now())
    witnesses = [WitnessesAgree(within=settles, why="closed_within")] if experiment.tells("connections") else []
    await experiment.judge(*agree, *witnesses)


@pytest.mark.promise(
    "observability",
    "messages are counted",
    expects="As many messages are counted as clients have sent whole, and none that was only begun.",
    because="A rate that counts fragments, or replies, or every message twice, is believed for years.",
)
@pytest.mark.reads("observability.counted_within")
@pytest.mark.faults(None, CrashMidMessage())
async def test_messages_are_counted(experiment: Experiment, contract: SimpleNamespace, fault: Fault | None) -> None:
    within = contract.observability.counted_within
    _tells_one_of(experiment, "received")
    talking = await experiment.crowd("talking", 5, keep_alive=False)
    breaking = await experiment.crowd("breaking", 5, keep_alive=False)
    await experiment.statistics()
    start = experiment.now()
    await talking.connect()
    await breaking.connect()
    async with experiment.inject(fault, breaking):
        await talking.exchange(EXCHANGES)
        end = experiment.now()
        await experiment.watch(2 * within)
        await experiment.statistics()
    sent = sum(item.sent for item in (await experiment.record()).journal.of(Traffic))
    await experiment.judge(
        CounterAgrees(
            counter="received",
            counted="messages of clients",
            happened=sent,
            start=start,
            end=end,
            within=within,
            beats=True,
        )
    )


def _tells_one_of(experiment: Experiment, *counters: str) -> None:
    """Raises NotJudged where the target's statistics tell none of the counters."""
    if not any(map(experiment.tells, counters)):
        raise NotJudged(f"the target's [statistics] name none of {', '.join(counters)}")


async def _counted(
    experiment: Experiment,
    before: Mapping[str, float | str],
    counted: Mapping[str, tuple[int, str]],
    *,
    start: float,
    end: float,
    within: float,
    perhaps: int = 0,
) -> list[CounterAgrees]:
    """Wait until each counter that the target tells has counted, and say what it should have; of `perhaps` more nobody
    else knows.

    A step's patience longer: one that is only late is told from one that is wrong, on a crowded machine as well.
    """
    there = {counter: what for counter, what in counted.items() if experiment.tells(counter)}
    until = experiment.now() + within + experiment.patience  # for all: those who stay grow old while one is wrong
    for counter, (happened, _) in there.items():
        was = before.get(counter)
        if isinstance(was, float):
            right = StatisticsSay(which=counter, value=was + happened)
            await experiment.wait_until(right, within=max(0.0, until - experiment.now()))
    await experiment.statistics()
    return [
        CounterAgrees(
            counter=counter,
            counted=what,
            happened=happened,
            perhaps=perhaps,
            canary=True,
            start=start,
            end=end,
            within=within,
        )
        for counter, (happened, what) in there.items()
    ]
