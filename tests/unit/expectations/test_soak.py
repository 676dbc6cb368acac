from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chaos.contract import RejectionAnswer
from chaos.expectations import (
    AnsweredThroughout,
    Expectation,
    IdleFoundThroughout,
    MemoryWithin,
    NothingKeptOverTime,
    PlacesThroughout,
)
from chaos.expectations.soak.memory import SETTLING
from chaos.journal import Attempt, Ended, Event, Frame, Outcome, Overfilled, Sample, Soaked, Traffic, WentIdle
from chaos.verdict import Verdict
from tests.unit.expectations.records import record, worker_late

HOUR = 3600.0
SOAKED = Soaked(at=1000 + 8 * HOUR, crowd="members", began=1000.0, asked=8 * HOUR, talk=0.1, patience=3.0, places=99)
MARGIN = 2_000_000
KEPT = NothingKeptOverTime(margin=MARGIN)
IDLE = IdleFoundThroughout(timeout=300.0, slack=60.0, warned=True)
ANSWERED = AnsweredThroughout(idle_timeout=300.0, max_age=1800.0, p99=0.25)
PLACES = PlacesThroughout(answer=RejectionAnswer.HTTP_503, within=1.0, retry_after=True, closed_within=0.5)


def _samples(soaked: Soaked, *, an_hour: float = 0.0, noise: float = 20_000.0) -> Iterator[Sample]:
    drawn = random.Random(3)
    step = (soaked.at - soaked.began) / 1000
    for number in range(1001):
        at = soaked.began + number * step
        memory = 60e6 + an_hour * (at - soaked.began) / HOUR + drawn.gauss(0, noise)
        yield Sample(at=at, took=0.001, pss=round(memory))


def _came(client: int, at: float, outcome: Outcome = Outcome.OPEN, *, crowd: str = "members") -> Attempt:
    return Attempt(
        at=at + 0.01,
        crowd=crowd,
        client=client,
        outcome=outcome,
        phase="first_message" if outcome is Outcome.OPEN else "handshake",
        began=at,
        status=101 if outcome is Outcome.OPEN else 503,
        retry_after=None if outcome is Outcome.OPEN else "1",
    )


def _closed(client: int, at: float, *, by: str = "server", how: str = "close", crowd: str = "members") -> Ended:
    return Ended(at=at, crowd=crowd, client=client, by=by, how=how, code=1001 if how == "close" else None)


def _idler(client: int, at: float, *, closed: float | None = 310.0, warned: bool = True) -> list[Event]:
    found: list[Event] = [_came(client, at - 50), WentIdle(at=at, crowd="members", client=client)]
    if warned:
        found.append(Frame(at=at + 240, crowd="members", client=client, opcode="text", size=20, text="idle_warning"))
    if closed is not None:
        found.append(_closed(client, at + closed))
    return found


def _idlers(count: int = 40) -> list[Event]:
    step = 8 * HOUR / count
    return [event for client in range(count) for event in _idler(client, 1100 + client * step)]


def _traffic(at: float, *, answered: int = 900, missing: int = 0, wrong: int = 0, worst: float = 0.01) -> Traffic:
    return Traffic(
        at=at,
        crowd="members",
        began=at - 1,
        sent=answered,
        received=answered,
        pings=0,
        answered=answered,
        missing=missing,
        wrong=wrong,
        round_trips={str(worst): answered},
        worst=worst,
    )


@pytest.mark.parametrize("expectation", [MemoryWithin(limit=1), KEPT, IDLE, ANSWERED, PLACES])
def test_without_a_soak_nothing_is_decided(expectation: Expectation) -> None:
    assert expectation.judge(record()).verdict is Verdict.INCONCLUSIVE


def test_a_soak_in_which_nobody_was_due_says_nothing_of_idle_clients() -> None:
    short = replace(SOAKED, at=SOAKED.began + IDLE.timeout)
    finding = IDLE.judge(record(short, *_idler(0, SOAKED.began + 10, closed=None)))
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_a_soak_in_which_nobody_asked_says_nothing_of_answers() -> None:
    assert ANSWERED.judge(record(SOAKED, _came(0, 1001))).verdict is Verdict.INCONCLUSIVE
    asked = replace(_traffic(1100.0, answered=0, missing=9), sent=9)
    assert ANSWERED.judge(record(SOAKED, _came(0, 1001), asked)).verdict is Verdict.VIOLATED


