"""Several faults at once, as one: a network is slow and loses packets while everybody comes back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from chaos.capability import Capability
from chaos.faults.base import MOST_WAITS, Fault, Scene, healed, injected
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt

__all__ = ["Composed"]

Steps = AsyncIterator[Receipt | Healing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed(Fault):
    """Its parts are injected in their order, and each is proven while those before it act; they heal in any order.

    It has bitten when every part has, and acts from when the last of them does. Each part heals, and proves that, while
    those that heal after it are still at work. What it is called and what it needs follows from its parts.
    """

    parts: tuple[Fault, ...]
    """Two or more, in the order in which they are injected, with different names."""
    heal_order: tuple[int, ...] = ()
    """The positions of all parts, from 0, in the order in which they heal; empty: the last first, as they nest."""

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise ValueError(f"parts are two faults or more; found {len(self.parts)}")
        if any(isinstance(part, Composed) for part in self.parts):
            raise ValueError("parts are no composed faults themselves; name their parts")
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names):
            raise ValueError(f"parts have different names; found {', '.join(names)}")
        if self.heal_order and sorted(self.heal_order) != list(range(len(self.parts))):
            raise ValueError(
                f"heal_order has every position from 0 to {len(self.parts) - 1} once; found {self.heal_order}"
            )
        if self.waits > MOST_WAITS:
            raise ValueError(
                f"parts wait for the server at most {MOST_WAITS} times together, or nobody would know when they hang; "
                f"found {self.waits}"
            )

    # What is a fault's own and the same for all of its kind is here the parts': properties instead of class variables.

    @property
    def name(self) -> str:  # type: ignore[override]
        return "+".join(part.name for part in self.parts)

    @property
    def label(self) -> str:
        return "+".join(part.label for part in self.parts)

    @property
    def family(self) -> str:  # type: ignore[override]
        return "combined"

    @property
    def needs(self) -> frozenset[Capability]:  # type: ignore[override]
        return frozenset().union(*(part.needs for part in self.parts))

    @property
    def cannot(self) -> str:  # type: ignore[override]
        return "; ".join(f"{part.name}: {part.cannot}" for part in self.parts)

    @property
    def announced(self) -> bool:  # type: ignore[override]
        return any(part.announced for part in self.parts)

    @property
    def kills_its_worker(self) -> bool:  # type: ignore[override]
        return any(part.kills_its_worker for part in self.parts)

    @property
    def fills_its_worker(self) -> bool:  # type: ignore[override]
        return any(part.fills_its_worker for part in self.parts)

    @property
    def receive_buffer(self) -> int | None:  # type: ignore[override]
        return min((part.receive_buffer for part in self.parts if part.receive_buffer is not None), default=None)

    @property
    def waits(self) -> int:  # type: ignore[override]
        return sum(part.waits for part in self.parts)

    @property
    def dialects(self) -> frozenset[str] | None:  # type: ignore[override]
        spoken = [part.dialects for part in self.parts if part.dialects is not None]
        return frozenset.intersection(*spoken) if spoken else None

    @property
    def long_answers(self) -> bool:  # type: ignore[override]
        return any(part.long_answers for part in self.parts)

    def within(self, patience: float) -> float:
        """Seconds after which injecting hangs, and healing too: each part has its own."""
        return sum(part.within(patience) for part in self.parts)

    async def prepare(self, scene: Scene) -> None:
        for part in self.parts:
            await part.prepare(scene)

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        held: dict[int, Steps] = {}
        receipts: list[Receipt] = []
        healings: list[Healing] = []
        still: list[str] = []
        try:
            for number, part in enumerate(self.parts):
                steps = part.apply(scene)
                receipts.append(await injected(part, steps, part.within(scene.patience)))
                held[number] = steps
            yield self._receipt(receipts)
        finally:
            healed_at = time.monotonic()
            for number in self.heal_order or reversed(range(len(self.parts))):
                if number in held:
                    part = self.parts[number]
                    healings.append(await healed(part, held.pop(number), part.within(scene.patience)))
                    still.append(" and ".join(self.parts[other].name for other in sorted(held)))
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=_worst(healings),
            since=healed_at,
            evidence=tuple(
                item
                for healing, others in zip(healings, still, strict=True)
                for item in (_healed_evidence(healing, others), *_named(healing))
            ),
        )

    def _receipt(self, receipts: list[Receipt]) -> Receipt:
        """That of all parts; a part that has not bitten on all is told first."""
        blunt = [receipt for receipt in receipts if receipt.bite is not Bite.BIT or receipt.covered < receipt.total]
        bite = Bite.BIT
        if blunt:
            bite = Bite.DID_NOT_BITE if any(found.bite is not Bite.UNKNOWN for found in blunt) else Bite.UNKNOWN
        told = [*blunt, *(receipt for receipt in receipts if receipt not in blunt)]
        return Receipt(
            at=time.monotonic(),
            fault=self.name,
            bite=bite,
            covered=sum(receipt.covered for receipt in receipts),
            total=sum(receipt.total for receipt in receipts),
            since=max(receipt.since for receipt in receipts),
            entrance=max(
                (receipt.entrance for receipt in receipts if receipt.entrance is not None),
                key=lambda entrance: entrance.at_least,
                default=None,
            ),
            evidence=(
                *(_bitten_evidence(receipt) for receipt in told),
                *(item for receipt in told for item in _named(receipt)),
            ),
        )


def _bitten_evidence(receipt: Receipt) -> Evidence:
    sides = dict.fromkeys(item.side for item in receipt.evidence if not item.connection)
    return Evidence(
        what=receipt.fault, side=" and ".join(sides) or "harness", before="not there", during=receipt.words()
    )


def _healed_evidence(healing: Healing, others: str) -> Evidence:
    state = healing.state.value
    return Evidence(
        what=healing.fault,
        side="harness",
        before="at work",
        during=f"{state} while {others} went on" if others else f"{state}, the last of them",
    )


def _named(told: Receipt | Healing) -> tuple[Evidence, ...]:
    """What a part has to show, by its name."""
    return tuple(
        Evidence(
            what=f"{told.fault}: {item.what}",
            side=item.side,
            before=item.before,
            during=item.during,
            connection=item.connection,
        )
        for item in told.evidence
    )


def _worst(healings: list[Healing]) -> HealingState:
    states = {healing.state for healing in healings}
    for state in (HealingState.FAILED, HealingState.GONE_WITH_THE_TARGET):
        if state in states:
            return state
    return HealingState.HEALED
