"""Who is alone has nobody beside it, and is not kept waiting by those who come after it."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

from tests.detection.turns import Turns

WITHIN = 30.0
"""Seconds for a thread that nothing keeps; it takes a millisecond."""


class Visit:
    """Somebody inside, in a thread of its own, until it is let go."""

    def __init__(self, turns: Turns, *, alone: bool) -> None:
        self.inside, self.let_go = threading.Event(), threading.Event()
        self._turn = turns.alone if alone else turns.beside
        self.thread = threading.Thread(target=self._visit, daemon=True)
        self.thread.start()

    def _visit(self) -> None:
        with self._turn():
            self.inside.set()
            self.let_go.wait(WITHIN)

    def leave(self) -> None:
        self.let_go.set()
        self.thread.join(WITHIN)
        assert not self.thread.is_alive()


def test_those_beside_each_other_are_inside_together(tmp_path: Path) -> None:
    visits = [Visit(Turns(tmp_path), alone=False) for _ in range(3)]
    assert all(visit.inside.wait(WITHIN) for visit in visits)
    for visit in visits:
        visit.leave()


def test_who_is_alone_waits_for_those_inside_and_goes_before_those_who_come_later(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    first = Visit(turns, alone=False)
    assert first.inside.wait(WITHIN)
    alone = Visit(turns, alone=True)
    while not _taken(tmp_path / "entrance.lock"):
        assert alone.thread.is_alive()
    later = Visit(turns, alone=False)
    assert not alone.inside.is_set()
    assert not later.inside.is_set()
    first.leave()
    assert alone.inside.wait(WITHIN)
    assert not later.inside.is_set()
    alone.leave()
    assert later.inside.wait(WITHIN)
    later.leave()


def _taken(path: Path) -> bool:
    """Whether somebody waits at the entrance, and holds it meanwhile."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
