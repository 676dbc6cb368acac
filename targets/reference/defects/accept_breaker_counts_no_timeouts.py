"""Counts only the errors that the session's upstream answers with; a phase that ran out of time is the client's.

Breaks the accept breaker where the upstream hangs: each client is kept in the handshake for the whole phase, and the
next one too.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "establishments that time out are no failures to the accept breaker"


def install(parts: Parts) -> None:
    """Hear of every failure but that one."""
    breaker = parts.accept_breaker
    failed = breaker._failed

    def count(kind: str) -> None:
        if kind != "timeout":
            failed(kind)

    breaker._failed = count  # type: ignore[method-assign]  # a defect replaces a method
