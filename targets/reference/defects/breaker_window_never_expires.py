"""Keeps every call in the window of the failure rate, for as long as the circuit is closed.

Breaks "forgets what its window has left behind": failures of yesterday and of today add up, and open the circuit in
front of an upstream that is well.
"""

from __future__ import annotations

import math

from reference_server.breaker_window import FailureWindow
from reference_server.parts import Parts

DESCRIPTION = "nothing leaves the window that the breaker's failure rate is taken over"


def install(parts: Parts) -> None:
    """A window without an end."""
    parts.upstream_breaker._window = FailureWindow(seconds=math.inf)
