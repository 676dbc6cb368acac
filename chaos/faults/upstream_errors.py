"""An upstream that answers every request with an error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.upstream_scripted import ask, ask_late, check_delay, follow_script, in_words
from chaos.journal import Healing, Receipt

__all__ = ["UpstreamErrors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamErrors(Fault):
    """The scripted upstream answers with an error, at once or late. It cannot simulate one that only some callers get.

    Requests that wait for a late one already get it in their own time, also after healing.
    """

    status: int = 500
    """Of every answer, 400 to 599. A scenario makes it of what its contract calls the callers' own mistake."""
    delay: float = 0.0
    """Seconds from reading a request to its answer. A scenario makes it of its contract's time-out."""

    name: ClassVar[str] = "upstream-errors"
    family: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.UPSTREAM})
    cannot: ClassVar[str] = "an error for some callers only"

    def __post_init__(self) -> None:
        if isinstance(self.status, bool) or not isinstance(self.status, int) or not 400 <= self.status <= 599:
            raise ValueError(f"status is a whole number from 400 to 599; found {self.status!r}")
        check_delay("delay", self.delay)

    def within(self, patience: float) -> float:
        """Seconds after which injecting hangs, and healing too: both wait for an answer that may take that long."""
        return Fault.within(self, patience) + self.delay

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return follow_script(
            scene,
            self.name,
            "error",
            in_words(str(self.status), self.delay),
            status=self.status,
            delay=self.delay,
            look=partial(ask_late, delay=self.delay) if self.delay else ask,
        )
