from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import (
    CameBesideTheHostile,
    ClosedAgain,
    FailedByTheirOwnDoing,
    FailuresReached,
    FaultLasted,
    FaultsBit,
    FaultsHealed,
    LeftMidCall,
    OutlastedTheOpening,
    PongsDelayed,
    SteadyBefore,
)
from chaos.journal import (
    Attempt,
    Bite,
    Call,
    CrowdMade,
    Entrance,
    HealingState,
    Hit,
    HostileAnswer,
    Outcome,
    ServerEvent,
    Source,
)
from chaos.verdict import Finding, Verdict
from tests.unit.expectations.records import attempt, beat, bite, frame, healed, injected, record


def test_no_fault_is_sound() -> None:
    assert FaultsBit().judge(record()).verdict is Verdict.HELD
    assert FaultsHealed().judge(record()).verdict is Verdict.HELD


def test_a_fault_that_bit_and_healed_is_sound() -> None:
    made = record(injected(), bite(), healed())
    assert FaultsBit().judge(made).verdict is Verdict.HELD
    assert FaultsHealed().judge(made).verdict is Verdict.HELD


@pytest.mark.parametrize("how", [Bite.DID_NOT_BITE, Bite.UNKNOWN])
def test_a_fault_that_did_not_bite_decides_nothing(how: Bite) -> None:
    finding = FaultsBit().judge(record(injected(), bite(how=how, covered=0), healed()))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == (
        "the fault did not bite as it should, so nothing can be said of the server: "
        f"vanished: {how.value}, seen on 0 of 10 connections"
    )


def test_a_fault_that_bit_some_only_decides_nothing() -> None:
    assert FaultsBit().judge(record(injected(), bite(covered=9), healed())).verdict is Verdict.INCONCLUSIVE


def test_a_fault_without_a_receipt_decides_nothing() -> None:
    finding = FaultsBit().judge(record(injected(), injected(11.0), bite()))
    assert finding.observed == "1 of 2 faults left no receipt"
    assert finding.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("bitten", "observed"),
    [
        ((), "the fault of this cell, latency+vanished, was never injected: not latency and vanished"),
        (("vanished",), "the fault of this cell, latency+vanished, was never injected: not latency"),
    ],
)
def test_a_part_that_was_never_injected_decides_nothing(bitten: tuple[str, ...], observed: str) -> None:
    made = record(*(event for name in bitten for event in (injected(), replace(bite(), fault=name), healed())))
    finding = FaultsBit("latency+vanished", ("latency", "vanished")).judge(made)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == observed


@pytest.mark.parametrize("bitten", [("latency+vanished",), ("latency", "vanished")])
def test_a_composed_fault_may_be_injected_part_by_part(bitten: tuple[str, ...]) -> None:
    made = record(*(event for name in bitten for event in (injected(), replace(bite(), fault=name), healed())))
    assert FaultsBit("latency+vanished", ("latency", "vanished")).judge(made).verdict is Verdict.HELD


