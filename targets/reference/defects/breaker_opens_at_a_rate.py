"""Opens at a share of failures as well, two in five of ten calls or more, where failures in a row are promised.

Breaks the breaker where the upstream fails every other call: half of its answers are good, and the circuit takes them
away. Failures that are in a row, and single ones, are counted as promised.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "the upstream's breaker opens when two in five of its calls fail, also where no two fail in a row"

RATE = 0.4
CALLS = 10
"""With fewer a share says nothing."""


def install(parts: Parts) -> None:
    """A second way to open."""
    breaker = parts.upstream_breaker
    in_a_row = breaker._has_failed_enough

    def has_failed_enough() -> bool:
        now = breaker._monotonic()
        return in_a_row() or (breaker._window.calls(now) >= CALLS and breaker._window.rate(now) >= RATE)

    breaker._has_failed_enough = has_failed_enough  # type: ignore[method-assign]  # a defect replaces a method
