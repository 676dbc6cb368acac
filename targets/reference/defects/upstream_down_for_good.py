"""Marks an upstream as down when it cannot be connected to, and never asks it again until the process is restarted.

Breaks the recovery of the breaker: its trials fail although the upstream is back. One that answers with errors, or
hangs, was connected to, and is tried again as promised.
"""

from __future__ import annotations

from reference_server.guard import DependencyFailed
from reference_server.parts import Parts

DESCRIPTION = "an upstream that has refused a connection once is never asked again"


def install(parts: Parts) -> None:
    """Remember the first refusal."""
    upstream = parts.upstream
    get_as_before = upstream.get
    down = False

    async def get(path: str) -> object:
        nonlocal down
        if down:
            raise DependencyFailed("unreachable", "marked as down")
        try:
            return await get_as_before(path)
        except DependencyFailed as failure:
            down = failure.kind == "unreachable"
            raise

    upstream.get = get  # type: ignore[method-assign]  # a defect replaces a method
