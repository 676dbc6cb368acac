"""An upstream that accepts every request and never answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.upstream_scripted import follow_script
from chaos.journal import Healing, Receipt

__all__ = ["UpstreamHangs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamHangs(Fault):
    """The scripted upstream reads requests and keeps its callers waiting; only their own time-out ends that.

    Requests that hang already go on hanging after healing: their callers have to give them up.
    """

    name: ClassVar[str] = "upstream-hangs"
    family: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.UPSTREAM})
    cannot: ClassVar[str] = "an upstream that does not even accept (see UpstreamDown)"

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return follow_script(scene, self.name, "hang", "no answer")
