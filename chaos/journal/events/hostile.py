"""What hostile clients sent, and what they got for it."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.journal.events.base import Event

__all__ = ["HostileAnswer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileAnswer(Event):
    """What became of one connection with hostile input; `at` is when it was known."""

    inputs: str
    """The kind of input, as chaos.hostile names it."""
    case: str
    reaction: str
    """ "closed", "http", "ended", "served", "nothing", "left", "dismissed", "invalid" or "unagreed"."""
    delivered: bool
    """Whether the server's kernel acknowledged all of it, or the connection ended before it could."""
    took: float
    """Seconds from the last byte written (from the first, for a request that never ends) to the answer."""
    code: int | None = None
    status: int | None = None
    released_after: float | None = None
    """Seconds from the same moment to the end of TCP by the server; None where the client ended it."""
    detail: str = ""
