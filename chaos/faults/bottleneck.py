"""A line that is too narrow for those on it: what does not fit waits in one queue, and is lost where that is full."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import ClassVar

from chaos.agent.types import LineCounters
from chaos.capability import Capability
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import wires_of
from chaos.faults.rules import passes_again
from chaos.faults.victims import covering
from chaos.journal import Evidence, Healing, HealingState, Receipt
from chaos.units import format_duration, format_size

__all__ = ["Bottleneck"]

_WAITING = 131_072
"""Bytes that two segments have at most, which a line lets pass before it has counted them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck(Fault):
    """All victims share a narrow line of the kernel's (htb: `rate` bytes a second, and `queue` bytes may wait).

    Where `Bandwidth` gives to each connection so much by itself, and its proxy acknowledges what has not arrived, here
    they share, acknowledgements wait behind messages, and the server's kernel sees each round trip get longer.
    """

    rate: int = 12_000
    """Bytes a second, headers included, both directions together: a ping, its pong and an acknowledgement are 210, so
    that those of ten clients take 0.18 s. In containers half of it is for what the server sends."""
    queue: int = 131_072
    """Bytes that may wait; a segment of loopback has up to 64 KiB."""

    name: ClassVar[str] = "bottleneck"
    family: ClassVar[str] = "kernel"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.TCP_TRUE, Capability.SOCKET_PROBE, Capability.BOTTLENECK}
    )
    cannot: ClassVar[str] = "strangers who use the line as well; in containers, what clients send is not held back"

    def __post_init__(self) -> None:
        if self.rate < 1000:
            raise ValueError(f"rate is 1000 bytes a second or more, or TCP itself gives up; found {self.rate}")
        if self.queue < 65_536:
            raise ValueError(f"queue is 65536 bytes or more, or a large segment never passes; found {self.queue}")

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        victims, agent, port = scene.the_victims(), scene.the_agent(), scene.server.port
        wires = await wires_of(victims, agent, port)
        before = await victims.exchange(1)
        since = time.monotonic()
        await agent.narrow([(wire.server, wire.peer) for wire in wires], rate=self.rate, queue=self.queue)
        try:
            during, counted = await victims.exchange(1), await agent.line_counters()
            while (counted is None or not counted.held_back) and time.monotonic() < since + scene.patience:
                during, counted = await victims.exchange(1), await agent.line_counters()
            passed = time.monotonic() - since
            bit = counted is not None and counted.held_back > 0 and counted.bytes <= self.rate * passed + _WAITING
            yield covering(
                self.name,
                since=since,
                covered=len(wires) if bit else 0,
                total=victims.size,
                evidence=(
                    _line_evidence(counted),
                    Evidence(
                        what="longest round trip of the victims",
                        side="client",
                        before=_longest(before.round_trips),
                        during=_longest(during.round_trips),
                    ),
                ),
            )
        finally:
            healed_at = time.monotonic()
            await agent.widen()
        healing = await passes_again(self.name, scene, wires, (), lasted=healed_at - since, since=healed_at)
        left = await agent.line_counters()
        state = healing.state if left is None else HealingState.FAILED
        yield replace(healing, state=state, evidence=(_line_evidence(left), *healing.evidence))


def _line_evidence(counted: LineCounters | None) -> Evidence:
    during = "no line"
    if counted is not None:
        during = (
            f"{counted.packets} packets ({format_size(counted.bytes)}) passed, held back {counted.held_back} times, "
            f"{counted.lost} lost"
        )
    return Evidence(what="packets on the narrow line", side="server kernel", before="no line", during=during)


def _longest(times: tuple[float, ...]) -> str:
    return format_duration(max(times)) if times else "none"
