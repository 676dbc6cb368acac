from __future__ import annotations

import random
from dataclasses import replace

import pytest

from chaos.expectations import CostsAtMost, GivenBack, HoldsAtMost
from chaos.journal import MemoryHeld, Sample
from chaos.verdict import Verdict
from tests.unit.expectations.records import record

COSTS = CostsAtMost(margin=300_000, what="slow reader")
BACK = GivenBack(share=0.95, warm_up=6)
"""The first six waves fill what stays, and the first of all tells what one costs."""


def _growing(each: float, *, sizes: int = 14, noise: float = 20_000.0) -> list[MemoryHeld]:
    drawn = random.Random(5)
    return [
        MemoryHeld(
            at=float(wave), wave=wave, count=2 * wave, memory=round(50e6 + each * 2 * wave + drawn.gauss(0, noise))
        )
        for wave in range(1, sizes + 1)
    ]


def _waves(kept: float, *, count: int = 20, cost: float = 9e6) -> list[MemoryHeld]:
    """Of each wave `kept` is missing when the next one comes; the first ones fill what stays."""
    drawn = random.Random(5)
    before = MemoryHeld(at=0.0, wave=0, count=0, memory=50_000_000)
    return [
        before,
        *(
            MemoryHeld(
                at=float(wave),
                wave=wave,
                count=30,
                memory=round(
                    50e6 + cost + 1e6 * (min(wave, 6) - 1) + kept * cost * (wave - 1) + drawn.gauss(0, 20_000)
                ),
            )
            for wave in range(1, count + 1)
        ),
    ]


def test_a_cost_within_its_bound() -> None:
    finding = COSTS.judge(record(*_growing(60_000)))
    assert finding.verdict is Verdict.HELD
    assert finding.observed.startswith("a slow reader costs 60")
    assert finding.observed.endswith("14 crowds of 2 to 28)")


def test_a_cost_beyond_it() -> None:
    finding = COSTS.judge(record(*_growing(800_000)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.promised == "a slow reader costs less than 300kB"


def test_a_cost_about_its_bound_decides_nothing_and_says_what_could_be_seen() -> None:
    finding = COSTS.judge(record(*_growing(300_000, noise=300_000)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "is the smallest difference that could be seen" in finding.observed


def test_too_few_sizes_decide_nothing() -> None:
    assert COSTS.judge(record(*_growing(60_000, sizes=11))).verdict is Verdict.INCONCLUSIVE


def test_all_is_given_back() -> None:
    finding = BACK.judge(record(*_waves(0.0)))
    assert (finding.verdict, finding.figure) == (Verdict.HELD, "100% given back")


def test_what_the_first_has_warmed_up_is_not_what_it_costs() -> None:
    """Of 9 MB the second shows 1.4 to be no cost; 4.6 % of 9 MB are more than 5 % of what is left."""
    finding = BACK.judge(record(*_waves(0.046)))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "95.4% given back (94.3% to 95.5%) of the 7.56MB to 8.98MB that 30 clients cost" in finding.observed


def test_windows_that_outlive_their_connections() -> None:
    finding = BACK.judge(record(*_waves(0.9)))
    assert finding.verdict is Verdict.VIOLATED
    assert finding.promised == "95% of what a crowd has cost is given back when it has gone"


@pytest.mark.parametrize("count", [10, 17])
def test_too_few_waves_decide_nothing(count: int) -> None:
    assert BACK.judge(record(*_waves(0.0, count=count))).verdict is Verdict.INCONCLUSIVE


def test_crowds_that_did_not_get_in_whole_decide_nothing() -> None:
    turned_away = [replace(wave, count=0) if wave.wave >= 15 else wave for wave in _waves(0.0)]
    assert BACK.judge(record(*turned_away)).verdict is Verdict.INCONCLUSIVE


def test_a_crowd_that_costs_nothing_decides_nothing() -> None:
    assert BACK.judge(record(*_waves(0.0, cost=-8e6))).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("memory", "verdict", "observed"),
    [
        ((40_000_000, 120_000_000, 60_000_000), Verdict.HELD, "120MB at most in 3 readings, 40MB in the first"),
        ((40_000_000, 120_000_001, 60_000_000), Verdict.VIOLATED, "120MB at most in 3 readings, 40MB in the first"),
        ((40_000_000, 0, 60_000_000), Verdict.HELD, "60MB at most in 2 readings, 40MB in the first"),
        ((0, 0), Verdict.INCONCLUSIVE, "nothing could be read of the server's processes"),
        ((), Verdict.INCONCLUSIVE, "nothing could be read of the server's processes"),
    ],
)
def test_what_is_held_in_all_has_a_bound_at_every_reading(
    memory: tuple[int, ...], verdict: Verdict, observed: str
) -> None:
    readings = [Sample(at=float(number), took=0.001, rss=held) for number, held in enumerate(memory)]
    finding = HoldsAtMost(limit=120_000_000).judge(record(*readings))
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert finding.promised == "never more than 120MB of memory in all"
