"""Whom we kept silent, or whose answer we were too late to see, was not failed by the server for certain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.bounds import least_wait, patience
from chaos.contract import Contract, FloodAnswer, RejectionAnswer
from chaos.expectations import (
    ClosedByAge,
    ClosedWhenIdle,
    ClosedWith,
    Established,
    Expectation,
    FloodAnswered,
    Record,
    RecoveredWithin,
    RefusedAtTheDoor,
    RejectedGracefully,
    RoundTripsWithin,
    StayedAfterUpgrade,
    Undisturbed,
    Warned,
    WarnedBeforeClose,
)
from chaos.expectations.record import Waits
from chaos.journal import Ended, Event, Lateness, Outcome, ServerEvent, Traffic
from chaos.verdict import Verdict
from tests.unit.expectations.records import (
    attempt,
    bite,
    ended,
    healed,
    late,
    made,
    reading,
    record,
    sample,
    worker_late,
)

WAITS = Waits(server=0.8, client=3.0)
"""A heartbeat timeout of 0.8 s, and clients that wait 3 s for an answer."""
IN = (made(pid=7), attempt())
STAYS = Undisturbed(crowd="crowd")
CUT = ended(at=12.0, code=1011)
TRIPS = RoundTripsWithin(
    wanted=9, sent=9, answered=8, round_trips=(0.01,) * 8, p99=0.1, crowd="crowd", start=10.0, end=15.0
)


def judged(asked: Expectation, *events: Event, waits: Waits = WAITS) -> tuple[Verdict, str]:
    finding = asked.judge(replace(record(*events), waits=waits))
    return finding.verdict, finding.observed


def given_up(at: float = 14.0, *, missing: int = 1) -> Traffic:
    """The second before a time, in which exchanges were given up for which nothing had come."""
    return Traffic(
        at=at, crowd="crowd", began=at - 1, sent=9, received=8, pings=0, answered=8, wrong=0, missing=missing
    )


# -- cut off ------------------------------------------------------------------------------------------------------


def test_one_that_our_own_worker_kept_silent_may_have_been_given_up_rightly() -> None:
    verdict, observed = judged(STAYS, *IN, CUT, worker_late(1.5, at=12.2))
    assert verdict is Verdict.INCONCLUSIVE
    assert observed == (
        "1 of 1 untouched clients were cut off, the first by close 1011, a breach within the reading's own uncertainty "
        "of 1.5s: the crowd worker of 'crowd' was up to 1.5s late"
    )


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([worker_late(1.5, at=10.0)], id="well before"),
        pytest.param([worker_late(1.5, at=14.0)], id="after it"),
        pytest.param([worker_late(0.3, at=11.9)], id="for less than half of what the server waits"),
        pytest.param([worker_late(1.5, at=12.2, pid=8), made("others", pid=8)], id="another crowd's worker"),
    ],
)
def test_what_was_not_so_when_it_was_cut_off_excuses_nothing(more: list[Event]) -> None:
    assert judged(STAYS, *IN, CUT, *more)[0] is Verdict.VIOLATED


def test_one_for_whom_nothing_was_late_is_the_server_s_beside_one_who_is_not() -> None:
    late_one = [CUT, worker_late(1.5, at=12.2), made("crowd", pid=7)]
    verdict, observed = judged(STAYS, *IN, attempt(1), *late_one, ended(1, at=30.0, code=1011))
    assert verdict is Verdict.VIOLATED
    assert observed.startswith("1 of 2 untouched clients were cut off")


def test_the_conductor_that_was_to_have_it_say_something_counts_too() -> None:
    assert judged(STAYS, *IN, CUT, late(0.9, at=12.1))[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    "end",
    [replace(CUT, how="invalid", code=None), *(replace(CUT, code=code) for code in (1002, 1003, 1007, 1009, 1010))],
    ids=lambda end: f"{end.how} {end.code}",
)
def test_what_breaks_the_protocol_or_blames_what_was_sent_is_no_giving_up(end: Ended) -> None:
    assert judged(STAYS, *IN, end, worker_late(1.5, at=12.2))[0] is Verdict.VIOLATED


def test_where_nobody_knows_how_long_the_server_waits_nothing_is_excused() -> None:
    assert judged(STAYS, *IN, CUT, worker_late(1.5, at=12.2), waits=Waits())[0] is Verdict.VIOLATED


# -- not answered -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [STAYS, TRIPS])
def test_an_answer_that_our_worker_may_have_been_too_late_for(asked: Expectation) -> None:
    assert judged(asked, *IN, given_up(), worker_late(1.6, at=13.0))[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("asked", [STAYS, TRIPS])
@pytest.mark.parametrize(
    "more",
    [
        pytest.param([given_up(), worker_late(1.4, at=13.0)], id="for less than half of what was waited"),
        pytest.param([given_up(), worker_late(1.6, at=9.0)], id="before it was waited for"),
        pytest.param([given_up(), given_up(30.0), worker_late(1.6, at=13.0)], id="another one without"),
    ],
)
def test_an_answer_that_did_not_come_in_a_time_that_was_the_server_s(asked: Expectation, more: list[Event]) -> None:
    if isinstance(asked, RoundTripsWithin):
        asked = replace(asked, answered=9 - len([each for each in more if isinstance(each, Traffic)]), end=31.0)
        asked = replace(asked, round_trips=(0.01,) * asked.answered)
    assert judged(asked, *IN, *more)[0] is Verdict.VIOLATED


def test_a_wrong_answer_is_the_server_s_however_late_we_were() -> None:
    wrong = replace(given_up(missing=0), wrong=1)
    assert judged(STAYS, *IN, wrong, worker_late(1.6, at=13.0))[0] is Verdict.VIOLATED
    assert judged(TRIPS, *IN, wrong, worker_late(1.6, at=13.0))[0] is Verdict.VIOLATED


# -- not let in ---------------------------------------------------------------------------------------------------

ESTABLISHED = Established(crowd="crowd", count=2, within=1.0, success_ratio=1.0)
AGAIN = RecoveredWithin(crowd="crowd", count=2, limit=1.0)


def without_the_second(outcome: Outcome, *more: Event, status: int | None = None) -> list[Event]:
    """Of two who come after the healing one gets in."""
    second = attempt(1, began=21.0, took=3.0, outcome=outcome, status=status)
    return [made(pid=7), healed(20.0), attempt(0, began=21.0), second, *more]


@pytest.mark.parametrize("asked", [ESTABLISHED, AGAIN])
@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.EOF, Outcome.RESET, Outcome.CLOSED])
def test_one_that_our_worker_was_too_late_for_may_have_been_let_in(asked: Expectation, outcome: Outcome) -> None:
    assert judged(asked, *without_the_second(outcome, worker_late(1.6, at=23.0)))[0] is Verdict.INCONCLUSIVE
    assert judged(asked, *without_the_second(outcome, worker_late(1.6, at=20.0)))[0] is Verdict.VIOLATED
    assert judged(asked, *without_the_second(outcome))[0] is Verdict.VIOLATED


@pytest.mark.parametrize("asked", [ESTABLISHED, AGAIN])
@pytest.mark.parametrize(("outcome", "status"), [(Outcome.HTTP, 503), (Outcome.REFUSED, None), (Outcome.INVALID, 101)])
def test_a_refusal_is_the_server_s_however_late_we_were(
    asked: Expectation, outcome: Outcome, status: int | None
) -> None:
    events = without_the_second(outcome, worker_late(1.6, at=23.0), status=status)
    assert judged(asked, *events)[0] is Verdict.VIOLATED


BURST = RejectedGracefully(crowd="crowd", free=1, answer=RejectionAnswer.HTTP_503, within=5.0, retry_after=False)


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.EOF, Outcome.RESET])
def test_one_that_our_worker_was_too_late_for_may_have_been_turned_away(outcome: Outcome) -> None:
    assert judged(BURST, *without_the_second(outcome, worker_late(1.6, at=23.0)))[0] is Verdict.INCONCLUSIVE
    assert judged(BURST, *without_the_second(outcome))[0] is Verdict.VIOLATED
    several = replace(BURST, free=2)
    third = attempt(2, began=21.0, outcome=Outcome.HTTP, status=503)
    assert judged(several, *without_the_second(outcome, third, worker_late(1.6, at=23.0)))[0] is Verdict.INCONCLUSIVE
    assert judged(several, *without_the_second(outcome, third))[0] is Verdict.VIOLATED


def test_one_that_we_kept_silent_may_have_been_cut_off_after_its_101() -> None:
    stayed = StayedAfterUpgrade(crowd="crowd", quiet=2.0)
    soon = ended(at=2.5, code=1011)
    assert judged(stayed, *IN, soon, worker_late(1.0, at=2.6))[0] is Verdict.INCONCLUSIVE
    assert judged(stayed, *IN, soon)[0] is Verdict.VIOLATED
    assert judged(stayed, *IN, attempt(1), soon, ended(1, at=1.2), worker_late(0.5, at=2.6))[0] is Verdict.VIOLATED


DOOR = RefusedAtTheDoor(crowds=("crowd",), within=5.0)


def at_the_door(outcome: Outcome, *more: Event, status: int | None = None, phase: str = "handshake") -> list[Event]:
    refused = attempt(0, began=21.0, outcome=Outcome.HTTP, status=401)
    return [
        made(pid=7),
        refused,
        attempt(1, began=21.0, took=3.0, outcome=outcome, status=status, phase=phase),
        *more,
    ]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Outcome.TIMEOUT, None), (Outcome.EOF, None), (Outcome.RESET, None), (Outcome.HTTP, 408)],
)
def test_one_that_our_worker_was_too_late_for_may_have_been_refused(outcome: Outcome, status: int | None) -> None:
    verdict, observed = judged(DOOR, *at_the_door(outcome, worker_late(1.6, at=23.0), status=status))
    assert verdict is Verdict.INCONCLUSIVE
    assert observed.startswith("1 of 2 were not refused, the first crowd: client 1: ")
    assert judged(DOOR, *at_the_door(outcome, status=status))[0] is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Outcome.OPEN, 101), (Outcome.TIMEOUT, 101), (Outcome.CLOSED, 101), (Outcome.HTTP, 500), (Outcome.HTTP, 503)],
)
def test_one_that_was_let_in_or_told_otherwise_was_not_refused_however_late_we_were(
    outcome: Outcome, status: int
) -> None:
    events = at_the_door(outcome, worker_late(1.6, at=23.0), status=status, phase="first_message")
    assert judged(DOOR, *events)[0] is Verdict.VIOLATED


@pytest.mark.parametrize(("status", "verdict"), [(503, Verdict.INCONCLUSIVE), (500, Verdict.VIOLATED)])
def test_one_that_had_no_core_may_be_too_busy_to_refuse(status: int, verdict: Verdict) -> None:
    kept = [reading(21.0, waited=0.0, busy=0.0), reading(24.0, waited=1.6, busy=6.0)]
    assert judged(DOOR, *at_the_door(Outcome.HTTP, *kept, status=status))[0] is verdict
    hardly = [kept[0], reading(24.0, waited=1.4, busy=6.0)]
    assert judged(DOOR, *at_the_door(Outcome.HTTP, *hardly, status=status))[0] is Verdict.VIOLATED


FLOOD = FloodAnswered(crowd="crowd", answer=FloodAnswer.CLOSE_1013, sent=0, answered=0)


@pytest.mark.parametrize(("how", "code"), [("reset", None), ("eof", None), ("close", 1011)])
def test_a_client_that_floods_may_have_been_too_late_with_its_pong(how: str, code: int | None) -> None:
    end = replace(CUT, how=how, code=code)
    assert judged(FLOOD, *IN, end, worker_late(1.5, at=12.2))[0] is Verdict.INCONCLUSIVE
    assert judged(FLOOD, *IN, end)[0] is Verdict.VIOLATED
    other = [attempt(1), ended(1, at=30.0, how="reset", code=None)]
    verdict, observed = judged(FLOOD, *IN, *other, end, worker_late(1.5, at=12.2))
    assert (verdict, observed) == (
        Verdict.VIOLATED,
        "1 of 2 clients that flooded were cut off, the first by reset",
    )


def test_who_is_cut_sooner_than_a_pong_can_be_missed_is_cut_for_its_flood() -> None:
    """A flood fills a core of ours, and on two of them the server waits for half of the other's time: 416 ms (seen)."""
    end = replace(CUT, how="reset", code=None)
    kept = [reading(11.2, waited=0.0, busy=0.0), reading(12.0, waited=0.5, busy=1.6)]
    assert judged(FLOOD, *IN, bite(11.3), end, *kept)[0] is Verdict.VIOLATED
    assert judged(FLOOD, *IN, bite(11.1), end, *kept)[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("answer", [FloodAnswer.SERVED, FloodAnswer.CLOSE_1013])
def test_what_it_says_to_who_floods_is_its_own(answer: FloodAnswer) -> None:
    asked = replace(FLOOD, answer=answer)
    assert judged(asked, *IN, replace(CUT, code=1008), worker_late(1.5, at=12.2))[0] is Verdict.VIOLATED


def test_one_that_flooded_may_have_had_its_answer_too_late_for_us() -> None:
    asked = replace(FLOOD, sent=1)
    assert judged(asked, *IN, given_up(), worker_late(1.6, at=13.0))[0] is Verdict.INCONCLUSIVE
    assert judged(asked, *IN, given_up(), worker_late(1.4, at=13.0))[0] is Verdict.VIOLATED
    assert judged(replace(asked, sent=2), *IN, given_up(), worker_late(1.6, at=13.0))[0] is Verdict.VIOLATED


def test_one_that_never_came_is_not_excused_by_lateness() -> None:
    events = [made(pid=7), healed(20.0), attempt(0, began=21.0), worker_late(1.6, at=23.0)]
    assert judged(AGAIN, *events)[0] is Verdict.VIOLATED


# -- never closed -------------------------------------------------------------------------------------------------

IDLE = ClosedWhenIdle(crowd="crowd", timeout=2.0, slack=0.5)


still_there = pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([sample(3.4, 1)], Verdict.INCONCLUSIVE),
        ([sample(4.0, 1)], Verdict.VIOLATED),
        ([sample(4.0, 1), worker_late(0.6, at=3.5)], Verdict.INCONCLUSIVE),
        ([sample(6.0, 1), worker_late(0.6, at=3.5)], Verdict.VIOLATED),
    ],
    ids=["nobody looked longer", "long enough", "we were late", "we were not that late"],
)
"""Looks at a client that should have been closed by 3.5 s, and is open."""


