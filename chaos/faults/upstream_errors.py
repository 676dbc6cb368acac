"""An upstream that answers every request with an error."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.upstream_scripted import follow_script
from chaos.journal import Healing, Receipt

__all__ = ["UpstreamErrors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamErrors(Fault):
    """The scripted upstream answers with an error at once. It cannot simulate one that only some callers get."""

    status: int = 500
    """Of every answer, 400 to 599. A scenario makes it of what its contract calls the callers' own mistake."""

    name: ClassVar[str] = "upstream-errors"
    family: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.UPSTREAM})
    cannot: ClassVar[str] = "an error for some callers only"

    def __post_init__(self) -> None:
        if isinstance(self.status, bool) or not isinstance(self.status, int) or not 400 <= self.status <= 599:
            raise ValueError(f"status is a whole number from 400 to 599; found {self.status!r}")

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return follow_script(scene, self.name, "error", str(self.status), status=self.status)
