"""The breaker model on traces made by hand: what it lets pass, and its sentence for the first thing it does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from chaos.expectations import FollowsTheBreakerModel
from chaos.expectations.breaker_model import Limits, Word, excused, follow
from chaos.expectations.record import Uncertainty
from chaos.journal import Call, Event, Hit, Outcome, Sample, Source, Statistics
from chaos.verdict import Finding, Verdict
from tests.unit.expectations.records import attempt, late, record

PROMISED = Limits(failure_threshold=2, recovery_timeout=1.0, success_threshold=2, call_timeout=0.4)


def by_model(*, end: float) -> FollowsTheBreakerModel:
    """What is promised, as the expectation takes it."""
    return FollowsTheBreakerModel(limits=PROMISED, end=end)


def passed(began: float, source: Source, *, took: float = 0.02) -> list[Event]:
    """A call that reached the upstream halfway."""
    status = 200 if source is Source.LIVE else 500
    return [Call(at=began + took, began=began, source=source), Hit(at=began + took / 2, path="/", status=status)]


def live(began: float) -> list[Event]:
    return passed(began, Source.LIVE)


def failed(began: float, *, took: float = 0.02) -> list[Event]:
    return passed(began, Source.CACHED, took=took)


def away(began: float, source: Source = Source.CACHED) -> list[Event]:
    return [Call(at=began + 0.01, began=began, source=source)]


def said(at: float, state: str) -> list[Event]:
    return [Statistics(at=at, values={"upstream_breaker": state}, took=0.01)]


def sorted_out(*events: list[Event]) -> tuple[list[Call], list[Hit], list[Word]]:
    seen = [event for each in events for event in each]
    return (
        [event for event in seen if isinstance(event, Call)],
        [event for event in seen if isinstance(event, Hit)],
        [
            Word(at=event.at, took=event.took, state=str(event.values["upstream_breaker"]))
            for event in seen
            if isinstance(event, Statistics)
        ],
    )


def illegal(*events: list[Event], promised: Limits = PROMISED) -> str:
    calls, hits, readings = sorted_out(*events)
    return follow(promised, calls=calls, hits=hits, readings=readings)


OPENED = (live(10.0), failed(10.1), failed(10.2))
"""It opened between 10.21, when the second failure reached the upstream, and 10.22, when its caller had the answer."""


HUNG = (live(10.0), failed(10.1), failed(10.2, took=0.3))
"""It opened between 10.35, when the second failure reached the upstream, and 10.5, when its caller had the answer."""


def test_a_trial_after_a_call_that_hung_may_be_for_its_beginning() -> None:
    """Where the server says nothing meanwhile, nobody knows when it gave the call up."""
    assert illegal(*HUNG, failed(11.34)) == ""


@pytest.mark.parametrize("word", ["closed", "half-open"])
def test_a_circuit_that_is_not_open_by_the_servers_own_word_has_not_opened_yet(word: str) -> None:
    states = (live(10.0), failed(10.1)) if word == "closed" else (*OPENED, live(11.3))
    hung = failed(10.2, took=0.3) if word == "closed" else failed(11.4, took=0.3)
    end = 10.5 if word == "closed" else 11.7
    # Asked 10 ms before it says so, and 10 ms are the clocks'.
    assert illegal(*states, hung, said(end - 0.04, word), failed(end + 0.96)) == ""
    assert illegal(*states, hung, said(end - 0.04, word), failed(end + 0.9)).endswith(
        "reached the upstream 970ms after the circuit opened at the earliest, 30ms before a trial was due"
    )


@pytest.mark.parametrize(
    ("at", "word"),
    [
        (10.34, "open"),  # its word for open says nothing of when
        (10.205, "closed"),  # asked before the call began
        (10.55, "closed"),  # answered after it ended, when it is open: another matter
    ],
)
def test_other_words_move_nothing(at: float, word: str) -> None:
    assert "after the circuit opened at the earliest" not in illegal(*HUNG, said(at, word), failed(11.34))


def test_a_whole_life_is_legal() -> None:
    life = (
        *OPENED, said(10.3, "open"), away(10.5), away(11.2),
        failed(11.3), away(11.4), away(14.0),
        live(14.1), said(14.2, "half-open"), live(14.3), said(14.4, "closed"),
        failed(14.5), live(14.6), failed(14.7), failed(14.8), away(14.9, Source.UNAVAILABLE),
    )  # fmt: skip
    assert illegal(*life) == ""


def given_up(began: float) -> list[Event]:
    """A call that was given up before it reached the upstream."""
    return [Call(at=began + 0.25, began=began, source=Source.CACHED)]


def test_a_call_that_is_given_up_on_its_way_has_failed_too() -> None:
    """On a busy machine connecting takes as long as a call may: the upstream never hears of it."""
    assert illegal(live(10.0), given_up(10.1), said(10.4, "closed"), failed(10.5), said(10.6, "open")) == ""
    assert illegal(live(10.0), given_up(10.1), given_up(10.5), said(10.9, "open"), away(11.0)) == ""
    assert illegal(*OPENED, given_up(11.4), said(11.8, "open"), away(12.0)) == ""


def test_one_that_is_turned_away_at_once_was_not() -> None:
    assert illegal(live(10.0), live(10.1), away(10.2)) == (
        "the call 200ms in was not passed on, when the circuit was closed after 0 failures in a row"
    )


def test_before_the_first_call_it_may_be_anything() -> None:
    for first in (away(10.0), live(10.0), failed(10.0)):
        assert illegal(first) == ""
    assert illegal() == ""


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        pytest.param(
            [failed(10.3)],
            "the call 300ms in reached the upstream 100ms after the circuit opened at the earliest, 900ms before a "
            "trial was due",
            id="called while open, or opened late",
        ),
        pytest.param(
            [live(11.0)],
            "the call 1s in reached the upstream 800ms after the circuit opened at the earliest, 200ms before a trial "
            "was due",
            id="trial too early",
        ),
        pytest.param(
            [away(11.5)], "the call 1.5s in was not passed on, 280ms after a trial was due", id="never half-open"
        ),
        pytest.param(
            [failed(11.3), failed(11.4)],
            "the call 1.4s in reached the upstream 100ms after the circuit opened at the earliest, 900ms before a "
            "trial was due",
            id="timer not restarted",
        ),
        pytest.param(
            [live(11.3), away(11.4)],
            "the call 1.4s in was not passed on, when the circuit was half-open after 1 successful trial",
            id="trial's place lost",
        ),
        pytest.param(
            [live(11.3), live(11.4), failed(11.5), away(11.6)],
            "the call 1.6s in was not passed on, when the circuit was closed after 1 failure in a row",
            id="count kept after closing",
        ),
        pytest.param(
            [[Hit(at=10.7, path="/", status=500)], away(10.8)],
            "a request reached the upstream 700ms in that no call explains",
            id="called for nobody",
        ),
        pytest.param(
            [[*failed(11.3), Hit(at=11.315, path="/", status=500)]],
            "the call 1.3s in reached the upstream 2 times",
            id="two requests for one call",
        ),
        pytest.param(
            [away(10.5, Source.LIVE)],
            "the call 500ms in got a live answer and never reached the upstream",
            id="old for new",
        ),
        pytest.param(
            [live(11.3), said(11.5, "closed")],
            "the server said closed 1.5s in, when its circuit was half-open after 1 successful trial",
            id="closes on the first success",
        ),
        pytest.param(
            [said(10.6, "half-open")],
            "the server said half-open 600ms in, when its circuit was open",
            id="half-open too early by its own word",
        ),
    ],
)
def test_the_first_illegal_observation(more: list[list[Event]], sentence: str) -> None:
    assert illegal(*OPENED, *more) == sentence


def test_one_failure_opens_nothing() -> None:
    # After a single success it may still be half-open, with another one to go.
    assert illegal(live(9.9), live(10.0), failed(10.1), away(10.2)) == (
        "the call 300ms in was not passed on, when the circuit was closed after 1 failure in a row"
    )


def test_a_success_starts_the_count_anew() -> None:
    assert illegal(live(9.9), live(10.0), failed(10.1), live(10.2), failed(10.3), away(10.4)) == (
        "the call 500ms in was not passed on, when the circuit was closed after 1 failure in a row"
    )


def test_a_live_answer_of_an_upstream_that_failed() -> None:
    false = [Call(at=10.02, began=10.0, source=Source.LIVE), Hit(at=10.01, path="/", status=500)]
    assert illegal(false) == "the call 0s in got a live answer of an upstream that failed"


def test_a_circuit_opens_no_sooner_than_its_failure_and_no_later_than_its_answer() -> None:
    # The second failure hangs: it reached the upstream at 10.4, and its caller was answered at 10.6.
    hung = (live(10.0), failed(10.1), failed(10.2, took=0.4))
    assert illegal(*hung, live(11.4)) == "", "a trial 1 s after it reached the upstream may be due"
    assert illegal(*hung, away(11.59)) == "", "and 1 s after its answer may not be"
    assert illegal(*hung, away(11.61)) != ""


def test_calls_that_never_arrived_and_readings_amid_a_call_say_nothing() -> None:
    assert illegal(*OPENED, away(11.5, Source.NONE), said(10.21, "closed"), said(10.6, "degraded")) == ""


@dataclass(frozen=True, slots=True)
class Busy:
    """A machine that had a core for nobody of ours between two times."""

    since: float
    until: float

    def stamped_late(self, sent: float, stamped: float) -> Uncertainty:
        return self.undone(sent, stamped)

    def undone(self, due: float, seen: float) -> Uncertainty:
        return Uncertainty.of_waiting(max(0.0, min(self.until, seen) - max(self.since, due)))


def owed(*events: list[Event], busy: tuple[float, float]) -> float | None:
    """Seconds that may be the machine's of what is illegal but for that; None where it is illegal all the same."""
    calls, hits, readings = sorted_out(*events)
    assert follow(PROMISED, calls=calls, hits=hits, readings=readings), "illegal where the machine was idle"
    found = excused(PROMISED, calls=calls, hits=hits, readings=readings, ours=Busy(*busy))
    return None if found is None else round(found.seconds, 6)


