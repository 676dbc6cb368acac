"""A population: a crowd whose clients come and go all along, so that there are always about as many of them.

It lives in the crowd's own worker, for hours if need be, and nobody has to tell it anything meanwhile.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chaos.crowd import acts
from chaos.crowd.client import Client
from chaos.crowd.connecting import CLOSE_CODE, simultaneous
from chaos.crowd.dial import Destination
from chaos.crowd.plan import ClientState
from chaos.errors import ConfigurationError, CrowdError
from chaos.journal import Event, Outcome, WentIdle

__all__ = ["Populated", "Population", "PopulationPlan"]

LEAVING: tuple[Callable[[Client], None], ...] = (
    lambda client: acts.close(client, CLOSE_CODE),
    acts.reset,
    acts.fin,
)
"""The ways in which those leave that are not closed by the server; they are taken in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationPlan:
    """How a population comes and goes. Raises ConfigurationError for figures that make no sense together.

    One newcomer comes every `gap` seconds. Where `high` are there, so many leave at once that `low` are left; where
    fewer than `low` are, all that are missing come at once.
    """

    low: int
    high: int
    gap: float
    idle_share: float = 0.0
    """The share of the newcomers that fall silent, at random; whom the server does not close stays."""
    idle_after: float = 0.0
    """They do so within so many seconds of having come."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise ConfigurationError(f"a population has 0 < low < high; found low={self.low}, high={self.high}")
        if not self.gap > 0:
            raise ConfigurationError(f"gap is seconds between two newcomers, above zero; found {self.gap}")
        if not 0 <= self.idle_share <= 1 or self.idle_after < 0:
            raise ConfigurationError(
                "idle_share is between 0 and 1, and idle_after seconds, zero or more; "
                f"found {self.idle_share} and {self.idle_after}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Populated:
    """How a population is doing."""

    there: int
    """Clients that are open now."""
    came: int
    """Newcomers that got in so far."""
    refused: int
    """Attempts so far that did not."""
    idled: int
    """Clients that fell silent so far."""
    answered: int
    """Exchanges that were answered so far."""


class Population:
    """The coming and going of clients that are not connected yet, from now until `end`.

    `answered` counts the crowd's answered exchanges. A client that comes again is like a new one.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        plan: PopulationPlan,
        *,
        crowd: str,
        destination: Destination,
        record: Callable[[Event], None],
        answered: Callable[[], int],
    ) -> None:
        self._clients = clients
        self._plan = plan
        self._crowd = crowd
        self._destination = destination
        self._record = record
        self._answered = answered
        self._random = random.Random(plan.seed)
        self._came = self._refused = self._idled = self._left = 0
        self._turned_away = False
        """Whether the last attempt failed: until one succeeds nobody is made up for."""
        self._resting = False
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._arriving: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name=f"population of {crowd}")

    def reading(self) -> Populated:
        """How it is doing. Raises CrowdError when it has ended by itself: that is a bug of ours."""
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()) is not None:
            raise CrowdError(f"the population of {self._crowd!r} ended: {error!r}") from error
        return Populated(
            there=len(self._open()),
            came=self._came,
            refused=self._refused,
            idled=self._idled,
            answered=self._answered(),
        )

    async def rest(self, *, resting: bool) -> None:
        """Let nobody come or leave by its own will, or again; returns when no attempt is under way."""
        self._resting = resting
        if resting and self._arriving:
            await asyncio.wait(self._arriving)

    async def end(self) -> None:
        """Nobody comes any more; those who are there stay."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for timer in self._timers.values():
            timer.cancel()
        if self._arriving:
            await asyncio.wait(self._arriving)

    async def abandon(self) -> None:
        """As `end`, and whoever is on the way is called back."""
        for task in self._arriving:
            task.cancel()
        await self.end()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self._resting:
                self._turn()
            due = max(due + self._plan.gap, loop.time())  # a late turn is not made up for by a burst of them
            await asyncio.sleep(due - loop.time())

    def _turn(self) -> None:
        there = self._open()
        if len(there) >= self._plan.high:
            self._thin_out(there)
            there = self._open()
        missing = self._plan.low - len(there) - sum(client.state is ClientState.CONNECTING for client in self._clients)
        wanted = 1 if self._turned_away else max(1, missing)
        self._come(
            [client for client in self._clients if client.state in (ClientState.NEW, ClientState.CLOSED)][:wanted]
        )

    def _thin_out(self, there: Sequence[Client]) -> None:
        for client in self._random.sample(there, len(there) - self._plan.low):
            LEAVING[self._left % len(LEAVING)](client)
            self._left += 1

    def _come(self, newcomers: Sequence[Client]) -> None:
        if not newcomers:
            return
        for client in newcomers:
            client.claim()
            acts.mute_keep_alive(client, muted=False)
            if (timer := self._timers.pop(client.index, None)) is not None:
                timer.cancel()
        task = asyncio.create_task(self._arrive(newcomers), name=f"newcomers of {self._crowd}")
        self._arriving.add(task)
        task.add_done_callback(self._arrived)

    async def _arrive(self, newcomers: Sequence[Client]) -> None:
        try:
            attempts = await simultaneous(newcomers, self._destination)
        finally:
            for client in newcomers:
                client.release()
        for client, attempt in zip(newcomers, attempts, strict=True):
            self._turned_away = attempt.outcome is not Outcome.OPEN
            if self._turned_away:
                self._refused += 1
                continue
            self._came += 1
            if self._random.random() < self._plan.idle_share:
                self._fall_silent_later(client)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._arriving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error  # the loop hands it to the worker, which says it to whoever calls next

    def _fall_silent_later(self, client: Client) -> None:
        delay = self._random.uniform(0, self._plan.idle_after)
        connection = client.connection

        def fall_silent() -> None:
            if client.usable and client.connection is connection:
                acts.mute_keep_alive(client, muted=True)
                self._idled += 1
                self._record(WentIdle(at=time.monotonic(), crowd=self._crowd, client=client.index))

        self._timers[client.index] = asyncio.get_running_loop().call_later(delay, fall_silent)

    def _open(self) -> list[Client]:
        return [client for client in self._clients if client.state is ClientState.OPEN]
