"""Breaker: the circuit breaker in front of the upstream opens, spares it, serves from its cache, tries and closes.

Everything is judged from outside: what callers got, and what reached the upstream. The five cases are those of the
hub incident, with its open questions settled: one failure makes no transition, an open circuit leaves the upstream
alone, the trial after the timeout is one, not a stampede.

An upstream that is too slow has cells where its late answers may be taken for more than they are: they may clear the
count of failures, close an open circuit, or pass for those of a trial. Being given up in time, the stampede and the
closing after healing are those of an upstream that hangs: no server can tell the two apart until an answer comes. One
that flaps opens no circuit that counts failures in a row, so it has no cell where that has to be open first; trials
that are good and bad by turns have a scenario of their own.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.conditions import UpstreamHit
from chaos.expectations import (
    AnsweredWhileOpen,
    CallsAnswered,
    FailuresReached,
    FollowsTheBreakerModel,
    GivenUpWithin,
    LeftMidTrial,
    OpenedAfter,
    Provided,
    Undisturbed,
    UpstreamCalled,
    UpstreamLeftAlone,
    WaitedFor,
)
from chaos.experiment import Crowd, Experiment, NotJudged
from chaos.faults import (
    ClientReset,
    ClockJump,
    ClockSetBack,
    Composed,
    UpstreamDown,
    UpstreamErrors,
    UpstreamFlapping,
    UpstreamHangs,
    UpstreamSlow,
)
from chaos.faults.base import Fault
from chaos.journal import Source
from chaos.target import Data

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.waits,
    pytest.mark.destructive,
    pytest.mark.needs(Capability.UPSTREAM, endpoints=["data"]),
    pytest.mark.reads(
        "breaker.failure_threshold", "breaker.recovery_timeout", "breaker.success_threshold", "breaker.call_timeout"
    ),
]

FALLBACK = (Source.CACHED, Source.UNAVAILABLE)

TOO_SLOW = 1.2
"""Just beyond the call time-out, as a share of it: a loop that is a fifth of it late gives up no call too late."""

SLOW = 0.8
"""Just below what an answer is waited for, as a share of that."""

CALLERS = 20
"""Callers that ask in the same instant, each on a connection of its own: ten times the trials of the reference."""


def follows_the_model(contract: SimpleNamespace, *, end: float) -> FollowsTheBreakerModel:
    """Everything up to a time, with the promises that all breakers have."""
    return FollowsTheBreakerModel(
        failure_threshold=contract.breaker.failure_threshold,
        recovery_timeout=contract.breaker.recovery_timeout,
        success_threshold=contract.breaker.success_threshold,
        call_timeout=contract.breaker.call_timeout,
        end=end,
    )


def too_slow(fault: Fault, seconds: float) -> Fault:
    """An upstream that is slow is so by so much; any other fault is what it is."""
    return replace(fault, delay=seconds) if isinstance(fault, UpstreamSlow) else fault


async def _callers(experiment: Experiment, count: int) -> Crowd:
    """Clients who ask for the upstream's value, and take whatever they are answered."""
    data = experiment.endpoint(Data)
    answers = "|".join(f"(?:{each})" for each in (data.live, data.cached, data.unavailable) if each is not None)
    return await experiment.crowd("callers", count, endpoint="data", send=data.send, expect=answers, keep_alive=False)