LATE_AT_THE_UPSTREAM = (live(10.0), failed(10.1), failed(10.2, took=0.4))
"""The second failure was asked for at 10.2 and reached the upstream at 10.4, by the upstream's word."""


@pytest.mark.parametrize(
    ("busy", "seconds"),
    [
        pytest.param((10.0, 10.4), 0.2, id="until it was stamped"),
        pytest.param((10.3, 10.4), None, id="for less than it came too early"),
        pytest.param((10.4, 11.4), None, id="from when it was stamped, ten times as long"),
        pytest.param((8.0, 10.2), None, id="before it was sent"),
    ],
)
def test_a_trial_is_too_early_for_a_failure_that_was_stamped_late_and_for_nothing_that_came_later(
    busy: tuple[float, float], seconds: float | None
) -> None:
    assert owed(*LATE_AT_THE_UPSTREAM, live(11.24), busy=busy) == seconds


def test_no_circuit_opened_before_the_call_began_that_opened_it() -> None:
    """On a machine that is busy all along, and as long as the trial came too early."""
    assert owed(*OPENED, live(11.0), busy=(9.0, 12.0)) is None
    assert owed(*LATE_AT_THE_UPSTREAM, live(11.18), busy=(9.0, 12.0)) is None


ASKED_TWICE = (*HUNG, said(10.37, "closed"), said(10.47, "closed"))
"""It opened between 10.45, when it was not open by its own word, less 10 ms for the clocks, and 10.5."""


