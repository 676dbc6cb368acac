"""Takes the late answer to a call that was given up for word that the upstream is back, and closes the open circuit.

Breaks "spares the upstream while open": one that is too slow for everybody answers everybody in the end, and each of
these answers sends it the next callers.
"""

from __future__ import annotations

from reference_server.breaker import State
from reference_server.parts import Parts

from defects._late_answers import when_late

DESCRIPTION = "an answer to a call that was given up before the circuit opened closes it"


def install(parts: Parts) -> None:
    """Whoever answers must be well."""
    breaker = parts.upstream_breaker

    def close() -> None:
        if breaker.state is State.OPEN:
            breaker._enter(State.CLOSED)

    when_late(parts, close)