@still_there
def test_an_idle_client_that_is_still_there(events: list[Event], verdict: Verdict) -> None:
    assert judged(IDLE, *IN, *events)[0] is verdict


# -- not told -----------------------------------------------------------------------------------------------------

ASKED = ServerEvent(at=10.0, what="asked to stop", pid=7)
TOLD = ClosedWith(crowd="crowd", codes=(1001,), why="at shutdown", within=1.0)
BLUNT = ended(at=12.0, how="eof", code=None)


def starved(waited: float, *, until: float = 12.2) -> list[Event]:
    """What others kept the server waiting for from when it was told to end."""
    return [reading(10.0, waited=0.0, busy=0.0), reading(until, waited=waited, busy=2 * (until - 10.0))]


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([sample(10.9, 1)], Verdict.INCONCLUSIVE),
        ([sample(12.2, 1)], Verdict.VIOLATED),
        (starved(1.3), Verdict.INCONCLUSIVE),
        (starved(1.1), Verdict.VIOLATED),
        ([sample(12.2, 1), worker_late(1.3, at=11.5)], Verdict.INCONCLUSIVE),
    ],
    ids=["nobody looked longer", "long enough", "starved", "not that long", "we were late"],
)
def test_a_client_that_is_still_open_at_a_shutdown(events: list[Event], verdict: Verdict) -> None:
    finding = judged(TOLD, *IN, ASKED, *events)
    observed = "1 of 1 clients were not closed with 1001, but: 1 x still open"
    looked = "" if verdict is Verdict.VIOLATED else ", and nobody looked longer"
    assert finding == (verdict, observed + looked)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([BLUNT], Verdict.VIOLATED),
        ([BLUNT, *starved(1.3)], Verdict.INCONCLUSIVE),
        ([BLUNT, *starved(0.9)], Verdict.VIOLATED),
        ([BLUNT, worker_late(0.5, at=11.9)], Verdict.INCONCLUSIVE),
        # It took it no time to be cut: what it waited for a core was less than half of what it may take.
        ([replace(BLUNT, at=10.3), *starved(0.25, until=10.3)], Verdict.VIOLATED),
        ([replace(BLUNT, how="close", code=1000), *starved(1.3)], Verdict.VIOLATED),
        ([replace(BLUNT, how="close", code=1000), worker_late(1.3, at=11.9)], Verdict.VIOLATED),
    ],
    ids=["on a free machine", "starved", "not that long", "we kept it silent", "at once", "a code", "a code, and late"],
)
def test_one_that_is_cut_off_at_a_shutdown(events: list[Event], verdict: Verdict) -> None:
    waits = WAITS if any(isinstance(each, Lateness) for each in events) else Waits()
    assert judged(TOLD, *IN, ASKED, *events, waits=waits)[0] is verdict


