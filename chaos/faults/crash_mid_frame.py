"""A client that crashes while it sends a frame: half of the payload, then RST."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.unfinished import end_halfway
from chaos.journal import Healing, Receipt

__all__ = ["CrashMidFrame"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashMidFrame(Fault):
    """Every victim sends a header and half of the payload it announces, and resets the connection once that is read.

    The server's parser waits for the rest: what it keeps for that has to go with the connection.
    """

    name: ClassVar[str] = "crash-mid-frame"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    forgotten: ClassVar[bool] = True
    cannot: ClassVar[str] = "a crash at every possible byte; half of the payload is there"

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return end_halfway(
            scene,
            self.name,
            what="half a frame",
            begin=lambda victims: victims.begin_frame(),
            end=lambda victims: victims.reset(),
        )
