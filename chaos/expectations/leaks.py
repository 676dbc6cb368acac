"""Nothing is kept per connection that has ended: slopes over repeated rounds, with an interval."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.journal import Round
from chaos.stats import MINIMUM_ROUNDS, slope
from chaos.units import format_count, format_size
from chaos.verdict import Finding

__all__ = [
    "ConnectionsNotKept",
    "FdsNotKept",
    "MemoryNotKept",
    "NotKept",
    "SessionsNotKept",
    "TasksNotKept",
    "ThreadsNotKept",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotKept(Expectation):
    """What is kept per ended connection stays below `margin`, for certain: its whole interval does.

    Whoever ended a connection, and however old it was: what is kept of it is kept.
    """

    unit: ClassVar[str] = ""
    """What it is counted in; memory is told as a size."""
    may_be_none: ClassVar[bool] = False
    """Whether a server may have none of it; of a file or a byte it always has one, or nothing could be read."""
    margin: float

    @abstractmethod
    def read(self, each: Round) -> float | None:
        """The quantity of one round; None where it could not be read, and the round does not count."""

    def shown(self, per_connection: float) -> str:
        """A slope in words, per 1,000 ended connections."""
        return f"{format_count(per_connection * 1000)} {self.unit}"

    def judge(self, record: Record) -> Finding:
        promised = f"less than {self.shown(self.margin)} kept per 1,000 ended connections"
        read = [(each, value) for each in record.journal.of(Round) if (value := self.read(each)) is not None]
        rounds, values = [each for each, _ in read], [value for _, value in read]
        if len(rounds) < MINIMUM_ROUNDS:
            return self.inconclusive(f"{len(rounds)} rounds were measured, {MINIMUM_ROUNDS} are needed", promised)
        growing = len({each.ended for each in rounds})
        if growing < MINIMUM_ROUNDS:
            return self.inconclusive(
                f"{rounds[-1].ended} connections ended, in so few of {len(rounds)} rounds that there are {growing} "
                f"points, and {MINIMUM_ROUNDS} are needed",
                promised,
            )
        if not (self.may_be_none or any(values)):
            return self.inconclusive("nothing could be read of the server's processes", promised)
        found = slope([each.ended for each in rounds], values)
        figure = f"{self.shown(found.value)}/1k"
        observed = (
            f"{self.shown(found.value)} kept per 1,000 ended connections "
            f"({self.shown(found.low)} to {self.shown(found.high)}, {rounds[-1].ended} endings in {len(rounds)} rounds)"
        )
        if found.below(self.margin):
            return self.held(observed, promised, figure=figure)
        if found.above(self.margin):
            return self.violated(observed, promised, figure=figure)
        smallest = self.shown(found.resolution)
        return self.inconclusive(
            f"{observed}: the interval holds the margin; {smallest} is the smallest that could be seen", promised
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FdsNotKept(NotKept):
    """File descriptors of all the server's processes."""

    name: ClassVar[str] = "fds_not_kept"
    unit: ClassVar[str] = "fds"

    def read(self, each: Round) -> float:
        return each.fds


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryNotKept(NotKept):
    """Memory of all the server's processes, bytes."""

    name: ClassVar[str] = "memory_not_kept"

    def read(self, each: Round) -> float:
        return each.memory

    def shown(self, per_connection: float) -> str:
        return format_size(per_connection * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionsNotKept(NotKept):
    """Connections by the server's own statistics: one that is still counted has no descriptor to be seen by."""

    name: ClassVar[str] = "connections_not_kept"
    unit: ClassVar[str] = "connections"

    def read(self, each: Round) -> float | None:
        return each.connections


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksNotKept(NotKept):
    """Tasks by the server's own statistics."""

    name: ClassVar[str] = "tasks_not_kept"
    unit: ClassVar[str] = "tasks"

    def read(self, each: Round) -> float | None:
        return each.tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadsNotKept(NotKept):
    """Threads of all the server's processes."""

    name: ClassVar[str] = "threads_not_kept"
    unit: ClassVar[str] = "threads"

    def read(self, each: Round) -> float:
        return each.threads


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsNotKept(NotKept):
    """Sessions that wait to be resumed, by the server's own statistics."""

    name: ClassVar[str] = "sessions_not_kept"
    unit: ClassVar[str] = "sessions"
    may_be_none: ClassVar[bool] = True

    def read(self, each: Round) -> float | None:
        return each.kept_sessions
