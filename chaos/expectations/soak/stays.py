"""Who was connected when: what each client of a soak had, one connection after the other."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence

from chaos.expectations.base import Record
from chaos.journal import Attempt, Ended

__all__ = ["Stays", "end_of", "sessions_of"]


class Stays:
    """From when to when each client had a place, and how many had one between two times."""

    def __init__(self, sessions: Iterable[Sequence[tuple[Attempt, Ended | None]]], *, kept: float) -> None:
        stays = [
            (attempt.began, attempt.at, ended.at if ended else math.inf) for each in sessions for attempt, ended in each
        ]
        self._began = sorted(began for began, _, _ in stays)
        self._opened = sorted(opened for _, opened, _ in stays)
        self._leaving = sorted((ended.said_at if ended else math.inf) - kept for each in sessions for _, ended in each)
        self._released = sorted(ended + kept for _, _, ended in stays)

    def most(self, start: float, end: float) -> int:
        """Those who may have had one at any time between the two: on their way, inside, or not yet let go."""
        return bisect_left(self._began, end) - bisect_left(self._released, start)

    def least(self, start: float, end: float) -> int:
        """Those who had one all the time between the two, at least: nobody who was about to leave."""
        return max(0, bisect_left(self._opened, start) - bisect_left(self._leaving, end))


def sessions_of(record: Record, crowd: str) -> dict[int, list[tuple[Attempt, Ended | None]]]:
    """By client what it had, one after the other: how it got in, and how that ended, if it did."""
    endings: dict[int, list[Ended]] = defaultdict(list)
    for ended in record.endings(crowd):
        endings[ended.client].append(ended)
    found: dict[int, list[tuple[Attempt, Ended | None]]] = defaultdict(list)
    for attempt in record.opened(crowd):
        mine = endings[attempt.client]
        position = len(found[attempt.client])
        found[attempt.client].append((attempt, mine[position] if position < len(mine) else None))
    return found


def end_of(sessions: Sequence[tuple[Attempt, Ended | None]], at: float) -> Ended | None:
    """How the session ended that was open at a time."""
    return next((ended for attempt, ended in sessions if attempt.at <= at and (ended is None or ended.at >= at)), None)
