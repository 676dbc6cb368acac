"""A server that others kept from running: what it is late by for that is not its own."""

from __future__ import annotations

import pytest

from chaos.expectations import (
    Established,
    Expectation,
    RecoveredWithin,
    ReleasedWithin,
    RoundTripsWithin,
    ShutDownWithin,
)
from chaos.journal import Event, Sample, ServerEvent
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, bite, healed, record, sample

CORES = 2


def reading(
    at: float, *, waited: float, busy: float, cpu: float = 0.0, connections: int = 0, cores: int = CORES
) -> Sample:
    """What its threads waited, the machine worked and it worked itself, seconds since they began."""
    return Sample(
        at=at, took=0.001, sockets={"ESTABLISHED": connections}, waited=waited, busy=busy, cpu=cpu, cores=cores
    )


def test_it_is_the_time_it_waited_while_others_had_the_cores() -> None:
    seen = record(
        reading(10.0, waited=1.0, busy=50.0), reading(10.5, waited=1.1, busy=51.0), reading(11.0, waited=1.4, busy=52.0)
    )
    assert seen.starved(10.0, 11.0).seconds == pytest.approx(0.4)
    assert seen.starved(10.6, 11.0).seconds == pytest.approx(0.3)
    assert seen.starved(10.0, 11.0).sentence() == "400ms: others kept the server waiting 400ms for a core"


def test_threads_of_its_own_that_wait_for_one_another_are_its_own_affair() -> None:
    """Ten of its threads on two cores: all of the machine's work was its own."""
    seen = record(reading(10.0, waited=1.0, busy=50.0, cpu=20.0), reading(11.0, waited=9.0, busy=52.0, cpu=22.0))
    assert seen.starved(10.0, 11.0).seconds == 0.0


def test_others_that_left_a_core_kept_it_from_nothing_for_longer_than_they_could_fill_both() -> None:
    seen = record(reading(10.0, waited=1.0, busy=50.0), reading(11.0, waited=1.9, busy=50.6))
    assert seen.starved(10.0, 11.0).seconds == pytest.approx(0.3)


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


@pytest.mark.parametrize("samples", [(), (sample(10.0, 1), sample(11.0, 1))], ids=["no samples", "nobody looked"])
def test_without_a_reading_nothing_is_excused(samples: tuple[Sample, ...]) -> None:
    assert record(*samples).starved(10.0, 11.0).seconds == 0.0


LATE = (reading(9.9, waited=0.0, busy=0.0, connections=1), reading(10.8, waited=0.4, busy=1.8, connections=1))
"""Kept waiting for 0.4 s of the time in which everything below is late by 0.3 s."""

CASES: dict[str, tuple[Expectation, tuple[Event, ...]]] = {
    "established": (
        Established(crowd="crowd", count=1, within=0.5, success_ratio=1.0),
        (attempt(began=10.0, took=0.8),),
    ),
    "recovered": (
        RecoveredWithin(crowd="crowd", count=1, limit=0.5),
        (bite(5.0), healed(10.0), attempt(began=10.0, took=0.8)),
    ),
    "shut down": (
        ShutDownWithin(limit=0.5),
        (
            ServerEvent(at=10.0, what="asked to stop", pid=7),
            ServerEvent(at=10.8, what="exited", pid=7, exit_code=0),
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


@pytest.mark.parametrize(("busy", "verdict"), [(False, Verdict.VIOLATED), (True, Verdict.INCONCLUSIVE)])
def test_round_trips_beside_a_fault_that_keeps_the_machine_busy(busy: bool, verdict: Verdict) -> None:
    seen = record(bite(), reading(10.0, waited=1.0, busy=50.0), reading(11.0, waited=1.4, busy=52.0))
    round_trips = RoundTripsWithin(
        wanted=1, sent=1, answered=1, round_trips=(0.8,), p99=0.5, crowd="crowd", start=10.0, end=11.0, busy=busy
    )
    finding = round_trips.judge(seen)
    assert finding.verdict is verdict
    assert ("others kept the server waiting 400ms for a core" in finding.observed) is busy
