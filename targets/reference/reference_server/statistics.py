"""What the server counts about itself, for `/stats` and `/metrics`: plain integers, increased where things happen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Totals since the start."""

    accepted: int = 0
    ended: int = 0
    """Accepted connections that are over, whoever ended them and how."""
    rejected: Counter[str] = field(default_factory=Counter)
    closed: Counter[str] = field(default_factory=Counter)
    """Ends the server decided on, by reason."""
    messages_received: int = 0
    messages_sent: int = 0
    pings_sent: int = 0
    pongs_received: int = 0
    dead_found: int = 0
    idle_warned: int = 0
    backpressure_warned: int = 0
    broadcasts: int = 0
    slow_consumers_cut: int = 0
    handshakes_timed_out: int = 0
    protocol_errors: int = 0
    rate_limited: int = 0
    accept_failures: int = 0
    """Connections that could not be accepted for want of file descriptors or memory."""
    sweeps: int = 0
    cleanups: int = 0
    cleanup_failures: int = 0
    record_failures: int = 0
    """Times that the record could not be written."""
    establishment_failures: Counter[str] = field(default_factory=Counter)
    """Connections that failed to be established, by connect phase."""

    def reject(self, reason: str) -> None:
        """A client was turned away before it was let in."""
        self.rejected[reason] += 1
