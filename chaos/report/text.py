"""Text of foreign origin made fit for a terminal or a page: close reasons and log lines are the server's own words."""

from __future__ import annotations

__all__ = ["clean", "shorten"]


def clean(text: str) -> str:
    """One printable line: control characters become escapes, so that no server can write to the user's terminal."""
    flat = " ".join(text.split())
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in flat)


def shorten(text: str, width: int, *, ellipsis: str = "…") -> str:
    """At most `width` characters, the end cut off where it must be."""
    return text if len(text) <= width else text[: max(0, width - len(ellipsis))].rstrip() + ellipsis
