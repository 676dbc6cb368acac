"""What clients cost the server while they are there, and what of that the next ones find given back.

What the server holds in all has one figure. The others are slopes with an interval: over crowds that grow, and over
crowds that come one after the other. That memory came back to where it was is asked of nobody: what a process has once
had of the kernel it may keep for the next client.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.journal import MemoryHeld, Sample
from chaos.stats import MINIMUM_ROUNDS, slope
from chaos.units import format_size
from chaos.verdict import Finding

__all__ = ["CostsAtMost", "GivenBack", "HoldsAtMost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldsAtMost(Expectation):
    """At no time that it was read does the server hold more than `limit` bytes, all its processes together.

    What it takes for less than the time between two samples may not be seen.
    """

    name: ClassVar[str] = "holds_at_most"
    limit: int

    def judge(self, record: Record) -> Finding:
        promised = f"never more than {format_size(self.limit)} of memory in all"
        readings = [sample.memory for sample in record.journal.of(Sample) if sample.memory]
        if not readings:
            return self.inconclusive("nothing could be read of the server's processes", promised)
        most = max(readings)
        observed = f"{format_size(most)} at most in {len(readings)} readings, {format_size(readings[0])} in the first"
        figure = f"peak {format_size(most)}"
        if most > self.limit:
            return self.violated(observed, promised, figure=figure)
        return self.held(observed, promised, figure=figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsAtMost(Expectation):
    """Each more client costs less than `margin` bytes, for certain: its whole interval does."""

    name: ClassVar[str] = "costs_at_most"
    margin: float
    what: str
    """Which kind of client, for the sentence: "slow reader"."""

    def judge(self, record: Record) -> Finding:
        promised = f"a {self.what} costs less than {format_size(self.margin)}"
        held = record.journal.of(MemoryHeld)
        if len({each.count for each in held}) < MINIMUM_ROUNDS:
            return self.inconclusive(
                f"crowds of {len({each.count for each in held})} sizes were seen, {MINIMUM_ROUNDS} are needed", promised
            )
        if not any(each.memory for each in held):
            return self.inconclusive("nothing could be read of the server's processes", promised)
        found = slope([each.count for each in held], [each.memory for each in held])
        figure = f"{format_size(found.value)} each"
        observed = (
            f"a {self.what} costs {format_size(found.value)} ({format_size(found.low)} to {format_size(found.high)}, "
            f"{len(held)} crowds of {held[0].count} to {held[-1].count})"
        )
        if found.below(self.margin):
            return self.held(observed, promised, figure=figure)
        if found.above(self.margin):
            return self.violated(observed, promised, figure=figure)
        return self.inconclusive(
            f"{observed}: the interval holds the margin; {format_size(found.resolution)} is the smallest difference "
            "that could be seen",
            promised,
            figure=figure,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack(Expectation):
    """Of what a crowd costs at least `share` is given back when it has gone: the next one of the same size does not
    come on top of it. What one costs is seen by the first on a fresh server, between the waves 0 (nobody) and 1; what
    it has warmed up besides is at most about what the second, of the same size, adds to it."""

    name: ClassVar[str] = "given_back"
    share: float
    warm_up: int
    """Waves that are not looked at, for pools and caches fill in them."""

    def judge(self, record: Record) -> Finding:
        promised = f"{self.share:.0%} of what a crowd has cost is given back when it has gone"
        held = record.journal.of(MemoryHeld)
        # A crowd that did not get in whole has cost less, which looks like memory given back.
        whole = max((each.count for each in held), default=0)
        first = {each.wave: each.memory for each in held if not each.wave or (each.wave < 3 and each.count == whole)}
        waves = [each for each in held if each.wave > self.warm_up and each.count == whole]
        if len(waves) < MINIMUM_ROUNDS or len(first) < 3 or not all(each.memory for each in waves):
            return self.inconclusive(
                f"{len(waves)} whole crowds were seen to come and go, {MINIMUM_ROUNDS} are needed, and one look before",
                promised,
            )
        most_cost = first[1] - first[0]
        cost = most_cost - max(0, first[2] - first[1])
        kept = slope([each.wave for each in waves], [each.memory for each in waves])
        if most_cost <= 0:
            return self.inconclusive(f"crowds of {waves[0].count} cost nothing that could be seen", promised)
        returned, most = 1 - kept.value / most_cost, 1 - kept.low / most_cost
        # Where the second came on top of the first altogether, nobody knows what of it was warming up.
        least = 1 - kept.high / cost if cost > 0 else -math.inf
        figure = f"{min(1.0, returned):.0%} given back"
        from_least = f"{least:.1%}" if cost > 0 else "nothing"
        observed = (
            f"{returned:.1%} given back ({from_least} to {most:.1%}) of the {format_size(max(0, cost))} to "
            f"{format_size(most_cost)} that {waves[0].count} clients cost, in {len(waves)} crowds one after the other"
        )
        if least > self.share:
            return self.held(observed, promised, figure=figure)
        if most < self.share:
            return self.violated(observed, promised, figure=figure)
        return self.inconclusive(f"{observed}: the interval holds the share", promised, figure=figure)
