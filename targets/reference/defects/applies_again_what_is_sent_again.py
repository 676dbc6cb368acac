"""Applies each message as it comes, whatever its id.

Breaks sending again: a client that does not know whether its message arrived sends it once more, and pays twice.
"""

from __future__ import annotations

from reference_server.parts import Parts
from reference_server.resumable import KeptSession

DESCRIPTION = "a message that a client sends again after a reconnect is applied once more"


def install(parts: Parts) -> None:
    """Forget which id was the last."""

    def apply(self: KeptSession, identity: int, text: str) -> None:
        self.applied = identity
        self.add({"applied": identity, "text": text})

    KeptSession.apply = apply  # type: ignore[method-assign]  # a defect replaces a method