def test_a_fault_that_cannot_be_healed_is_never_green() -> None:
    finding = FaultsHealed().judge(record(injected(), bite(), healed(state=HealingState.FAILED)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "vanished could not be healed"


def test_a_fault_that_went_with_the_target_is_healed() -> None:
    made = record(injected(), bite(), healed(state=HealingState.GONE_WITH_THE_TARGET))
    assert FaultsHealed().judge(made).verdict is Verdict.HELD


def test_a_fault_that_was_not_seen_to_heal_is_never_green() -> None:
    assert FaultsHealed().judge(record(injected(), bite())).verdict is Verdict.INCONCLUSIVE


def test_who_comes_later_meets_the_fault_as_well() -> None:
    slow = replace(
        bite(since=10.0, covered=0, total=0), entrance=Entrance(address="127.0.0.1:9", since=10.01, at_least=0.05)
    )
    through = CrowdMade(at=0.5, crowd="late", pid=7, address="127.0.0.1:9")
    beside = CrowdMade(at=0.5, crowd="beside", pid=7, address="127.0.0.1:8")

    def came(*attempts: Attempt) -> Finding:
        events = (through, beside, injected(), slow, replace(healed(20.0), began=19.9), *attempts)
        return FaultsBit(expected="vanished").judge(record(*events))

    late, quick = (attempt(crowd="late", began=11.0, took=took) for took in (0.12, 0.09))
    assert (late.handshake, quick.handshake) == (0.06, 0.045)
    held = came(late, replace(late, client=1))
    assert (held.verdict, held.observed) == (Verdict.HELD, "vanished: bit and on 2 of 2 who came later")
    spared = came(late, replace(quick, client=1))
    assert spared.verdict is Verdict.INCONCLUSIVE
    assert spared.observed == (
        "client 1 of 'late' had its 101 45ms after its first packet: no vanished of 50ms; so 1 of 2 who came later "
        "were spared"
    )
    # It did nothing to these, and was not to.
    for other in (
        replace(quick, crowd="beside"),
        replace(quick, began=10.005),
        replace(quick, began=19.9),
        replace(quick, status=503, outcome=Outcome.HTTP),
        replace(quick, handshake=None),
    ):
        assert came(other).observed == "vanished: bit", other


def test_a_fault_that_lasted_too_long_for_its_harmlessness_decides_nothing() -> None:
    made = record(injected(), bite(since=10.0), healed(since=10.5))
    held = FaultLasted(at_most=0.5).judge(made)
    assert (held.verdict, held.observed) == (Verdict.HELD, "it lasted 500ms")
    longer = FaultLasted(at_most=0.4).judge(made)
    assert (longer.verdict, longer.observed) == (Verdict.INCONCLUSIVE, "it lasted 500ms")
    assert longer.promised == "a fault of 400ms at most"
    assert FaultLasted(at_most=0.4).judge(record(injected(), bite())).verdict is Verdict.INCONCLUSIVE


def test_a_server_that_was_not_well_before_the_fault_cannot_be_judged_by_it() -> None:
    well = record(beat(9.0, ok=True), injected(10.0), bite(), beat(11.0, ok=False), healed())
    assert SteadyBefore().judge(well).verdict is Verdict.HELD
    ill = SteadyBefore().judge(record(beat(9.0, ok=False), injected(10.0), bite(), healed()))
    assert ill.verdict is Verdict.INCONCLUSIVE
    assert ill.observed == "1 of 1 exchanges failed before the first fault: TimeoutError"


def test_without_a_fault_the_promise_itself_is_judged() -> None:
    finding = SteadyBefore().judge(record(beat(8.0, ok=True), beat(9.0, ok=False)))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "2 exchanges without a fault, 1 failed")


def test_an_untouched_client_that_never_had_an_answer_says_so() -> None:
    finding = SteadyBefore().judge(record(beat(8.0, ok=False), beat(9.0, ok=False)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "2 exchanges without a fault, and all of them failed: TimeoutError"


def test_whoever_is_never_answered_is_the_servers_where_the_exchange_is_vouched_for() -> None:
    vouched = SteadyBefore(vouched=True)
    finding = vouched.judge(record(beat(8.0, ok=False), beat(9.0, ok=False)))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "2 exchanges without a fault, 2 failed")
    # What a fault did cannot be told from what was so before, whoever vouches.
    assert vouched.judge(record(beat(9.0, ok=False), injected(10.0), bite(), healed())).verdict is Verdict.INCONCLUSIVE


def test_a_server_that_is_asked_to_stop_need_not_answer_any_more() -> None:
    asked = ServerEvent(at=8.5, what="asked to stop")
    finding = SteadyBefore().judge(record(beat(8.0, ok=True), asked, beat(9.0, ok=False)))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "1 exchange without a fault, none failed")


FAILED = FailuresReached(failures=1, start=10.0, end=11.0)


@pytest.mark.parametrize(
    ("hits", "verdict", "observed"),
    [
        ((10.5,), Verdict.HELD, "1 call reached the failing upstream"),
        ((9.5, 11.5), Verdict.INCONCLUSIVE, "0 calls reached the failing upstream"),
        ((10.5, 10.6), Verdict.INCONCLUSIVE, "2 calls reached the failing upstream"),
    ],
)
def test_a_failure_that_nobody_met_decides_nothing(hits: tuple[float, ...], verdict: Verdict, observed: str) -> None:
    finding = FAILED.judge(record(*(Hit(at=at, path="/data", status=500) for at in hits)))
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert finding.promised == "1 call of ours to fail at the upstream"


BACK = ClosedAgain(start=10.0, end=20.0)


@pytest.mark.parametrize(
    ("sources", "verdict", "observed"),
    [
        ((Source.LIVE, Source.LIVE), Verdict.HELD, "2 of 2 calls were answered live"),
        ((Source.LIVE, Source.CACHED), Verdict.INCONCLUSIVE, "1 of 2 calls were answered live"),
        ((), Verdict.INCONCLUSIVE, "0 of 0 calls were answered live"),
    ],
)
def test_how_soon_a_circuit_closes_is_another_promise(
    sources: tuple[Source, ...], verdict: Verdict, observed: str
) -> None:
    calls = [Call(at=11.1 + n, began=11.0 + n, source=source) for n, source in enumerate(sources)]
    finding = BACK.judge(record(Call(at=9.1, began=9.0, source=Source.LIVE), *calls))
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert finding.promised == "the circuit to have closed once the upstream was back"


SLOW = PongsDelayed(crowd="crowd", delay=0.4)


@pytest.mark.parametrize(
    ("pings", "pongs", "verdict", "observed"),
    [
        ((1.5, 2.0, 2.5), (1.9, 2.41), Verdict.HELD, "2 pongs of 1 client, the soonest of them after 400ms"),
        ((1.5, 2.0), (1.6, 2.4), Verdict.INCONCLUSIVE, "2 pongs of 1 client, the soonest of them after 100ms"),
        # The first was due long before the last ping came, and so was the second.
        ((1.5, 2.0, 2.5, 3.0), (1.9,), Verdict.INCONCLUSIVE, "4 pings to client 0, and 1 of 3 late pongs of it"),
        ((1.5, 2.0, 2.5, 3.0), (1.9, 2.4), Verdict.INCONCLUSIVE, "4 pings to client 0, and 2 of 3 late pongs of it"),
        ((1.5, 2.0, 2.5, 3.0), (1.9, 2.4, 2.9), Verdict.HELD, "3 pongs of 1 client, the soonest of them after 400ms"),
        ((1.5, 2.0), (), Verdict.INCONCLUSIVE, "2 pings to client 0, and no late pong of it"),
        ((), (), Verdict.INCONCLUSIVE, "0 pings to client 0, and no late pong of it"),
    ],
)
def test_a_peer_that_was_not_slow_decides_nothing(
    pings: tuple[float, ...], pongs: tuple[float, ...], verdict: Verdict, observed: str
) -> None:
    made = record(
        attempt(),
        *(frame(at, opcode="ping") for at in pings),
        *(frame(at, opcode="late pong") for at in pongs),
    )
    finding = SLOW.judge(made)
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert SLOW.judge(record()).observed == "nobody was there to be asked"


def test_one_of_many_that_was_not_slow_decides_nothing() -> None:
    clients = range(5)
    pings = [frame(at, client=client, opcode="ping") for client in clients for at in (1.5, 2.0, 2.5)]
    pongs = [frame(ping.at + 0.4, client=ping.client, opcode="late pong") for ping in pings if ping.at < 2.5]
    finding = SLOW.judge(record(*map(attempt, clients), *pings, *pongs))
    assert (finding.verdict, finding.observed) == (
        Verdict.HELD,
        "10 pongs of 5 clients, the soonest of them after 400ms",
    )
    finding = SLOW.judge(record(*map(attempt, clients), *pings, *pongs[:-1]))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "3 pings to client 4, and 1 of 2 late pongs of it",
    )


