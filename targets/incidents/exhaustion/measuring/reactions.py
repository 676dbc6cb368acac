"""A crowd that reacts to backpressure as told: 20 % leave at once, 35 % ease off, 45 % ignore it.

What easing off is was not told: here it is to say nothing more, until the idle warning, which 60 % answer as told. The
service of each threshold is asked at the same time, all of its times a sixtieth, and so is the crowd's: 60 clients are
there, and five more come each second, which are the soak's five a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from contextlib import ExitStack
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from measuring.clients import ECHO, client
from measuring.service import Row, Service, service

PLACES = 100
THRESHOLDS = {"0.70": "too early", "0.80": "good balance", "0.85": "the setting", "0.90": "too late"}
LEAVES, EASES, IGNORES = "leaves", "eases off", "ignores it"
NATURES = {LEAVES: 20, EASES: 35, IGNORES: 45}
ANSWERS_WARNING = 0.6
THERE, COME, EACH_SECOND = 60, 120, 5
SEED = 1
SAYS_EVERY = 1.0
"""Seconds, by a client that has not eased off."""
SIXTIETH = {
    "IDLE_TIMEOUT_SECONDS": "5",
    "IDLE_WARNING_SECONDS": "2",
    "HEARTBEAT_INTERVAL_SECONDS": "0.5",
    "CLEANUP_INTERVAL_SECONDS": "1",
    "CLOSE_TIMEOUT_SECONDS": "0.5",
    "EMERGENCY_SECONDS": "1",
}


@dataclass
class Seen:
    """What the crowd of one threshold has lived through."""

    inside: int = 0
    notices: int = 0
    left: int = 0
    closed: int = 0
    """For being idle."""
    rejected: int = 0
    first_rejected: int | None = None
    """After how many had come."""
    fewest_free: int = PLACES

    def sentence(self) -> str:
        first = f", the first after {self.first_rejected} had come" if self.first_rejected else ""
        return (
            f"{self.notices} notices; {self.left} left, {self.closed} closed as idle; {self.fewest_free} places left "
            f"at least, {PLACES - self.inside} in the end; {self.rejected} rejected{first}"
        )


async def rows() -> list[Row]:
    """One line for each threshold."""
    with ExitStack() as stack:
        running = [stack.enter_context(service(**SIXTIETH, BACKPRESSURE_THRESHOLD=each)) for each in THRESHOLDS]
        seen = await asyncio.gather(*map(_crowd, running))
    return [
        Row(f"backpressure at {float(threshold):.0%}, {THERE + COME} clients", told, each.sentence())
        for (threshold, told), each in zip(THRESHOLDS.items(), seen, strict=True)
    ]


async def _crowd(running: Service) -> Seen:
    seen, chance = Seen(), random.Random(SEED)
    natures = chance.choices(list(NATURES), list(NATURES.values()), k=THERE + COME)
    tasks: list[asyncio.Task[None]] = []
    for number, nature in enumerate(natures, start=1):
        patient = chance.random() < ANSWERS_WARNING
        tasks.append(asyncio.create_task(_client(running, seen, number, nature, answers=patient)))
        await asyncio.sleep(0.01 if number <= THERE else 1 / EACH_SECOND)
    found = Seen(**{name: getattr(seen, name) for name in Seen.__dataclass_fields__})
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def _client(running: Service, seen: Seen, number: int, nature: str, *, answers: bool) -> None:
    try:
        connection = await client(running)
    except InvalidStatus:
        seen.rejected += 1
        seen.first_rejected = seen.first_rejected or number
        return
    seen.inside += 1
    seen.fewest_free = min(seen.fewest_free, PLACES - seen.inside)
    saying = asyncio.create_task(_say(connection))
    try:
        async for text in connection:
            kind = json.loads(text)["type"]
            if kind == "backpressure_warning":
                seen.notices += 1
                if nature == LEAVES:
                    seen.left += 1
                    break
                if nature == EASES:
                    saying.cancel()
            elif kind == "idle_warning" and answers:
                await connection.send(ECHO)
        else:
            seen.closed += 1
    finally:
        seen.inside -= 1
        saying.cancel()
        await connection.close()


async def _say(connection: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await connection.send(ECHO)
            await asyncio.sleep(SAYS_EVERY)