def test_memory_within_its_bound_and_for_how_long() -> None:
    made = record(SOAKED, *_samples(SOAKED))
    assert MemoryWithin(limit=100_000_000).judge(made).verdict is Verdict.HELD
    finding = MemoryWithin(limit=60_000_000).judge(made)
    assert finding.verdict is Verdict.VIOLATED
    assert "it was kept for the first" in finding.observed


def test_steady_memory_is_held_and_says_what_it_could_see() -> None:
    finding = KEPT.judge(record(SOAKED, *_samples(SOAKED)))
    assert finding.verdict is Verdict.HELD
    assert "for 8h; " in finding.observed
    assert "is the smallest that could be seen" in finding.observed


def test_a_leak_is_seen() -> None:
    made = record(SOAKED, *_samples(SOAKED, an_hour=10_000_000))
    finding = KEPT.judge(made)
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "10MB/h")
    assert KEPT.too_fine(made) is None


def test_what_a_filling_allocator_takes_is_no_leak_and_no_proof() -> None:
    """The same growth in a minute and in 8 hours: only the long one shows that it goes on."""
    short = replace(SOAKED, at=1060.0, asked=60.0)
    made = record(short, *_samples(short, an_hour=0.5 * SETTLING * 60))
    assert KEPT.judge(made).verdict is Verdict.INCONCLUSIVE
    told = KEPT.too_fine(made)
    assert told is not None
    assert "promises.leak_free.memory_per_hour = 2MB is finer than a soak of 60s can see" in told
    assert told.endswith("hours")


def test_a_soak_that_was_cut_short_says_so() -> None:
    cut = replace(SOAKED, at=1000 + 3 * HOUR + 720, cut="it was interrupted")
    finding = MemoryWithin(limit=100_000_000).judge(record(cut, *_samples(cut)))
    assert (finding.verdict, finding.observed.partition(", ")[2]) == (
        Verdict.HELD,
        "for 3h12min of 8h, when it was interrupted",
    )


def test_everyone_idle_is_found() -> None:
    finding = IDLE.judge(record(SOAKED, *_idlers()))
    assert (finding.verdict, finding.observed) == (
        Verdict.HELD,
        "all 40 who fell silent were warned and closed, for 8h",
    )


def test_idle_clients_that_are_found_no_more() -> None:
    first = 1100 + 30 * 8 * HOUR / 40
    events = [event for event in _idlers() if not (isinstance(event, Ended) and event.at > first)]
    finding = IDLE.judge(record(SOAKED, *events))
    assert finding.verdict is Verdict.VIOLATED
    assert (
        finding.observed == "10 of 40 who fell silent were not warned and closed in time; all were for the first 6h1min"
    )


def test_a_warning_that_never_came() -> None:
    late = _idler(99, 20_000.0, warned=False)
    finding = IDLE.judge(record(SOAKED, *_idlers(), *late))
    assert finding.evidence == ("client 99: closed without a warning after 5h16min of the soak",)


def test_who_left_or_grew_old_was_never_due() -> None:
    left = [_came(90, 2000.0), WentIdle(at=2050.0, crowd="members", client=90), _closed(90, 2060.0, by="client")]
    old = _idler(91, 3000.0, closed=100.0, warned=False)
    assert IDLE.judge(record(SOAKED, *_idlers(), *left, *old)).verdict is Verdict.HELD


def test_a_close_that_was_late_while_our_worker_was() -> None:
    late = _idler(99, 20_000.0, closed=400.0)
    finding = IDLE.judge(record(SOAKED, *_idlers(), *late, worker_late(70.0, at=20_398.0)))
    assert finding.verdict is Verdict.HELD
    assert ", but for 1 in moments that may have been ours, " in finding.observed
    assert IDLE.judge(record(SOAKED, *_idlers(), *late)).verdict is Verdict.VIOLATED


def test_too_many_moments_of_ours_leave_nothing_to_judge() -> None:
    late = [event for client in range(50, 56) for event in _idler(client, 20_000.0, closed=400.0)]
    finding = IDLE.judge(record(SOAKED, *_idlers(), *late, worker_late(70.0, at=20_398.0)))
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_answers_all_along() -> None:
    finding = ANSWERED.judge(record(SOAKED, *(_traffic(1000.0 + at) for at in range(1, 100))))
    assert finding.verdict is Verdict.HELD
    assert "for 8h" in finding.observed


