"""Compares a share with a percentage: more than 80, where there are 0.81 of the places taken.

Breaks the alert on many connections: it is declared, it is on every dashboard, and it is never raised. Clients are
warned and turned away as they should be, and the alert on a full server comes all the same.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the alert on many connections waits for 80 times the limit, and is never raised"

PERCENT = 80


def install(parts: Parts) -> None:
    """One condition of all."""
    admission, alerts = parts.admission, parts.alerts

    def crowded() -> bool:
        return admission.inside / admission.limit > PERCENT

    alerts._conditions = {**alerts._conditions, "websocket_connections_high": crowded}
