"""A slow-loris crowd: many connections whose requests come byte by byte, and never to an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.faults.hostile import HostileHandshakes
from chaos.hostile.catalogue import Case, Input, cases_of

__all__ = ["SlowLoris"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowLoris(HostileHandshakes):
    """So many clients connect at once, and each sends the header of its request in single bytes.

    They last until the server has ended each of them, or twice as long as an answer is waited for. Each costs its
    sender a few bytes a second; what it costs the server is the question.
    """

    crowd: int = 100
    """Connections: as many as would take every place of a small server, if they took any."""
    kind: Input = Input.SLOW_REQUESTS

    name: ClassVar[str] = "slow-loris"
    family: ClassVar[str] = "crowd"
    cannot: ClassVar[str] = "a crowd from many addresses, or one that takes every file descriptor"

    def __post_init__(self) -> None:
        if isinstance(self.crowd, bool) or not isinstance(self.crowd, int) or self.crowd < 1:
            raise ValueError(f"crowd is how many connections are slow, a whole number from 1 on; found {self.crowd!r}")

    def _cases(self) -> tuple[Case, ...]:
        return cases_of(self.kind) * self.crowd
