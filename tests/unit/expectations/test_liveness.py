from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import ClosedByAge, ClosedWhenIdle, PingedAtPeriod, WarnedBeforeClose
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, ended, frame, reading, record, worker_late

PINGED = PingedAtPeriod(crowd="crowd", interval=0.4, until=3.0)


def test_pings_at_their_period() -> None:
    made = record(attempt(), *(frame(at, opcode="ping") for at in (1.3, 1.6, 1.9, 2.2, 2.5, 2.8)))
    finding = PINGED.judge(made)
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "300ms")


def test_every_other_ping_is_not_the_period() -> None:
    made = record(attempt(), *(frame(at, opcode="ping") for at in (1.6, 2.2, 2.8)))
    finding = PINGED.judge(made)
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "3 pings to 1 client, one every 600ms (median), longest silence 600ms"


def test_pings_that_stop_are_not_the_period() -> None:
    made = record(attempt(), *(frame(at, opcode="ping") for at in (1.3, 1.6, 1.9)))
    assert PINGED.judge(made).verdict is Verdict.VIOLATED


def test_one_of_many_that_is_left_out_is_seen() -> None:
    clients = range(5)
    pings = [frame(at, client=client, opcode="ping") for client in clients for at in (1.3, 1.6, 1.9, 2.2, 2.5, 2.8)]
    assert PINGED.judge(record(*map(attempt, clients), *pings)).verdict is Verdict.HELD
    for left_out in ((2.2,), (2.5, 2.8), (1.3, 1.6, 1.9, 2.2, 2.5, 2.8)):
        those = [ping for ping in pings if ping.client != 3 or ping.at not in left_out]
        assert PINGED.judge(record(*map(attempt, clients), *those)).verdict is Verdict.VIOLATED


def test_no_ping_at_all() -> None:
    finding = PINGED.judge(record(attempt()))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "no ping")
    assert finding.observed == "0 pings to 1 client, no two to one of them, longest silence 1.99s"


ONCE = replace(PINGED, until=1.9)
"""Watched for hardly more than two periods: a second ping that is held up comes to nobody any more."""


@pytest.mark.parametrize("pings", [(), (1.3,)], ids=["no ping", "one ping"])
@pytest.mark.parametrize(
    ("waited", "verdict"), [(0.6, Verdict.INCONCLUSIVE), (0.05, Verdict.VIOLATED)], ids=["starved", "a core was free"]
)
def test_one_that_was_kept_from_pinging_twice_is_excused_as_for_any_silence(
    pings: tuple[float, ...], waited: float, verdict: Verdict
) -> None:
    kept = (reading(1.0, waited=0.0, busy=0.0), reading(1.9, waited=waited, busy=1.8))
    assert ONCE.judge(record(attempt(), *(frame(at, opcode="ping") for at in pings), *kept)).verdict is verdict


def test_a_watch_that_is_shorter_than_a_period_says_nothing_of_pings_that_did_not_come() -> None:
    short = replace(PINGED, until=1.4)
    finding = short.judge(record(attempt()))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "no ping in 390ms, and nobody looked longer",
    )
    finding = short.judge(record(attempt(), frame(1.3, opcode="ping")))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "1 ping")


def test_a_late_harness_cannot_blame_the_server_for_a_late_ping() -> None:
    made = record(attempt(), *(frame(at, opcode="ping") for at in (1.3, 1.75, 2.1, 2.4, 2.7)), worker_late(0.2, at=1.7))
    assert PINGED.judge(made).verdict is Verdict.INCONCLUSIVE


IDLE = ClosedWhenIdle(crowd="crowd", timeout=1.5, slack=0.3)