def _hostile(at: float) -> HostileAnswer:
    return HostileAnswer(at=at, inputs="slow", case="slow request", reaction="http", delivered=True, took=1.0)


def test_a_crowd_that_came_before_the_first_hostile_client_had_ended_came_beside_them() -> None:
    finding = CameBesideTheHostile(crowd="crowd").judge(record(attempt(began=1.0), _hostile(2.0), _hostile(3.0)))
    assert finding.verdict is Verdict.HELD
    assert finding.observed == "the last of them came 1s before the first had ended"


def test_one_that_came_later_met_nobody() -> None:
    events = (attempt(began=1.0), attempt(1, began=2.5), _hostile(2.0), _hostile(3.0))
    finding = CameBesideTheHostile(crowd="crowd").judge(record(*events))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "the first hostile client had ended 500ms before the last of them came"


def test_nobody_came_beside_nobody() -> None:
    for events in ((), (attempt(),), (_hostile(2.0),)):
        assert CameBesideTheHostile(crowd="crowd").judge(record(*events)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("hits", "verdict", "observed"),
    [
        ((), Verdict.INCONCLUSIVE, "0 calls under way when they went"),
        ((9.0, 11.5, 12.5), Verdict.INCONCLUSIVE, "1 call under way when they went"),
        ((10.5, 11.5), Verdict.INCONCLUSIVE, "2 calls under way, the first of them for 1.5s"),
        ((11.5, 11.75), Verdict.HELD, "2 calls under way, the first of them for 500ms"),
    ],
)
def test_callers_have_to_go_while_their_calls_last(hits: tuple[float, ...], verdict: Verdict, observed: str) -> None:
    made = record(*(Hit(at=at, path="/data", status=0) for at in hits))
    finding = LeftMidCall(calls=2, asked=10.0, left=12.0, at_most=1.0).judge(made)
    assert (finding.verdict, finding.observed) == (verdict, observed)


