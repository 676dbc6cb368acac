from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chaos.expectations import DeliveredInSequence, RecoveredWithin, RoundTripsWithin, ShutDownWithin
from chaos.journal import ServerEvent
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, bite, frame, healed, injected, late, record


def _trips(*, answered: int = 100, slow: int = 0) -> RoundTripsWithin:
    return RoundTripsWithin(
        wanted=100, sent=100, answered=answered, round_trips=(0.01,) * (100 - slow) + (0.5,) * slow, p99=0.1
    )


def test_one_slow_answer_in_a_hundred_is_within_the_percentile() -> None:
    assert _trips(slow=1).judge(record()).verdict is Verdict.HELD
    finding = _trips(slow=2).judge(record())
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "p99 500ms")


def test_an_answer_that_never_came_is_no_fast_one() -> None:
    finding = _trips(answered=99).judge(record())
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 100 exchanges were not answered rightly",
    )


def test_whoever_is_cut_off_while_it_waits_for_an_answer_could_not_ask_again() -> None:
    """Of ten clients one was cut off at its first question: its nine others were never sent, and that is no excuse."""
    finding = replace(_trips(), sent=91, answered=90).judge(record())
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 91 exchanges were not answered rightly",
    )


def test_what_could_not_be_sent_decides_nothing() -> None:
    finding = replace(_trips(), sent=91, answered=91).judge(record())
    assert (finding.verdict, finding.observed) == (Verdict.INCONCLUSIVE, "91 of 100 exchanges could be sent")


def test_where_nobody_was_left_nothing_was_measured() -> None:
    nobody = RoundTripsWithin(wanted=0, sent=0, answered=0, round_trips=(), p99=0.1)
    finding = nobody.judge(record())
    assert (finding.verdict, finding.observed) == (Verdict.INCONCLUSIVE, "nobody was left to ask anything")


@pytest.mark.parametrize(("start", "end"), [(9.0, 9.8), (20.1, 20.5)])
def test_an_answer_that_is_missing_beside_the_time_of_the_fault_says_nothing_of_it(start: float, end: float) -> None:
    made = record(injected(), bite(10.0), healed(20.0))
    assert replace(_trips(answered=99), start=start, end=end).judge(made).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"sent_at": (1.0, 2.0), "crowd": "crowd"},
            "100 round trips, of which 2 say when they began",
        ),
        ({"sent_at": (1.0,) * 100}, "when each began tells whose lateness is in it only where the crowd is named"),
    ],
)
def test_round_trips_that_do_not_fit_together_are_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        replace(_trips(), **changes)


def test_a_late_harness_decides_nothing() -> None:
    assert _trips(slow=2).judge(record(late(0.45))).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("start", "end", "observed"),
    [
        (9.0, 9.8, "the last exchange was over 210ms before the fault was seen to act"),
        (9.0, 10.005, "the last exchange was over 5ms before the fault was seen to act"),
        (20.1, 20.5, "the first exchange began when the fault had been healed"),
    ],
)
def test_exchanges_beside_the_time_of_the_fault_say_nothing_of_it(start: float, end: float, observed: str) -> None:
    finding = replace(_trips(), start=start, end=end).judge(record(injected(), bite(10.0), healed(20.0)))
    assert (finding.verdict, finding.observed) == (Verdict.INCONCLUSIVE, observed)


def test_exchanges_while_the_fault_acted_count() -> None:
    made = record(injected(), bite(10.0), healed(20.0))
    assert replace(_trips(), start=9.0, end=10.5).judge(made).verdict is Verdict.HELD
    assert replace(_trips(), start=10.5, end=25.0).judge(made).verdict is Verdict.HELD
    assert _trips().judge(made).verdict is Verdict.HELD  # when they were made, nobody says


RECOVERED = RecoveredWithin(crowd="crowd", count=2, limit=1.0)


def test_recovery_counts_from_healing() -> None:
    made = record(healed(20.0), attempt(0, began=20.1), attempt(1, began=20.5))
    finding = RECOVERED.judge(made)
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "510ms")


def test_recovery_that_takes_too_long_or_never_ends() -> None:
    slow = record(healed(20.0), attempt(0, began=20.1), attempt(1, began=22.0))
    assert RECOVERED.judge(slow).verdict is Verdict.VIOLATED
    never = RECOVERED.judge(record(healed(20.0), attempt(0, began=20.1)))
    assert (never.verdict, never.observed) == (Verdict.VIOLATED, "1 of 2 clients got in again")


