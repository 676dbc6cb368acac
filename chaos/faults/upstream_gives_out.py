"""An upstream that has one request left in it: the first one waits, and each later one fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from chaos.address import Address
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.upstream_scripted import ask, ask_late, check_delay, follow_script, in_words
from chaos.journal import Healing, Receipt

__all__ = ["UpstreamGivesOut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamGivesOut(Fault):
    """The scripted upstream lets its first request wait, and answers each later one with 500 at once.

    So one call is under way while others fail, without a moment in which nothing is wrong. A request that waits already
    goes on waiting after healing.
    """

    late: float = 0.0
    """Seconds after which the first is answered after all, and well; 0: it never is. A scenario makes it of its
    contract's time-out."""

    name: ClassVar[str] = "upstream-gives-out"
    family: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.UPSTREAM})
    cannot: ClassVar[str] = "several requests that wait, on one path"

    def __post_init__(self) -> None:
        check_delay("late", self.late)

    @property
    def label(self) -> str:
        """The name of the matrix column."""
        return f"{self.name}-late" if self.late else self.name

    def within(self, patience: float) -> float:
        """Seconds after which injecting hangs, and healing too: both wait for an answer that may take that long."""
        return Fault.within(self, patience) + self.late

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        first = in_words("200", self.late) if self.late else "no answer"
        look = partial(_look, late=self.late)
        return follow_script(scene, self.name, "give-out", f"{first}, 500", delay=self.late, look=look)


async def _look(address: Address, *, late: float) -> str:
    """What the first of two requests gets, and the other one: they have a path of their own, and so its first one."""
    first = await ask_late(address, delay=late) if late else await ask(address)
    return f"{first}, {await ask(address)}"