@pytest.mark.parametrize(
    ("trial", "busy", "seconds"),
    [
        pytest.param(11.39, (10.3, 10.45), 0.1, id="what was due lay undone when it said so"),
        pytest.param(11.39, (10.45, 11.5), None, id="it waited afterwards"),
        pytest.param(11.29, (9.0, 12.0), None, id="due before it was asked the time before, and undone then as well"),
    ],
)
def test_a_server_that_had_not_got_to_it_may_count_from_when_it_was_due(
    trial: float, busy: tuple[float, float], seconds: float | None
) -> None:
    assert owed(*ASKED_TWICE, failed(trial), busy=busy) == seconds


def test_who_was_asked_once_may_not_have_got_to_it_since_the_call_began() -> None:
    assert owed(*HUNG, said(10.47, "closed"), failed(11.34), busy=(10.2, 10.45)) == 0.25


@pytest.mark.parametrize(
    ("busy", "seconds"),
    [
        pytest.param((11.22, 11.6), 0.29, id="from when it was due until it was seen"),
        pytest.param((11.3, 11.6), None, id="for less than it was late"),
        pytest.param((10.3, 11.2), None, id="before it was due"),
        pytest.param((11.51, 13.0), None, id="after it was seen"),
    ],
)
def test_a_trial_is_late_by_what_kept_the_server_from_it_once_it_was_due(
    busy: tuple[float, float], seconds: float | None
) -> None:
    assert owed(*OPENED, away(11.5), busy=busy) == seconds


