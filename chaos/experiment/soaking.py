"""The load of a soak: hours of clients near the server's limit, who talk, come, go, fall silent and come in bursts.

Its figures are those of a server that had grown without bound until it stopped answering: 80 to 95 of 100 connections,
10 messages a second each, 5 newcomers a minute where an idle client is closed after 5 minutes, a fifth of them falling
silent. Where a contract promises other intervals they follow from these.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos.crowd.population import Populated, PopulationPlan
from chaos.experiment.outcome import NotJudged
from chaos.journal import Event, Overfilled, Soaked
from chaos.stats import MINIMUM_ROUNDS, slope
from chaos.units import format_long, format_size

if TYPE_CHECKING:
    from chaos.experiment.crowd import Crowd
    from chaos.experiment.experiment import Experiment

__all__ = ["SoakPlan", "sampling_of", "soak"]

LOW, HIGH = 0.80, 0.95
"""Shares of the limit between which so many clients are there."""

TALK = 0.1
"""Seconds between two exchanges of each client."""

NEWCOMERS = 25
"""In one idle timeout: 5 a minute in 5 minutes."""

MOST_NEWCOMERS = 20_000
"""In a whole soak, at most: each is some ten lines of its journal, which is read as a whole in the end."""

IDLE_SHARE = 0.2

GAP_WITHOUT_TIMEOUT = 12.0
"""Seconds between two newcomers where nobody is closed for idling."""

BURSTS = 12
"""Times that more come than there are places for, spread evenly."""

BURST_SHARE = 0.25
"""Clients of a burst, as a share of the limit: at least 5 % of it is free, and a fifth at most."""

MOST_SAMPLES = 20_000

MOST_LINES = 48
"""Lines of progress, at most: one every 10 minutes in 8 hours."""

SHORTEST_PROGRESS = 10.0
"""Seconds between two of them."""

LOOK = 1.0
"""Seconds after which it is seen that the server has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakPlan:
    """How long, and what it needs of the contract. Durations are seconds."""

    seconds: float
    limit: int
    idle_timeout: float | None
    seed: int = 0

    def population(self, *, own: int) -> PopulationPlan:
        """Who is there. Raises NotJudged where the limit is too low for anybody to come and go below it."""
        low, high = int(LOW * self.limit), min(int(HIGH * self.limit), self.limit - own)
        if not 0 < low < high:
            raise NotJudged(f"promises.rejection.max_connections = {self.limit} leaves no room for a soak below it")
        gap = GAP_WITHOUT_TIMEOUT if self.idle_timeout is None else self.idle_timeout / NEWCOMERS
        return PopulationPlan(
            low=low,
            high=high,
            gap=max(gap, self.seconds / MOST_NEWCOMERS),
            idle_share=IDLE_SHARE,
            # Early enough that not even a promised age comes before the end of the idle time.
            idle_after=self.idle_timeout or 0.0,
            seed=self.seed,
        )


def sampling_of(seconds: float, *, at_least: float) -> float:
    """Seconds between two samples of a soak: a journal of hours has as many of them as one of minutes."""
    return max(at_least, seconds / MOST_SAMPLES)


async def soak(
    experiment: Experiment,
    plan: SoakPlan,
    *,
    write: Callable[[Event], None],
    say: Callable[[str], None],
    cut: asyncio.Event,
) -> None:
    """Soak the server until the time is over, `cut` is set, or the server has died; `write` notes that in the journal.

    `say` is given a line about how it goes now and then.
    """
    notices = experiment.endpoints.notices
    population = plan.population(own=experiment.own_connections)
    members = await experiment.crowd(
        "members",
        # Room for those who are still saying goodbye while others come.
        population.high + population.high - population.low,
        endpoint="echo" if notices is None else "notices",
        every=TALK,
        note=None if notices is None else notices.idle_warning,
    )
    await members.populate(population)
    course = _Course(experiment, members, plan, say=say)
    number = 0
    while (ended := _ended(experiment, course, cut)) is None:
        if number < BURSTS and course.elapsed >= (number + 0.5) / BURSTS * plan.seconds:
            number += 1
            await _overfill(experiment, members, number, round(BURST_SHARE * plan.limit), write)
        await course.look()
        await _wait(cut, min(LOOK, max(0.0, plan.seconds - course.elapsed)))
    over = time.monotonic()
    await members.end_population()
    write(
        Soaked(
            at=over,
            crowd=members.name,
            began=course.began,
            asked=plan.seconds,
            talk=TALK,
            patience=experiment.patience,
            places=plan.limit - experiment.own_connections,
            cut=ended,
        )
    )
    await members.close()


def _ended(experiment: Experiment, course: _Course, cut: asyncio.Event) -> str | None:
    """Why it is over: empty when its time is; None while it is not."""
    if cut.is_set():
        return "it was interrupted"
    if experiment.died_unasked() is not None:
        return "the server died"
    return "" if course.elapsed >= course.plan.seconds else None


async def _wait(cut: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await cut.wait()
    except TimeoutError:
        return


async def _overfill(
    experiment: Experiment, members: Crowd, number: int, count: int, write: Callable[[Event], None]
) -> None:
    """Have more come at once than there are places for, and leave again, while nobody else comes."""
    beyond = await experiment.crowd(f"beyond {number}", max(2, count), keep_alive=False)
    await members.rest(resting=True)
    began = time.monotonic()
    await beyond.overfill()
    await beyond.close()
    write(Overfilled(at=time.monotonic(), crowd=beyond.name, began=began))
    await members.rest(resting=False)


class _Course:
    """How far it has come, and what is said of that."""

    def __init__(self, experiment: Experiment, members: Crowd, plan: SoakPlan, *, say: Callable[[str], None]) -> None:
        self.began = time.monotonic()
        self.plan = plan
        self._experiment = experiment
        self._members = members
        self._say = say
        self._every = max(SHORTEST_PROGRESS, plan.seconds / MOST_LINES)
        self._next = self.began + self._every
        self._memory: list[tuple[float, int]] = []

    @property
    def elapsed(self) -> float:
        """Seconds."""
        return time.monotonic() - self.began

    async def look(self) -> None:
        """Say how it goes, where it is time to."""
        if time.monotonic() < self._next:
            return
        self._next += self._every
        sample = await self._experiment.sample()
        self._memory.append((self.elapsed / 3600, sample.memory))
        self._say(self._line(await self._members.populated(), sample.connections))

    def _line(self, found: Populated, connections: int) -> str:
        left = format_long(max(0.0, self.plan.seconds - self.elapsed))
        parts = [
            f"{format_long(self.elapsed)} of {format_long(self.plan.seconds)}, {left} left",
            f"{connections} connections",
            f"{found.came} came, {found.refused} turned away, {found.idled} fell silent",
            f"{found.answered} messages answered",
            f"{format_size(self._memory[-1][1])}{self._slope()}",
        ]
        return f"soak: {'; '.join(parts)}"

    def _slope(self) -> str:
        later = self._memory[len(self._memory) // 4 :]
        if len(later) < MINIMUM_ROUNDS:
            return ""
        found = slope([hours for hours, _ in later], [memory for _, memory in later])
        return f", {format_size(found.value)} an hour ({format_size(found.low)} to {format_size(found.high)})"
