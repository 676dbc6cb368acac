"""A server that others kept from running: what it is late by for that is not its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.bounds import by_timer
from chaos.contract import RejectionAnswer
from chaos.expectations import (
    AlertGone,
    AlertRaised,
    AnsweredAsAllowed,
    AnsweredWhileOpen,
    ClosedByAge,
    ClosedWhenIdle,
    CounterAgrees,
    DeliveredInSequence,
    Established,
    Expectation,
    FollowsTheBreakerModel,
    GivenUpWithin,
    PingedAtPeriod,
    RecoveredWithin,
    RefusedAtStart,
    RejectedGracefully,
    ReleasedWithin,
    RoundTripsWithin,
    ShutDownWithin,
    TurnedAwayWhileOpen,
    WarnedBeforeClose,
)
from chaos.expectations.breaker_model import Limits
from chaos.hostile.catalogue import Input
from chaos.journal import (
    Call,
    Event,
    Hit,
    HostileAnswer,
    Outcome,
    Sample,
    ServerEvent,
    Source,
    StartTried,
    Statistics,
)
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, bite, ended, frame, healed, reading, record, sample


def test_it_is_the_time_it_waited_while_others_had_the_cores() -> None:
    seen = record(
        reading(10.0, waited=1.0, busy=50.0), reading(10.5, waited=1.1, busy=51.0), reading(11.0, waited=1.4, busy=52.0)
    )
    assert seen.starved(10.0, 11.0).seconds == pytest.approx(0.4)
    assert seen.starved(10.6, 11.0).seconds == pytest.approx(0.3)
    assert seen.starved(10.0, 11.0).sentence() == "400ms: others kept the server waiting 400ms for a core"


@pytest.mark.parametrize(
    ("waited", "status", "verdict"),
    [
        (0.6, 503, Verdict.INCONCLUSIVE),
        (0.6, 429, Verdict.INCONCLUSIVE),
        (0.6, 403, Verdict.VIOLATED),
        (0.4, 503, Verdict.VIOLATED),
    ],
)
def test_one_that_had_no_core_most_of_the_time_may_have_been_too_busy(
    waited: float, status: int, verdict: Verdict
) -> None:
    """It is to turn away whom it cannot serve. With half of what it asked for it is its own affair."""
    seen = record(
        reading(10.0, waited=1.0, busy=50.0),
        reading(11.0, waited=1.0 + waited, busy=52.0),
        attempt(0, began=10.2, took=0.01),
        attempt(1, began=10.4, took=0.01, outcome=Outcome.HTTP, phase="handshake", status=status),
    )
    finding = Established(crowd="crowd", count=2, within=0.5, success_ratio=1.0).judge(seen)
    told = f"1 of 2 attempts got in; the others: 1 x HTTP {status}"
    if verdict is Verdict.INCONCLUSIVE:
        told += (
            ", a breach within the reading's own uncertainty of 600ms: others kept the server waiting 600ms for a core"
        )
    assert (finding.verdict, finding.observed) == (verdict, told)


def test_threads_of_its_own_that_wait_for_one_another_are_its_own_affair() -> None:
    """Ten of its threads on two cores: all of the machine's work was its own."""
    seen = record(reading(10.0, waited=1.0, busy=50.0, cpu=20.0), reading(11.0, waited=9.0, busy=52.0, cpu=22.0))
    assert seen.starved(10.0, 11.0).seconds == 0.0


def test_others_that_left_a_core_kept_it_from_nothing_for_longer_than_they_could_fill_both() -> None:
    seen = record(reading(10.0, waited=1.0, busy=50.0), reading(11.0, waited=1.9, busy=50.6))
    assert seen.starved(10.0, 11.0).seconds == pytest.approx(0.3)


def test_what_a_fault_kept_it_from_running_for_excuses_nothing() -> None:
    """The contract says what is promised under a shortage; what others added to it is theirs all the same."""
    calm, later = reading(10.0, waited=1.0, busy=50.0), {"waited": 1.9, "busy": 52.0}
    assert record(calm, reading(11.0, **later)).starved(10.0, 11.0).seconds == pytest.approx(0.9)
    assert record(calm, reading(11.0, **later, throttled=0.8)).starved(10.0, 11.0).seconds == pytest.approx(0.1)
    assert record(calm, reading(11.0, **later, throttled=1.2)).starved(10.0, 11.0).seconds == 0.0