def test_one_that_never_tries_is_not_excused_for_having_been_kept_from_it_once() -> None:
    assert owed(*OPENED, away(11.3), away(11.5), busy=(11.2, 11.35)) is None


@pytest.mark.parametrize(
    ("call", "busy", "seconds"),
    [
        pytest.param(given_up(10.1), (10.3, 10.5), 0.05, id="given up, and the upstream did not run since"),
        pytest.param(given_up(10.1), (10.37, 10.5), None, id="it ran meanwhile"),
        pytest.param(failed(10.1, took=0.25), (10.0, 10.5), None, id="stamped already"),
    ],
)
def test_a_request_that_is_stamped_after_its_call_was_given_up_is_no_request_for_nobody(
    call: list[Event], busy: tuple[float, float], seconds: float | None
) -> None:
    late: list[Event] = [Hit(at=10.4, path="/", status=500)]
    assert owed(live(9.9), live(10.0), call, late, failed(10.5), busy=busy) == seconds


def test_nor_is_it_the_next_call_s() -> None:
    late: list[Event] = [Hit(at=10.363, path="/", status=500)]
    twice = (live(9.9), live(10.0), given_up(10.1), late, failed(10.36))
    assert owed(*twice, busy=(10.3, 10.5)) == pytest.approx(0.013)
    assert owed(*twice, busy=(10.0, 10.3)) is None
    assert owed(live(9.9), live(10.0), away(10.1), busy=(9.0, 12.0)) is None, "turned away at once"


def judged(*more: Event, end: float = 12.0) -> Finding:
    """A trial 90 ms too early, for a failure that took 200 ms to reach the upstream."""
    trace = [event for each in (*LATE_AT_THE_UPSTREAM, live(11.3)) for event in each]
    return by_model(end=end).judge(record(*trace, *more))


def worked(since: float, until: float, busy: float) -> tuple[Sample, Sample]:
    """Samples of a machine of two cores that worked for so many core-seconds between two times."""
    first = Sample(at=since, took=0.001, sockets={}, busy=50.0, cores=2)
    return first, replace(first, at=until, busy=50.0 + busy)


def test_what_may_be_the_machine_s_is_inconclusive() -> None:
    finding = judged()
    assert (finding.verdict, finding.observed, finding.figure) == (
        Verdict.VIOLATED,
        "the call 1.3s in reached the upstream 910ms after the circuit opened at the earliest, 90ms before a trial "
        "was due",
        "4 calls, 4 hits",
    )
    assert finding.promised == "opens after 2 failures in a row, tries again after 1s, closes after 2 successful trials"
    finding = judged(*worked(10.15, 10.45, busy=0.6))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed.endswith(
        "a breach within the reading's own uncertainty of 200ms: the machine had work for every core for 200ms"
    )


