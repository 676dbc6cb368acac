"""How an attempt failed and how an open connection ended, before they become events."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from chaos.journal import Outcome

__all__ = ["CLIENT", "SERVER", "End", "Ending", "Setback", "setback_of_error"]

CLIENT = "client"
SERVER = "server"

_NO_WAY_THERE = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM})
"""What connect() says when something on the way answers that there is no way: a closed port's RST, an ICMP message,
or a local rule that rejects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """Why an attempt did not get open, and when that was known (seconds monotonic)."""

    outcome: Outcome
    at: float
    detail: str = ""
    status: int | None = None
    retry_after: str | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a connection ended; the fields are those of the Ended event."""

    at: float
    by: str
    how: str
    code: int | None = None
    reason: str = ""
    tcp_closed_after: float | None = None
    close_frame_at: float | None = None
    close_answered_after: float | None = None


def setback_of_error(error: OSError, *, at: float) -> Setback | None:
    """What a failed connect() or a lost connection means for an attempt; None when the cause lies with us."""
    detail = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _NO_WAY_THERE:
        return Setback(outcome=Outcome.REFUSED, at=at, detail=detail)
    if error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
        return Setback(outcome=Outcome.RESET, at=at, detail=detail)
    if error.errno == errno.ETIMEDOUT:
        return Setback(outcome=Outcome.TIMEOUT, at=at, detail=detail)
    return None


@dataclass(slots=True)
class Ending:
    """The signs of a connection's end, gathered as they are seen. Times are seconds monotonic."""

    act: str = ""
    """What the client did to end it: "reset", "eof", "drop", or "close" where the server's part tells how it ended;
    empty while it did nothing."""
    close_frame_at: float | None = None
    code: int | None = None
    reason: str = ""
    eof_at: float | None = None
    violation: str = ""
    """What the server sent that breaks the protocol."""
    overdue: bool = False
    """Whether the close timeout ran out."""
    close_answered_at: float | None = None
    """When the server's close frame was answered that was to be answered late; None while it was not."""

    def end(self, *, at: float, error: Exception | None) -> End:
        """How it ended, now that TCP is over: with `error`, or with None for a FIN from either side."""
        by = CLIENT if self.act else SERVER
        if self.eof_at is not None:
            # What came after the server's FIN is our own leaving.
            at, error = self.eof_at, None
        how, reason = _how_lost(error)
        if self.act and self.act != "close":
            return End(at=at, by=by, how=self.act)
        if self.violation:
            return End(at=at, by=by, how="invalid", code=self.code, reason=self.violation)
        if self.overdue:
            return End(
                at=at, by=by, how="timeout", code=self.code, reason=self.reason, close_frame_at=self.close_frame_at
            )
        if self.close_frame_at is not None:
            return End(
                at=at,
                by=by,
                how="close",
                code=self.code,
                reason=self.reason,
                tcp_closed_after=at - self.close_frame_at,
                close_frame_at=self.close_frame_at,
                close_answered_after=(
                    None if self.close_answered_at is None else self.close_answered_at - self.close_frame_at
                ),
            )
        return End(at=at, by=by, how=how, reason=reason)


def _how_lost(error: Exception | None) -> tuple[str, str]:
    if error is None:
        return "eof", ""
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "reset", ""
    if isinstance(error, TimeoutError):
        return "timeout", "the kernel gave up sending again"
    return "reset", str(error)
