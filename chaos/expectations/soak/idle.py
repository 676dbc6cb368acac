"""Clients who fall silent during a soak: each is found, the last one as the first."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chaos.bounds import by_timer
from chaos.expectations.base import Record
from chaos.expectations.soak.base import MOST_OURS, OfASoak
from chaos.expectations.soak.moments import Moments
from chaos.expectations.soak.stays import end_of, sessions_of
from chaos.journal import Ended, Frame, Soaked, WentIdle
from chaos.units import counted, format_duration, format_long
from chaos.verdict import Finding

__all__ = ["IdleFoundThroughout"]

QUARTERS = 4
"""Parts of a soak, in each of which somebody has to have been idle: "all along" is more than "at first"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleFoundThroughout(OfASoak):
    """Everyone who falls silent is warned, where there are warnings, and closed in time: the last one as the first."""

    name: ClassVar[str] = "idle_found_throughout"
    timeout: float
    slack: float
    """Seconds that the server's sweep, and the release, may add."""
    warned: bool
    """Whether a warning is promised; the crowd notes nothing else."""

    @property
    def within(self) -> float:
        """Seconds from falling silent to the close, as timers go."""
        return by_timer(self.timeout + self.slack)

    def judge(self, record: Record) -> Finding:
        kinds = "warned and closed" if self.warned else "closed"
        promised = (
            f"everyone who falls silent is {kinds} within {format_duration(self.timeout + self.slack)}, a tenth of it "
            "late, all along"
        )
        soaked = record.journal.last(Soaked)
        if soaked is None:
            return self.unsoaked(promised)
        sessions = sessions_of(record, soaked.crowd)
        due = [
            (idle, ended)
            for idle in record.journal.of(WentIdle)
            if idle.crowd == soaked.crowd and idle.at + self.within <= soaked.at
            for ended in [end_of(sessions[idle.client], idle.at)]
            if ended is None or not self._left_before(idle, ended)
        ]
        by_quarter = {int(QUARTERS * (idle.at - soaked.began) / (soaked.at - soaked.began)) for idle, _ in due}
        if not due or len(by_quarter) < self._quarters_with_time(soaked):
            return self.inconclusive(
                f"{counted(len(due), 'client')} fell silent in time to be seen, and not in every part of the soak",
                promised,
            )
        heard = _heard(record, soaked.crowd)
        missed = [
            (idle, f"{how} after {format_long(idle.at - soaked.began)} of the soak", self._late_by(idle, ended))
            for idle, ended in due
            if (how := self._missed(idle, ended, heard[idle.client])) is not None
        ]
        moments = Moments(record)
        ours = [idle for idle, _, late_by in missed if self._may_be_ours(moments, soaked, idle, late_by)]
        broken = [each for each in missed if each[0] not in ours]
        figure = f"{len(due) - len(missed)}/{len(due)} found"
        if broken:
            first = min(idle.at for idle, _, _ in broken)
            return self.violated(
                f"{len(broken)} of {len(due)} who fell silent were not {kinds} in time; all were for the first "
                f"{format_long(max(0.0, first - soaked.began))}",
                promised,
                figure=figure,
                evidence=[f"client {idle.client}: {how}" for idle, how, _ in broken],
            )
        excused = f", but for {len(ours)} in moments that may have been ours" if ours else ""
        observed = f"all {len(due)} who fell silent were {kinds}{excused}, {self.lasted(soaked)}"
        if len(ours) > MOST_OURS * len(due):
            return self.inconclusive(f"{observed}: too many of them", promised, figure=figure)
        return self.held(observed, promised, figure=figure)

    def _may_be_ours(self, moments: Moments, soaked: Soaked, idle: WentIdle, late_by: float | None) -> bool:
        """Only of who was closed after all: it was late by no more than we may have been."""
        if late_by is None:
            return False
        due = idle.at + self.within
        return late_by <= moments.of_ours(soaked.crowd, idle.at, due + late_by)

    def _quarters_with_time(self, soaked: Soaked) -> int:
        """Parts of the soak in which somebody who fell silent was still due before its end."""
        lasted = soaked.at - soaked.began
        return math.ceil(QUARTERS * max(0.0, lasted - self.within) / lasted) if lasted > 0 else 1

    def _left_before(self, idle: WentIdle, ended: Ended) -> bool:
        """Whether it was gone before it was due: of its own will, or for its age."""
        return ended.by == "client" or ended.said_at < idle.at + self.timeout / 2

    def _late_by(self, idle: WentIdle, ended: Ended | None) -> float | None:
        """Seconds by which it was closed too late; None where it was not, or not closed at all."""
        over = -1.0 if ended is None else ended.said_at - idle.at - self.within
        return over if over > 0 else None

    def _missed(self, idle: WentIdle, ended: Ended | None, heard: Sequence[float]) -> str | None:
        if ended is None or ended.said_at > idle.at + self.within:
            return "not closed in time"
        if not ended.announced:
            return f"cut off by {ended.how}, without a close frame"
        position = bisect_left(heard, idle.at)
        if self.warned and not (position < len(heard) and heard[position] <= ended.at):
            return "closed without a warning"
        return None


def _heard(record: Record, crowd: str) -> dict[int, list[float]]:
    """By client when it heard what its crowd notes."""
    found: dict[int, list[float]] = defaultdict(list)
    for frame in record.journal.of(Frame):
        if frame.crowd == crowd and frame.opcode == "text":
            found[frame.client].append(frame.at)
    return found
