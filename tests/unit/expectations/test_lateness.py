"""Whose lateness excuses what: that of the process which stamped the judged times, while they were judged."""

from __future__ import annotations

import pytest

from chaos.expectations import (
    AnsweredWhileOpen,
    ClosedWhenIdle,
    DeliveredInSequence,
    Established,
    Expectation,
    PingedAtPeriod,
    Record,
    RecoveredWithin,
    ReleasedWithin,
    RoundTripsWithin,
    ShutDownWithin,
    TurnedAwayWhileOpen,
    WarnedBeforeClose,
)
from chaos.journal import Call, Event, Outcome, ServerEvent, Source
from chaos.verdict import Verdict
from tests.unit.expectations.records import (
    attempt,
    bite,
    ended,
    frame,
    healed,
    injected,
    late,
    made,
    record,
    sample,
    worker_late,
)

OURS, OTHERS = 7, 8
"""Pids of two workers."""

LATE = 0.4
"""Seconds that somebody was late: more than each of the breaches below."""

Case = tuple[Expectation, tuple[Event, ...]]

FEED = DeliveredInSequence(crowd="crowd", gap=0.3, start=10.0, end=11.0, message="news", sequence=None)
HEARD = tuple(frame(at, text="news") for at in (10.2, 10.4, 10.9))

BY_THE_WORKER: dict[str, Case] = {
    "established": (
        Established(crowd="crowd", count=1, within=0.5, success_ratio=1.0),
        (attempt(began=10.0, took=0.8),),
    ),
    "turned away": (
        TurnedAwayWhileOpen(crowd="crowd", failures=1, open_for=20.0, failure_code=1013, open_code=1013, within=0.5),
        tuple(
            attempt(client, began=began, took=took, outcome=Outcome.CLOSED, code=1013)
            for client, began, took in ((0, 9.0, 0.1), (1, 10.0, 0.8))
        ),
    ),
    "pinged": (
        PingedAtPeriod(crowd="crowd", interval=0.4, until=10.9),
        (attempt(began=9.8, took=0.1), *(frame(at, opcode="ping") for at in (10.0, 10.6))),
    ),
    "warned": (
        WarnedBeforeClose(crowd="crowd", warning="warning", notice=0.5),
        (attempt(), frame(10.3, text="warning"), ended(at=10.5)),
    ),
    "idle, too late": (ClosedWhenIdle(crowd="crowd", timeout=1.0, slack=0.4), (attempt(began=9.1), ended(at=10.8))),
    "idle, too early": (
        ClosedWhenIdle(crowd="crowd", timeout=0.7, slack=0.0),
        (attempt(began=10.0, took=0.4), ended(at=10.8)),
    ),
    "round trips": (
        RoundTripsWithin(
            wanted=1, sent=1, answered=1, round_trips=(0.4,), p99=0.1, crowd="crowd", start=10.0, end=11.0
        ),
        (),
    ),
    "delivered": (FEED, (attempt(), *HEARD)),
    "recovered": (RecoveredWithin(crowd="crowd", count=1, limit=0.5), (healed(10.0), attempt(began=10.0, took=0.8))),
}
"""What the worker of `crowd` stamps, each broken by less than `LATE` between 10 and 11 s, and held nowhere else."""


def by_the_worker(case: Case, *more: Event) -> Record:
    return record(made(pid=OURS), made("neighbours", pid=OTHERS), *case[1], *more)


@pytest.mark.parametrize("name", BY_THE_WORKER)
def test_with_a_worker_that_is_on_time_a_breach_is_the_server_s(name: str) -> None:
    case = BY_THE_WORKER[name]
    assert case[0].judge(by_the_worker(case)).verdict is Verdict.VIOLATED
    assert case[0].judge(by_the_worker(case, worker_late(0.001, at=10.4))).verdict is Verdict.VIOLATED


@pytest.mark.parametrize("name", BY_THE_WORKER)
def test_a_worker_that_was_late_meanwhile_makes_it_inconclusive_and_is_named(name: str) -> None:
    case = BY_THE_WORKER[name]
    finding = case[0].judge(by_the_worker(case, worker_late(LATE, at=10.4, pid=OURS)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed.endswith(
        ", a breach within the reading's own uncertainty of 400ms: the crowd worker of 'crowd' was up to 400ms late"
    )


@pytest.mark.parametrize("name", BY_THE_WORKER)
@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param(worker_late(LATE, at=8.5, pid=OURS), id="before"),
        pytest.param(worker_late(LATE, at=12.0, pid=OURS), id="after"),
        pytest.param(worker_late(LATE, at=10.4, pid=OTHERS), id="in another worker"),
    ],
)
def test_lateness_elsewhere_is_no_excuse(name: str, elsewhere: Event) -> None:
    case = BY_THE_WORKER[name]
    assert case[0].judge(by_the_worker(case, elsewhere)).verdict is Verdict.VIOLATED


@pytest.mark.parametrize("name", [name for name in BY_THE_WORKER if name != "recovered"])
def test_what_a_worker_stamps_the_conductor_s_lateness_does_not_excuse(name: str) -> None:
    case = BY_THE_WORKER[name]
    assert case[0].judge(by_the_worker(case, late(LATE, at=10.4))).verdict is Verdict.VIOLATED


def test_a_breach_beyond_the_lateness_is_the_server_s_all_the_same() -> None:
    case = BY_THE_WORKER["established"]
    finding = case[0].judge(by_the_worker(case, worker_late(0.25, at=10.4, pid=OURS)))
    assert finding.verdict is Verdict.VIOLATED


