"""Waits as long after each trial that failed as after the first failure.

Breaks "waits longer each time": a single trial is due when it should be, and so is the next one. In an outage of hours
the upstream is asked a hundred times as often as was meant. Many libraries have no back-off at all, as pybreaker.
"""

from __future__ import annotations

from dataclasses import replace

from reference_server.parts import Parts

DESCRIPTION = "the breaker's recovery timeout does not grow with the trials that fail"


def install(parts: Parts) -> None:
    """A factor of one."""
    parts.upstream_breaker.policy = replace(parts.upstream_breaker.policy, backoff=1.0)