def test_what_excuses_one_that_was_not_told_excuses_no_other() -> None:
    second = ended(1, at=30.0, how="eof", code=None)
    verdict, observed = judged(TOLD, *IN, attempt(1), ASKED, BLUNT, second, *starved(1.3))
    assert (verdict, observed) == (
        Verdict.VIOLATED,
        "1 of 2 clients were not closed with 1001, but: 1 x eof",
    )


def test_tcp_that_is_held_after_the_close_frame_while_the_server_had_no_core() -> None:
    held = replace(ended(at=12.0, how="timeout"), close_frame_at=10.1)
    assert judged(TOLD, *IN, ASKED, held)[0] is Verdict.VIOLATED
    assert judged(TOLD, *IN, ASKED, held, *starved(1.3))[0] is Verdict.INCONCLUSIVE


IDLE_CODE = ClosedWith(crowd="crowd", codes=(1000,), why="when idle", within=2.5)


@still_there
def test_an_idle_client_that_is_still_there_has_no_code_yet(events: list[Event], verdict: Verdict) -> None:
    assert judged(IDLE_CODE, *IN, *events)[0] is verdict


@pytest.mark.parametrize(
    "asked", [IDLE, ClosedByAge(crowd="crowd", limit=2.5), IDLE_CODE], ids=lambda asked: str(asked.name)
)
def test_one_that_we_kept_silent_may_have_been_cut_off_for_that(asked: Expectation) -> None:
    cut = ended(at=3.2, how="reset", code=None)
    assert judged(asked, *IN, cut, worker_late(0.5, at=3.1))[0] is Verdict.INCONCLUSIVE
    assert judged(asked, *IN, cut)[0] is Verdict.VIOLATED
    other = ended(1, at=3.2, how="reset", code=None)
    assert judged(asked, *IN, attempt(1), replace(other, at=30.0), cut, worker_late(0.5, at=3.1))[0] is Verdict.VIOLATED


