"""An upstream that answers and fails by turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.address import Address
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.upstream_scripted import ask, follow_script
from chaos.journal import Healing, Receipt

__all__ = ["UpstreamFlapping"]

TURNS = 2
"""Requests after which it begins anew: a proof of that many leaves the turn to its callers as it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFlapping(Fault):
    """The scripted upstream answers one request, the next one with 500 at once, and so on; the first is answered.

    No two of its failures are in a row for a caller who is alone: others take their turns as well.
    """

    name: ClassVar[str] = "upstream-flapping"
    family: ClassVar[str] = "upstream"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.UPSTREAM})
    cannot: ClassVar[str] = "an upstream that is well and ill for some time each (see UpstreamErrors, twice)"

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return follow_script(scene, self.name, "flap", "200, 500", look=_look)


async def _look(address: Address) -> str:
    return ", ".join([await ask(address) for _ in range(TURNS)])
