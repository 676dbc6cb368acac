"""Copies the condition of one breaker's alert for the other one, and leaves the breaker as it was.

Breaks the alert on establishment: nobody can get in, and nobody is told, as long as the upstream's calls do well. The
alert on the upstream is right, and so is everything while both breakers are closed.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the alert on the accept breaker looks at the breaker in front of the upstream"


def install(parts: Parts) -> None:
    """One condition stands for both."""
    alerts = parts.alerts
    alerts._conditions = {
        **alerts._conditions,
        "accept_breaker_open": alerts._conditions["upstream_breaker_open"],
    }
