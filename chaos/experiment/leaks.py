"""The rounds of a leak measurement: how many, which of them count, and what is read after each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from chaos.expectations import Expectation, Record
from chaos.journal import Round, Sample
from chaos.stats import LOOKS, MOST_POINTS
from chaos.verdict import Verdict

__all__ = ["MOST_ROUNDS", "WARM_UP", "reading", "rounds"]

WARM_UP = 6
"""Rounds that a leak measurement leaves out: the steepest part of an allocator's filling, seen in the first 300
connections of a fresh process."""

MOST_ROUNDS = WARM_UP + MOST_POINTS
"""The budget of a leak measurement: what is not decided then is inconclusive, with the smallest slope visible."""


async def rounds(
    record: Callable[[], Awaitable[Record]], expectations: Sequence[Expectation], *, warm_up: int = WARM_UP
) -> AsyncIterator[int]:
    """Numbers of rounds, 1 and up, until every expectation is decided, or the budget is spent."""
    for number in range(1, warm_up + MOST_POINTS + 1):
        yield number
        if number - warm_up in LOOKS[:-1]:  # the last look is the judgement's own
            found = await record()
            if all(item.judge(found).verdict is not Verdict.INCONCLUSIVE for item in expectations):
                return


def reading(sample: Sample, *, ended: int, told: Mapping[str, float | str]) -> Round:
    """What the server held after a round in which all of the `ended` connections so far have ended.

    `told` is what its statistics said then: empty where it has none, or they could not be read.
    """
    return Round(
        at=sample.at,
        ended=ended,
        fds=sample.fds,
        memory=sample.memory,
        threads=sample.threads,
        connections=_count(told, "connections"),
        tasks=_count(told, "tasks"),
        kept_sessions=_count(told, "sessions"),
    )


def _count(told: Mapping[str, float | str], name: str) -> float | None:
    value = told.get(name)
    return value if isinstance(value, float) else None
