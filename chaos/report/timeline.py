"""What happened in a cell, over time: series, lanes and windows taken out of its journal, ready to be drawn.

Times are seconds since the cell began.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chaos.journal import (
    Attempt,
    Beat,
    Bite,
    Call,
    Ended,
    FindingMade,
    Healing,
    HealingState,
    Hit,
    Injected,
    Journal,
    Outcome,
    PhaseEntered,
    Receipt,
    ReleaseAwaited,
    Sample,
    Segment,
    ServerEvent,
    Source,
    Statistics,
    VerdictGiven,
)

__all__ = [
    "Instant",
    "Lane",
    "Mark",
    "Series",
    "Span",
    "States",
    "Timeline",
    "build_timeline",
    "ending",
    "refusal",
    "start_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity over time."""

    label: str
    unit: str
    points: tuple[tuple[float, float], ...]
    gaps: tuple[float, ...] = ()
    """Times at which the reading failed: a canary's exchange without an answer."""
    steps: bool = False
    """Whether a value holds until the next one."""
    second: tuple[tuple[float, float], ...] = ()
    """What the server itself says of it: a second witness, drawn beside the first, or alone where there is no other."""
    second_gaps: tuple[float, ...] = ()
    """Times at which the server was asked and nothing could be read."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that happened to a client."""

    at: float
    kind: str
    """Decides the shape: "tick", "cross", "end" or "diamond"."""
    text: str


@dataclass(frozen=True, slots=True)
class Lane:
    """Marks of one meaning."""

    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time with a name."""

    start: float
    end: float
    name: str
    sure: bool = True
    """False for a fault of which nobody saw that it bit, or that it healed."""


@dataclass(frozen=True, slots=True)
class States:
    """A state the server tells of itself, over time; where it told none, or could not be asked, there is no span."""

    label: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Instant:
    """Something that happened to the server at one moment."""

    at: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything a picture of a cell shows."""

    length: float
    phases: tuple[Span, ...]
    windows: tuple[Span, ...]
    """When a fault acted."""
    series: tuple[Series, ...]
    lanes: tuple[Lane, ...]
    states: tuple[States, ...]
    instants: tuple[Instant, ...]


def build_timeline(journal: Journal) -> Timeline | None:
    """The timeline of a cell, or None where nothing in it has an extent in time."""
    events = [
        event for event in journal.events if not isinstance(event, (Segment, ReleaseAwaited, FindingMade, VerdictGiven))
    ]
    if not events:
        return None
    start, end = events[0].at, events[-1].at
    if end <= start:
        return None
    return Timeline(
        length=end - start,
        phases=_phases(journal, start, end),
        windows=_windows(journal, start, end),
        series=tuple(series for series in _series(journal, start) if series.points or series.gaps or series.second),
        lanes=tuple(lane for lane in _lanes(journal, start) if lane.marks),
        states=_states(journal, start, end),
        instants=tuple(Instant(event.at - start, event.what) for event in journal.of(ServerEvent)),
    )


def start_of(journal: Journal) -> float:
    """When a cell began, seconds monotonic: what `+0.000s` is in its log."""
    return next((event.at for event in journal.events if not isinstance(event, Segment)), 0.0)


def _phases(journal: Journal, start: float, end: float) -> tuple[Span, ...]:
    entered = journal.of(PhaseEntered)
    ends = [*(event.at for event in entered[1:]), end]
    return tuple(
        Span(event.at - start, until - start, event.phase.value) for event, until in zip(entered, ends, strict=False)
    )


def _windows(journal: Journal, start: float, end: float) -> tuple[Span, ...]:
    """From the moment a fault began to act to the moment it stopped, by its own receipts where there are any."""
    windows = []
    receipts, healings = journal.of(Receipt), journal.of(Healing)
    injections = journal.of(Injected)
    for number, injected in enumerate(injections):
        later = [event.at for event in injections[number + 1 :] if event.fault == injected.fault]
        before = later[0] if later else float("inf")
        receipt = _following(receipts, injected, before)
        healing = _following(healings, injected, before)
        begins = receipt.since if receipt is not None else injected.at
        ends = healing.since if healing is not None and healing.state is not HealingState.FAILED else end
        sure = receipt is not None and receipt.bite is Bite.BIT
        windows.append(Span(max(0.0, begins - start), max(begins, ends) - start, injected.fault, sure))
    return tuple(windows)


