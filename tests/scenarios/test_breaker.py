"""Breaker: the circuit breaker in front of the upstream opens, spares it, serves from its cache, tries and closes.

Everything is judged from outside: what callers got, and what reached the upstream. The five cases are those of the
hub incident, with its open questions settled: one failure makes no transition, an open circuit leaves the upstream
alone, the trial after the timeout is one, not a stampede.

An upstream that is too slow has cells where its late answers may be taken for more than they are: they may clear the
count of failures, close an open circuit, or pass for those of a trial. Being given up in time, the stampede and the
closing after healing are those of an upstream that hangs: no server can tell the two apart until an answer comes. One
that flaps opens no circuit that counts failures in a row, so it has no cell where that has to be open first; trials
that are good and bad by turns have a scenario of their own.

Calls of before have no say in what comes after. While open that goes for each of them. Once it is tried again, or has
closed, it is promised of calls that were given up by then: whether one that has not ended yet counts in the period in
which it ends, libraries do not agree, and a server that gives up within its recovery timeout has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from chaos.capability import Capability
from chaos.conditions import UpstreamHit
from chaos.expectations import (
    AnsweredWhileOpen,
    CallsAnswered,
    Expectation,
    FailuresReached,
    FollowsTheBreakerModel,
    GivenUpWithin,
    LeftMidCall,
    OpenedAfter,
    OpenedAtRate,
    OutlastedTheOpening,
    Provided,
    Undisturbed,
    UpstreamCalled,
    UpstreamLeftAlone,
    WaitedFor,
)
from chaos.expectations.breaker_model import Limits
from chaos.experiment import Crowd, Experiment, Inconclusive, NotJudged
from chaos.faults import (
    ClientReset,
    ClockJump,
    ClockSetBack,
    Composed,
    UpstreamDown,
    UpstreamErrors,
    UpstreamFlapping,
    UpstreamGivesOut,
    UpstreamHangs,
    UpstreamSlow,
)
from chaos.faults.base import Fault
from chaos.journal import Source
from chaos.target import Data
from chaos.units import counted, format_duration

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.waits,
    pytest.mark.destructive,
    pytest.mark.needs(Capability.UPSTREAM, endpoints=["data"]),
    pytest.mark.reads(
        "breaker.failure_threshold",
        "breaker.recovery_timeout",
        "breaker.success_threshold",
        "breaker.call_timeout",
        optional=["breaker.backoff", "breaker.longest_timeout", "breaker.failure_rate", "breaker.minimum_calls"],
    ),
]

FALLBACK = (Source.CACHED, Source.UNAVAILABLE)

TOO_SLOW = 1.2
"""Just beyond the call time-out, as a share of it: a loop that is a fifth of it late gives up no call too late."""

SLOW = 0.8
"""Just below what an answer is waited for, as a share of that."""

CALLERS = 20
"""Callers that ask in the same instant, each on a connection of its own: ten times the trials of the reference."""


def limits(contract: SimpleNamespace) -> Limits:
    """All that is promised of the breaker."""
    promised = contract.breaker
    return Limits(
        failure_threshold=promised.failure_threshold,
        recovery_timeout=promised.recovery_timeout,
        success_threshold=promised.success_threshold,
        call_timeout=promised.call_timeout,
        backoff=promised.backoff,
        longest_timeout=promised.longest_timeout or math.inf,
        by_rate=promised.failure_rate is not None,
    )


def follows_the_model(contract: SimpleNamespace, *, end: float, start: float = 0.0) -> FollowsTheBreakerModel:
    """Everything up to a time, with all that is promised; or from another time on."""
    return FollowsTheBreakerModel(limits=limits(contract), start=start, end=end)


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
        CallsAnswered(sources=(Source.LIVE,), start=start, end=end, when="after one failure", limits=limits(contract)),
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
    calls = 2 * (few + 1)
    if (contract.breaker.minimum_calls or math.inf) <= calls:
        raise NotJudged(f"promises.breaker.minimum_calls <= {calls}, so that as many failures open it by their rate")
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
        CallsAnswered(
            sources=(Source.LIVE,),
            start=start,
            end=experiment.now(),
            when="after failures not in a row",
            limits=limits(contract),
        ),
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
        # Half the recovery timeout, so that no trial is due yet, also where its caller has heard late that it opened.
        end = min(experiment.now(), calls[threshold - 1].at + contract.breaker.recovery_timeout / 2)
    await experiment.judge(
        OpenedAfter(failures=threshold, start=start, end=end, limits=limits(contract)),
        CallsAnswered(sources=FALLBACK, start=start, end=end, when="while the upstream fails", limits=limits(contract)),
        follows_the_model(contract, end=experiment.now()),
    )


@pytest.mark.promise(
    "breaker",
    "opens at its failure rate",
    expects="Failures that are never enough in a row open the circuit where they are the declared share of all calls, "
    "and not before there are as many calls as that takes.",
    because="A share of three calls is no share: without its minimum the circuit opens on the first bad minute of a "
    "quiet night.",
)
@pytest.mark.reads("breaker.failure_rate", "breaker.window", "breaker.minimum_calls")
@pytest.mark.faults(UpstreamErrors())
async def test_opens_at_its_rate(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    least, most = _until_its_rate(promised)
    await experiment.fill_cache()
    start = experiment.now()
    # More calls than it may take.
    await _almost_open_it(experiment, contract, fault, times=most // promised.failure_threshold + 1)
    # A trial is due a recovery timeout after the circuit opened, and no earlier did it than this call began.
    calls = (await experiment.record()).calls(start)
    end = min(experiment.now(), calls[least - 1].began + promised.recovery_timeout)
    await experiment.judge(
        OpenedAtRate(least=least, most=most, start=start, end=end, window=promised.window, limits=limits(contract)),
        follows_the_model(contract, end=end),
    )


async def _almost_open_it(experiment: Experiment, contract: SimpleNamespace, fault: Fault, *, times: int) -> None:
    """So many times one call less than opens it in a row while the upstream fails, and one while it does not."""
    for _ in range(times):
        async with experiment.inject(fault):
            await experiment.call_upstream(contract.breaker.failure_threshold - 1)
        await experiment.call_upstream(1)


def _until_its_rate(promised: SimpleNamespace) -> tuple[int, int]:
    """By how many calls after a good one it opens, at the least and at the most, where all but one of as many as would
    open it in a row fail, over and over.

    A server may look at its rate with each call, or with each that failed.
    """
    threshold, rate, minimum = promised.failure_threshold, promised.failure_rate, promised.minimum_calls
    if (threshold - 1) / threshold <= rate:
        raise NotJudged(
            f"promises.breaker.failure_threshold = {threshold} opens it before a share of {rate:g} of all has failed"
        )
    calls, failures, least = 1, 0, 0
    while True:
        failed = bool(calls % threshold)
        calls, failures = calls + 1, failures + failed
        if calls >= minimum and failures / calls >= rate:
            least = least or calls - 1
            if failed:
                return least, calls - 1


@pytest.mark.promise(
    "breaker",
    "forgets what its window has left behind",
    expects="Failures that are older than the window of the failure rate count no more.",
    because="A window that nothing leaves adds the failures of a week up to an outage in front of a healthy upstream.",
)
@pytest.mark.reads("breaker.failure_rate", "breaker.window", "breaker.minimum_calls")
@pytest.mark.faults(UpstreamErrors())
async def test_forgets_what_its_window_has_left_behind(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    promised = contract.breaker
    _, most = _until_its_rate(promised)
    await experiment.fill_cache()
    # By one more round of failures it would open.
    await _almost_open_it(experiment, contract, fault, times=(most - 1) // promised.failure_threshold)
    await experiment.watch(promised.window)
    start = experiment.now()
    few = promised.failure_threshold - 1
    async with experiment.inject(fault):
        await experiment.call_upstream(few)
    again = experiment.now()
    await experiment.call_upstream(2)
    end = experiment.now()
    await experiment.judge(
        UpstreamCalled(
            least=few,
            most=few,
            start=start,
            end=again,
            when="that fail, where those of before the window would open it",
            limits=limits(contract),
        ),
        CallsAnswered(
            sources=(Source.LIVE,), start=again, end=end, when="after failures of two windows", limits=limits(contract)
        ),
        follows_the_model(contract, end=end),
    )


@pytest.mark.promise(
    "breaker",
    "ignores its callers' mistakes",
    expects="However often the upstream answers that its caller was wrong, each call reaches it.",
    because="A breaker that takes a bad request for a bad upstream is a switch that any client can turn.",
)
@pytest.mark.reads("breaker.ignores")
@pytest.mark.faults(UpstreamErrors())
async def test_ignores_its_callers_mistakes(
    experiment: Experiment, contract: SimpleNamespace, fault: UpstreamErrors
) -> None:
    promised = contract.breaker
    await experiment.fill_cache()
    async with experiment.inject(replace(fault, status=promised.ignores)):
        start = experiment.now()
        await experiment.call_upstream(promised.failure_threshold + 3)
        end = experiment.now()
    again = experiment.now()
    await experiment.call_upstream(2)
    await experiment.judge(
        UpstreamCalled(
            least=promised.failure_threshold + 3,
            most=promised.failure_threshold + 3,
            start=start,
            end=end,
            when=f"while it answers {promised.ignores}",
            limits=limits(contract),
        ),
        CallsAnswered(
            sources=(Source.LIVE,),
            start=again,
            end=experiment.now(),
            when="after its callers' mistakes",
            limits=limits(contract),
        ),
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
    if (contract.breaker.failure_rate or 1) <= 0.5:
        raise NotJudged("promises.breaker.failure_rate <= 0.5, so that every other failure opens it by its rate")
    # Twice as many failures as open it in a row.
    calls = 4 * threshold
    await experiment.fill_cache()
    async with experiment.inject(fault):
        start = experiment.now()
        await experiment.call_upstream(calls)
        end = experiment.now()
    await experiment.judge(
        UpstreamCalled(
            least=calls,
            most=calls,
            start=start,
            end=end,
            when="while it fails every other call",
            limits=limits(contract),
        ),
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
        CallsAnswered(sources=FALLBACK, start=start, end=end, when="while the upstream hangs", limits=limits(contract)),
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
        else [UpstreamLeftAlone(start=start, end=end, limits=limits(contract)), follows_the_model(contract, end=end)]
    )
    await experiment.judge(
        *spared,
        CallsAnswered(sources=sources, start=start, end=end, when="while open", limits=limits(contract)),
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
    await experiment.judge(*_tried_once(contract, opened, until, when="after the recovery timeout"))


def _tried_once(contract: SimpleNamespace, opened: float, until: float, *, when: str) -> list[Expectation]:
    """The declared trials of one open period, and no more, while the upstream fails on."""
    promised = contract.breaker
    return [
        UpstreamCalled(
            least=1,
            most=promised.half_open_probes,
            start=opened,
            due=opened + promised.recovery_timeout,
            end=until,
            when=when,
            limits=limits(contract),
        ),
        CallsAnswered(
            sources=FALLBACK, start=opened, end=until, when="while the upstream fails", limits=limits(contract)
        ),
        follows_the_model(contract, end=until),
    ]


@pytest.mark.promise(
    "breaker",
    "waits longer each time",
    expects="After each trial that fails the circuit stays open for longer, as is declared, and no longer than that.",
    because="Without a back-off a long outage is knocked at for ever; one without an end outlasts it.",
)
@pytest.mark.reads("breaker.backoff")
@pytest.mark.faults(UpstreamErrors())
async def test_waits_longer_each_time(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    if promised.backoff == 1:
        raise NotJudged("promises.breaker.backoff = 1, so that it waits as long each time")
    await experiment.fill_cache()
    waits = [promised.recovery_timeout * promised.backoff**trial for trial in range(3)]
    async with experiment.inject(fault):
        failed = await experiment.call_upstream(promised.failure_threshold)
        opened = failed[-1].at
        # Until the third trial has been due for a while: with each trial it opens a little later than by the sum.
        due = opened + sum(min(wait, promised.longest_timeout or wait) for wait in waits)
        end = due + promised.recovery_timeout / 2
        await experiment.call_upstream_until(end, gap=promised.recovery_timeout / 20)
    await experiment.judge(follows_the_model(contract, end=end))


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
    await experiment.judge(*_tried_once(contract, opened, until, when="though the clock was set"))


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
        due = experiment.now()
        await callers.exchange(1)
        end = experiment.now()
    await experiment.judge(
        UpstreamCalled(
            least=1,
            most=promised.half_open_probes,
            start=opened,
            due=due,
            at_once=True,
            end=end,
            when=f"when {CALLERS} callers ask at once after the recovery timeout",
            limits=limits(contract),
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
        CallsAnswered(
            sources=(Source.LIVE,), start=closed, end=end, when="after the upstream is back", limits=limits(contract)
        ),
        *followed,
    )


@pytest.mark.promise(
    "breaker",
    "starts over once it has closed",
    expects="A circuit that has failed a trial, and has closed since, opens as late as ever and waits as long as ever.",
    because="A count or a back-off that is kept makes each outage more likely, or longer, than the one before.",
)
@pytest.mark.faults(UpstreamErrors())
async def test_starts_over_once_closed(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.breaker
    gap = promised.recovery_timeout / 20
    await experiment.fill_cache()
    async with experiment.inject(fault):
        failed = await experiment.call_upstream(promised.failure_threshold)
        opened = failed[-1].at
        # Into the second open period: a trial has failed.
        await experiment.call_upstream_until(opened + 1.5 * promised.recovery_timeout, gap=gap)
    # Where no back-off is declared it is thought to be four at most.
    wait = min((promised.backoff or 4) * promised.recovery_timeout, promised.longest_timeout or math.inf)
    back = await experiment.call_upstream_until(experiment.now() + wait + gap, gap=gap, stop=Source.LIVE)
    if back[-1].source is not Source.LIVE:
        if promised.backoff is None:
            raise Inconclusive(f"no live answer {format_duration(wait)} after the upstream was back: open for longer?")
        await experiment.judge(follows_the_model(contract, end=experiment.now()))
        return
    # The first success among them; with the last one it closes.
    await experiment.call_upstream(promised.success_threshold - 1)
    closed = experiment.now()
    async with experiment.inject(fault):
        first = await experiment.call_upstream(promised.failure_threshold)
        start = first[-1].at
        until = start + 1.5 * promised.recovery_timeout
        await experiment.call_upstream_until(until, gap=gap)
    await experiment.judge(
        OpenedAfter(
            failures=promised.failure_threshold,
            start=closed,
            end=start + promised.recovery_timeout / 2,
            limits=limits(contract),
        ),
        follows_the_model(contract, end=until),
    )


@pytest.mark.promise(
    "breaker",
    "late failures open no circuit",
    expects="Calls were given up, the circuit opened, and it has closed since: the errors that answer them now change "
    "nothing.",
    because="Each of them has failed once. Counted again, an outage that is over opens the circuit in front of an "
    "upstream that is well.",
)
@pytest.mark.reads(optional=["rejection.max_connections"])
@pytest.mark.faults(UpstreamErrors())
async def test_late_failures_open_no_circuit(
    experiment: Experiment, contract: SimpleNamespace, fault: UpstreamErrors
) -> None:
    opened = await _late_failures(experiment, contract, fault, trials=contract.breaker.success_threshold)
    await experiment.judge(
        await _answered_live(experiment, contract, when="after late errors, once it has closed"), opened
    )


@pytest.mark.promise(
    "breaker",
    "late failures fail no trial",
    expects="Calls were given up before the circuit opened: the errors that answer them while it is half-open leave it "
    "so.",
    because="An error that is known by the state it finds, and not by its call, ends a recovery that goes well.",
)
@pytest.mark.reads(optional=["rejection.max_connections"])
@pytest.mark.faults(UpstreamErrors())
async def test_late_failures_fail_no_trial(
    experiment: Experiment, contract: SimpleNamespace, fault: UpstreamErrors
) -> None:
    if contract.breaker.success_threshold == 1:
        raise NotJudged("promises.breaker.success_threshold = 1, so that a good trial leaves nothing half-open")
    opened = await _late_failures(experiment, contract, fault, trials=contract.breaker.success_threshold - 1)
    await experiment.judge(
        await _answered_live(experiment, contract, when="after late errors, while it is half-open"), opened
    )


async def _late_failures(
    experiment: Experiment, contract: SimpleNamespace, fault: UpstreamErrors, *, trials: int
) -> Expectation:
    """As many calls as open the circuit are given up, and their errors come once so many trials have been good.

    Returns that it was open. All are made at once, so that their errors come at once.
    """
    promised = contract.breaker
    # Half a recovery timeout after a trial is due, where the server gives up as late as it promises.
    late = promised.call_timeout + 1.5 * promised.recovery_timeout
    await experiment.fill_cache()
    experiment.needs_places(promised.failure_threshold)
    callers = await _callers(experiment, promised.failure_threshold)
    async with experiment.inject(replace(fault, delay=late)):
        await callers.connect()
        asked = experiment.now()
        answered = (await callers.exchange(1)).ended
    start, due = experiment.now(), asked + late
    back = await experiment.call_upstream_until(due, gap=promised.recovery_timeout / 20, stop=Source.LIVE)
    await experiment.call_upstream(trials - 1)
    if not back or back[-1].source is not Source.LIVE or experiment.now() > due:
        raise Inconclusive(f"{counted(trials, 'good trial')} had not come to an end when the first late error was due")
    # Nobody asks while the errors come: a success among them clears a count.
    await experiment.watch(due + 0.4 * promised.recovery_timeout - experiment.now())
    # It opened before their worker had stamped the last answer, by as much as may be ours.
    ours = (await experiment.record()).of_ours(callers.name, asked, answered)
    opened = answered - ours.seconds
    return Provided(
        condition=FailuresReached(failures=promised.failure_threshold, start=asked, end=start),
        then=CallsAnswered(
            sources=FALLBACK,
            start=start,
            end=opened + promised.recovery_timeout / 2,
            when="while open",
            limits=limits(contract),
        ),
    )


async def _answered_live(experiment: Experiment, contract: SimpleNamespace, *, when: str) -> CallsAnswered:
    """Two calls that have to get live answers."""
    start = experiment.now()
    await experiment.call_upstream(2)
    return CallsAnswered(sources=(Source.LIVE,), start=start, end=experiment.now(), when=when, limits=limits(contract))


@pytest.mark.promise(
    "breaker",
    "calls under way change nothing",
    expects="A call that was under way when the circuit opened ends while it is open: however it ends, the next trial "
    "is due when it was.",
    because="Where an answer is an answer, that to the last of before sends everybody to an upstream that fails; where "
    "the timeout runs from the last failure, it is as long as the slowest call has it.",
)
@pytest.mark.faults(UpstreamGivesOut(), UpstreamGivesOut(late=1.0))
async def test_calls_under_way_change_nothing(
    experiment: Experiment, contract: SimpleNamespace, fault: UpstreamGivesOut
) -> None:
    promised = contract.breaker
    # In time or not: both are calls that have nothing to say any more.
    waits = replace(fault, late=promised.call_timeout / 2) if fault.late else fault
    early = await _callers(experiment, 1)
    await experiment.fill_cache()
    async with contextlib.AsyncExitStack() as ending, experiment.inject(waits):
        await early.connect()
        asked = experiment.now()
        answered = asyncio.create_task(_answered(experiment, early))
        ending.callback(answered.cancel)
        await experiment.wait_until(UpstreamHit(since=asked), within=promised.call_timeout)
        # It goes on waiting.
        start = experiment.now()
        failed = await experiment.call_upstream(promised.failure_threshold)
        opened = failed[-1].at
        until = opened + 1.5 * promised.recovery_timeout
        await experiment.call_upstream_until(until, gap=promised.recovery_timeout / 20)
        ended = await answered
    await experiment.judge(
        Provided(
            condition=OutlastedTheOpening(asked=asked, start=start, opened=opened, ended=ended),
            then=follows_the_model(contract, start=start, end=until),
        )
    )


async def _answered(experiment: Experiment, crowd: Crowd) -> float:
    """When each of a crowd has asked once and has its answer, seconds monotonic."""
    await crowd.exchange(1)
    return experiment.now()


@pytest.mark.promise(
    "breaker",
    "callers who go open no circuit",
    expects="When as many callers as failures open the circuit go, while they wait for an answer that would have come "
    "in time, the next one is answered live.",
    because="A cancelled call says nothing of the upstream: taken for a failure, a page that many leave opens it.",
)
@pytest.mark.reads("breaker.waits_for", optional=["rejection.max_connections"])
@pytest.mark.faults(Composed(parts=(UpstreamSlow(), ClientReset())))
async def test_callers_who_go_open_no_circuit(
    experiment: Experiment, contract: SimpleNamespace, fault: Composed
) -> None:
    promised = contract.breaker
    slow, resets = fault.parts
    delay = SLOW * promised.waits_for
    await experiment.fill_cache()
    experiment.needs_places(promised.failure_threshold)
    callers = await _callers(experiment, promised.failure_threshold)
    async with experiment.inject(too_slow(slow, delay)):
        await callers.connect()
        asked = experiment.now()
        await callers.ask()
        await experiment.wait_until(UpstreamHit(since=asked, count=callers.count), within=promised.call_timeout)
        async with experiment.inject(resets, callers) as injection:
            pass
        # Until the answers that nobody waits for have come: a server may take them for what they are.
        await experiment.watch(delay)
    start = experiment.now()
    await experiment.call_upstream(2)
    await experiment.judge(
        Provided(
            condition=LeftMidCall(calls=callers.count, asked=asked, left=injection.since, at_most=delay),
            then=CallsAnswered(
                sources=(Source.LIVE,),
                start=start,
                end=experiment.now(),
                when="after callers have gone",
                limits=limits(contract),
            ),
        )
    )


@pytest.mark.promise(
    "breaker",
    "callers who go close no circuit",
    expects="When the callers of a trial are reset while the upstream hangs, at most one more call is tried.",
    because="A cancelled trial says nothing of the upstream: taken for a success, it lets everybody through to one "
    "that is still down.",
)
@pytest.mark.reads("breaker.half_open_probes")
@pytest.mark.faults(Composed(parts=(UpstreamHangs(), ClientReset())))
async def test_callers_who_go_close_no_circuit(
    experiment: Experiment, contract: SimpleNamespace, fault: Composed
) -> None:
    promised = contract.breaker
    if promised.failure_threshold == 1:
        raise NotJudged(
            "promises.breaker.failure_threshold = 1: a trial that fails cannot be told from a call that opens it"
        )
    hangs, resets = fault.parts
    await experiment.fill_cache()
    async with experiment.inject(hangs):
        asked, left = await _trial_without_its_callers(experiment, contract, resets)
    async with experiment.inject(UpstreamErrors()):
        start = experiment.now()
        await experiment.call_upstream(promised.failure_threshold)
        end = experiment.now()
    await experiment.judge(
        Provided(
            condition=LeftMidCall(calls=1, asked=asked, left=left, at_most=promised.call_timeout / 2),
            then=UpstreamCalled(
                least=0,
                most=1,
                start=start,
                end=end,
                when="after the callers of a trial have gone, while it fails",
                limits=limits(contract),
            ),
        )
    )


async def _trial_without_its_callers(
    experiment: Experiment, contract: SimpleNamespace, resets: Fault
) -> tuple[float, float]:
    """The circuit opens in front of an upstream that hangs, and whoever makes its trial is reset.

    Returns when they asked and when they went, seconds monotonic.
    """
    promised = contract.breaker
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
    return asked, injection.since


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
        asked, left = await _trial_without_its_callers(experiment, contract, resets)
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
            condition=LeftMidCall(calls=1, asked=asked, left=left, at_most=promised.call_timeout / 2),
            then=CallsAnswered(
                sources=(Source.LIVE,),
                start=start,
                end=experiment.now(),
                when="after the callers of a trial have gone",
                limits=limits(contract),
            ),
        )
    )
