"""Puts the places of those who leave into a queue for a job that gives them back, and the queue holds forty.

Breaks rejection: places that do not fit are lost without a word, as a `deque` with a `maxlen` does it. Of clients
that leave in ones and tens nothing shows. When half of a full house dies at once, in whatever way, fewer get in.
"""

from __future__ import annotations

from collections import deque

from reference_server.parts import Parts

DESCRIPTION = "when more than forty clients leave at once, the places of the others are lost"

ROOM = 40


def install(parts: Parts) -> None:
    """Give back at the next sweep what is in the queue."""
    leave_now, sweep_as_before = parts.gate.leave, parts.sweep.run
    left: deque[None] = deque(maxlen=ROOM)

    def leave() -> None:
        left.append(None)

    def run() -> None:
        while left:
            left.pop()
            leave_now()
        sweep_as_before()

    parts.gate.leave = leave  # type: ignore[method-assign]  # a defect replaces a method
    parts.sweep.run = run  # type: ignore[method-assign]  # a defect replaces a method
