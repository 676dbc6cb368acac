"""A fault that waits at two gates, so that a test can do something in the middle of injecting and of healing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.journal import Bite, Healing, HealingState, Receipt

__all__ = ["Gate", "Gated"]


@dataclass(slots=True)
class Gate:
    """What a test holds of a fault that travels: both gates stand open until the test closes them."""

    log: list[str]
    """What the fault did, its name and then the deed."""
    inject: asyncio.Event = field(default_factory=asyncio.Event)
    heal: asyncio.Event = field(default_factory=asyncio.Event)
    breaks: bool = False
    """Whether injecting fails once the gate is open."""

    def __post_init__(self) -> None:
        self.inject.set()
        self.heal.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated(Fault):
    """It travels as a pickle, and finds its gates by its key."""

    name: ClassVar[str] = "gated"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    cannot: ClassVar[str] = "anything"
    gates: ClassVar[dict[str, Gate]] = {}

    key: str

    @classmethod
    def made(cls, key: str, log: list[str] | None = None, *, breaks: bool = False) -> tuple[Gated, Gate]:
        gate = cls.gates[key] = Gate([] if log is None else log, breaks=breaks)
        return cls(key=key), gate

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        gate = self.gates[self.key]
        gate.log.append(f"{self.key} injects")
        try:
            await gate.inject.wait()
            if gate.breaks:
                raise ZeroDivisionError(f"{self.key} breaks")
            now = time.monotonic()
            yield Receipt(at=now, fault=self.name, bite=Bite.BIT, covered=0, total=0, since=now)
        finally:
            gate.log.append(f"{self.key} heals")
            await gate.heal.wait()
            gate.log.append(f"{self.key} is healed")
        now = time.monotonic()
        yield Healing(at=now, fault=self.name, state=HealingState.HEALED, since=now)
