"""What all proxies of a process share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from chaos.links.embedded.hangup import HangupWatch
from chaos.links.embedded.traffic import Traffic

__all__ = ["Environment"]


@dataclass(frozen=True, slots=True)
class Environment:
    """The event loop, the watch on its sockets, the seed of all randomness, and the byte counters."""

    loop: asyncio.AbstractEventLoop
    watch: HangupWatch
    seed: int
    traffic: Traffic
