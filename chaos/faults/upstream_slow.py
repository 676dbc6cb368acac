"""An upstream that answers as it should, but late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.upstream_scripted import ask_late, follow_script, in_words
from chaos.journal import Healing, Receipt
from chaos.upstream.server import LONGEST_DELAY

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
        delay = self.delay
        if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 < delay <= LONGEST_DELAY:
            raise ValueError(f"delay is seconds above 0, {LONGEST_DELAY:.0f} at most; found {delay!r}")

    def within(self, patience: float) -> float:
        """Seconds after which injecting hangs, and healing too: both wait for an answer that may take that long."""
        return Fault.within(self, patience) + self.delay

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        late = partial(ask_late, delay=self.delay)
        return follow_script(scene, self.name, "slow", in_words("200", self.delay), delay=self.delay, look=late)
