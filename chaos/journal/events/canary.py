"""The clients that are the harness's own: the canary's beats, the caller's calls to the upstream, and polls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos.journal.events.base import Event

__all__ = ["Beat", "Call", "FeedFetched", "Source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Event):
    """One exchange of the canary, and how late the harness itself was at that moment, both in seconds."""

    ok: bool
    round_trip: float
    lateness: float
    detail: str = ""


class Source(StrEnum):
    """Where an answer of the upstream-backed endpoint came from, by the target file's expressions."""

    LIVE = "live"
    CACHED = "cached"
    UNAVAILABLE = "unavailable"
    OTHER = "other"
    """An answer that fits none of the expressions."""
    NONE = "none"
    """No answer within the time allowed, or the connection ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Event):
    """One request to the upstream-backed endpoint; `at` is when it ended, `began` when it was sent."""

    began: float
    source: Source
    detail: str = ""

    @property
    def round_trip(self) -> float:
        """Seconds from sending to the answer."""
        return self.at - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFetched(Event):
    """One GET of the path that tells the latest broadcast; `at` is when it ended, `began` when it was begun."""

    began: float
    status: int = 0
    """The HTTP status; 0 where no answer came."""
    text: str = ""
    """The first `QUOTED` characters of the answer, or why none came."""
    timed_out: bool = False
    """Whether nothing is known but that nothing came in the time that was waited."""