def test_one_that_was_started_again_counts_from_its_beginning() -> None:
    seen = record(
        reading(10.0, waited=5.0, busy=50.0, cpu=3.0), reading(10.5, waited=0.0, busy=51.0),
        reading(11.5, waited=0.6, busy=53.0, cpu=0.2),
    )  # fmt: skip
    assert seen.starved(10.0, 11.5).seconds == pytest.approx(0.6)


def test_a_reading_older_than_the_one_before_it_is_no_new_beginning() -> None:
    """Agent and conductor sample at once; readings as one cell against a released server had them, 0.1 ms apart."""
    seen = record(
        reading(10.0, waited=5.0, busy=50.0, cpu=9.0), reading(10.5, waited=5.1, busy=51.0, cpu=9.0),
        reading(10.6, waited=5.0999, busy=51.2, cpu=9.0), reading(19.0, waited=5.2, busy=68.0, cpu=9.0),
    )  # fmt: skip
    assert seen.starved(10.0, 19.0).seconds == pytest.approx(0.2)


def test_a_whole_wait_that_one_reading_has_and_the_next_has_not_is_no_new_beginning() -> None:
    """Under a quota a wait is counted when it is over: 95 ms at once, between two readings 0.1 ms apart."""
    seen = record(
        reading(10.0, waited=5.0, busy=50.0, throttled=3.0), reading(10.5, waited=5.3, busy=51.0, throttled=3.3),
        reading(10.501, waited=5.2, busy=51.0, throttled=3.2), reading(11.0, waited=5.5, busy=52.0, throttled=3.4),
    )  # fmt: skip
    assert seen.starved(10.0, 11.0).seconds == pytest.approx(0.1)


def test_where_one_of_several_processes_has_ended_only_the_growth_counts() -> None:
    seen = record(
        reading(10.0, waited=6.0, busy=50.0), reading(10.5, waited=4.0, busy=51.0), reading(11.0, waited=4.2, busy=52.0)
    )
    assert seen.starved(10.0, 11.0).seconds == pytest.approx(0.2)


@pytest.mark.parametrize("samples", [(), (sample(10.0, 1), sample(11.0, 1))], ids=["no samples", "nobody looked"])
def test_without_a_reading_nothing_is_excused(samples: tuple[Sample, ...]) -> None:
    assert record(*samples).starved(10.0, 11.0).seconds == 0.0


STARVED = (
    reading(10.0, waited=0.0, busy=0.0),
    reading(11.0, waited=0.1, busy=2.0),
    reading(15.0, waited=0.7, busy=10.0),
    reading(16.0, waited=0.7, busy=10.1),
)
"""Kept waiting for 0.1 s in the first second, for 0.6 s in the four after it, and not at all in the last."""


def trips(*late: tuple[float, float], p99: float = 0.25) -> RoundTripsWithin:
    """A hundred round trips and so many that are late: when each began, and what it took, both in seconds."""
    each = ((11.2, 0.001),) * 100 + late
    return RoundTripsWithin(
        wanted=len(each),
        sent=len(each),
        answered=len(each),
        round_trips=tuple(took for _, took in each),
        sent_at=tuple(at for at, _ in each),
        crowd="crowd",
        start=10.0,
        end=16.0,
        p99=p99,
    )


def test_a_round_trip_is_excused_by_what_kept_the_server_waiting_while_it_lasted_alone() -> None:
    """As a server that blocks its loop for 0.8 s in a burst, on a machine that is busy afterwards."""
    seen = record(*STARVED)
    finding = trips((10.1, 0.8), (10.1, 0.8)).judge(seen)
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "p99 800ms")
    assert replace(trips((10.1, 0.8), (10.1, 0.8)), sent_at=()).judge(seen).verdict is Verdict.INCONCLUSIVE


