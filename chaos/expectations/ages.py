"""From which age on a server may close a connection for it."""

from __future__ import annotations

__all__ = ["SOONER", "old_from"]

SOONER = 0.75
"""Share of the promised age from which a server may well close: what is promised is that nobody gets older, so it keeps
its promise by being stricter. The reference closes at 7.0 s where it promises 7.5 s, its thirty variations at 0.89 to
0.97 of what they promise; one that spreads its ages by a tenth, so that not all come back at once, is at 0.8."""


def old_from(max_age: float) -> float:
    """The age in seconds before which no connection was closed for its age."""
    return SOONER * max_age
