"""A target file as it was written, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from chaos.units import parse_duration

__all__ = ["ALERTS", "SHARES", "Document", "Key", "seconds_at", "value_at"]

T = TypeVar("T")
Key = tuple[str, ...]
Document = Mapping[str, Any]

ALERTS: tuple[Key, ...] = tuple(
    ("promises", "observability", name)
    for name in ("full", "memory_short", "disk_full", "upstream_failing", "establishment_failing")
)
"""Where an alert is named and nothing else is said of it."""

SHARES: tuple[Key, ...] = tuple(("promises", "observability", name) for name in ("nearly_full", "very_full"))
"""Where one is, and the share of the limit above which it is raised."""


def value_at(document: Document, key: Key, kind: type[T]) -> T | None:
    """The value at a key, or None where it is missing or of another kind."""
    value: Any = document
    for name in key:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, kind) and not (kind is int and isinstance(value, bool)) else None


def seconds_at(document: Document, key: Key) -> float | None:
    """The duration at a key, or None where it is missing or is none."""
    try:
        return parse_duration(value_at(document, key, str))
    except ValueError:
        return None
