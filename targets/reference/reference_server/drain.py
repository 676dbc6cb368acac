"""Whether the server is going down."""

from __future__ import annotations


class Drain:
    """Set once, at the first signal: from then on nobody is let in and `/health` says 503."""

    def __init__(self) -> None:
        self.active = False

    def begin(self) -> None:
        """No way back."""
        self.active = True