@pytest.mark.promise(
    "breaker",
    "one failure changes nothing",
    expects="After a single failed call the next one goes to the upstream as before.",
    because="A breaker that opens on the first failure turns every hiccup into an outage.",
)
@pytest.mark.faults(UpstreamErrors())
async def test_one_failure_changes_nothing(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    if contract.breaker.failure_threshold == 1:
        raise NotJudged("promises.breaker.failure_threshold = 1, so that a single failure opens it rightly")
    await experiment.fill_cache()
    async with experiment.inject(fault):
        failing = experiment.now()
        await experiment.call_upstream(1)
    start = experiment.now()
    await experiment.call_upstream(2)
    end = experiment.now()
    await experiment.judge(
        FailuresReached(failures=1, start=failing, end=start),
        CallsAnswered(sources=(Source.LIVE,), start=start, end=end, when="after one failure"),
        follows_the_model(contract, end=end),
    )


@pytest.mark.promise(
    "breaker",
    "a success clears the count",
    expects="Failures that are not in a row do not add up: one fewer than the threshold, a success, and as many again.",
    because="A count that nothing clears opens the circuit in front of a healthy upstream, after a day or a week.",
)
@pytest.mark.faults(UpstreamErrors())
async def test_success_clears_the_count(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    # One less than opens it.
    few = contract.breaker.failure_threshold - 1
    if not few:
        raise NotJudged(
            "promises.breaker.failure_threshold = 1, so that there is nothing to add up: each failure opens it rightly"
        )
    await experiment.fill_cache()
    first = experiment.now()
    async with experiment.inject(fault):
        await experiment.call_upstream(few)
    between = experiment.now()
    await experiment.call_upstream(1)
    second = experiment.now()
    async with experiment.inject(fault):
        await experiment.call_upstream(few)
    start = experiment.now()
    await experiment.call_upstream(2)
    await experiment.judge(
        FailuresReached(failures=few, start=first, end=between),
        FailuresReached(failures=few, start=second, end=start),
        CallsAnswered(sources=(Source.LIVE,), start=start, end=experiment.now(), when="after failures not in a row"),
    )


@pytest.mark.promise(
    "breaker",
    "opens at its threshold",
    expects="Exactly the declared number of failures in a row opens the circuit; the next call is not passed on.",
    because="Off by one, errors or time-outs not counted, late answers taken for good ones: each is a breaker that "
    "opens late or never.",
)
@pytest.mark.faults(UpstreamErrors(), UpstreamHangs(), UpstreamSlow())
async def test_opens_at_threshold(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    threshold = contract.breaker.failure_threshold
    await experiment.fill_cache()
    async with experiment.inject(too_slow(fault, TOO_SLOW * contract.breaker.call_timeout)):
        start = experiment.now()
        calls = await experiment.call_upstream(threshold + 3)
        # A trial is due a recovery timeout after the circuit opened: what reaches the upstream from then on is one.
        end = min(experiment.now(), calls[threshold - 1].at + contract.breaker.recovery_timeout)
    await experiment.judge(
        OpenedAfter(failures=threshold, start=start, end=end),
        CallsAnswered(sources=FALLBACK, start=start, end=end, when="while the upstream fails"),
        follows_the_model(contract, end=experiment.now()),
    )


@pytest.mark.promise(
    "breaker",
    "stays closed where failures are not in a row",
    expects="While the upstream fails every other call, each call reaches it: the circuit never opens.",
    because="A breaker that counts a share of failures, or takes nothing back for a success, takes away half of the "
    "answers that there are.",
)
@pytest.mark.faults(UpstreamFlapping())
async def test_stays_closed_where_failures_are_not_in_a_row(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    threshold = contract.breaker.failure_threshold
    if threshold == 1:
        raise NotJudged("promises.breaker.failure_threshold = 1, so that each failure opens it rightly")
    # Twice as many failures as open it in a row.
    calls = 4 * threshold
    await experiment.fill_cache()
    async with experiment.inject(fault):
        start = experiment.now()
        await experiment.call_upstream(calls)
        end = experiment.now()
    await experiment.judge(
        UpstreamCalled(least=calls, most=calls, start=start, end=end, when="while it fails every other call"),
        follows_the_model(contract, end=end),
    )


@pytest.mark.promise(
    "breaker",
    "waits for a slow answer",
    expects="An answer that comes just within what it is promised to be waited for is its caller's, and a success.",
    because="A breaker that takes a busy hour for an outage makes it one.",
)
@pytest.mark.reads("breaker.waits_for")
@pytest.mark.faults(UpstreamSlow())
async def test_waits_for_a_slow_answer(experiment: Experiment, contract: SimpleNamespace, fault: UpstreamSlow) -> None:
    promised = contract.breaker
    slow = replace(fault, delay=SLOW * promised.waits_for)
    await experiment.fill_cache()
    async with experiment.inject(slow):
        start = experiment.now()
        # One more than would open it, were each of them a failure.
        await experiment.call_upstream(promised.failure_threshold + 1)
        end = experiment.now()
    await experiment.judge(
        WaitedFor(start=start, end=end, delay=slow.delay, within=promised.waits_for),
        follows_the_model(contract, end=end),
    )


@pytest.mark.promise(
    "breaker",
    "gives a hanging call up",
    expects="A call that the upstream leaves hanging is given up in time, and its caller gets what the cache has.",
    because="Until the circuit opens every caller waits that long; a retry in between makes it a multiple.",
)
@pytest.mark.faults(UpstreamHangs())
async def test_gives_a_hanging_call_up(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    await experiment.fill_cache()
    async with experiment.inject(fault):
        start = experiment.now()
        # As many as open the circuit, and no more: each of them reaches the upstream.
        await experiment.call_upstream(promised.failure_threshold)
        end = experiment.now()
    await experiment.judge(
        GivenUpWithin(start=start, end=end, within=promised.call_timeout),
        CallsAnswered(sources=FALLBACK, start=start, end=end, when="while the upstream hangs"),
    )


@pytest.mark.promise(
    "breaker",
    "spares the upstream while open",
    expects="While the circuit is open, callers are answered at once, from the cache where there is one, and nothing "
    "reaches the upstream.",
    because="A breaker that still knocks keeps a struggling upstream down; one that queues takes its callers down too.",
)
@pytest.mark.reads("breaker.answer_within")
@pytest.mark.faults(UpstreamErrors(), UpstreamHangs(), UpstreamSlow(), UpstreamDown())
async def test_spares_the_upstream(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    await experiment.fill_cache()
    # The answer to a call that was given up comes while the circuit is open: of a server that gives up at its promised
    # time-out that to the last call, of one that does sooner that to one before.
    late = promised.call_timeout + 0.4 * promised.recovery_timeout
    async with experiment.inject(too_slow(fault, late)):
        failed = await experiment.call_upstream(promised.failure_threshold)
        start = failed[-1].at
        # Half the recovery timeout, so that no trial is due yet.
        end = start + promised.recovery_timeout / 2
        await experiment.call_upstream_until(end, gap=promised.recovery_timeout / 20)
    sources = (Source.CACHED,) if experiment.endpoint(Data).cached is not None else FALLBACK
    # With its link down the upstream cannot see who knocks; what callers get, and how fast, is what there is.
    spared = (
        []
        if isinstance(fault, UpstreamDown)
        else [UpstreamLeftAlone(start=start, end=end), follows_the_model(contract, end=end)]
    )
    await experiment.judge(
        *spared,
        CallsAnswered(sources=sources, start=start, end=end, when="while open"),
        AnsweredWhileOpen(start=start, end=end, within=promised.answer_within),
    )


@pytest.mark.promise(
    "breaker",
    "tries again after its timeout",
    expects="When the recovery timeout is over, the declared trials reach the upstream, and no more of them.",
    because="Never half-open is an outage for ever; a stampede of trials is the next outage.",
)
@pytest.mark.reads("breaker.half_open_probes")
@pytest.mark.faults(UpstreamErrors(), UpstreamHangs(), UpstreamSlow())
async def test_tries_again(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    await experiment.fill_cache()
    # The answer to a call of before comes while a trial is under way: of a server that gives up at half its promised
    # time-out or later, that to one of the last two.
    late = promised.recovery_timeout + 1.4 * promised.call_timeout
    async with experiment.inject(too_slow(fault, late)):
        failed = await experiment.call_upstream(promised.failure_threshold)
        opened = failed[-1].at
        # Into the second open period, whenever the trial failed: a re-opened circuit waits at least as long again.
        until = opened + 1.75 * promised.recovery_timeout
        await experiment.call_upstream_until(until, gap=promised.recovery_timeout / 20)
        end = until
    await experiment.judge(
        UpstreamCalled(
            least=1,
            most=promised.half_open_probes,
            start=opened,
            due=opened + promised.recovery_timeout,
            end=end,
            when="after the recovery timeout",
        ),
        CallsAnswered(sources=FALLBACK, start=opened, end=end, when="while the upstream fails"),
        follows_the_model(contract, end=end),
    )


@pytest.mark.promise(
    "breaker",
    "one trial that fails is enough",
    expects="A success among trials that fail as well does not close the circuit, however often it comes again.",
    because="Successes that are kept from one half-open period to the next close it in front of an upstream that fails "
    "every other call.",
)
@pytest.mark.faults(UpstreamFlapping())
async def test_one_trial_that_fails_is_enough(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    if promised.success_threshold == 1:
        raise NotJudged("promises.breaker.success_threshold = 1, so that a single success closes it rightly")
    await experiment.fill_cache()
    async with experiment.inject(UpstreamErrors()):
        failed = await experiment.call_upstream(promised.failure_threshold)
        opened = failed[-1].at
    async with experiment.inject(fault):
        gap = promised.recovery_timeout / 20
        # Two periods that each begin with a good trial, also of a server that waits for thrice as long the second time.
        for _ in range(2):
            await experiment.call_upstream_until(opened + 5 * promised.recovery_timeout, gap=gap, stop=Source.LIVE)
        # A trial that fails, and those who are turned away then.
        await experiment.call_upstream(5, gap=gap)
        end = experiment.now()
    await experiment.judge(follows_the_model(contract, end=end))


@pytest.mark.promise(
    "breaker",
    "keeps its timeout though the clock is set",
    expects="When the server's wall clock jumps while the circuit is open, the trials are due when they were before.",
    because="Open until a time of day is open until tomorrow when the clock is put back, and no breaker at all when it "
    "is put forward.",
)
@pytest.mark.reads("breaker.half_open_probes")
@pytest.mark.faults(ClockJump(), ClockSetBack())
async def test_keeps_its_timeout_though_the_clock_is_set(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    promised = contract.breaker
    await experiment.restart_server_with_a_clock()
    await experiment.fill_cache()
    async with experiment.inject(UpstreamErrors()):
        failed = await experiment.call_upstream(promised.failure_threshold)
        opened = failed[-1].at
        until = opened + 1.5 * promised.recovery_timeout
        # All along: a trial that the jump makes come early comes before the jump is proven.
        asking = asyncio.create_task(experiment.call_upstream_until(until, gap=promised.recovery_timeout / 20))
        try:
            async with experiment.inject(fault):
                await asking
        finally:
            asking.cancel()
    await experiment.judge(
        UpstreamCalled(
            least=1,
            most=promised.half_open_probes,
            start=opened,
            due=opened + promised.recovery_timeout,
            end=until,
            when="though the clock was set",
        ),
        CallsAnswered(sources=FALLBACK, start=opened, end=until, when="while the upstream fails"),
        follows_the_model(contract, end=until),
    )


@pytest.mark.promise(
    "breaker",
    "trials are no stampede",
    expects="When everybody asks in the instant the circuit may try again, only the declared trials go through.",
    because="A permit that is checked before an await and taken after it lets the whole crowd try at once.",
)
@pytest.mark.reads("breaker.half_open_probes")
@pytest.mark.faults(UpstreamErrors(), UpstreamHangs())
async def test_trials_are_no_stampede(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    callers = await _callers(experiment, CALLERS)
    await experiment.fill_cache()
    async with experiment.inject(fault):
        failed = await experiment.call_upstream(promised.failure_threshold)
        opened = failed[-1].at
        # They ask for the first time when a trial is due: had they come before the failures, they would idle meanwhile.
        await callers.connect()
        await experiment.watch(promised.recovery_timeout)
        await callers.exchange(1)
        end = experiment.now()
    await experiment.judge(
        UpstreamCalled(
            least=1,
            most=promised.half_open_probes,
            start=opened,
            end=end,
            when=f"when {CALLERS} callers ask at once after the recovery timeout",
        ),
        Undisturbed(crowd=callers.name),
    )


@pytest.mark.promise(
    "breaker",
    "closes when the upstream is back",
    expects="When the upstream answers again, the circuit closes by itself and callers get live answers.",
    because="A breaker that never closes is the incident everyone remembers.",
)
@pytest.mark.reads("breaker.half_open_probes")
@pytest.mark.faults(UpstreamErrors(), UpstreamHangs(), UpstreamDown())
async def test_closes_again(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    await experiment.fill_cache()
    async with experiment.inject(fault):
        await experiment.call_upstream(promised.failure_threshold + 1)
    healed = experiment.now()
    # The circuit opened before the healing, so one recovery timeout later it tries; then every success counts.
    await experiment.call_upstream_until(
        healed + 2 * promised.recovery_timeout, gap=promised.recovery_timeout / 20, stop=Source.LIVE
    )
    await experiment.wait_until(UpstreamHit(since=healed), within=promised.recovery_timeout)
    await experiment.call_upstream(promised.success_threshold)
    closed = experiment.now()
    await experiment.call_upstream(5)
    end = experiment.now()
    # With its link down the upstream cannot see who knocks.
    followed = [] if isinstance(fault, UpstreamDown) else [follows_the_model(contract, end=end)]
    await experiment.judge(
        CallsAnswered(sources=(Source.LIVE,), start=closed, end=end, when="after the upstream is back"), *followed
    )


@pytest.mark.promise(
    "breaker",
    "callers who go take no trial along",
    expects="When the callers of a trial are reset while the upstream hangs, the circuit closes all the same once it "
    "answers.",
    because="A permit that only an answer gives back is lost with whoever waited for it, and the circuit with it.",
)
@pytest.mark.reads("breaker.half_open_probes")
@pytest.mark.faults(Composed(parts=(UpstreamHangs(), ClientReset())))
async def test_callers_who_go_take_no_trial_along(
    experiment: Experiment, contract: SimpleNamespace, fault: Composed
) -> None:
    promised = contract.breaker
    hangs, resets = fault.parts
    await experiment.fill_cache()
    async with experiment.inject(hangs):
        failed = await experiment.call_upstream(promised.failure_threshold)
        opened = failed[-1].at
        # As many as there are trials: each of them has one, and takes it along.
        callers = await _callers(experiment, promised.half_open_probes)
        await callers.connect()
        await experiment.watch(opened + promised.recovery_timeout - experiment.now())
        asked = experiment.now()
        await callers.ask()
        await experiment.wait_until(UpstreamHit(since=asked), within=promised.call_timeout)
        async with experiment.inject(resets, callers) as injection:
            pass
    healed = experiment.now()
    # A server may take it for a failed trial: then it waits for twice as long, at most, since they have gone.
    await experiment.call_upstream_until(
        healed + 2 * promised.recovery_timeout, gap=promised.recovery_timeout / 20, stop=Source.LIVE
    )
    await experiment.call_upstream(promised.success_threshold)
    start = experiment.now()
    await experiment.call_upstream(5)
    await experiment.judge(
        Provided(
            condition=LeftMidTrial(asked=asked, left=injection.since, at_most=promised.call_timeout / 2),
            then=CallsAnswered(
                sources=(Source.LIVE,), start=start, end=experiment.now(), when="after the callers of a trial have gone"
            ),
        )
    )
