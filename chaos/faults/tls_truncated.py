"""A TLS stream that is cut short: half a record, then FIN, and no close_notify between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.unfinished import end_halfway
from chaos.journal import Healing, Receipt

__all__ = ["TlsTruncated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTruncated(Fault):
    """Every victim sends half of a TLS record, and ends TCP once that is read, without the goodbye that TLS asks for.

    TLS calls that a truncation (RFC 8446, 6.1), and a server's TLS tells it as an error where its WebSocket layer
    expects an end: a way out of its own, on which a place may be forgotten.
    """

    name: ClassVar[str] = "tls-truncated"
    family: ClassVar[str] = "client"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.SOCKET_PROBE, Capability.TLS})
    announced: ClassVar[bool] = True
    cannot: ClassVar[str] = "an attacker between both ends, who cuts what the client goes on to send"

    def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        return end_halfway(
            scene,
            self.name,
            what="half a TLS record",
            begin=lambda victims: victims.begin_record(),
            end=lambda victims: victims.fin(),
        )
