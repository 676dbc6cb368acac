"""The course of a cell: who writes, which part of the scenario it is, remarks of the harness."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos.journal.events.base import Event

__all__ = ["Note", "Phase", "PhaseEntered", "Segment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment(Event):
    """The first line of every segment: who writes it."""

    version: int
    role: str
    pid: int
    run: str
    cell: str
    wall: float
    """Seconds since the epoch at `at`, to turn monotonic times into dates."""


class Phase(StrEnum):
    """The parts of a scenario, in their order."""

    STEADY = "steady"
    FAULT = "fault"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEntered(Event):
    """The scenario went on to its next part."""

    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Event):
    """A remark of the harness itself, for whoever reads the journal."""

    text: str
