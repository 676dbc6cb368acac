"""What the harness says of itself: which process stamps whose times, and how late it was."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.journal.events.base import Event

__all__ = ["CrowdMade", "Lateness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdMade(Event):
    """A crowd lives in a worker from now on: that process stamps all times of its clients."""

    crowd: str
    pid: int
    address: str = ""
    """Where its clients connect to, `host:port`: the server's, or a link's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness(Event):
    """How late the loop of a crowd worker was between two times (`at` is the second), seconds.

    What arrived in between may be stamped so much later than it came.
    """

    pid: int
    began: float
    worst: float
