"""A crowd that stalls in the TLS handshake: each says hello, and never another word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.hostile import HostileCrowd
from chaos.hostile.catalogue import Input

__all__ = ["TlsStall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsStall(HostileCrowd):
    """Many clients connect at once, and each sends its ClientHello and leaves the server's answer unanswered.

    They last until the server has ended each of them, or as long as an answer is waited for. A deadline for headers
    that begins only once TLS is there never begins for them.
    """

    kind: Input = Input.STALLED_TLS

    name: ClassVar[str] = "tls-stall"
    does: ClassVar[str] = "stall"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.TLS})
    cannot: ClassVar[str] = "a crowd from many addresses, or one that stalls at every other point of the handshake"
