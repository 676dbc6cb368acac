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
    """The scripted upstream answers 500 at once. It cannot simulate an error that only some callers get."""

    name: ClassVar[str] = "upstream-errors"
    family: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.UPSTREAM})
    cannot: ClassVar[str] = "an error for some callers only"

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return follow_script(scene, self.name, "error", "500")
