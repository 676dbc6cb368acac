"""What every event has."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUOTED", "Event"]

QUOTED = 500
"""Characters of a message or of an answer that an event quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at a time."""

    at: float