def test_closed_when_idle() -> None:
    finding = IDLE.judge(record(attempt(), ended(at=2.7)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "1.69s")


def test_closed_too_early() -> None:
    finding = IDLE.judge(record(attempt(), ended(at=2.0)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed.endswith("too early")


def test_closed_too_late() -> None:
    assert IDLE.judge(record(attempt(), ended(at=4.0))).verdict is Verdict.VIOLATED


def test_never_closed() -> None:
    finding = IDLE.judge(record(attempt(), worker_late(0.001, at=30.0)))
    assert (finding.verdict, finding.observed) == (Verdict.VIOLATED, "1 of 1 idle clients were never closed")


def test_cut_off_without_a_close_frame() -> None:
    finding = IDLE.judge(record(attempt(), ended(at=2.7, how="reset", code=None)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "client 0 was cut off by reset, without a close frame",
    )


def test_tcp_that_is_held_after_the_close_frame_is_not_the_idle_timeout_s() -> None:
    """The client's close timeout ended it, seconds after the server had said so."""
    finding = IDLE.judge(record(attempt(), replace(ended(at=12.7, how="timeout", code=1000), close_frame_at=2.7)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "1.69s")


def test_tcp_that_times_out_without_a_close_frame_is_cut_off() -> None:
    finding = IDLE.judge(record(attempt(), ended(at=2.7, how="timeout", code=None)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "client 0 was cut off by timeout, without a close frame",
    )


WARNED = WarnedBeforeClose(crowd="crowd", warning="idle_warning", notice=0.5)


def test_warned_in_time() -> None:
    made = record(attempt(), frame(2.2, text="idle_warning"), ended(at=2.7))
    assert WARNED.judge(made).verdict is Verdict.HELD


def test_not_warned() -> None:
    finding = WARNED.judge(record(attempt(), ended(at=2.7)))
    assert (finding.verdict, finding.observed) == (Verdict.VIOLATED, "1 of 1 idle clients got no warning")


def test_a_warning_that_leaves_no_time_to_answer_is_none() -> None:
    made = record(attempt(), frame(2.6, text="idle_warning"), ended(at=2.7))
    assert WARNED.judge(made).verdict is Verdict.VIOLATED


def test_a_countdown_counts_from_its_first_warning() -> None:
    counted = (frame(at, text="idle_warning") for at in (2.2, 2.5, 2.65))
    finding = WARNED.judge(record(attempt(), *counted, ended(at=2.7)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "500ms")
    assert finding.observed == "all 1 warned, the shortest notice 500ms"


AGED = ClosedByAge(crowd="crowd", limit=5.0)
"""The clients of `attempt()` see their 101 at 1.005."""


def test_closed_by_age() -> None:
    finding = AGED.judge(record(attempt(0), attempt(1), ended(0, at=5.905), ended(1, at=5.805)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "4.9s")
    assert finding.observed == "all 2 closed, the oldest at the age of 4.9s"


def test_tcp_that_is_held_after_the_close_frame_adds_nothing_to_the_age() -> None:
    finding = AGED.judge(record(attempt(0), replace(ended(0, at=15.9, how="timeout"), close_frame_at=5.905)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "4.9s")


def test_closed_too_old() -> None:
    finding = AGED.judge(record(attempt(0), ended(0, at=6.605)))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "5.6s")


def test_as_late_as_a_timer_is_is_not_too_old() -> None:
    assert AGED.judge(record(attempt(0), ended(0, at=6.405))).verdict is Verdict.HELD


def test_one_of_many_that_gets_too_old_is_seen() -> None:
    clients = range(5)
    ends = [ended(client, at=5.9) for client in clients]
    finding = AGED.judge(record(*map(attempt, clients), *ends))
    assert (finding.verdict, finding.observed) == (
        Verdict.HELD,
        "all 5 closed, the oldest at the age of 4.9s",
    )
    assert AGED.judge(record(*map(attempt, clients), *ends[:4], ended(4, at=6.6))).verdict is Verdict.VIOLATED
    cut = AGED.judge(record(*map(attempt, clients), *ends[:4], ended(4, at=5.9, how="reset", code=None)))
    assert (cut.verdict, cut.observed) == (
        Verdict.VIOLATED,
        "client 4 was cut off by reset at the age of 4.9s, without a close frame",
    )
    open_still = AGED.judge(record(*map(attempt, clients), *ends[:4], worker_late(0.001, at=11.005)))
    assert (open_still.verdict, open_still.figure) == (Verdict.VIOLATED, "4/5 closed")


def test_too_old_by_less_than_the_harness_was_late() -> None:
    assert AGED.judge(record(attempt(0), ended(0, at=6.705), worker_late(0.3, at=6.7))).verdict is Verdict.INCONCLUSIVE


def test_never_closed_by_age() -> None:
    finding = AGED.judge(record(attempt(0), attempt(1), ended(0, at=5.9), worker_late(0.001, at=11.005)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 2 connections were still open at the age of 10s",
    )


def test_not_watched_until_its_age_decides_nothing() -> None:
    finding = AGED.judge(record(attempt(0), worker_late(0.001, at=5.005)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "1 of 1 connections were still open at the age of 4s, and nobody looked longer",
    )


def test_closed_long_before_its_age() -> None:
    finding = AGED.judge(record(attempt(0), attempt(1), ended(0, at=5.905), ended(1, at=1.205)))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "200ms")
    assert finding.observed == "1 of 2 were closed too young, the first at the age of 200ms"
    assert finding.promised == (
        "no connection gets older than 5s, a tenth of it late: by then it is told and closed, and not before 3.75s"
    )


def test_a_server_that_is_stricter_than_it_promises_keeps_its_promise() -> None:
    assert AGED.judge(record(attempt(0), ended(0, at=4.8))).verdict is Verdict.HELD


def test_too_young_by_less_than_its_worker_was_late_to_see_it_let_in() -> None:
    young = (attempt(0), ended(0, at=4.505))
    assert AGED.judge(record(*young, worker_late(0.3, at=1.1))).verdict is Verdict.INCONCLUSIVE
    assert AGED.judge(record(*young, worker_late(0.2, at=1.1))).verdict is Verdict.VIOLATED
    assert AGED.judge(record(*young, worker_late(0.3, at=6.0))).verdict is Verdict.VIOLATED


def test_cut_off_for_its_age_without_a_word() -> None:
    finding = AGED.judge(record(attempt(0), ended(0, at=5.005, how="reset", code=None)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "client 0 was cut off by reset at the age of 4s, without a close frame",
    )
