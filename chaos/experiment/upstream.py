"""The upstream-backed endpoint in a scenario's hands: asked once, for a while, or until an answer comes."""

from __future__ import annotations

import asyncio
import time

from chaos.experiment.conductor import RemoteConductor
from chaos.experiment.outcome import Inconclusive
from chaos.journal import Call, Source

__all__ = ["Questions"]

POLL = 0.02
"""Seconds between two tries of something that will be so in a moment."""


class Questions:
    """Calls of the endpoint, one after the other, by the conductor's caller."""

    def __init__(self, conductor: RemoteConductor) -> None:
        self._conductor = conductor

    async def ask(self, count: int, *, gap: float = 0.0) -> list[Call]:
        """Ask `count` times, `gap` seconds apart."""
        return await self._conductor.call_upstream(count, gap)

    async def ask_until(self, end: float, *, gap: float, stop: Source | None = None) -> list[Call]:
        """Ask every `gap` seconds until a time (seconds monotonic), or until an answer comes from `stop`."""
        calls: list[Call] = []
        while time.monotonic() < end and not (calls and calls[-1].source is stop):
            calls += await self.ask(1)
            await asyncio.sleep(gap)
        return calls

    async def fill_cache(self, *, within: float) -> None:
        """Ask until a live answer has come. Raises Inconclusive when none comes within so many seconds."""
        calls = await self.ask_until(time.monotonic() + within, gap=POLL, stop=Source.LIVE)
        if not calls or calls[-1].source is not Source.LIVE:
            got = calls[-1].detail or calls[-1].source.value if calls else "nothing"
            raise Inconclusive(f"no live answer before anything was done to the upstream; the last call got {got}")
