"""An upstream that answers as it should, but late."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.address import Address
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.upstream_scripted import PROOF_WITHIN, ask, follow_script
from chaos.journal import Healing, Receipt
from chaos.units import format_duration

__all__ = ["UpstreamSlow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSlow(Fault):
    """The scripted upstream answers each request well, and late (`delay` seconds after it has read it).

    Just below its callers' time-out that is an answer as good as any; just above, a call that has failed, and whose
    answer comes all the same. Requests that wait already are answered in their own time, also after healing.
    """

    delay: float = 1.0
    """Seconds. A scenario makes it of its contract's time-out."""

    name: ClassVar[str] = "upstream-slow"
    family: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.UPSTREAM})
    cannot: ClassVar[str] = "an answer that begins in time and trickles in, and a slowness that grows with its callers"

    def __post_init__(self) -> None:
        if isinstance(self.delay, bool) or not isinstance(self.delay, int | float) or not 0 < self.delay <= 3600:
            raise ValueError(f"delay is seconds above 0, 3600 at most; found {self.delay!r}")

    def within(self, patience: float) -> float:
        """Seconds after which injecting hangs, and healing too: both wait for an answer that may take that long."""
        return Fault.within(self, patience) + self.delay

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return follow_script(scene, self.name, "slow", self._late("200"), delay=self.delay, look=self._look)

    async def _look(self, address: Address) -> str:
        began = time.monotonic()
        answer = await ask(address, within=self.delay + PROOF_WITHIN)
        late = answer.isdigit() and time.monotonic() - began >= self.delay
        return self._late(answer) if late else answer

    def _late(self, answer: str) -> str:
        return f"{answer}, no sooner than after {format_duration(self.delay)}"