@pytest.mark.parametrize(
    ("hits", "ended", "verdict", "observed"),
    [
        ((), 13.0, Verdict.INCONCLUSIVE, "0 calls under way before it opened"),
        ((9.5, 11.5), 13.0, Verdict.INCONCLUSIVE, "0 calls under way before it opened"),
        ((10.2, 10.4), 13.0, Verdict.INCONCLUSIVE, "2 calls under way before it opened"),
        ((10.5, 11.5), 11.8, Verdict.INCONCLUSIVE, "it had ended 200ms before it was open"),
        ((10.5, 11.5), 12.25, Verdict.HELD, "it ended 250ms after the circuit opened"),
    ],
)
def test_a_call_of_before_ends_after_the_circuit_has_opened(
    hits: tuple[float, ...], ended: float, verdict: Verdict, observed: str
) -> None:
    made = record(*(Hit(at=at, path="/data", status=0) for at in hits))
    finding = OutlastedTheOpening(asked=10.0, start=11.0, opened=12.0, ended=ended).judge(made)
    assert (finding.verdict, finding.observed) == (verdict, observed)


@pytest.mark.parametrize(
    ("outcomes", "verdict", "observed"),
    [
        ((Outcome.HTTP, Outcome.CLOSED), Verdict.HELD, "0 of 2 got in"),
        ((Outcome.HTTP, Outcome.OPEN), Verdict.INCONCLUSIVE, "1 of 2 got in"),
        ((Outcome.HTTP,), Verdict.INCONCLUSIVE, "0 of 1 got in"),
    ],
)
def test_failures_of_ones_own_that_were_none_decide_nothing(
    outcomes: tuple[Outcome, ...], verdict: Verdict, observed: str
) -> None:
    made = record(*(attempt(number, outcome=outcome) for number, outcome in enumerate(outcomes)))
    finding = FailedByTheirOwnDoing(crowd="crowd", count=2).judge(made)
    assert (finding.verdict, finding.observed) == (verdict, observed)