# -- not warned ---------------------------------------------------------------------------------------------------

BEFORE_CLOSE = WarnedBeforeClose(crowd="crowd", warning="idle", notice=0.5)
ONCE_MORE = Warned(crowd="crowd", pattern="idle", since=10.0, what="its idle timeout")


@pytest.mark.parametrize("asked", [BEFORE_CLOSE, ONCE_MORE])
def test_one_that_was_given_up_before_its_warning(asked: Expectation) -> None:
    assert judged(asked, *IN, CUT, worker_late(1.5, at=12.2))[0] is Verdict.INCONCLUSIVE
    assert judged(asked, *IN, CUT)[0] is Verdict.VIOLATED
    late_one = [CUT, worker_late(1.5, at=12.2)]
    verdict, observed = judged(asked, *IN, attempt(1), *late_one, ended(1, at=30.0))
    assert verdict is Verdict.VIOLATED
    assert observed.startswith("1 of 2 ")


def test_one_that_is_not_closed_may_be_warned_yet() -> None:
    verdict, observed = judged(BEFORE_CLOSE, *IN, sample(20.0, 1))
    assert (verdict, observed) == (Verdict.INCONCLUSIVE, "0 of 1 warned, 0 closed while anybody looked")


def test_one_whose_server_had_no_core_from_its_warning_to_its_close() -> None:
    waits = Waits()
    kept = [reading(11.5, waited=0.0, busy=0.0), reading(12.0, waited=0.3, busy=1.0)]
    assert judged(BEFORE_CLOSE, *IN, CUT, *kept, waits=waits)[0] is Verdict.INCONCLUSIVE
    hardly = [kept[0], reading(12.0, waited=0.2, busy=1.0)]
    assert judged(BEFORE_CLOSE, *IN, CUT, *hardly, waits=waits)[0] is Verdict.VIOLATED


def test_a_warning_that_was_waited_for_while_the_server_had_no_core() -> None:
    assert judged(ONCE_MORE, *IN, *starved(1.3))[0] is Verdict.INCONCLUSIVE
    assert judged(ONCE_MORE, *IN, *starved(1.0))[0] is Verdict.VIOLATED


# -- for how long the server waits --------------------------------------------------------------------------------


def test_it_waits_as_long_as_the_shortest_of_its_promises() -> None:
    promises = Contract.model_validate(
        {"liveness": {"heartbeat_timeout": "800ms", "idle_timeout": "2s"}, "survival": {"header_timeout": "1s"}}
    )
    assert least_wait(promises) == pytest.approx(0.8)


def test_where_it_promises_nothing_of_the_kind_it_is_taken_to_wait_as_long_as_we_do() -> None:
    promises = Contract.model_validate({"liveness": {"heartbeat_interval": "1s"}})
    assert least_wait(promises) == pytest.approx(patience(promises))


def test_a_record_excuses_nothing_by_waits_that_nobody_told() -> None:
    assert Record(record(*IN).journal).waits == Waits()
