from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import ShortageLasted
from chaos.journal import Event, Sample
from chaos.verdict import Verdict
from tests.unit.expectations.records import bite, healed, record

LASTED = ShortageLasted("cpu-quota")


def reading(at: float, *, throttled: float) -> Sample:
    """Seconds for which our limit has kept the server from running so far."""
    return Sample(at=at, took=0.001, throttled=throttled)


def limited(*throttled: float, since: float = 10.0, until: float = 12.0) -> list[Event]:
    """A limit of two seconds, with what was read every 0.1 s from its receipt on."""
    return [
        replace(bite(since), fault="cpu-quota"),
        *(reading(since + 0.05 + step / 10, throttled=value) for step, value in enumerate(throttled)),
        replace(healed(until), fault="cpu-quota"),
    ]


def test_a_server_that_is_kept_from_running_all_along_was_short() -> None:
    finding = LASTED.judge(record(*limited(*(step * 0.09 for step in range(20)))))
    assert (finding.verdict, finding.observed) == (
        Verdict.HELD,
        "in 1.99s it was not kept from running for 140ms at most",
    )
    assert finding.promised == "a server that has used up its CPU every 500ms, for as long as it is limited"


@pytest.mark.parametrize(
    ("throttled", "longest"),
    [
        ([min(step, 9) * 0.09 for step in range(20)], "1.05s"),
        ([0.3] * 20, "1.99s"),
        ([], "1.99s"),
    ],
    ids=["then it had enough", "only at first", "nobody looked"],
)
def test_a_server_that_had_cpu_to_spare_meanwhile_has_shown_nothing(throttled: list[float], longest: str) -> None:
    finding = LASTED.judge(record(*limited(*throttled)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        f"in 1.99s it was not kept from running for {longest} at most",
    )


def test_what_kept_it_from_running_before_and_after_does_not_count() -> None:
    outside = [reading(9.9, throttled=0.1), reading(12.3, throttled=9.0)]
    assert LASTED.judge(record(*outside, *limited(*[0.3] * 20))).verdict is Verdict.INCONCLUSIVE


def test_another_fault_is_not_the_limit() -> None:
    finding = LASTED.judge(record(bite(10.0), healed(12.0)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "cpu-quota was not both injected and healed",
    )
