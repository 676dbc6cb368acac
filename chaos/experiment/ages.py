"""Clients that a server may have closed for their age, in a scenario that is about something else."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.expectations import ClosedByAge, ClosedWhenIdle, Expectation, Record
from chaos.units import format_duration

__all__ = ["may_have_aged_out"]

SOONER = 0.75
"""Share of the promised age from which a server may well close: it keeps its promise by doing so somewhat before, the
reference at 7.0 s where it promises 7.5 s."""


def may_have_aged_out(record: Record, expectations: Sequence[Expectation], max_age: float | None) -> str | None:
    """Why a breach may be the promised end of old connections, in one sentence; None where nobody was old enough.

    `max_age` is what the target promises, seconds. Who is old is closed with a close frame: a connection that was
    reset, or ended without a word, did not end for its age. What judges ages itself is never excused by them, nor is an
    idle client that was to be closed long before: that it grew old is the breach.
    """
    if max_age is None or any(_shows_in_old_clients(expectation, max_age) for expectation in expectations):
        return None
    closed = {
        (ended.crowd, ended.client): ended.said_at
        for crowd in record.crowds()
        for ended in record.endings(crowd)
        if ended.by == "server" and ended.code is not None
    }
    ages = [
        closed[attempt.crowd, attempt.client] - attempt.began
        for crowd in record.crowds()
        for attempt in record.opened(crowd)
        if (attempt.crowd, attempt.client) in closed
    ]
    oldest = max(ages, default=0.0)
    if oldest < SOONER * max_age:
        return None
    return (
        f"promises.liveness.max_age = {format_duration(max_age)} is shorter than this scenario needs its clients: the "
        f"server closed one at the age of {format_duration(oldest)}, and may have done so for that"
    )


def _shows_in_old_clients(expectation: Expectation, max_age: float) -> bool:
    if isinstance(expectation, ClosedWhenIdle):
        return expectation.timeout + expectation.slack < SOONER * max_age
    return expectation.reckons_with_age or isinstance(expectation, ClosedByAge)
