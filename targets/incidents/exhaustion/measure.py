"""What the owners told, and what was measured on this machine: one table.

    make measure NAME=exhaustion
    .chaos/incidents/exhaustion/server/bin/python targets/incidents/exhaustion/measure.py [speed|memory|cpu|reactions]

Starts services of its own, at the owners' figures, and fills them with clients of one process. What nobody can see from
outside is what the service says of itself in /metrics, and marked as a claim. Linux; it takes two minutes, and it
judges nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from measuring import cpu, memory, reactions, speed
from measuring.service import Row

PARTS: dict[str, Callable[[], Awaitable[list[Row]]]] = {
    "speed": speed.rows,
    "memory": memory.rows,
    "cpu": cpu.rows,
    "reactions": reactions.rows,
}
LONGEST = 180.0
"""Seconds for all of it; 100 s on two idle cores."""


async def main(names: list[str]) -> None:
    """Print the rows of these parts, of all where none is named."""
    print(f"{'what':<68}{'told':<34}measured")
    async with asyncio.timeout(LONGEST):
        for name in names or PARTS:
            for row in await PARTS[name]():
                print(f"{row.what:<68}{row.told:<34}{row.measured}", flush=True)


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - set(PARTS):
        sys.exit(f"error: {', '.join(sorted(unknown))} is none of {', '.join(PARTS)}")
    asyncio.run(main(sys.argv[1:]))