def test_an_idle_machine_and_a_busy_one_afterwards_excuse_nothing() -> None:
    assert judged(*worked(10.15, 10.45, busy=0.1)).verdict is Verdict.VIOLATED
    assert judged(*worked(10.45, 11.5, busy=2.1)).verdict is Verdict.VIOLATED


def test_our_own_lateness_makes_no_trial_early() -> None:
    """A call is stamped before it is made, and its answer after it came."""
    assert judged(late(0.5)).verdict is Verdict.VIOLATED


def test_held_and_nobody_called() -> None:
    expectation = by_model(end=12.0)
    finding = expectation.judge(record(*(event for each in OPENED for event in each)))
    assert (finding.verdict, finding.observed) == (Verdict.HELD, "3 calls, 3 hits and 0 readings in 2s, all legal")
    assert expectation.judge(record()).verdict is Verdict.INCONCLUSIVE


def test_a_call_under_way_at_the_end_counts_with_its_hit() -> None:
    trace = [event for each in (*OPENED, failed(11.3, took=0.4)) for event in each]
    finding = by_model(end=11.6).judge(record(*trace))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "4 calls, 4 hits")


def test_the_times_of_its_transitions_are_told() -> None:
    life = [event for each in (*OPENED, away(10.5), failed(11.3), away(11.4), live(13.7), live(13.8)) for event in each]
    finding = by_model(end=14.0).judge(record(*life))
    assert finding.verdict is Verdict.HELD
    assert finding.observed.endswith(", all legal; tried 1.09s after it opened, live answers 2.41s after that")
    finding = by_model(end=11.2).judge(record(*(event for each in (*OPENED, away(10.5)) for event in each)))
    assert finding.observed.endswith(", all legal")


def test_a_call_that_nobody_answered_may_have_been_counted_as_a_failure() -> None:
    """It reached no upstream, and perhaps no server: what comes after it may be either."""
    unanswered = away(10.2, Source.NONE)
    assert illegal(live(9.9), live(10.0), failed(10.1), unanswered, away(10.4)) == "", "it opened by it"
    assert illegal(live(9.9), live(10.0), failed(10.1), unanswered, live(10.4)) == "", "it knew nothing of it"
    assert illegal(live(9.9), live(10.0), unanswered, away(10.4)) != "", "one failure is not enough"


BACKS_OFF = replace(PROMISED, backoff=2.0, longest_timeout=3.0)
"""It waits for 1 s, then for 2, then for 3 and no longer."""


def test_each_failed_trial_makes_it_wait_longer() -> None:
    life = (*OPENED, failed(11.3), away(13.25), failed(13.4), away(16.35), failed(16.5), away(19.45), live(19.6))
    assert illegal(*life, promised=BACKS_OFF) == ""


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        pytest.param(
            [failed(11.3), failed(12.5)],
            "the call 2.5s in reached the upstream 1.2s after the circuit opened at the earliest, 800ms before a trial "
            "was due again, after 1 failed trial",
            id="no back-off",
        ),
        pytest.param(
            [failed(11.3), away(13.5)],
            "the call 3.5s in was not passed on, 180ms after a trial was due again, after 1 failed trial",
            id="too much of it",
        ),
        pytest.param(
            [failed(11.3), failed(13.4), failed(16.5), away(19.7)],
            "the call 9.7s in was not passed on, 180ms after a trial was due again, after 3 failed trials",
            id="without an end",
        ),
        pytest.param(
            [failed(11.3), live(13.4), live(13.5), failed(13.6), failed(13.7), away(14.9)],
            "the call 4.9s in was not passed on, 180ms after a trial was due",
            id="kept when it closes",
        ),
    ],
)
def test_the_back_off_is_as_promised(more: list[list[Event]], sentence: str) -> None:
    assert illegal(*OPENED, *more, promised=BACKS_OFF) == sentence


def test_nobody_knows_how_often_a_trial_failed_before_the_first_call() -> None:
    """It was open, or half-open, when we came."""
    assert illegal(away(10.0), failed(12.0), away(19.0), promised=BACKS_OFF) == ""
    assert illegal(away(10.0), failed(12.0), live(13.1), live(13.2), promised=BACKS_OFF) == ""


