"""The course of a cell: who writes, which part of the scenario it is, remarks of the harness."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chaos.journal.events.base import Event

__all__ = ["Note", "Overfilled", "Phase", "PhaseEntered", "Segment", "Soaked"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfilled(Event):
    """More clients than there were places for came at once to a soaked server, and those who got in left again; `at`
    is when they had."""

    crowd: str
    began: float
    """When the first of them came, seconds monotonic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soaked(Event):
    """A soak is over; `at` is when its load ended."""

    crowd: str
    """The clients who came and went all along."""
    began: float
    """When its load began, seconds monotonic."""
    asked: float
    """Seconds that it was to last."""
    talk: float
    """Seconds between two exchanges of each client."""
    patience: float
    """Seconds that a client waits for an answer."""
    places: int
    """Connections that the server promises places for, without those of the experiment itself."""
    cut: str = ""
    """What ended it before its time; empty where nothing did."""