@pytest.mark.parametrize(("missing", "wrong"), [(1, 0), (0, 1)])
def test_an_answer_that_is_lost(missing: int, wrong: int) -> None:
    finding = ANSWERED.judge(record(SOAKED, _traffic(2000.0), _traffic(8200.0, missing=missing, wrong=wrong)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed.endswith("all was well for the first 2h")


def test_answers_that_were_lost_while_our_worker_hung() -> None:
    lost = _traffic(8200.0, missing=3)
    finding = ANSWERED.judge(record(SOAKED, _traffic(2000.0), lost, worker_late(2.0, at=8199.0)))
    assert finding.verdict is Verdict.HELD
    assert ", but for 3 exchanges in moments that may have been ours, " in finding.observed


def test_a_client_that_was_cut_off() -> None:
    cut = [_came(1, 1900.0), _closed(1, 2000.0, how="reset")]
    finding = ANSWERED.judge(record(SOAKED, _traffic(2000.0), *cut))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "0 lost, 1 cut")


def test_clients_that_were_closed_for_idling_or_age_were_not_cut_off() -> None:
    old = [_came(2, 2000.0), _closed(2, 3700.0)]
    made = record(SOAKED, _traffic(2000.0), *_idler(1, 5000.0), *old)
    assert ANSWERED.judge(made).verdict is Verdict.HELD


def test_one_bad_part_does_not_drown() -> None:
    periods = [_traffic(1000.0 + 60 * minute) for minute in range(1, 400)]
    slow = [_traffic(15_000.5 + second, worst=0.5) for second in range(30)]
    finding = ANSWERED.judge(record(SOAKED, *periods, *slow))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "p99 500ms")
    excused = ANSWERED.judge(record(SOAKED, *periods, *slow, worker_late(0.4, at=15_010.0)))
    assert (excused.verdict, excused.figure) == (Verdict.HELD, "p99 10ms")
    assert "parts left out that may have been slow for reasons of ours" in excused.observed


def _burst(at: float, *, opened: int, refused: int) -> list[Event]:
    came = [
        _came(number, at, Outcome.OPEN if number < opened else Outcome.HTTP, crowd="beyond 1")
        for number in range(opened + refused)
    ]
    gone = [_closed(number, at + 0.1, by="client", crowd="beyond 1") for number in range(opened)]
    return [*came, *gone, Overfilled(at=at + 0.2, crowd="beyond 1", began=at)]


NINETY = [_came(client, 1100.0) for client in range(90)]


def test_places_all_along() -> None:
    finding = PLACES.judge(record(SOAKED, *NINETY, *_burst(5000.0, opened=9, refused=16)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "90 in, 16 out")


@pytest.mark.parametrize(
    ("opened", "told"), [(10, "10 more got in although 9 of"), (8, "only 8 more got in although 9 of")]
)
def test_a_limit_that_is_not_kept_under_a_burst(opened: int, told: str) -> None:
    finding = PLACES.judge(record(SOAKED, *NINETY, *_burst(5000.0, opened=opened, refused=25 - opened)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed.startswith(told)


def test_a_newcomer_that_is_kept_out_of_a_free_place() -> None:
    refused = _came(95, 12_000.0, Outcome.HTTP)
    finding = PLACES.judge(record(SOAKED, *NINETY, *_burst(5000.0, opened=9, refused=16), refused))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == (
        "client 95: HTTP 503 after 10ms, although 90 of 99 places were taken; all was well for the first 3h3min"
    )


def test_a_newcomer_that_timed_out_while_our_worker_hung() -> None:
    refused = _came(95, 12_000.0, Outcome.TIMEOUT)
    burst = _burst(5000.0, opened=9, refused=16)
    finding = PLACES.judge(record(SOAKED, *NINETY, *burst, refused, worker_late(2.0, at=12_000.5)))
    assert finding.verdict is Verdict.HELD
    assert ", but for 1 in moments that may have been ours" in finding.observed


def test_a_newcomer_that_finds_places_not_free_yet() -> None:
    many = [_came(client, 1100.0) for client in range(99)]
    gone = _closed(0, 11_999.8)
    refused = _came(100, 12_000.0, Outcome.HTTP)
    burst = _burst(5000.0, opened=0, refused=25)
    assert PLACES.judge(record(SOAKED, *many, *burst, gone, refused)).verdict is Verdict.HELD


def test_without_a_burst_nobody_knows_whether_there_is_a_limit() -> None:
    assert PLACES.judge(record(SOAKED, *NINETY)).verdict is Verdict.INCONCLUSIVE
