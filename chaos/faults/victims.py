"""What faults say of their victims, where they mean the same: how many it happened to, and that it is over."""

from __future__ import annotations

import time
from collections.abc import Iterable

from chaos.faults.evidence import connected_evidence
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

__all__ = ["covering", "gone_for_good", "taken_out"]


def covering(fault: str, *, since: float, covered: int, total: int, evidence: Iterable[Evidence]) -> Receipt:
    """The receipt of a fault that has bitten when it was seen on every victim, and not when on all but one."""
    return Receipt(
        at=time.monotonic(),
        fault=fault,
        bite=Bite.BIT if covered == total else Bite.DID_NOT_BITE,
        covered=covered,
        total=total,
        since=since,
        evidence=tuple(evidence),
    )


def gone_for_good(fault: str) -> Healing:
    """The healing of a fault whose victims have ended with it: there is nothing left that acts."""
    now = time.monotonic()
    return Healing(at=now, fault=fault, state=HealingState.HEALED, since=now)


def taken_out(fault: str, *, since: float, connected: int, left: int) -> Healing:
    """The healing of a fault that lasts as long as its victims are there, and of which `left` still are."""
    return Healing(
        at=time.monotonic(),
        fault=fault,
        state=HealingState.FAILED if left else HealingState.HEALED,
        since=since,
        evidence=(connected_evidence(connected, left),),
    )
