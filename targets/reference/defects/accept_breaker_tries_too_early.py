"""Reads the accept breaker's recovery timeout in other units, and lets a trial in after a quarter of it.

Breaks "lets clients in again": a dependency that is just coming back is asked before that is due, and each trial that
fails costs a client its connection.
"""

from __future__ import annotations

from dataclasses import replace

from reference_server.parts import Parts

DESCRIPTION = "the accept breaker tries again after a quarter of its recovery timeout"


def install(parts: Parts) -> None:
    """A quarter of it."""
    policy = parts.accept_breaker.policy
    parts.accept_breaker.policy = replace(policy, recovery_timeout=policy.recovery_timeout / 4)