def test_a_round_trip_in_which_the_server_waited_for_a_core_is_not_its_own() -> None:
    finding = trips((12.0, 0.8), (12.0, 0.8)).judge(record(*STARVED))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed.endswith(
        "a breach within the reading's own uncertainty of 600ms: others kept the server waiting 600ms for a core"
    )


def test_the_percentile_is_that_of_what_is_the_server_s_own_in_each() -> None:
    """The one that it was kept from answering is no hundredth of its own: of the rest one in a hundred may be late."""
    seen = record(*STARVED)
    assert trips((15.5, 0.3), (12.0, 0.8)).judge(seen).verdict is Verdict.INCONCLUSIVE
    assert trips((15.5, 0.3), (15.5, 0.3)).judge(seen).verdict is Verdict.VIOLATED
    assert trips((15.5, 0.3), (12.0, 0.9)).judge(seen).verdict is Verdict.VIOLATED


LATE = (reading(9.9, waited=0.0, busy=0.0, connections=1), reading(10.8, waited=0.4, busy=1.8, connections=1))
"""Kept waiting for 0.4 s of the time in which everything below is late by 0.3 s."""


def said(at: float, **values: float | str) -> Statistics:
    return Statistics(at=at, values=values, took=0.001)


SLOW_CALL = Call(at=10.8, began=10.0, source=Source.CACHED)

SERVED = HostileAnswer(at=10.8, inputs=Input.SIZES.value, case="", reaction="served", delivered=True, took=0.01)