def test_where_a_share_opens_it_as_well_it_may_open_at_any_failure_and_at_no_success() -> None:
    by_rate = replace(PROMISED, failure_threshold=5, by_rate=True)
    begun = (live(9.8), live(9.9), failed(10.0))
    for more in ((away(10.1), live(11.1)), (live(10.1),), (failed(10.1), failed(10.2), away(10.3))):
        assert illegal(*begun, *more, promised=by_rate) == ""
    assert illegal(*begun, live(10.1), away(10.2), promised=by_rate) != ""
    assert illegal(*begun, away(10.1), failed(10.2), promised=by_rate) != "", "once it is open it is open"


def test_a_call_that_is_made_again_ends_as_the_last_of_its_requests() -> None:
    again = replace(PROMISED, retries=True)
    first: list[Event] = [Hit(at=10.005, path="/", status=500)]
    assert illegal([*live(10.0), *first], promised=again) == ""
    assert illegal([*live(10.0), *first]) == "the call 0s in reached the upstream 2 times"
    last: list[Event] = [Hit(at=10.018, path="/", status=500)]
    assert illegal([*live(10.0), *last], promised=again).endswith("got a live answer of an upstream that failed")


def test_where_others_have_asked_it_is_followed_from_later_on() -> None:
    of_another = [Hit(at=10.05, path="/", status=0)]
    seen = [event for each in (live(10.0), of_another, failed(10.1), failed(10.2), away(11.5)) for event in each]
    assert by_model(end=20.0).judge(record(*seen)).observed == (
        "a request reached the upstream 50ms in that no call explains"
    )
    later = FollowsTheBreakerModel(limits=PROMISED, start=10.1, end=20.0).judge(record(*seen))
    assert later.observed == "the call 1.4s in was not passed on, 280ms after a trial was due"


def came(number: int, began: float, outcome: Outcome, *, status: int = 500) -> list[Event]:
    """An attempt, and its request of the upstream where it was not turned away."""
    hit = [Hit(at=began + 0.01, path="/session", status=200 if outcome is Outcome.OPEN else status)] if status else []
    return [attempt(number, began=began, took=0.02, outcome=outcome, code=None if status else 1013), *hit]


def test_attempts_are_calls_of_the_breaker_around_establishment() -> None:
    expectation = FollowsTheBreakerModel(limits=PROMISED, end=20.0, crowds=("crowd",))
    opened = (
        came(0, 10.0, Outcome.OPEN), came(1, 10.1, Outcome.OPEN),
        came(2, 10.2, Outcome.CLOSED), came(3, 10.3, Outcome.CLOSED),
    )  # fmt: skip
    away = came(4, 10.5, Outcome.CLOSED, status=0)
    legal = (*opened, away, came(5, 11.4, Outcome.OPEN), came(6, 11.5, Outcome.OPEN))
    finding = expectation.judge(record(*(event for each in legal for event in each)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "7 calls, 6 hits")
    early = (*opened, came(4, 10.8, Outcome.OPEN))
    finding = expectation.judge(record(*(event for each in early for event in each)))
    assert finding.observed == (
        "the call 800ms in reached the upstream 500ms after the circuit opened at the earliest, 500ms before a trial "
        "was due"
    )
    claims = Statistics(at=10.4, values={"accept_breaker": "closed", "upstream_breaker": "open"}, took=0.01)
    finding = expectation.judge(record(claims, *(event for each in (*opened, away) for event in each)))
    assert finding.observed == "the server said closed 400ms in, when its circuit was open"


def test_the_back_off_and_the_rate_are_told_as_promised() -> None:
    limits = replace(BACKS_OFF, by_rate=True)
    assert FollowsTheBreakerModel(limits=limits, end=20.0).judge(record()).promised == (
        "opens after 2 failures in a row or at its failure rate, tries again after 1s, 2 times as long after each "
        "failed trial, closes after 2 successful trials"
    )
