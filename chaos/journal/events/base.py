"""What every event has."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QUOTED", "Event"]

QUOTED = 4096
"""Characters of a message or of an answer that an event quotes: the expressions of a target file look no further in
what the server says by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at a time."""

    at: float
