"""Sessions on the server's database: not held for as long as somebody listens, and given back when nobody does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chaos.expectations.base import Expectation, Record
from chaos.expectations.readings import told, unread
from chaos.units import counted
from chaos.verdict import Finding

__all__ = ["DatabaseSessionsGivenBack"]

WHICH = "database_sessions"
"""Their name among the statistics."""

FEWEST = 5
"""Readings that tell what is held from what is taken now and then: of two, both met a broadcast's question, once in ten
runs on two cores with a load of 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSessionsGivenBack(Expectation):
    """While clients listen at most `limit` sessions are held, and afterwards no more than before they came.

    Held is what was in use all the while: one that is taken for a question and given back is in some readings only.
    """

    name: ClassVar[str] = "database_sessions_given_back"
    clients: int
    limit: int
    came: float
    """When the first of them began to come, seconds monotonic."""
    inside: float
    """When all of them were inside."""
    ended: float
    """When the first of them was to end."""
    settled: float
    """When everything of them was to be given back."""

    def judge(self, record: Record) -> Finding:
        promised = (
            f"at most {counted(self.limit, 'database session')} held while {self.clients} listen, none afterwards"
        )
        held = []
        spans = ((float("-inf"), self.came), (self.inside, self.ended), (self.settled, float("inf")))
        for start, end in spans:
            readings = [reading.values[WHICH] for reading in told(record, WHICH, start, end)]
            numbers = [value for value in readings if isinstance(value, float)]
            if not numbers:
                return self.inconclusive(unread(record, WHICH), promised)
            if len(numbers) < FEWEST:
                return self.inconclusive(f"{len(numbers)} readings of the sessions, {FEWEST} are needed", promised)
            held.append(int(min(numbers)))
        before, during, after = held
        figure = f"{during} held"
        if during > self.limit:
            return self.violated(
                f"{counted(during, 'database session')} held all the while that {self.clients} clients listened",
                promised,
                figure=figure,
            )
        if after > before:
            return self.violated(
                f"{counted(after, 'database session')} still held when all {self.clients} had ended, "
                f"{before} before they came",
                promised,
                figure=f"{after} kept",
            )
        return self.held(
            f"{before} held before, {during} while {self.clients} listened, {after} afterwards", promised, figure=figure
        )
