"""What one says is heard by everybody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.expectations import ReachedEverybody
from chaos.journal import Event, Holders
from chaos.verdict import Verdict
from tests.unit.expectations.records import attempt, beat, frame, reading, record

WANTED = ReachedEverybody(crowd="crowd", speakers="speakers", said=2, message='^"said {n}"$', limit=1.0, since=10.0)
END = 12.1
"""Until when it was listened: twice the limit after most of what is said here."""
CLIENTS = [attempt(0), attempt(1), attempt(0, crowd="speakers"), beat(END)]


def _held(*clients: int, crowd: str, serving: tuple[int, ...], pid: int = 7) -> list[Event]:
    return [Holders(at=9.5, crowd=crowd, serving=serving, held={str(client): pid for client in clients})]


INSIDE = [
    *CLIENTS,
    *_held(0, 1, crowd="crowd", serving=(7, 8)),
    *_held(0, crowd="speakers", serving=(7, 8), pid=8),
]


def _heard(*texts: str, client: int, at: float = 10.1) -> list[Event]:
    return [frame(at, client=client, text=f'"{text}"') for text in texts]


def test_what_all_have_heard_holds() -> None:
    heard = [*_heard("said 1", "said 2", client=0), *_heard("said 1", "said 2", client=1, at=10.4)]
    finding = WANTED.judge(record(*INSIDE, *heard))
    assert (finding.verdict, finding.observed) == (
        Verdict.HELD,
        "2 messages reached all 2 listeners, the last 300ms after the first",
    )


def test_what_some_have_not_heard_is_named() -> None:
    finding = WANTED.judge(record(*INSIDE, *_heard("said 1", "said 2", client=0), *_heard("said 1", client=1)))
    assert (finding.verdict, finding.observed) == (
        Verdict.VIOLATED,
        "1 of 2 messages did not reach all 2 listeners: 1 of 4 were never heard, of one message 1 of 2 listeners heard",
    )


def test_what_no_listener_has_heard_counts_as_said() -> None:
    finding = WANTED.judge(record(*INSIDE, *_heard("said 1", client=0), *_heard("said 1", client=1)))
    assert (finding.verdict, finding.figure) == (Verdict.VIOLATED, "1/2 reached all")


def _had_no_core(seconds: float, *, since: float) -> list[Event]:
    """The server waited for a core for so many seconds from a time on, while others had both."""
    last = reading(END, waited=1.0 + seconds, busy=50.0 + 2 * (END - since))
    return [reading(since, waited=1.0, busy=50.0), last]


@pytest.mark.parametrize(
    ("heard", "judged"),
    [
        ([*_heard("said 1", "said 2", client=0), *_heard("said 1", client=1)], {0.0: False, 0.9: False, 1.1: True}),
        # What no listener has heard was said when the speakers began, for all that is known.
        ([*_heard("said 1", client=0), *_heard("said 1", client=1)], {0.0: False, 1.0: False, 1.2: True}),
        # Each of them has to be one that may be on its way.
        ([*_heard("said 2", client=0, at=10.9), *_heard("said 1", client=1, at=10.1)], {0.9: False, 1.1: True}),
        ([*_heard("said 1", "said 2", client=0, at=11.2)], {0.0: True}),
    ],
)
def test_what_may_be_on_its_way_yet_on_a_busy_machine_decides_nothing(
    heard: list[Event], judged: dict[float, bool]
) -> None:
    found = {
        seconds: WANTED.judge(record(*INSIDE, *heard, *_had_no_core(seconds, since=10.0))).verdict for seconds in judged
    }
    assert found == {seconds: Verdict.INCONCLUSIVE if ours else Verdict.VIOLATED for seconds, ours in judged.items()}


def test_what_comes_too_late_to_one_is_a_breach() -> None:
    heard = [*_heard("said 1", "said 2", client=0), *_heard("said 1", "said 2", client=1, at=11.5)]
    assert WANTED.judge(record(*INSIDE, *heard)).verdict is Verdict.VIOLATED


def test_what_was_said_before_and_other_messages_do_not_count() -> None:
    heard = [*_heard("said 0", client=0, at=9.0), *_heard("told 1", "said 1", client=0), *_heard("said 1", client=1)]
    assert replace(WANTED, said=1).judge(record(*INSIDE, *heard)).verdict is Verdict.HELD


def test_nothing_is_decided_where_nobody_spoke_or_listened() -> None:
    assert replace(WANTED, said=0).judge(record(*INSIDE)).verdict is Verdict.INCONCLUSIVE
    assert WANTED.judge(record()).verdict is Verdict.INCONCLUSIVE


def test_what_all_heard_in_one_of_several_processes_shows_nothing() -> None:
    heard = [*_heard("said 1", "said 2", client=0), *_heard("said 1", "said 2", client=1)]
    alone = [*_held(0, 1, crowd="crowd", serving=(7, 8)), *_held(0, crowd="speakers", serving=(7, 8))]
    finding = WANTED.judge(record(*CLIENTS, *alone, *heard))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "one of the server's 2 processes serves all 3 clients, so nothing had to go from one process to another",
    )


def test_of_a_server_of_one_process_it_holds() -> None:
    heard = [*_heard("said 1", "said 2", client=0), *_heard("said 1", "said 2", client=1)]
    alone = [*_held(0, 1, crowd="crowd", serving=(7,)), *_held(0, crowd="speakers", serving=(7,))]
    assert WANTED.judge(record(*CLIENTS, *alone, *heard)).verdict is Verdict.HELD


def test_that_one_process_serves_them_all_excuses_no_loss() -> None:
    alone = [*_held(0, 1, crowd="crowd", serving=(7, 8)), *_held(0, crowd="speakers", serving=(7, 8))]
    finding = WANTED.judge(record(*CLIENTS, *alone, *_heard("said 1", client=0)))
    assert finding.verdict is Verdict.VIOLATED


def test_where_nobody_saw_who_serves_whom_nothing_is_decided() -> None:
    heard = [*_heard("said 1", "said 2", client=0), *_heard("said 1", "said 2", client=1)]
    finding = WANTED.judge(record(*CLIENTS, *_held(0, 1, crowd="crowd", serving=(7, 8)), *heard))
    assert (finding.verdict, finding.observed) == (
        Verdict.INCONCLUSIVE,
        "which of the server's processes serves whom was not seen",
    )
