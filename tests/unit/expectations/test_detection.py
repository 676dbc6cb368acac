from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.expectations import ReleasedWithin
from chaos.expectations.detection import Detection, NotMeasured, Watch, detections
from chaos.journal import Bite, Event, ReleaseAwaited
from chaos.units import format_duration
from tests.unit.expectations.records import bite, healed, injected, late, record, sample

FOUR = ReleaseAwaited(at=30.0, dead=4, remaining=6, limit=1.0, why="interval + timeout")


def _watch(*events: Event, awaited: ReleaseAwaited = FOUR) -> Watch:
    return detections(record(*events), awaited)


def _found(watch: Watch) -> list[float | None]:
    return [None if each.at_most is None else round(each.at_most, 6) for each in watch.detections]


def test_each_fall_of_the_count_is_a_detection() -> None:
    watch = _watch(injected(), bite(10.0), sample(10.2, 10), sample(10.5, 9), sample(10.9, 7), sample(11.1, 6))
    assert _found(watch) == [0.5, 0.9, 0.9, 1.1]
    # The receipt was there 10 ms after it began to act: the last of them may have died then only.
    assert [round(each.at_least, 6) for each in watch.detections] == [0.19, 0.49, 0.49, 0.89]
    assert (watch.fault, round(watch.watched, 6)) == ("vanished", 1.1)


def test_where_it_was_seen_later_than_it_began_they_died_when_it_began() -> None:
    seen_late = replace(bite(10.0), at=10.4, acted=10.05)
    watch = _watch(injected(), seen_late, sample(10.5, 10), sample(11.1, 6))
    assert [round(each.at_least, 6) for each in watch.detections] == [0.45] * 4
    assert watch.uncertainty.reasons[0] == "injecting the fault took 50ms"


def test_what_was_never_found_is_there_as_not_found() -> None:
    watch = _watch(injected(), bite(10.0), sample(10.5, 9), sample(12.0, 8), sample(13.0, 8))
    assert _found(watch) == [0.5, 2.0, None, None]
    assert round(watch.detections[-1].at_least, 6) == 2.99
    assert watch.detections[-1].beyond(1.0)
    assert not watch.detections[-1].within(1.0)


def test_a_watch_that_ended_before_the_limit_blames_nobody() -> None:
    watch = _watch(injected(), bite(10.0), sample(10.5, 10))
    assert not watch.detections[0].beyond(1.0)


def test_a_count_that_rises_again_was_no_detection() -> None:
    watch = _watch(injected(), bite(10.0), sample(10.1, 6), sample(10.2, 9), sample(10.3, 8), sample(10.4, 8))
    assert _found(watch) == [0.1, 0.3, None, None]


def test_others_that_come_beside_them_are_no_deaths() -> None:
    watch = _watch(injected(), bite(10.0), sample(10.1, 14), sample(10.2, 6), sample(10.3, 2))
    assert _found(watch) == [0.2] * 4


def test_what_comes_before_the_bite_or_after_the_healing_does_not_count() -> None:
    watch = _watch(sample(9.9, 6), injected(), bite(10.0), sample(10.1, 10), healed(10.2), sample(10.3, 6))
    assert _found(watch) == [None] * 4
    assert round(watch.watched, 6) == 0.1


def test_a_detection_by_the_first_sample_may_have_been_at_once() -> None:
    watch = _watch(injected(), bite(10.0), sample(10.04, 6))
    assert watch.detections[0] == Detection(0.0, pytest.approx(0.04))


def test_the_uncertainty_is_said_in_words() -> None:
    watch = _watch(injected(), bite(10.0), late(0.3), sample(10.5, 10), sample(12.0, 6))
    assert watch.uncertainty.sentence() == (
        "1.81s: injecting the fault took 10ms, the conductor was up to 300ms late, samples were up to 1.5s apart"
    )
    assert round(watch.detections[0].at_least, 6) == 0.19, "the lateness is ours too"


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((), "no faults left a receipt, and it takes one to know when they died"),
        ((bite(10.0), bite(11.0)), "2 faults left a receipt, and it takes one to know when they died"),
        ((bite(10.0, how=Bite.UNKNOWN),), "not all of them died of it: unknown on 10 of 10"),
        ((bite(10.0, covered=7),), "not all of them died of it: bit on 7 of 10"),
        ((bite(20.0),), "no sample of the server's sockets after the fault"),
    ],
)
def test_what_was_not_measured_says_why(events: tuple[Event, ...], why: str) -> None:
    with pytest.raises(NotMeasured) as raised:
        _watch(sample(10.5, 6), *events)
    assert str(raised.value) == why


