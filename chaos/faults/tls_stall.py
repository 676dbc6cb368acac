"""A crowd that stalls in the TLS handshake: each says hello, and never another word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.capability import Capability
from chaos.faults.hostile import HostileHandshakes
from chaos.hostile.catalogue import Case, Input, cases_of

__all__ = ["TlsStall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsStall(HostileHandshakes):
    """So many clients connect at once, and each sends its ClientHello and leaves the server's answer unanswered.

    They last until the server has ended each of them, or as long as an answer is waited for. A deadline for headers
    that begins only once TLS is there never begins for them.
    """

    crowd: int = 100
    """Connections: as many as would take every place of a small server, if they took any."""
    kind: Input = Input.STALLED_TLS

    name: ClassVar[str] = "tls-stall"
    family: ClassVar[str] = "crowd"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TCP_TRUE, Capability.TLS})
    cannot: ClassVar[str] = "a crowd from many addresses, or one that stalls at every other point of the handshake"

    def __post_init__(self) -> None:
        if isinstance(self.crowd, bool) or not isinstance(self.crowd, int) or self.crowd < 1:
            raise ValueError(f"crowd is how many connections stall, a whole number from 1 on; found {self.crowd!r}")

    def _cases(self) -> tuple[Case, ...]:
        return cases_of(self.kind) * self.crowd
