"""A fault at work, or the place it would have had."""

from __future__ import annotations

import time
from dataclasses import dataclass

from chaos.journal import Bite, Receipt

__all__ = ["Injection", "left_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A fault at work."""

    receipt: Receipt

    @property
    def since(self) -> float:
        """When it began to act, seconds monotonic."""
        return self.receipt.since


def left_out(fault: str) -> Injection:
    """What stands in for an injection when there is no fault; its receipt is never written to the journal."""
    now = time.monotonic()
    return Injection(receipt=Receipt(at=now, fault=fault, bite=Bite.UNKNOWN, covered=0, total=0, since=now))
