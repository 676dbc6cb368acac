"""What became of messages that carry numbers: the first anomalies in full, and the count of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.journal.events.base import Event

__all__ = ["Anomaly", "Correspondence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly(Event):
    """The first message of a client of which something was wrong in one of the ways; the others are only counted."""

    crowd: str
    client: int
    what: str
    """ "missing" (its successor came first: it may come yet), "duplicated", "reordered", "corrupted" or "foreign" (it
    belongs to somebody else)."""
    number: int
    detail: str
    """One sentence: "event 7 came again after event 9"."""
    text: str = ""
    """The first `QUOTED` characters of the message that showed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondence(Event):
    """What one client sent and heard by number, from its first connection to `at`, over all of its sessions."""

    crowd: str
    client: int
    sent: int
    """Messages of its own; one that is sent again is the same message."""
    answered: int
    """Of those, the ones that were answered, or acknowledged."""
    heard: int
    """Numbered messages of the server's own."""
    lost: int = 0
    """Overtaken and never come, or acknowledged and never applied."""
    unanswered: int = 0
    """Not answered, and not overtaken either, although the connection lasted."""
    duplicated: int = 0
    reordered: int = 0
    corrupted: int = 0
    foreign: int = 0
    """Heard, and meant for somebody else."""
    unknown: int = 0
    """Sent and not answered when a connection ended: nobody knows whether they arrived."""
    settled: int = 0
    """Of those, the ones that were answered when they were sent again."""
    resumed: int = 0
    """How often it came back to its session."""
    renewed: int = 0
    """How often it came back and was given another session."""
    waited: float = 0.0
    """Seconds in which it sent nothing new before this was written, and waited for what was outstanding."""
    first: dict[str, str] = field(default_factory=dict)
    """The first example of each count that is not 0, in words."""
