from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import (
    Established,
    FilesGivenBack,
    ProcessesGivenBack,
    Provided,
    Record,
    ReleasedEachTime,
    ReleasedWithin,
    StatisticsAgree,
    TasksGivenBack,
)
from chaos.journal import Event, Outcome, Sample, Statistics
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, bite, healed, injected, late, record, sample

RELEASED = ReleasedWithin(dead=10, remaining=6, limit=1.0, why="interval + timeout")
EACH_TIME = ReleasedEachTime(dead=10, remaining=6, limit=1.0, why="interval + timeout", times=3)


def test_released_in_time() -> None:
    made = record(injected(), bite(10.0), sample(10.1, 16), sample(10.8, 9), sample(10.85, 6), sample(10.9, 6))
    finding = RELEASED.judge(made)
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "850ms")


def test_released_too_late() -> None:
    made = record(injected(), bite(10.0), sample(10.1, 16), sample(12.0, 6), sample(12.05, 6))
    finding = RELEASED.judge(made)
    assert finding.verdict is Verdict.INCONCLUSIVE  # the samples are too far apart to blame the server
    assert finding.observed.endswith(
        "uncertainty of 1.91s: injecting the fault took 10ms, the sample before was taken 1.9s earlier"
    )
    seen = record(injected(), bite(10.0), sample(10.1, 16), sample(11.95, 16), sample(12.0, 6), sample(12.05, 6))
    assert RELEASED.judge(seen).verdict is Verdict.VIOLATED, "they were still held at 11.95, whoever looked before"
    close = record(injected(), bite(10.0), *(sample(10 + step / 20, 16) for step in range(40)), sample(12.0, 6))
    finding = RELEASED.judge(close)
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "the last of 10 dead connections was released after 2s"
    assert finding.promised == "all 10 released within 1s (interval + timeout)"


def test_who_gave_the_dead_up_in_time_and_waits_for_their_answer_is_told_of_the_key_for_that() -> None:
    waited_for = {"ESTABLISHED": 6, "FIN_WAIT1": 10}
    held = [replace(sample(10 + step / 20, 16), sockets=waited_for) for step in range(15, 40)]
    made = record(injected(), bite(10.0), *(sample(10 + step / 20, 16) for step in range(15)), *held, sample(12.0, 6))
    finding = RELEASED.judge(made)
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == (
        "the last of 10 dead connections was released after 2s, 10 of them given up by then and waited for: how long a "
        "farewell may take is cleanup.farewell"
    )


def _dies(since: float, *, held: float) -> list[Event]:
    """Ten peers die and are held so many seconds."""
    samples = [sample(since + step / 20, 16 if step / 20 < held else 6) for step in range(1, 80)]
    return [bite(since), *samples, healed(since + 4)]


def test_the_longest_of_several_times_is_what_is_told() -> None:
    finding = EACH_TIME.judge(
        record(injected(), *_dies(10.0, held=0.5), *_dies(20.0, held=0.9), *_dies(30.0, held=0.2))
    )
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "900ms")
    assert finding.observed == ("at the longest, time 2 of 3, the last of 10 dead connections was released after 900ms")
    assert finding.promised == "each of 3 times all 10 released within 1s (interval + timeout)"


def test_one_time_too_late_is_too_late() -> None:
    finding = EACH_TIME.judge(
        record(injected(), *_dies(10.0, held=0.5), *_dies(20.0, held=2.0), *_dies(30.0, held=1.5))
    )
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == (
        "time 2 of 3: the last of 10 dead connections was released after 2s (2 of 3 times violated)"
    )
    assert finding.expectation == "released_each_time"