counts = st.lists(st.integers(0, 20), min_size=1, max_size=30)


@given(counts=counts, dead=st.integers(1, 12), remaining=st.integers(0, 6), data=st.data())
def test_as_many_detections_as_deaths_in_order_whatever_was_sampled(
    counts: list[int], dead: int, remaining: int, data: st.DataObject
) -> None:
    """Samples may be missing, counts may jump about, and the order in which the events were written does not matter."""
    kept = data.draw(st.sets(st.integers(1, len(counts)), min_size=1))
    samples = [sample(10 + number / 20, counts[number - 1]) for number in sorted(kept)]
    events = data.draw(st.permutations([injected(), bite(10.0), *samples]))
    awaited = ReleaseAwaited(at=30.0, dead=dead, remaining=remaining, limit=1.0, why="")
    watch = _watch(*events, awaited=awaited)

    assert len(watch.detections) == dead
    found = [each.at_most for each in watch.detections if each.at_most is not None]
    assert watch.detections[: len(found)] == tuple(each for each in watch.detections if each.at_most is not None)
    assert all(earlier <= later for earlier, later in itertools.pairwise(found))
    assert all(0 <= each.at_least <= watch.watched for each in watch.detections)
    assert all(each.at_most is None or each.at_least < each.at_most for each in watch.detections)
    left = max(0, min(dead, samples[-1].connections - remaining))
    assert dead - len(found) == left, "what the last sample still counts was not found, and all else was"


@given(counts=counts, data=st.data())
def test_a_sample_that_is_missing_never_makes_a_detection_earlier(counts: list[int], data: st.DataObject) -> None:
    samples = [sample(10 + number / 20, count) for number, count in enumerate(counts, start=1)]
    falling = [sample(each.at, max(later.connections for later in samples[n:])) for n, each in enumerate(samples)]
    kept = data.draw(st.sets(st.integers(0, len(falling) - 1)))
    fewer = [each for number, each in enumerate(falling) if number in kept or number == len(falling) - 1]
    all_of_them, some = (_watch(injected(), bite(10.0), *given) for given in (falling, fewer))
    for whole, part in zip(all_of_them.detections, some.detections, strict=True):
        assert (whole.at_most is None) == (part.at_most is None)
        assert part.at_most is None or whole.at_most is None or whole.at_most <= part.at_most
        assert part.at_least <= whole.at_least


def test_each_moment_in_which_they_died_is_read_by_itself() -> None:
    twice = replace(FOUR, times=2)
    first = (injected(), bite(10.0), sample(10.2, 10), sample(10.5, 6), healed(10.6))
    watch = _watch(*first, bite(20.0), sample(20.4, 10), sample(20.8, 6), sample(20.9, 6), healed(21.0), awaited=twice)
    assert (watch.times, _found(watch)) == (2, [0.5] * 4 + [0.8] * 4)
    assert round(watch.watched, 6) == 0.5, "of the shorter watch"
    with pytest.raises(NotMeasured) as raised:
        _watch(*first, awaited=twice)
    assert str(raised.value) == "peers died 1 time where that was to be 2"


@given(counts=counts)
def test_the_last_detection_is_the_figure_that_is_judged(counts: list[int]) -> None:
    samples = [sample(10 + number / 20, count) for number, count in enumerate(counts, start=1)]
    made = record(injected(), bite(10.0), *samples)
    judged = ReleasedWithin(dead=FOUR.dead, remaining=FOUR.remaining, limit=100.0, why="").judge(made)
    last = detections(made, FOUR).detections[-1].at_most
    assert judged.figure == ("" if last is None else format_duration(last))
