"""What lanes say to each other, and what becomes of a lane that says something nobody understands."""

from __future__ import annotations

import multiprocessing.connection
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from fixtures.lane import Done, Orders, Ready, Warned, warning_of
from fixtures.lanes import _Ended, _List, _Other

WITHIN = 10.0
"""Seconds for a thread of ours to answer: milliseconds here, and this only ends a hang."""


def warned(module: str, category: str) -> Warned:
    return Warned(
        message="mind it", module=module, category=category, filename="x.py", lineno=3, when="runtest", node="n",
        location=None,
    )  # fmt: skip


class Demanding(Warning):
    """A class of warning that takes more than its message."""

    def __init__(self, message: str, *, severity: int) -> None:
        super().__init__(message, severity)


def test_a_warning_arrives_as_it_was_given() -> None:
    made = warning_of(warned("builtins", "DeprecationWarning"))
    assert (made.category, str(made.message), made.filename, made.lineno) == (DeprecationWarning, "mind it", "x.py", 3)


@pytest.mark.parametrize(
    ("module", "category"),
    [("no_such_module", "Odd"), (__name__, "No.such"), (__name__, "Demanding")],
)
def test_a_warning_of_a_class_that_cannot_be_made_here_keeps_its_words(module: str, category: str) -> None:
    made = warning_of(warned(module, category))
    assert made.category is UserWarning
    assert str(made.message) == f"{category}: mind it"


@pytest.fixture
def other() -> Iterator[tuple[_Other, multiprocessing.connection.Connection]]:
    """A lane whose process does nothing, and the end of the connection that it would hold."""
    ours, theirs = multiprocessing.connection.Pipe()
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        yield _Other(process=process, connection=ours, log=Path("lane.log")), theirs
    finally:
        process.kill()
        process.wait()
        ours.close()
        theirs.close()


def test_scenarios_are_handed_out_one_by_one_and_then_no_more(
    other: tuple[_Other, multiprocessing.connection.Connection],
) -> None:
    lane, theirs = other
    handed_out = _List(["a", "b"], [lane])
    handed_out.start()
    theirs.send(Ready(nodes=frozenset({"a", "b", "c"})))
    assert theirs.recv() == "a"
    theirs.send(Done(node="a", reports=()))
    assert theirs.recv() == "b"
    assert handed_out.events.get(timeout=WITHIN) == Done(node="a", reports=())
    theirs.send(Done(node="b", reports=()))
    assert theirs.recv() is None
    assert lane.dismissed
    assert not lane.useless
    theirs.close()
    handed_out.join(WITHIN)
    assert not handed_out.is_alive()


def test_a_lane_that_has_not_collected_them_all_is_dismissed(
    other: tuple[_Other, multiprocessing.connection.Connection],
) -> None:
    lane, theirs = other
    handed_out = _List(["a", "b"], [lane])
    handed_out.start()
    theirs.send(Ready(nodes=frozenset({"a"})))
    assert theirs.recv() is None
    assert lane.useless
    assert handed_out.take() == "a"


def test_a_message_that_cannot_be_understood_ends_its_lane_and_keeps_nobody_waiting(
    other: tuple[_Other, multiprocessing.connection.Connection],
) -> None:
    lane, theirs = other
    handed_out = _List(["a"], [lane])
    handed_out.start()
    theirs.send_bytes(b"no pickle at all")
    ended = handed_out.events.get(timeout=WITHIN)
    assert cast("_Ended", ended).other is lane
    assert lane.process.wait(WITHIN) < 0
    assert handed_out.take() == "a"


def test_what_could_not_be_handed_out_is_still_there(
    other: tuple[_Other, multiprocessing.connection.Connection],
) -> None:
    lane, theirs = other
    theirs.send(Ready(nodes=frozenset({"a", "b"})))
    theirs.close()  # it has died right after that
    handed_out = _List(["a", "b"], [lane])
    handed_out.start()
    ended = handed_out.events.get(timeout=WITHIN)
    assert cast("_Ended", ended).other.node is None
    assert (handed_out.take(), handed_out.take(), handed_out.take()) == ("a", "b", None)


def test_orders_survive_the_journey() -> None:
    ours, theirs = multiprocessing.connection.Pipe()
    orders = Orders(run="r", nodes=frozenset({"a"}), files=frozenset({Path("/a.py")}))
    ours.send(orders)
    assert theirs.recv() == orders
    ours.close()
    theirs.close()
