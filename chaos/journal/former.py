"""What events and their fields were called in journals of an earlier version, which are read as if written today."""

from __future__ import annotations

__all__ = ["names_of", "present_field", "present_kind"]

_KINDS = {"Held": "MemoryHeld", "Polled": "FeedFetched"}
"""Until version 5."""

_FIELDS = {("Round", "sessions"): "connections"}
"""By the present name of their kind; until version 5."""


def present_kind(name: str) -> str:
    """What a kind of event that is called so in the file is called now."""
    return _KINDS.get(name, name)


def present_field(kind: str, name: str) -> str:
    """What a field of a kind, by the kind's present name, is called now."""
    return _FIELDS.get((kind, name), name)


def names_of(kind: str) -> tuple[str, ...]:
    """All that a kind, by its present name, has ever been called."""
    return (kind, *(former for former, present in _KINDS.items() if present == kind))
