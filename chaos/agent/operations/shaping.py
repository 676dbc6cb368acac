"""Requests about a narrow line: narrow, widen, line_counters."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.agent.fields import Field, connection, listed, whole
from chaos.agent.records import to_record
from chaos.agent.server import Operation
from chaos.agent.shaping import Shaper
from chaos.agent.types import Connection

__all__ = ["shaping_operations"]


def shaping_operations(shaper: Shaper) -> dict[str, Operation]:
    async def narrow(connections: Sequence[Connection], rate: int, queue: int) -> object:
        await shaper.narrow(connections, rate=rate, queue=queue)
        return None

    async def widen() -> object:
        await shaper.widen()
        return None

    async def line_counters() -> object:
        found = await shaper.counters()
        return None if found is None else to_record(found)

    return {
        "narrow": Operation(
            narrow, {"connections": Field(listed(connection)), "rate": Field(whole), "queue": Field(whole)}
        ),
        "widen": Operation(widen, {}),
        "line_counters": Operation(line_counters, {}),
    }
