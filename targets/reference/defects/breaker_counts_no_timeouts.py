"""Takes a failure for an answer that says so: a call that was given up says nothing, so it does not count.

Breaks the breaker's threshold where the upstream hangs, which is when it is needed most: every caller waits for the
whole time-out, for as long as the upstream hangs. Errors open the circuit as promised.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "calls that time out are no failures to the upstream's breaker"


def install(parts: Parts) -> None:
    """Hear of every failure but that one."""
    breaker = parts.upstream_breaker
    failed = breaker._failed

    def count(kind: str) -> None:
        if kind != "timeout":
            failed(kind)

    breaker._failed = count  # type: ignore[method-assign]  # a defect replaces a method
