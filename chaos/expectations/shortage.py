"""Whether a server was short of CPU for as long as somebody asked what it does when it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from chaos.agent.control_groups import PERIOD
from chaos.expectations.base import Expectation, Record
from chaos.journal import Healing, Sample
from chaos.units import format_duration
from chaos.verdict import Finding

__all__ = ["ShortageLasted"]

LAPSE = 5 * PERIOD
"""Seconds without a period in which the quota was used up, beyond which it was short no longer. Of 97 periods of four
cells each was used up, on two cores under a load of 7 to 14, and none was seen later than 0.16 s after the last."""


@dataclass(frozen=True, slots=True)
class ShortageLasted(Expectation):
    """From the receipt of a limit of CPU to its healing the server used up what it was given, again and again.

    The receipt says that it did so at first. A server that was given enough after all, or that turns its work away, has
    kept its promise with CPU to spare: that is no answer to what it does without.
    """

    name: ClassVar[str] = "shortage_lasted"
    needs_fault: ClassVar[bool] = True
    fault: str
    """The name of the fault that limits it."""

    def judge(self, record: Record) -> Finding:
        promised = f"a server that has used up its CPU every {format_duration(LAPSE)}, for as long as it is limited"
        receipts = record.receipts(self.fault)
        healings = [healing for healing in record.journal.of(Healing) if healing.fault == self.fault]
        if not receipts or not healings:
            return self.inconclusive(f"{self.fault} was not both injected and healed", promised)
        start, end = receipts[0].at, healings[-1].since
        samples = record.journal.of(Sample)
        grew = [later.at for earlier, later in pairwise(samples) if later.throttled > earlier.throttled]
        marks = [start, *(at for at in grew if start < at < end), end]
        longest = max(later - earlier for earlier, later in pairwise(marks))
        observed = (
            f"in {format_duration(end - start)} it was not kept from running for {format_duration(longest)} at most"
        )
        if longest > LAPSE:
            return self.inconclusive(observed, promised)
        return self.held(observed, promised)