def test_without_a_word_whose_crowd_it_is_any_worker_may_have_stamped_it() -> None:
    expectation, events = BY_THE_WORKER["established"]
    finding = expectation.judge(record(*events, worker_late(LATE, at=10.4, pid=OTHERS)))
    assert finding.verdict is Verdict.INCONCLUSIVE


BY_THE_CONDUCTOR: dict[str, Case] = {
    "calls": (
        AnsweredWhileOpen(start=10.0, end=10.5, within=0.1),
        (Call(at=10.8, began=10.4, source=Source.CACHED),),
    ),
    "shutdown": (
        ShutDownWithin(limit=0.5),
        (ServerEvent(at=10.0, what="asked to stop"), ServerEvent(at=10.8, what="exited", exit_code=0)),
    ),
    "released": (
        ReleasedWithin(dead=1, remaining=1, limit=0.5, why=""),
        (injected(10.0), bite(10.0), sample(10.0, 2), *(sample(10.79 + 0.01 * n, 1) for n in range(4))),
    ),
    "recovered": BY_THE_WORKER["recovered"],
}
"""What the conductor stamps at one end at least."""


@pytest.mark.parametrize("name", BY_THE_CONDUCTOR)
def test_the_conductor_s_lateness_excuses_what_it_stamps(name: str) -> None:
    expectation, events = BY_THE_CONDUCTOR[name]
    punctual = late(0.0, at=9.9)
    if name != "released":  # its samples are 790 ms apart
        assert expectation.judge(record(punctual, *events)).verdict is Verdict.VIOLATED
        assert expectation.judge(record(late(LATE, at=9.9), *events, late(0.0, at=12.0))).verdict is Verdict.VIOLATED
        assert expectation.judge(record(*events, late(0.0, at=11.5), late(LATE, at=12.0))).verdict is Verdict.VIOLATED
    finding = expectation.judge(record(punctual, *events, late(LATE, at=10.9)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "the conductor was up to 400ms late" in finding.observed


BESIDE: dict[str, tuple[Case, Event]] = {
    "calls": (
        (
            AnsweredWhileOpen(start=10.0, end=12.5, within=0.1),
            (
                late(0.0, at=9.9),
                Call(at=10.8, began=10.4, source=Source.CACHED),
                late(0.0, at=11.0),
                Call(at=12.05, began=12.0, source=Source.CACHED),
            ),
        ),
        late(LATE, at=12.1),
    ),
    "pinged": (
        (
            PingedAtPeriod(crowd="crowd", interval=0.4, until=11.4),
            (attempt(began=9.8, took=0.1), *(frame(at, opcode="ping") for at in (10.0, 10.6, 11.0))),
        ),
        worker_late(0.3, at=11.2),
    ),
    "delivered": (
        (FEED, (attempt(), *(frame(at, text="news") for at in (10.2, 10.7, 10.8, 10.9)))),
        worker_late(0.25, at=10.99),
    ),
    "released": (
        (
            ReleasedWithin(dead=1, remaining=1, limit=0.5, why=""),
            (injected(10.0), bite(10.0), sample(10.0, 2), *(sample(10.7 + 0.01 * n, 2 - n // 10) for n in range(30))),
        ),
        sample(12.0, 1),
    ),
}
"""Broken for certain, and somebody late, or nobody looking, in the same window before or after the breach."""


@pytest.mark.parametrize("name", BESIDE)
def test_who_was_late_beside_the_breach_excuses_nothing(name: str) -> None:
    (expectation, events), beside = BESIDE[name]
    assert expectation.judge(record(*events, beside)).verdict is Verdict.VIOLATED


def test_a_beat_tells_of_the_time_since_the_one_before() -> None:
    """The canary waited for an answer: what it noticed meanwhile it can only say afterwards."""
    heard = record(late(0.0, at=9.0), late(LATE, at=15.0))
    assert heard.conductor_late(10.0, 11.0).seconds == LATE
    assert heard.conductor_late(8.0, 8.5).seconds == 0.0
    assert heard.conductor_late(15.1, 16.0).seconds == 0.0


def test_several_reasons_add_up_and_are_all_named() -> None:
    slow = record(healed(10.0), attempt(began=10.0, took=0.8), late(0.2, at=10.9), worker_late(0.15, at=10.4))
    finding = RecoveredWithin(crowd="crowd", count=1, limit=0.5).judge(slow)
    assert finding.observed == (
        "all 1 clients served again 800ms after healing, a breach within the reading's own uncertainty of 350ms: "
        "the conductor was up to 200ms late, the crowd worker of 'crowd' was up to 150ms late"
    )


def test_only_gaps_between_samples_that_are_judged_count() -> None:
    """A machine that was busy before the fault knows all the same when the peers were released."""
    before = (sample(1.0, 2), sample(9.0, 2))
    after = tuple(sample(9.9 + 0.05 * step, 2 if step < 20 else 1) for step in range(30))
    finding = ReleasedWithin(dead=1, remaining=1, limit=0.5, why="").judge(record(*before, injected(), bite(), *after))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "900ms")


def test_a_reading_that_names_nobody_is_excused_by_everybody() -> None:
    trips = RoundTripsWithin(wanted=1, sent=1, answered=1, round_trips=(0.4,), p99=0.1)
    finding = trips.judge(record(late(0.2, at=3.0), worker_late(0.15, at=90.0)))
    assert finding.observed.endswith(
        "uncertainty of 350ms: the conductor was up to 200ms late, a crowd worker was up to 150ms late"
    )