def test_times_that_are_missing_are_not_held() -> None:
    finding = EACH_TIME.judge(record(injected(), *_dies(10.0, held=0.5)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "peers died 1 time where that was to be 3"
    assert EACH_TIME.judge(record(injected())).verdict is Verdict.INCONCLUSIVE


def test_never_released() -> None:
    made = record(injected(), bite(10.0), *(sample(10 + step / 20, 10) for step in range(60)))
    finding = RELEASED.judge(made)
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "4 of 10 dead connections still held 2.95s after they died"
    assert finding.figure == "4 kept"


def test_not_watched_long_enough_decides_nothing() -> None:
    made = record(injected(), bite(10.0), sample(10.05, 16), sample(10.1, 16))
    finding = RELEASED.judge(made)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == "10 of 10 dead connections still held 100ms after they died, and nobody looked longer"


def test_not_watched_beyond_what_may_be_ours_says_what_that_is() -> None:
    seen = [sample(10 + step / 20, 16) for step in range(29)]
    finding = RELEASED.judge(record(injected(), bite(10.0), *seen, late(0.5)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == (
        "10 of 10 dead connections still held 1.4s after they died, a breach within the reading's own uncertainty of "
        "510ms: injecting the fault took 10ms, the conductor was up to 500ms late"
    )
    assert RELEASED.judge(record(injected(), bite(10.0), *seen, late(0.3))).verdict is Verdict.VIOLATED


PLACES = replace(RELEASED, until=13.0, so="their places were not given again")


def test_what_follows_of_those_that_are_held_is_said() -> None:
    """Others have come by the time that it is healed, which ends them all: they are no longer the dead."""
    held = [sample(10 + step / 20, 16) for step in range(60)]
    others = [sample(13.1, 31), healed(13.2), sample(13.3, 6)]
    finding = PLACES.judge(record(injected(), bite(10.0), *held, *others))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == (
        "10 of 10 dead connections still held 2.95s after they died, so their places were not given again"
    )
    released = [sample(10 + step / 20, 16 if step < 10 else 6) for step in range(60)]
    assert PLACES.judge(record(injected(), bite(10.0), *released, *others)).verdict is Verdict.HELD
    assert RELEASED.judge(record(injected(), bite(10.0), *released, *others)).verdict is Verdict.VIOLATED


def test_places_are_judged_by_who_comes_where_the_dead_were_let_go_or_did_not_matter() -> None:
    everyone = Established(crowd="crowd", count=2, within=0.5, success_ratio=1.0)
    given = Provided(condition=PLACES, then=everyone, or_more=True)
    held = [sample(10 + step / 20, 16) for step in range(60)]
    released = [sample(10 + step / 20, 16 if step < 10 else 6) for step in range(60)]
    both = [attempt(client, began=13.1) for client in range(2)]
    one = [both[0], attempt(1, began=13.1, outcome=Outcome.HTTP, status=503, phase="handshake")]

    def judged(*events: Event) -> tuple[str, Verdict]:
        finding = given.judge(record(injected(), bite(10.0), *events, healed(14.0)))
        return finding.expectation, finding.verdict

    assert judged(*released, *both) == ("established", Verdict.HELD)
    assert judged(*released, *one) == ("established", Verdict.VIOLATED)
    assert judged(*held, *one) == ("released_within", Verdict.VIOLATED)
    assert judged(*held, *one, late(2.5)) == ("released_within", Verdict.INCONCLUSIVE)
    # Their sockets are held, and their places are not.
    assert judged(*held, *both) == ("established", Verdict.HELD)


def test_a_count_that_rises_again_was_not_released() -> None:
    made = record(injected(), bite(10.0), sample(10.1, 6), *(sample(10 + step / 20, 8) for step in range(3, 60)))
    assert RELEASED.judge(made).verdict is Verdict.VIOLATED


def test_what_comes_after_healing_is_somebody_else_s() -> None:
    made = record(injected(), bite(10.0), sample(10.1, 6), healed(10.2), sample(10.3, 20))
    assert RELEASED.judge(made).verdict is Verdict.HELD


def test_the_harness_s_own_lateness_is_taken_off() -> None:
    samples = [sample(10 + step / 20, 16) for step in range(24)]
    made = record(injected(), bite(10.0), *samples, sample(11.2, 6), late(0.3))
    assert RELEASED.judge(made).verdict is Verdict.INCONCLUSIVE


def _released_after(seconds: float, *, proved: float) -> Record:
    """The last of them released so many seconds after the fault began to act, which was proved after some of them."""
    samples = (sample(10 + step / 100, 16) for step in range(round(100 * seconds)))
    receipt = replace(bite(10.0), at=10.0 + proved)
    return record(injected(), receipt, *samples, *(sample(10 + seconds + step / 100, 6) for step in range(5)))


def test_the_time_that_injecting_took_is_ours() -> None:
    """The first may have died as it began, and the last when it was proved: only what is late from then on is late."""
    finding = RELEASED.judge(_released_after(1.2, proved=0.3))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == (
        "the last of 10 dead connections was released after 1.2s, a breach within the reading's own uncertainty of "
        "310ms: injecting the fault took 300ms, the sample before was taken 10ms earlier"
    )
    assert RELEASED.judge(_released_after(1.4, proved=0.3)).verdict is Verdict.VIOLATED


def test_of_several_faults_it_is_the_one_that_they_died_of() -> None:
    """CPU was short a second before they died."""
    samples = (sample(9.0 + step / 100, 16 if step < 180 else 6) for step in range(190))
    made = record(injected(), replace(bite(9.0), fault="cpu-quota"), injected(), bite(10.0), *samples)
    limit = replace(RELEASED, limit=1.0)
    assert limit.judge(made).verdict is Verdict.VIOLATED
    assert replace(limit, fault=bite(10.0).fault).judge(made).verdict is Verdict.HELD


def test_without_a_fault_nothing_died() -> None:
    assert RELEASED.judge(record(sample(1.0, 6))).verdict is Verdict.INCONCLUSIVE


def test_statistics_are_the_second_witness() -> None:
    agree = StatisticsAgree(connections=6, since=0.2, within=0.5)
    assert agree.judge(record(Statistics(at=1.0, values={"connections": 6.0}))).verdict is Verdict.HELD
    finding = agree.judge(record(Statistics(at=1.0, values={"connections": 16.0})))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "the statistics say 16 connections where 6 are open"
    silent = agree.judge(record(Statistics(at=1.0, values={}, error="GET /stats: status 500")))
    assert silent.observed == "the statistics could not be read: GET /stats: status 500"
    assert silent.verdict is Verdict.INCONCLUSIVE


def test_only_what_the_scenario_asked_for_is_held_against_the_truth() -> None:
    """A reading of the steady rate may be of a moment in which nothing had settled, or of one after it was all over."""
    agree = StatisticsAgree(connections=6, since=0.2, within=0.5)
    early = Statistics(at=1.0, values={"connections": 16.0}, steady=True)
    asked = Statistics(at=2.0, values={"connections": 6.0})
    late = Statistics(at=3.0, values={"connections": 0.0}, steady=True)
    assert agree.judge(record(early, asked, late)).verdict is Verdict.HELD
    alone = agree.judge(record(early, late))
    assert alone.observed == "the statistics could not be read: never asked"
    assert alone.verdict is Verdict.INCONCLUSIVE


def said(at: float, connections: float) -> Statistics:
    return Statistics(at=at, values={"connections": connections}, took=0.01)


def test_a_count_that_came_right_too_late_is_told_with_its_last_wrong_one() -> None:
    seen = record(said(0.3, 16.0), said(1.0, 12.0), said(1.1, 6.0))
    finding = StatisticsAgree(connections=6, since=0.2, within=0.5).judge(seen)
    assert finding.observed == "the statistics still said 12 connections 790ms after 6 were open"
    assert finding.promised == "the server's statistics say 6 connections, as its kernel does, within 500ms"


def starved(start: float, end: float, seconds: float) -> list[Sample]:
    """Two samples about a time in which others kept the server from running for so long."""
    before = Sample(at=start, took=0.001, sockets={}, cores=2, waited=0.0, busy=0.0, cpu=0.0)
    return [before, replace(before, at=end, waited=seconds, busy=2 * (end - start))]


def test_a_count_that_may_have_come_right_yet_says_why() -> None:
    agree = StatisticsAgree(connections=6, since=0.2, within=0.5)
    finding = agree.judge(record(said(0.3, 16.0), said(0.6, 16.0)))
    assert finding.observed == "the statistics say 16 connections where 6 are open, and nobody looked longer"
    finding = agree.judge(record(said(0.3, 16.0), said(1.0, 16.0), *starved(0.2, 1.1, 0.4)))
    assert finding.observed == (
        "the statistics say 16 connections where 6 are open, a breach within the reading's own uncertainty of 400ms: "
        "others kept the server waiting 400ms for a core"
    )


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([said(0.3, 16.0), said(0.5, 6.0)], Verdict.HELD),
        ([said(0.3, 16.0), said(1.0, 16.0), said(1.1, 6.0)], Verdict.VIOLATED),
        ([said(0.3, 16.0), said(1.0, 16.0), said(1.1, 6.0), late(0.4, at=0.9)], Verdict.INCONCLUSIVE),
        ([said(0.3, 16.0), said(1.0, 16.0), said(1.1, 6.0), late(0.4, at=5.0), late(0.0, at=4.9)], Verdict.VIOLATED),
        ([said(0.3, 16.0), said(0.6, 16.0)], Verdict.INCONCLUSIVE),
        ([said(0.3, 16.0), said(1.0, 16.0), *starved(0.2, 1.1, 0.4)], Verdict.INCONCLUSIVE),
        ([said(0.3, 16.0), said(1.0, 16.0), *starved(0.2, 1.1, 0.2)], Verdict.VIOLATED),
        ([said(0.3, 6.0), said(1.0, 16.0)], Verdict.VIOLATED),
        ([said(0.1, 6.0)], Verdict.INCONCLUSIVE),
    ],
    ids=[
        "in time",
        "too late",
        "we were late",
        "we were late at another time",
        "nobody looked longer",
        "others had the cores",
        "others had them for less",
        "right, and wrong again",
        "asked before",
    ],
)
def test_a_count_that_lags_behind(events: list[Event], verdict: Verdict) -> None:
    assert StatisticsAgree(connections=6, since=0.2, within=0.5).judge(record(*events)).verdict is verdict


@pytest.mark.parametrize(
    ("fds", "verdict", "observed"),
    [
        ((20, 14), Verdict.HELD, "14 file descriptors where there were 14 before"),
        ((16,), Verdict.HELD, "16 file descriptors where there were 14 before"),
        ((17,), Verdict.VIOLATED, "17 file descriptors where there were 14 before"),
        ((0,), Verdict.INCONCLUSIVE, "nobody could read how many files the server holds"),
        ((), Verdict.INCONCLUSIVE, "nobody could read how many files the server holds"),
    ],
)
def test_files_are_given_back_or_kept_by_the_last_reading(
    fds: tuple[int, ...], verdict: Verdict, observed: str
) -> None:
    readings = [replace(sample(10.2 + number / 20, 6), fds=count) for number, count in enumerate(fds)]
    during = replace(sample(10.05, 16), fds=30)
    finding = FilesGivenBack(before=14, ended=5).judge(record(injected(), bite(10.0), during, healed(10.1), *readings))
    assert (finding.verdict, finding.observed) == (verdict, observed)


@pytest.mark.parametrize(
    ("processes", "zombies", "verdict", "observed"),
    [
        (2, 0, Verdict.HELD, "2 processes where there were 2 before"),
        (4, 0, Verdict.HELD, "4 processes where there were 2 before"),
        (5, 0, Verdict.VIOLATED, "5 processes where there were 2 before"),
        (2, 5, Verdict.VIOLATED, "7 processes (5 of them ended, and not waited for) where there were 2 before"),
        (1, 0, Verdict.HELD, "1 process where there were 2 before"),
        (0, 0, Verdict.INCONCLUSIVE, "nobody could read how many processes the server has"),
    ],
)
def test_processes_are_given_back_or_kept_those_that_nobody_waited_for_included(
    processes: int, zombies: int, verdict: Verdict, observed: str
) -> None:
    last = replace(sample(10.2, 6), processes=processes, zombies=zombies)
    finding = ProcessesGivenBack(before=2, ended=5).judge(record(injected(), bite(10.0), healed(10.1), last))
    assert (finding.verdict, finding.observed) == (verdict, observed)


def tells(at: float, tasks: float | None, *, error: str = "") -> Statistics:
    return Statistics(at=at, values={} if tasks is None else {"tasks": tasks}, took=0.002, error=error)


@pytest.mark.parametrize(
    ("readings", "verdict", "observed"),
    [
        ([tells(10.2, 20), tells(10.3, 12)], Verdict.HELD, "12 tasks where there were 12 before"),
        ([tells(10.3, 14)], Verdict.HELD, "14 tasks where there were 12 before"),
        ([tells(10.3, 15)], Verdict.VIOLATED, "15 tasks where there were 12 before"),
        ([tells(10.05, 12)], Verdict.INCONCLUSIVE, "the server's tasks could not be read: nobody asked"),
        (
            [tells(10.2, None, error="refused")],
            Verdict.INCONCLUSIVE,
            "the server's tasks could not be read: refused",
        ),
    ],
    ids=["given back", "a few", "kept", "before it healed", "not told"],
)
def test_tasks_are_given_back_or_kept_by_the_last_word(
    readings: list[Statistics], verdict: Verdict, observed: str
) -> None:
    finding = TasksGivenBack(before=12, ended=5).judge(record(injected(), bite(10.0), healed(10.1), *readings))
    assert (finding.verdict, finding.observed) == (verdict, observed)


@pytest.mark.parametrize(("ended", "most"), [(1, 14), (5, 16), (10, 18), (16, 21)])
def test_a_few_more_than_before_are_less_than_half_of_those_that_ended(ended: int, most: int) -> None:
    assert FilesGivenBack(before=14, ended=ended).most == most
    assert ProcessesGivenBack(before=14, ended=ended).most == most