def test_clients_from_before_the_healing_do_not_count() -> None:
    made = record(attempt(0, began=19.0), attempt(1, began=19.0), healed(20.0))
    assert RECOVERED.judge(made).verdict is Verdict.VIOLATED


def test_the_time_until_anybody_tried_is_ours() -> None:
    """The proof of the healing, a call and the start of a worker lie between the healing and the first attempt."""
    ours = RECOVERED.judge(record(healed(20.0), attempt(0, began=20.7), attempt(1, began=20.7, took=0.5)))
    assert ours.verdict is Verdict.INCONCLUSIVE
    assert ours.observed == (
        "all 2 clients served again 1.2s after healing, a breach within the reading's own uncertainty of 700ms: "
        "our own return took 700ms"
    )
    slow = RECOVERED.judge(record(healed(20.0), attempt(0, began=20.7), attempt(1, began=20.7, took=1.1)))
    assert slow.verdict is Verdict.VIOLATED


def test_the_time_that_a_server_takes_to_start_is_its_own() -> None:
    started = RecoveredWithin(crowd="crowd", count=2, limit=1.0, since=20.0)
    clients = attempt(0, began=21.6), attempt(1, began=21.6)
    slow = started.judge(record(ServerEvent(at=21.5, what="started"), *clients))
    assert (slow.verdict, slow.figure) == (Verdict.VIOLATED, "1.61s")
    ours = started.judge(record(ServerEvent(at=20.5, what="started"), *clients))
    assert ours.verdict is Verdict.INCONCLUSIVE


def test_a_server_that_did_not_start_again_served_nobody_and_says_why() -> None:
    events = healed(20.0), ServerEvent(at=21.0, what="not started", detail="the port is taken")
    finding = RECOVERED.judge(record(*events))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "0/2")
    assert finding.evidence == ("the port is taken",)


DELIVERED = DeliveredInSequence(
    crowd="crowd", gap=0.3, start=10.0, end=11.0, message="sequence", sequence=r'"sequence": (\d+)'
)


@pytest.mark.parametrize(
    ("heard", "verdict", "observed"),
    [
        (
            ((10.1, 1), (10.3, 2), (10.5, 3), (10.75, 4), (10.9, 5)),
            Verdict.HELD,
            "5 broadcasts to 1 listeners, longest gap 250ms",
        ),
        (
            ((10.1, 1), (10.3, 2), (10.9, 3)),
            Verdict.VIOLATED,
            "3 broadcasts to 1 listeners, longest gap 600ms",
        ),
        (
            ((10.1, 1), (10.3, 2), (10.5, 4), (10.75, 5), (10.9, 6)),
            Verdict.VIOLATED,
            "listener 0: broadcast 4 came after 2 (1 lost)",
        ),
        (
            ((10.1, 1), (10.3, 2), (10.5, 2), (10.75, 3), (10.9, 4)),
            Verdict.VIOLATED,
            "listener 0: broadcast 2 came after 2 (repeated or reordered)",
        ),
    ],
)
def test_delivery(heard: tuple[tuple[float, int], ...], verdict: Verdict, observed: str) -> None:
    frames = [frame(at, text=f'{{"sequence": {number}}}') for at, number in heard]
    finding = DELIVERED.judge(record(attempt(), *frames))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def _asked(at: float = 1.0) -> ServerEvent:
    return ServerEvent(at=at, what="asked to stop")


SHUT_DOWN = ShutDownWithin(limit=1.0)


@pytest.mark.parametrize(
    ("event", "verdict", "observed"),
    [
        (ServerEvent(at=1.5, what="exited", exit_code=0), Verdict.HELD, "ended 500ms after SIGTERM"),
        (ServerEvent(at=3.0, what="exited", exit_code=0), Verdict.VIOLATED, "ended 2s after SIGTERM"),
        (
            ServerEvent(at=1.5, what="exited", exit_code=-15),
            Verdict.VIOLATED,
            "ended with exit code -15 after 500ms",
        ),
        (ServerEvent(at=3.0, what="still running"), Verdict.VIOLATED, "still running 2s after SIGTERM"),
        (
            ServerEvent(at=1.5, what="still running"),
            Verdict.INCONCLUSIVE,
            "still running 500ms after SIGTERM, and nobody looked longer",
        ),
    ],
)
def test_shutdown(event: ServerEvent, verdict: Verdict, observed: str) -> None:
    finding = SHUT_DOWN.judge(record(_asked(), event))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def test_a_server_that_was_not_asked_decides_nothing() -> None:
    assert SHUT_DOWN.judge(record()).verdict is Verdict.INCONCLUSIVE
