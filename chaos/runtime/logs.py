"""The end of a log, as an error message shows it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["TOLD", "quote", "tail"]

TOLD = 20
"""Lines of a log that an error shows: a panic of Go's and what it was doing, a traceback of ours."""

_BYTES_PER_LINE = 512
"""Read so many bytes for each line wanted; longer lines make fewer of them."""


def tail(log: Path, lines: int, *, since: int = 0) -> list[str]:
    """The last lines of a file, at most that many, the first `since` bytes left out; none where there is no file."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(since, size - lines * _BYTES_PER_LINE)
            file.seek(start)
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found = text.splitlines()
    # Started in the middle of a line: that line is not shown in half.
    return (found[1:] if start > since and len(found) > 1 else found)[-lines:]


def quote(lines: Sequence[str]) -> str:
    """A paragraph to end an error message with."""
    if not lines:
        return "; its log is empty"
    return "; the last lines of its log:\n" + "\n".join(f"    {line}" for line in lines)