E = TypeVar("E", Receipt, Healing)


def _following(candidates: Sequence[E], injected: Injected, before: float) -> E | None:
    return next(
        (found for found in candidates if found.fault == injected.fault and injected.at <= found.at < before), None
    )


def _series(journal: Journal, start: float) -> Iterable[Series]:
    samples, beats, told = journal.of(Sample), journal.of(Beat), journal.of(Statistics)
    failed = tuple(event.at - start for event in told if event.error)
    yield Series(
        label="server's connections",
        unit="",
        points=tuple((sample.at - start, float(sample.connections)) for sample in samples),
        second=_said(told, "connections", start),
        second_gaps=failed,
        steps=True,
    )
    yield Series(
        label="canary's round trip",
        unit="s",
        points=tuple((beat.at - start, beat.round_trip) for beat in beats if beat.ok),
        gaps=tuple(beat.at - start for beat in beats if not beat.ok),
    )
    yield Series(
        label="server's memory",
        unit="B",
        points=tuple((sample.at - start, float(sample.memory)) for sample in samples if sample.memory),
        steps=True,
    )
    yield Series(
        label="server's tasks",
        unit="",
        points=(),
        second=_said(told, "tasks", start),
        second_gaps=failed,
        steps=True,
    )


def _said(told: Iterable[Statistics], name: str, start: float) -> tuple[tuple[float, float], ...]:
    values = ((event.at - start, event.values.get(name)) for event in told)
    return tuple((at, value) for at, value in values if isinstance(value, float))


def _lanes(journal: Journal, start: float) -> Iterable[Lane]:
    attempts, ends = journal.of(Attempt), journal.of(Ended)
    opened = (Mark(event.at - start, "tick", "let in") for event in attempts if event.outcome is Outcome.OPEN)
    yield Lane("clients let in", tuple(opened))
    refused = (
        Mark(event.at - start, "cross", refusal(event)) for event in attempts if event.outcome is not Outcome.OPEN
    )
    yield Lane("not let in", tuple(refused))
    for by, label in (("server", "ended by the server"), ("client", "ended by the client")):
        yield Lane(label, tuple(Mark(event.at - start, "end", ending(event)) for event in ends if event.by == by))
    for source in Source:
        calls = (call for call in journal.of(Call) if call.source is source)
        kind = "tick" if source in (Source.LIVE, Source.CACHED) else "cross"
        yield Lane(f"answers: {source.value}", tuple(Mark(call.at - start, kind, source.value) for call in calls))
    hits = (Mark(hit.at - start, "diamond", f"{hit.path} {hit.status}") for hit in journal.of(Hit))
    yield Lane("upstream asked", tuple(hits))


def refusal(event: Attempt) -> str:
    """How an attempt ended, in words: "http 503", "timeout in handshake", "closed 1013"."""
    if event.outcome is Outcome.HTTP:
        return f"http {event.status}"
    if event.outcome is Outcome.CLOSED:
        return f"closed {event.code}" if event.code is not None else "closed without a code"
    if event.outcome is Outcome.TIMEOUT:
        return f"timeout in {event.phase.replace('_', ' ')}"
    return event.outcome.value


def ending(event: Ended) -> str:
    """How a connection ended, in words: "close 1001", "reset"."""
    return f"{event.how} {event.code}" if event.code is not None else event.how


def _states(journal: Journal, start: float, end: float) -> tuple[States, ...]:
    """What the server's statistics say in words, as stretches of equal words."""
    told: dict[str, list[Span]] = {}
    now: dict[str, str] = {}
    for event in journal.of(Statistics):
        words, at = {name: value for name, value in event.values.items() if isinstance(value, str)}, event.at - start
        if event.error:
            # Whatever it was, from the moment it was asked for in vain it is not known to last.
            words, at = dict.fromkeys(now, ""), event.at - event.took - start
        for name, word in words.items():
            spans = told.setdefault(name, [])
            if now.get(name, "") == word:
                continue
            if now.get(name):
                spans[-1] = Span(spans[-1].start, at, spans[-1].name)
            if word:
                spans.append(Span(at, end - start, word))
            now[name] = word
    return tuple(States(name.replace("_", " "), tuple(spans)) for name, spans in told.items() if spans)
