"""Has one threshold for both alerts on many connections: the second was copied from the first.

Breaks observability: at 81 of 100 somebody is woken up for what can wait until the morning, and at 96 nobody is told
anything new.
"""

from __future__ import annotations

from reference_server.alerts import CONNECTIONS_HIGH
from reference_server.parts import Parts

DESCRIPTION = "the critical alert on connections is raised together with the one before it"


def install(parts: Parts) -> None:
    """The same condition twice."""
    admission, alerts = parts.admission, parts.alerts

    def crowded() -> bool:
        return admission.inside > admission.limit * CONNECTIONS_HIGH

    alerts._conditions = {**alerts._conditions, "websocket_connections_critical": crowded}