CASES: dict[str, tuple[Expectation, tuple[Event, ...]]] = {
    "established": (
        Established(crowd="crowd", count=1, within=0.5, success_ratio=1.0),
        (attempt(began=10.0, took=0.8),),
    ),
    "recovered": (
        RecoveredWithin(crowd="crowd", count=1, limit=0.5),
        (bite(5.0), healed(10.0), attempt(began=10.0, took=0.8)),
    ),
    "closed when idle": (
        ClosedWhenIdle(crowd="crowd", timeout=0.3, slack=0.2),
        (attempt(began=9.99, took=0.01), ended(at=10.8)),
    ),
    "alert raised": (
        AlertRaised(alert="high", why="it is full", start=10.0, end=12.0, within=0.5),
        (said(10.79, alerts=""), said(10.8, alerts="high")),
    ),
    "alert gone": (
        AlertGone(alert="high", why="it is empty", start=10.0, within=0.5),
        (said(10.79, alerts="high"), said(10.8, alerts="")),
    ),
    "counted": (
        CounterAgrees(counter="ended", counted="ends", happened=1, start=9.5, end=10.0, within=0.5),
        (said(9.4, ended=0.0), said(10.79, ended=0.0), said(10.8, ended=1.0)),
    ),
    "shut down": (
        ShutDownWithin(limit=0.5),
        (
            ServerEvent(at=10.0, what="asked to stop", pid=7),
            ServerEvent(at=10.8, what="exited", pid=7, exit_code=0),
        ),
    ),
    "still running": (
        ShutDownWithin(limit=0.5),
        (
            ServerEvent(at=10.0, what="asked to stop", pid=7),
            ServerEvent(at=10.8, what="still running", pid=7),
        ),
    ),
    "pinged": (
        PingedAtPeriod(crowd="crowd", interval=0.5 / by_timer(1), until=10.8),
        (attempt(began=9.0, took=0.5), *(frame(at, opcode="ping") for at in (9.7, 10.0, 10.8))),
    ),
    "closed by age": (ClosedByAge(crowd="crowd", limit=0.5), (attempt(began=10.0, took=0.0), ended(at=10.8))),
    "warned": (
        WarnedBeforeClose(crowd="crowd", warning="idle", notice=1.2),
        (attempt(), frame(10.5, text="idle"), ended(at=10.8)),
    ),
    "delivered": (
        DeliveredInSequence(crowd="crowd", gap=0.5, start=9.9, end=10.8, message="news", sequence=None),
        (attempt(), frame(10.0, text="news"), frame(10.8, text="news")),
    ),
    "round trips": (
        RoundTripsWithin(
            wanted=1, sent=1, answered=1, round_trips=(0.8,), p99=0.5, crowd="crowd", start=10.0, end=10.8
        ),
        (),
    ),
    "round trips of nobody in particular": (
        RoundTripsWithin(wanted=1, sent=1, answered=1, round_trips=(0.8,), p99=0.5, start=10.0, end=10.8),
        (),
    ),
    "turned away": (
        RejectedGracefully(crowd="crowd", free=0, answer=RejectionAnswer.HTTP_503, within=0.5, retry_after=False),
        (attempt(began=10.0, took=0.8, outcome=Outcome.HTTP, phase="handshake", status=503),),
    ),
    "turned away while open": (
        TurnedAwayWhileOpen(crowd="crowd", failures=1, open_for=2.0, failure_code=1011, open_code=1013, within=0.5),
        (
            attempt(0, began=9.0, outcome=Outcome.CLOSED, code=1011),
            attempt(1, began=10.0, took=0.8, outcome=Outcome.CLOSED, code=1013),
        ),
    ),
    "answered while open": (AnsweredWhileOpen(start=10.0, end=11.0, within=0.5), (SLOW_CALL,)),
    "given up": (
        GivenUpWithin(start=10.0, end=11.0, within=0.5),
        (SLOW_CALL, Hit(at=10.1, path="/", status=200)),
    ),
    "the breaker's model": (
        FollowsTheBreakerModel(
            limits=Limits(failure_threshold=1, recovery_timeout=0.4, success_threshold=1, call_timeout=0.4), end=11.0
        ),
        (
            Call(at=9.96, began=9.95, source=Source.LIVE),
            Hit(at=9.955, path="/", status=200),
            Call(at=10.02, began=10.0, source=Source.CACHED),
            Hit(at=10.01, path="/", status=500),
            Call(at=10.75, began=10.72, source=Source.CACHED),
        ),
    ),
    "hostile": (
        AnsweredAsAllowed(kind=Input.SIZES, limit=0.5),
        (
            replace(SERVED, case="largest message"),
            replace(SERVED, case="message too big", reaction="closed", code=1009, took=0.02, released_after=0.8),
            replace(SERVED, case="fragments too big", reaction="closed", code=1009, took=0.02, released_after=0.03),
        ),
    ),
    "released": (
        ReleasedWithin(dead=1, remaining=0, limit=0.5, why="heartbeat"),
        (bite(10.0), reading(10.81, waited=0.4, busy=1.8), healed(12.0)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_breach_that_is_shorter_is_inconclusive(name: str) -> None:
    expectation, events = CASES[name]
    finding = expectation.judge(record(*LATE, *events))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "others kept the server waiting 400ms for a core" in finding.observed


@pytest.mark.parametrize("name", [name for name in CASES if name != "released"])
def test_a_longer_one_is_the_server_s(name: str) -> None:
    expectation, events = CASES[name]
    hardly = (reading(9.9, waited=0.0, busy=0.0, connections=1), reading(10.8, waited=0.2, busy=1.8, connections=1))
    assert expectation.judge(record(*hardly, *events)).verdict is Verdict.VIOLATED


def refused(took: float) -> tuple[Expectation, Event]:
    tried = StartTried(
        at=10.0 + took, began=10.0, variable="LIMIT", value="0", became="ended", exit_code=2, said=("LIMIT",)
    )
    return RefusedAtStart(tried=1, within=0.5), tried


@pytest.mark.parametrize(
    ("busy", "verdict"), [(0.4, Verdict.VIOLATED), (1.8, Verdict.INCONCLUSIVE)], ids=["cores to spare", "none"]
)
def test_a_start_that_nobody_looked_at_may_have_waited_while_every_core_worked(busy: float, verdict: Verdict) -> None:
    expectation, tried = refused(0.9)
    around = (reading(9.9, waited=0.0, busy=0.0), reading(10.9, waited=0.0, busy=busy))
    finding = expectation.judge(record(*around, tried))
    assert finding.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert finding.observed.endswith(
            "the reading's own uncertainty of 900ms: the machine had work for every core for 900ms"
        )


def test_a_refusal_that_is_later_than_all_that_could_have_kept_it_is_the_server_s() -> None:
    expectation, tried = refused(3.0)
    around = (
        reading(9.9, waited=0.0, busy=0.0),
        reading(11.0, waited=0.0, busy=2.2),
        reading(13.0, waited=0.0, busy=2.2),
    )
    assert expectation.judge(record(*around, tried)).verdict is Verdict.VIOLATED


NEITHER = StartTried(at=30.0, began=10.0, variable="LIMIT", value="0", became="neither")


@pytest.mark.parametrize(
    ("busy", "verdict"), [(39.2, Verdict.INCONCLUSIVE), (38.8, Verdict.VIOLATED)], ids=["no core", "a core to spare"]
)
def test_a_start_that_ended_in_no_time_may_have_had_no_core(busy: float, verdict: Verdict) -> None:
    """Within 20 s it neither ended nor served, where it has 0.5 s."""
    around = (reading(10.0, waited=0.0, busy=0.0), reading(30.0, waited=0.0, busy=busy))
    finding = RefusedAtStart(tried=1, within=0.5).judge(record(*around, NEITHER))
    assert finding.verdict is verdict
    assert "LIMIT='0' started a server that neither ends nor serves" in finding.observed


def test_a_start_that_serves_is_no_refusal_however_little_it_had_of_a_core() -> None:
    around = (reading(10.0, waited=0.0, busy=0.0), reading(31.0, waited=0.0, busy=42.0))
    served = replace(NEITHER, at=31.0, began=11.0, became="healthy")
    finding = RefusedAtStart(tried=2, within=0.5).judge(record(*around, NEITHER, served))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 2 bad settings were not refused; LIMIT='0' started a server that serves",
    )


TWICE: dict[str, tuple[Expectation, tuple[Event, ...]]] = {
    "answered while open": (
        AnsweredWhileOpen(start=10.0, end=16.0, within=0.25),
        (Call(at=12.75, began=12.0, source=Source.CACHED), Call(at=15.9, began=15.4, source=Source.CACHED)),
    ),
    "given up": (
        GivenUpWithin(start=10.0, end=16.0, within=0.25),
        (
            Hit(at=12.1, path="/", status=0),
            Call(at=12.75, began=12.0, source=Source.CACHED),
            Call(at=15.9, began=15.4, source=Source.CACHED),
        ),
    ),
    "turned away while open": (
        TurnedAwayWhileOpen(crowd="crowd", failures=1, open_for=20.0, failure_code=1011, open_code=1013, within=0.25),
        tuple(
            attempt(client, began=began, took=took, outcome=Outcome.CLOSED, code=code)
            for client, (began, took, code) in enumerate([(11.1, 0.1, 1011), (12.0, 0.75, 1013), (15.4, 0.5, 1013)])
        ),
    ),
    "established": (
        Established(crowd="crowd", count=2, within=0.25, success_ratio=1.0),
        (attempt(0, began=12.0, took=0.75), attempt(1, began=15.4, took=0.5)),
    ),
    "turned away": (
        RejectedGracefully(crowd="crowd", free=0, answer=RejectionAnswer.HTTP_503, within=0.25, retry_after=False),
        tuple(
            attempt(client, began=began, took=took, outcome=Outcome.HTTP, phase="handshake", status=503)
            for client, (began, took) in enumerate([(12.0, 0.75), (15.4, 0.5)])
        ),
    ),
    "pinged": (
        PingedAtPeriod(crowd="crowd", interval=0.25 / by_timer(1), until=15.9),
        (attempt(began=11.9), *(frame(at / 10, opcode="ping") for at in (120, *range(127, 155)))),
    ),
    "delivered": (
        DeliveredInSequence(crowd="crowd", gap=0.25, start=12.0, end=15.9, message="news", sequence=None),
        (attempt(), *(frame(at / 10, text="news") for at in range(127, 155))),
    ),
    "closed when idle": (
        ClosedWhenIdle(crowd="crowd", timeout=0.1, slack=0.15),
        tuple(
            event
            for client, (began, end) in enumerate([(12.0, 12.75), (15.4, 15.9)])
            for event in (attempt(client, began=began, took=0.0), ended(client, at=end))
        ),
    ),
    "closed by age": (
        ClosedByAge(crowd="crowd", limit=0.25),
        tuple(
            event
            for client, (began, end) in enumerate([(12.0, 12.75), (15.4, 15.9)])
            for event in (attempt(client, began=began, took=0.0), ended(client, at=end))
        ),
    ),
    "warned": (
        WarnedBeforeClose(crowd="crowd", warning="idle", notice=0.5),
        tuple(
            event
            for client, end in enumerate([12.75, 15.9])
            for event in (
                attempt(client),
                frame(end - 0.01 - client / 100, client=client, text="idle"),
                ended(client, at=end),
            )
        ),
    ),
    "hostile": (
        AnsweredAsAllowed(kind=Input.SIZES, limit=0.25),
        (
            replace(SERVED, case="largest message"),
            replace(
                SERVED, at=12.75, case="message too big", reaction="closed", code=1009, took=0.75, released_after=0.75
            ),
            replace(
                SERVED, at=15.9, case="fragments too big", reaction="closed", code=1009, took=0.5, released_after=0.5
            ),
        ),
    ),
}
"""Each broken twice: most while the server waited for a core for 0.6 s, and less while it did not."""


@pytest.mark.parametrize("name", TWICE)
def test_what_excuses_the_longest_excuses_no_other(name: str) -> None:
    expectation, events = TWICE[name]
    assert expectation.judge(record(*STARVED, *events)).verdict is Verdict.VIOLATED
    throughout = (*STARVED[:-1], replace(STARVED[-1], waited=1.3, busy=12.0))
    assert expectation.judge(record(*throughout, *events)).verdict is Verdict.INCONCLUSIVE


def test_an_end_that_is_too_early_is_excused_by_what_kept_its_client_from_being_let_in_alone() -> None:
    """Its time began while it was let in, for 0.4 s; what the server waited later makes no end early."""
    early = ClosedWhenIdle(crowd="crowd", timeout=2.5, slack=0.0)
    life = (attempt(began=10.0, took=0.4), ended(at=12.6))
    assert early.judge(record(*LATE, *life)).verdict is Verdict.INCONCLUSIVE
    later = (reading(10.5, waited=0.0, busy=0.0), reading(12.0, waited=1.4, busy=3.0))
    assert early.judge(record(*later, *life)).verdict is Verdict.VIOLATED
    assert replace(early, timeout=2.7).judge(record(*LATE, *life)).verdict is Verdict.VIOLATED, "by more than it took"


def test_what_kept_it_waiting_before_the_breach_excuses_nothing() -> None:
    """It stood still for 0.4 s while all was well, and a ping was left out a second later."""
    silent = (attempt(began=9.0, took=0.5), *(frame(at, opcode="ping") for at in (9.9, 10.4, 10.8, 11.2, 12.0)))
    after = (reading(11.2, waited=0.4, busy=1.8), reading(12.0, waited=0.4, busy=1.8))
    finding = PingedAtPeriod(crowd="crowd", interval=0.5 / by_timer(1), until=12.0).judge(
        record(*LATE, *after, *silent)
    )
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "5 pings to 1 client, one every 400ms (median), longest silence 800ms",
    )


def test_one_that_stood_still_may_be_older_than_promised_for_that() -> None:
    aged, born = ClosedByAge(crowd="crowd", limit=0.5), attempt(began=10.0, took=0.0)
    finding = aged.judge(record(*LATE, born))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "1 of 1 connections were still open at the age of 800ms, and nobody looked longer",
    )
    hardly = (reading(9.9, waited=0.0, busy=0.0), reading(10.8, waited=0.2, busy=1.8))
    assert aged.judge(record(*hardly, born)).verdict is Verdict.VIOLATED
