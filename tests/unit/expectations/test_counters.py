"""Counters beside what happened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import CounterAgrees
from chaos.journal import Event, Statistics
from chaos.verdict import Verdict
from tests.unit.expectations.records import beat, late, record

AGREES = CounterAgrees(counter="accepted", counted="clients let in", happened=20, start=10.0, end=12.0, within=0.5)
MESSAGES = CounterAgrees(
    counter="received", counted="messages of clients", happened=20, start=10.0, end=12.0, within=0.5, beats=True
)


def said(at: float, value: float | str, *, which: str = "accepted", took: float = 0.001) -> Statistics:
    return Statistics(at=at, values={which: value}, took=took)


@pytest.mark.parametrize(
    ("readings", "verdict", "observed"),
    [
        ((said(9.0, 5.0), said(12.1, 25.0)), Verdict.HELD, "it has risen by 20, shown 100ms after the last of them"),
        # On the way there it may be anything, and what counts before is what was said last.
        (
            (said(8.0, 1.0), said(9.0, 5.0), said(11.0, 9.0), said(12.1, 25.0)),
            Verdict.HELD,
            "it has risen by 20, shown 100ms after the last of them",
        ),
        (
            (said(9.0, 5.0), said(12.4, 24.0), said(12.9, 25.0)),
            Verdict.HELD,
            "it has risen by 20, shown 900ms after the last of them",
        ),
        (
            (said(9.0, 5.0), said(12.8, 24.0), said(12.9, 25.0)),
            Verdict.VIOLATED,
            "it has risen by 20, shown 900ms after the last of them",
        ),
        (
            (said(9.0, 5.0), said(12.1, 25.0), said(13.0, 24.0)),
            Verdict.VIOLATED,
            "it has risen by 19 where there were 20 clients let in",
        ),
        (
            (said(9.0, 5.0), said(12.1, 24.0)),
            Verdict.INCONCLUSIVE,
            "it has risen by 19 where there were 20 clients let in, and nobody looked longer",
        ),
        # A counter that has counted too much needs no more time.
        ((said(9.0, 5.0), said(12.1, 45.0)), Verdict.VIOLATED, "it has risen by 40 where there were 20 clients let in"),
        (
            (said(9.0, 5.0), said(13.0, "many")),
            Verdict.VIOLATED,
            "it has risen by nan where there were 20 clients let in",
        ),
        ((said(12.1, 25.0),), Verdict.INCONCLUSIVE, "the server's accepted could not be read: nobody asked"),
        ((said(9.0, 5.0),), Verdict.INCONCLUSIVE, "the server's accepted could not be read: nobody asked"),
    ],
)
def test_a_counter_rises_by_what_happened(readings: tuple[Event, ...], verdict: Verdict, observed: str) -> None:
    finding = AGREES.judge(record(*readings))
    assert (finding.verdict, finding.observed) == (verdict, observed)
    assert finding.promised == "'accepted' has risen by 20 (clients let in) within 500ms"


@pytest.mark.parametrize(
    ("rise", "verdict", "observed"),
    [
        (20.0, Verdict.HELD, "it has risen by 20, shown 100ms after the last of them"),
        (
            23.0,
            Verdict.INCONCLUSIVE,
            "it has risen by 23 where there were 20 clients let in, and 3 who heard no answer",
        ),
        (24.0, Verdict.VIOLATED, "it has risen by 24 where there were 20 clients let in, and 3 who heard no answer"),
        (19.0, Verdict.VIOLATED, "it has risen by 19 where there were 20 clients let in, and 3 who heard no answer"),
    ],
)
def test_who_gave_up_waiting_may_have_been_counted(rise: float, verdict: Verdict, observed: str) -> None:
    """A starved server answers when its clients have gone, and counts them as it should."""
    readings = record(said(9.0, 5.0), said(12.1, 5.0 + rise), said(13.0, 5.0 + rise))
    finding = replace(AGREES, perhaps=3).judge(readings)
    assert (finding.verdict, finding.observed) == (verdict, observed)


@pytest.mark.parametrize(
    ("beats", "rise", "verdict"),
    [
        ([beat(11.0, ok=False), beat(11.1)], 21.0, Verdict.INCONCLUSIVE),
        ([beat(11.0, ok=False), beat(11.1)], 22.0, Verdict.VIOLATED),
        ([beat(11.0, ok=False), beat(11.1, ok=False), beat(11.2)], 22.0, Verdict.INCONCLUSIVE),
        ([beat(11.0, ok=False), beat(11.1)], 20.0, Verdict.HELD),
        ([beat(11.0, ok=False), beat(11.1)], 19.0, Verdict.VIOLATED),
        ([beat(11.0), beat(11.1)], 21.0, Verdict.VIOLATED),
        # Lost before the first reading, and back after it; lost before the last, and told after it.
        ([beat(8.8), beat(8.9, ok=False), beat(9.1)], 21.0, Verdict.INCONCLUSIVE),
        ([beat(12.9), beat(13.1, ok=False), beat(13.2)], 21.0, Verdict.INCONCLUSIVE),
        ([beat(8.7, ok=False), beat(8.8), beat(13.1), beat(13.2, ok=False)], 21.0, Verdict.VIOLATED),
    ],
)
def test_a_canary_that_lost_its_connection_may_have_been_counted(
    beats: list[Event], rise: float, verdict: Verdict
) -> None:
    """It grew old, or had no answer for too long: it went, and came back."""
    seen = record(said(9.0, 5.0), said(13.0, 5.0 + rise), *beats)
    finding = replace(AGREES, canary=True).judge(seen)
    assert finding.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        lost = "2 times" if rise == 22 else "1 time"
        observed = (
            f"it has risen by {rise:g} where there were 20 clients let in, and the canary lost its connection {lost}"
        )
        assert finding.observed == observed
    if rise != 20:
        assert AGREES.judge(seen).verdict is Verdict.VIOLATED, "of a counter that counts no canary"


def test_the_harness_s_own_lateness_is_taken_off() -> None:
    events = (said(9.0, 5.0), said(12.8, 24.0), said(12.9, 25.0))
    assert AGREES.judge(record(*events, late(0.4, at=12.5))).verdict is Verdict.INCONCLUSIVE
    assert AGREES.judge(record(*events, late(0.4, at=11.0))).verdict is Verdict.VIOLATED


@pytest.mark.parametrize(
    ("rise", "verdict"),
    [(21.0, Verdict.VIOLATED), (22.0, Verdict.HELD), (26.0, Verdict.HELD), (27.0, Verdict.VIOLATED)],
)
def test_what_the_canary_sends_is_counted_as_well(rise: float, verdict: Verdict) -> None:
    beats = (
        beat(8.0),  # answered before the first reading was asked for
        beat(8.995),  # under way while it was made: counted by it, or not
        beat(10.0),
        beat(11.0),
        beat(11.5, ok=False),  # it may have arrived
        beat(12.995),  # under way during the last reading
        beat(13.005),  # likewise, for it was sent before
        beat(14.0),
    )
    first = said(9.0, 100.0, which="received", took=0.01)
    last = said(13.0, 100.0 + rise, which="received", took=0.01)
    finding = MESSAGES.judge(record(first, last, *beats))
    assert finding.verdict is verdict
    if verdict is Verdict.VIOLATED:
        assert finding.observed == (
            f"it has risen by {rise:g} where there were 20 messages of clients beside 2 to 6 beats of the canary"
        )
        assert finding.figure == f"{rise:g} of 22"
