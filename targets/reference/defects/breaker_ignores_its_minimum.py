"""Takes a share of failures from however few calls there were.

Breaks "opens at its failure rate": on a quiet night two failures of three calls open the circuit, where a share says
nothing before there are a dozen.
"""

from __future__ import annotations

from dataclasses import replace

from reference_server.parts import Parts

DESCRIPTION = "the breaker's failure rate counts from the first call on"


def install(parts: Parts) -> None:
    """One call is enough."""
    parts.upstream_breaker.policy = replace(parts.upstream_breaker.policy, minimum_calls=1)
