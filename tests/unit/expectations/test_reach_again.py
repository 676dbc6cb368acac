"""What one says reaches all again, once the message queue was gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import ReachesEverybodyAgain
from chaos.journal import Event, Holders, ProcessLost
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, beat, frame, reading, record

WANTED = ReachesEverybodyAgain(
    crowd="crowd", speakers="speakers", said_at=(10.4, 12.9), message='^"said {n}"$', limit=4.0, within=1.0
)
LOST = ProcessLost(at=10.1, since=10.0, pid=9)
SPREAD = [
    Holders(at=9.0, crowd="crowd", serving=(7, 8), held={"0": 7, "1": 8}),
    Holders(at=9.0, crowd="speakers", serving=(7, 8), held={"0": 7}),
]
END = 17.0
"""Until when it was listened."""
INSIDE = [attempt(0), attempt(1), attempt(0, crowd="speakers"), beat(END)]


def _said(number: int, at: float, *, to: tuple[int, ...] = (0, 1)) -> list[Event]:
    return [frame(at, client=client, text=f'"said {number}"') for client in to]


def test_what_reaches_all_again_in_time_holds() -> None:
    finding = WANTED.judge(record(*INSIDE, *SPREAD, LOST, *_said(1, 10.5, to=(0,)), *_said(2, 13.0)))
    assert (finding.verdict, finding.observed, finding.figure) == (
        Verdict.HELD,
        "what one says reached all 2 listeners again 3s after the queue's death: 1 of 2 messages missed somebody",
        "3s",
    )


def test_what_reaches_all_too_late_is_a_breach() -> None:
    finding = WANTED.judge(record(*INSIDE, *SPREAD, LOST, *_said(1, 14.5, to=(0,)), *_said(2, 15.0)))
    assert finding.verdict is Verdict.VIOLATED


def test_when_it_was_back_while_nobody_tried_nobody_knows() -> None:
    finding = WANTED.judge(record(*INSIDE, *SPREAD, LOST, *_said(1, 10.5, to=(0,)), *_said(2, 15.0)))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "what one says reached all 2 listeners again 5s after the queue's death: 1 of 2 messages missed somebody, a "
        "breach within the reading's own uncertainty of 4.5s: nothing was heard for 4.5s before",
    )


def test_what_no_listener_hears_at_all_is_missed_as_well() -> None:
    """A worker with speakers and no listener, which never subscribes again."""
    some = replace(WANTED, said_at=(10.4, 13.9, 14.1, 15.0))
    finding = some.judge(record(*INSIDE, *SPREAD, LOST, *_said(1, 10.5), *_said(2, 15.1)))
    assert (finding.verdict, finding.observed, finding.figure) == (
        Verdict.VIOLATED,
        "1 of 2 messages that were said 4s after the message queue's death, or later, were heard by no listener",
        "not back",
    )
    # One that was said before it was due may be the one that was heard after it.
    assert some.judge(record(*INSIDE, *SPREAD, LOST, *_said(2, 14.0), *_said(3, 14.2), *_said(4, 15.1))).verdict is (
        Verdict.HELD
    )
    nobody = some.judge(record(*INSIDE, *SPREAD, LOST))
    assert (nobody.verdict, nobody.figure) == (Verdict.VIOLATED, "not back")


def test_what_never_reaches_all_again_is_named() -> None:
    finding = WANTED.judge(record(*INSIDE, *SPREAD, LOST, *_said(1, 10.5, to=(0,)), *_said(2, 15.0, to=(0,))))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "what one says does not reach all 2 listeners 5s after the message queue's death: "
        "2 of 2 messages missed somebody, the last of them reached 1",
    )


def test_what_is_lost_again_later_is_not_back() -> None:
    heard = [*_said(1, 10.5), *_said(2, 15.0, to=(0,))]
    assert WANTED.judge(record(*INSIDE, *SPREAD, LOST, *heard)).verdict is Verdict.VIOLATED


def _had_no_core(seconds: float, *, since: float) -> list[Event]:
    """The server waited for a core for so many seconds from a time on, while others had both."""
    last = reading(END, waited=1.0 + seconds, busy=50.0 + 2 * (END - since))
    return [reading(since, waited=1.0, busy=50.0), last]


@pytest.mark.parametrize(
    ("heard", "observed"),
    [
        (_said(1, 10.5) + _said(2, 13.0), "1 of 1 messages that were said 4s after"),
        (_said(1, 10.5) + _said(2, 13.0) + _said(3, 15.5, to=(0,)), "1 of 3 messages missed somebody"),
    ],
)
def test_what_is_on_its_way_yet_on_a_busy_machine_decides_nothing(heard: list[Event], observed: str) -> None:
    """Of 1.5 s in which it had to reach all the server had no core for half a second, or longer."""
    said = replace(WANTED, said_at=(10.4, 12.9, 15.5))
    judged = [
        said.judge(record(*INSIDE, *SPREAD, LOST, *heard, *_had_no_core(seconds, since=15.5)))
        for seconds in (0.0, 0.4, 0.6)
    ]
    assert [each.verdict for each in judged] == [Verdict.VIOLATED, Verdict.VIOLATED, Verdict.INCONCLUSIVE]
    assert judged[-1].observed.startswith(observed)
    earlier = replace(said, said_at=(10.4, 12.9, 14.1)).judge(
        record(*INSIDE, *SPREAD, LOST, *_said(1, 10.5), *_said(2, 13.0), *_had_no_core(0.6, since=14.0))
    )
    assert earlier.verdict is Verdict.VIOLATED, "it had all the time of 2.9 s but 0.6"


def test_one_on_its_way_excuses_none_that_was_missed_before_nor_that_it_was_back_too_late() -> None:
    on_its_way = [*_said(9, 15.6, to=(0,)), *_had_no_core(0.6, since=15.5)]
    missed = [*_said(1, 10.5), *_said(2, 14.5, to=(0,)), *on_its_way]
    assert WANTED.judge(record(*INSIDE, *SPREAD, LOST, *missed)).verdict is Verdict.VIOLATED
    too_late = [*_said(1, 15.3, to=(0,)), *_said(2, 15.4), *on_its_way]
    assert WANTED.judge(record(*INSIDE, *SPREAD, LOST, *too_late)).verdict is Verdict.VIOLATED


def test_a_server_without_a_core_for_all_that_it_was_late_may_be_back_in_time() -> None:
    said = [*_said(1, 10.5, to=(0,)), *_said(2, 15.0, to=(0,))]
    judged = [
        WANTED.judge(record(*INSIDE, *SPREAD, LOST, *said, *_had_no_core(seconds, since=10.0))).verdict
        for seconds in (0.8, 1.2)
    ]
    assert judged == [Verdict.VIOLATED, Verdict.INCONCLUSIVE]


def test_nothing_is_decided_where_the_queue_lived_or_nobody_said_anything_for_long_enough() -> None:
    said = _said(1, 10.5, to=(0,))
    for judged in (
        WANTED.judge(record(*INSIDE, *SPREAD, *said)),
        WANTED.judge(record(*INSIDE, *SPREAD, LOST, *said)),
        WANTED.judge(record(*INSIDE, *SPREAD, LOST)),
        WANTED.judge(record(*INSIDE, LOST, *_said(1, 10.5))),
        WANTED.judge(record(LOST, *said)),
        replace(WANTED, said_at=()).judge(record(*INSIDE, *SPREAD, LOST, *said)),
    ):
        assert judged.verdict is Verdict.INCONCLUSIVE
