"""Whether the experiment itself was sound: faults bit, faults healed. Never a verdict on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.journal import Beat, Bite, Healing, HealingState, Injected
from chaos.verdict import Finding

__all__ = ["FaultsBit", "FaultsHealed", "SteadyBefore"]


@dataclass(frozen=True, slots=True)
class SteadyBefore(Expectation):
    """Before the first fault the untouched client had all its answers: what comes after is not from before."""

    name: ClassVar[str] = "steady_before"

    def judge(self, record: Record) -> Finding:
        promised = "an untouched client is answered before anything is done to the server"
        first = record.journal.first(Injected)
        until = first.at if first is not None else float("inf")
        beats = [beat for beat in record.journal.of(Beat) if beat.at < until]
        failed = [beat for beat in beats if not beat.ok]
        if first is not None and failed:
            return self.inconclusive(
                f"{len(failed)} of {len(beats)} exchanges failed before the first fault: {failed[0].detail}", promised
            )
        return self.held(f"{len(beats)} exchanges before the first fault, none failed", promised)


@dataclass(frozen=True, slots=True)
class FaultsBit(Expectation):
    """Every fault was seen to act on the side that suffers it: otherwise the green would mean nothing."""

    name: ClassVar[str] = "faults_bit"
    expected: str | None = None
    """The fault that the cell is named for: a cell that never injects it proves nothing under it."""

    def judge(self, record: Record) -> Finding:
        injected = record.journal.of(Injected)
        receipts = record.receipts()
        promised = "every injected fault is seen to bite on all connections it is meant for"
        if self.expected is not None and self.expected not in {receipt.fault for receipt in receipts}:
            return self.inconclusive(f"the fault of this cell, {self.expected}, was never injected", promised)
        if len(receipts) < len(injected):
            return self.inconclusive(
                f"{len(injected) - len(receipts)} of {len(injected)} faults left no receipt", promised
            )
        blunt = [receipt for receipt in receipts if receipt.bite is not Bite.BIT or receipt.covered < receipt.total]
        if blunt:
            return self.inconclusive(
                f"the fault did not bite as it should, so nothing can be said of the server: {blunt[0].sentence()}",
                promised,
                evidence=(receipt.sentence() for receipt in blunt),
            )
        if not receipts:
            return self.held("no fault was injected", promised)
        more = f" (and {len(receipts) - 1} more like it)" if len(receipts) > 1 else ""
        return self.held(f"{receipts[0].sentence()}{more}", promised)


@dataclass(frozen=True, slots=True)
class FaultsHealed(Expectation):
    """Every fault was taken away again, and that was seen."""

    name: ClassVar[str] = "faults_healed"

    def judge(self, record: Record) -> Finding:
        injected = record.journal.of(Injected)
        healings = record.journal.of(Healing)
        promised = "every fault is healed, or gone with the target"
        failed = [healing for healing in healings if healing.state is HealingState.FAILED]
        if failed:
            shown = (f"{item.what} ({item.side}): {item.during}" for healing in failed for item in healing.evidence)
            return self.inconclusive(f"{failed[0].fault} could not be healed", promised, evidence=shown)
        if len(healings) < len(injected):
            return self.inconclusive(
                f"{len(injected) - len(healings)} of {len(injected)} faults were not seen to heal", promised
            )
        return self.held(f"{len(healings)} of {len(injected)} healed", promised)
