"""What a server does with its CPU and its log while it is short of that, or of something else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from chaos.agent.control_groups import PERIOD
from chaos.expectations.base import Expectation, Record
from chaos.expectations.record import Uncertainty
from chaos.journal import Healing, Logged, Sample
from chaos.units import format_duration, format_size
from chaos.verdict import Finding

__all__ = ["SPINNING", "DoesNotSpin", "LogsLittle", "ShortageLasted", "could_have_used"]

SPINNING = 0.5
"""Of a core: what is tried again as often as it can be takes all of one; to ping ten clients takes a hundredth."""

LOGGED = 10_000
"""Bytes a second: a gigabyte in a day. A line each second is a hundredth of that; asyncio's traceback for each place in
its listener's queue makes 1.6 MB a second (CPython 3.11, with the 2048 places that uvicorn asks for)."""

LAPSE = 5 * PERIOD
"""Seconds without a period in which the quota was used up, beyond which it was short no longer. Of 97 periods of four
cells each was used up, on two cores under a load of 7 to 14, and none was seen later than 0.16 s after the last."""


@dataclass(frozen=True, slots=True)
class DoesNotSpin(Expectation):
    """From the receipt of a fault to its healing the server uses no more than half a core, with nothing to do.

    What it uses is its own, so that nothing excuses it. Where others left it no core, it might have used that as it
    used what it had.
    """

    name: ClassVar[str] = "does_not_spin"
    needs_fault: ClassVar[bool] = True
    fault: str
    """The name of the fault that keeps it from something."""
    when: str
    """What that is, for the sentence: "while it can open no more files"."""

    def judge(self, record: Record) -> Finding:
        promised = f"no more than {SPINNING:g} of a core is used {self.when}"
        in_force = _in_force(record, self.fault)
        if in_force is None:
            return self.inconclusive(f"{self.fault} was not both injected and healed", promised)
        start, end = in_force
        used, lasted = record.used(start, end) or (0.0, 0.0)
        if not lasted:
            return self.inconclusive(f"nobody could read what it used {self.when}", promised)
        share, waited = used / lasted, record.starved(start, end)
        observed = f"{share:.2f} of a core was used for {format_duration(lasted)} {self.when}"
        figure = f"{share:.2f} cores"
        if share > SPINNING:
            return self.violated(observed, promised, figure=figure)
        if could_have_used(used, lasted, waited) > SPINNING:
            return self.within_uncertainty(observed, promised, waited, figure=figure)
        return self.held(observed, promised, figure=figure)


@dataclass(frozen=True, slots=True)
class LogsLittle(Expectation):
    """From the receipt of a fault to its healing the server logs no more than it may log for days.

    What was written before the scenario looked first and after it looked last is left out.
    """

    name: ClassVar[str] = "logs_little"
    needs_fault: ClassVar[bool] = True
    fault: str
    """The name of the fault that keeps it from something."""
    when: str
    """What that is, for the sentence: "while it can open no more files"."""

    def judge(self, record: Record) -> Finding:
        promised = f"no more than {format_size(LOGGED)} a second are logged {self.when}"
        start, end = _in_force(record, self.fault) or (math.inf, -math.inf)
        looks = [each for each in record.journal.of(Logged) if start <= each.at <= end]
        if len(looks) < 2:
            return self.inconclusive(f"nobody could read how much it logged {self.when}", promised)
        first, last = looks[0], looks[-1]
        rate = (last.size - first.size) / (last.at - first.at)
        figure = f"{format_size(rate)}/s"
        observed = f"{format_size(rate)} a second were logged for {format_duration(last.at - first.at)} {self.when}"
        if rate > LOGGED:
            return self.violated(observed, promised, figure=figure, evidence=last.said)
        return self.held(observed, promised, figure=figure)


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
        in_force = _in_force(record, self.fault)
        if in_force is None:
            return self.inconclusive(f"{self.fault} was not both injected and healed", promised)
        start, end = in_force
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


def could_have_used(used: float, lasted: float, waited: Uncertainty) -> float:
    """Share of a core of a server that used so many seconds of one, had it not had to wait for it for some of the time:
    who has something to do all of the time uses all of what it is left."""
    left = lasted - waited.seconds
    return used / left if left > 0 else math.inf


def _in_force(record: Record, fault: str) -> tuple[float, float] | None:
    """From when to when a fault of this name was in force for certain, seconds monotonic; None where it was not both
    injected and healed."""
    receipts = record.receipts(fault)
    healings = [healing for healing in record.journal.of(Healing) if healing.fault == fault]
    return (receipts[0].at, healings[-1].since) if receipts and healings else None
