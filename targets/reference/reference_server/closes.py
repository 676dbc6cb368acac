"""Why this server closes a connection, with the code and reason the client is told (RFC 6455, 7.4)."""

from __future__ import annotations

from reference_server.outbox import Close

IDLE = Close(1001, "idle timeout")
AGE = Close(1001, "maximum age reached")
SHUTDOWN = Close(1001, "server shutting down")
ANSWER = Close(1000, "")
"""The client has closed: it is told its own code again."""
INTERNAL_ERROR = Close(1011, "internal error")

MOST_REASON_BYTES = 123
"""A control frame carries 125 bytes, two of them the code."""


def coded(close: Close, code: int) -> Close:
    """The same with another code; this very one where it is its own."""
    return close if close.code == code else Close(code, close.reason)


def establishment_failed(phase: str, detail: str) -> Close:
    """The connection could not be established; the reason names the phase."""
    reason = f"{phase}: {detail}".encode()[:MOST_REASON_BYTES]
    return Close(1011, reason.decode(errors="ignore"))
