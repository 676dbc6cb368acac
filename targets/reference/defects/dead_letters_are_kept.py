"""Keeps what a listener had not taken when it was cut, for somebody to look at.

Breaks leak-free: nobody does. Each consumer that stops reading leaves the megabyte that was queued for it, and those
who leave by themselves nothing.
"""

from __future__ import annotations

from reference_server.connection import Connection
from reference_server.parts import Parts

DESCRIPTION = "what was queued for a listener that is cut is kept for ever"


def install(parts: Parts) -> None:
    """The outbox of whoever is cut, whole."""
    dead_letters: list[object] = []
    cut_as_before = Connection.cut

    def cut(self: Connection, why: str) -> None:
        if len(self.outbox):
            dead_letters.append(self.outbox)
        cut_as_before(self, why)

    Connection.cut = cut  # type: ignore[method-assign]  # a defect replaces a method
