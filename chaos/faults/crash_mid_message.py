"""A client that ends between two fragments of a message: the first one, then FIN and no close frame."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.unfinished import end_halfway
from chaos.journal import Healing, Receipt

__all__ = ["CrashMidMessage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashMidMessage(Fault):
    """Every victim sends the first fragment of a message, and closes its socket once that is read.

    Each frame is whole, so the parser waits for nothing: it is the message that the server keeps a beginning of.
    """

    name: ClassVar[str] = "crash-mid-message"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "a message of many fragments; one is there"

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return end_halfway(
            scene,
            self.name,
            what="the first fragment of a message",
            begin=lambda victims: victims.begin_message(),
            end=lambda victims: victims.fin(),
        )
