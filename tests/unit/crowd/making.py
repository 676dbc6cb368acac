"""Crowds in the test's own process, with what they record in a list."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from chaos.address import Address
from chaos.crowd.crowd import Crowd
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.journal import Attempt, Ended, Event, Frame, Traffic

__all__ = ["PATIENT", "SHORT", "WITHIN", "Recorded", "make_crowd", "make_plan", "until"]

E = TypeVar("E", bound=Event)

SHORT = 0.15
"""Seconds of a timeout that a test waits for: a hundred times what loopback takes."""
WITHIN = 10.0
"""Seconds within which something must come that loopback brings in milliseconds."""
PATIENT = 10.0
"""Seconds of a timeout that a test does not wait for."""


@dataclass(slots=True)
class Recorded:
    """What a crowd wrote down."""

    events: list[Event] = field(default_factory=list)

    def _of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def attempts(self) -> list[Attempt]:
        return self._of(Attempt)

    @property
    def ends(self) -> list[Ended]:
        return self._of(Ended)

    @property
    def frames(self) -> list[Frame]:
        return self._of(Frame)

    @property
    def traffic(self) -> list[Traffic]:
        return self._of(Traffic)


def make_plan(address: Address, **changes: Any) -> ClientPlan:
    """A patient plan; timeouts are changed by `tcp`, `secure` (for TLS), `handshake` and `wait` (for the first
    message)."""
    timeouts = PhaseTimeouts(
        tcp=changes.pop("tcp", PATIENT),
        tls=changes.pop("secure", None),
        handshake=changes.pop("handshake", PATIENT),
        first_message=changes.pop("wait", PATIENT),
    )
    return ClientPlan(address=address, timeouts=timeouts, **{"close_timeout": PATIENT, **changes})


def make_crowd(address: Address, count: int = 1, **changes: Any) -> tuple[Crowd, Recorded]:
    recorded = Recorded()
    plan = make_plan(address, **changes)
    crowd = Crowd("testers", plan, count, record=recorded.events.append, numbers=itertools.count(1))
    return crowd, recorded


async def until(condition: Callable[[], bool], *, within: float = WITHIN) -> None:
    """Wait for what no event tells of: something in a list, in a file or in the kernel."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110  # the condition is not ours to signal
            await asyncio.sleep(0.001)
