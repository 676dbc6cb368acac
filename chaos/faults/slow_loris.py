"""A slow-loris crowd: many connections whose requests come byte by byte, and never to an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.faults.hostile import HostileCrowd
from chaos.hostile.catalogue import Input

__all__ = ["SlowLoris"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowLoris(HostileCrowd):
    """Many clients connect at once, and each sends the header of its request in single bytes.

    They last until the server has ended each of them, or twice as long as an answer is waited for. Each costs its
    sender a few bytes a second; what it costs the server is the question.
    """

    kind: Input = Input.SLOW_REQUESTS

    name: ClassVar[str] = "slow-loris"
    does: ClassVar[str] = "are slow"
    cannot: ClassVar[str] = "a crowd from many addresses, or one that takes every file descriptor"
