"""Has one breaker for all that asks the upstream, whoever asks it, and for what.

Breaks accept breaker: the failures of those inside, who have a cache to fall back on, shut the door on those outside,
who have none. Usual where breakers are kept in a dictionary by the host that is called.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the breaker of the upstream's data is that of establishments as well"


def install(parts: Parts) -> None:
    """One for both."""
    parts.accept_breaker = parts.upstream_breaker
