"""The server's own count beside its kernel's, all along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos.expectations import WitnessesAgree
from chaos.journal import Sample, Statistics
from chaos.verdict import Verdict
from tests.unit.expectations.records import late, record, sample

AGREE = WitnessesAgree(within=0.2, why="closed_within")


def told(at: float, connections: float | str, *, took: float = 0.001) -> Statistics:
    return Statistics(at=at, values={"connections": connections}, took=took, steady=True)


def sampled(count: Callable[[float], int], *, until: float = 20.0) -> list[Sample]:
    """A sample every 50 ms from 10 s on."""
    return [sample(10 + step / 20, count(10 + step / 20)) for step in range(int((until - 10) * 20) + 1)]


def falls(at: float) -> int:
    """Sixteen connections, of which ten end at 15 s."""
    return 16 if at < 15.0 else 6


def test_a_server_that_counts_right_agrees_all_along() -> None:
    readings = [told(10.5 + step / 10, float(falls(10.5 + step / 10))) for step in range(90)]
    finding = AGREE.judge(record(*sampled(falls), *readings))
    assert finding.verdict is Verdict.HELD
    assert finding.observed == "90 readings of the server's count, all as its kernel's"
    assert finding.promised == (
        "the server's own count of connections is what its kernel has, within 200ms (closed_within)"
    )


def test_a_server_that_never_takes_the_dead_off_its_count() -> None:
    readings = [told(14.0 + step / 10, 16.0) for step in range(20)]
    finding = AGREE.judge(record(*sampled(falls), *readings))
    assert finding.verdict is Verdict.VIOLATED
    # The reading of 15.2 s is the last one that may still say sixteen.
    assert finding.observed == (
        "7 of 20 readings of the server's count are not its kernel's; at +5.300s it said 16, where the kernel had 6"
    )
    assert finding.figure == "7 apart"
    assert len(finding.evidence) == 5


@pytest.mark.parametrize(
    ("at", "verdict"),
    [(15.1, Verdict.HELD), (15.4, Verdict.VIOLATED), (14.9, Verdict.HELD), (14.6, Verdict.HELD)],
)
def test_one_may_be_a_little_behind_the_other(at: float, verdict: Verdict) -> None:
    assert AGREE.judge(record(*sampled(falls), told(at, 16.0))).verdict is verdict


def test_a_count_that_is_too_low_is_none_either() -> None:
    finding = AGREE.judge(record(*sampled(falls), told(12.0, 15.0)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.evidence == ("at +2.000s it said 15, where the kernel had 16",)


def test_while_the_kernel_s_count_changes_anything_in_between_is_right() -> None:
    for said, verdict in ((11.0, Verdict.HELD), (5.0, Verdict.VIOLATED), (17.0, Verdict.VIOLATED)):
        finding = AGREE.judge(record(*sampled(falls), told(15.0, said)))
        assert finding.verdict is verdict
    assert finding.evidence == ("at +5.000s it said 17, where the kernel had 6 to 16",)


def test_a_reading_that_took_long_may_be_of_any_moment_in_it() -> None:
    assert AGREE.judge(record(*sampled(falls), told(17.0, 16.0, took=1.9))).verdict is Verdict.HELD
    assert AGREE.judge(record(*sampled(falls), told(17.0, 16.0, took=1.5))).verdict is Verdict.VIOLATED


def test_the_harness_s_own_lateness_is_taken_off() -> None:
    readings = (told(10.5, 16.0), told(15.4, 16.0))
    assert AGREE.judge(record(*sampled(falls), *readings, late(0.3, at=15.3))).verdict is Verdict.HELD


def test_lateness_at_another_time_is_not() -> None:
    steady = (late(0.0, at=14.0), late(0.3, at=14.1), late(0.0, at=14.15), late(0.0, at=19.0))
    assert AGREE.judge(record(*sampled(falls), told(15.4, 16.0), *steady)).verdict is Verdict.VIOLATED


def test_a_server_that_others_keep_from_counting_may_be_right() -> None:
    def busy(kept: float) -> list[Sample]:
        return [
            replace(each, cores=2, busy=2 * (each.at - 10), waited=min(kept, max(0.0, each.at - 15.0)))
            for each in sampled(falls)
        ]

    right = told(10.5, 16.0)
    # Neither its own nor known: it is left out, and what is left decides.
    assert AGREE.judge(record(*busy(0.3), right, told(15.4, 16.0))).verdict is Verdict.HELD
    assert AGREE.judge(record(*busy(0.1), right, told(15.4, 16.0))).verdict is Verdict.VIOLATED


def test_between_samples_that_are_far_apart_both_counts_may_be_right() -> None:
    """No interval need be known: the samples around a reading say by themselves how much is known."""
    sparse = (sample(10.0, 16), sample(15.0, 6), sample(20.0, 6))
    assert AGREE.judge(record(*sparse, told(12.0, 16.0))).verdict is Verdict.HELD
    assert AGREE.judge(record(*sparse, told(12.0, 6.0))).verdict is Verdict.HELD
    assert AGREE.judge(record(*sparse, told(17.0, 16.0))).verdict is Verdict.VIOLATED


def test_what_is_no_number_is_no_count() -> None:
    finding = AGREE.judge(record(*sampled(falls), told(12.0, "many")))
    assert finding.evidence == ("at +2.000s it said 'many', where the kernel had 16",)
    assert finding.verdict is Verdict.VIOLATED


def test_only_where_all_is_known_of_the_kernel_is_a_count_held_against_the_server() -> None:
    finding = AGREE.judge(record(*sampled(falls), told(10.1, 99.0), told(19.9, 99.0)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed == ("2 readings of the server's count, and too little is known of its kernel's around them")
    assert AGREE.judge(record(told(12.0, 0.0))).verdict is Verdict.INCONCLUSIVE
    # What the kernel was seen to have, it had: that takes no more.
    assert AGREE.judge(record(*sampled(falls), told(10.1, 16.0), told(19.9, 99.0))).verdict is Verdict.HELD


def test_without_readings_nothing_is_decided() -> None:
    assert AGREE.judge(record(*sampled(falls))).observed == "the statistics could not be read: never read"
    failed = Statistics(at=12.0, values={}, error="GET /stats: refused", steady=True)
    finding = AGREE.judge(record(*sampled(falls), failed))
    assert finding.observed == "the statistics could not be read: GET /stats: refused"
    assert finding.verdict is Verdict.INCONCLUSIVE
