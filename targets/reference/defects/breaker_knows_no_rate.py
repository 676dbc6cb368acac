"""Counts failures in a row alone, though a failure rate is set.

Breaks "opens at its failure rate": an upstream that answers one call of five never fails often enough in a row, and is
asked for as long as that lasts.
"""

from __future__ import annotations

from dataclasses import replace

from reference_server.parts import Parts

DESCRIPTION = "the breaker's failure rate is read from the settings and used nowhere"


def install(parts: Parts) -> None:
    """None is set."""
    parts.upstream_breaker.policy = replace(parts.upstream_breaker.policy, failure_rate=0.0)
