"""What happened in a cell, line by line, for whoever wants the plot and not the samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from chaos.journal import (
    Anomaly,
    Attempt,
    Ended,
    Event,
    Healing,
    Injected,
    Journal,
    Note,
    Outcome,
    PhaseEntered,
    Receipt,
    ServerEvent,
    StartTried,
    Statistics,
)
from chaos.report.timeline import ending, refusal, start_of
from chaos.units import format_duration

__all__ = ["LogLine", "log_of"]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One thing that happened, or the same to several clients in a row."""

    at: float
    """Seconds since the cell began; of several, the first."""
    text: str
    clients: str = ""
    """Whom it happened to, where it was clients: the crowd's name."""
    count: int = 1


def log_of(journal: Journal) -> list[LogLine]:
    """The events that carry the plot, in order: faults, phases, the server, and clients that were lost."""
    lines: list[LogLine] = []
    latest: dict[tuple[str, str], int] = {}
    for line in _lines(journal):
        if not line.clients:
            latest.clear()
        place = latest.get((line.clients, line.text))
        if line.clients and place is not None:
            lines[place] = replace(lines[place], count=lines[place].count + 1)
            continue
        latest[(line.clients, line.text)] = len(lines)
        lines.append(line)
    return [_counted(line) for line in lines]


def _counted(line: LogLine) -> LogLine:
    if not line.clients:
        return line
    who = f"client of {line.clients}" if line.count == 1 else f"{line.count} clients of {line.clients}"
    return replace(line, text=f"{who} {line.text}")


def _lines(journal: Journal) -> Iterator[LogLine]:
    start = start_of(journal)
    told: dict[str, float | str] = {}
    silent = False
    for event in journal.events:
        at = event.at - start
        if isinstance(event, Attempt) and event.outcome is not Outcome.OPEN:
            yield LogLine(at, f"not let in: {refusal(event)} {event.detail}".rstrip(), event.crowd)
        elif isinstance(event, Ended) and event.by == "server":
            yield LogLine(at, f"ended by the server: {ending(event)} {event.reason}".rstrip(), event.crowd)
        elif isinstance(event, Anomaly):
            yield LogLine(at, f"client {event.client} of {event.crowd}, {event.what}: {event.detail}")
        elif isinstance(event, Statistics):
            if event.error and not silent:
                yield LogLine(at, f"the server's statistics cannot be read: {event.error}")
            elif silent and not event.error:
                yield LogLine(at, "the server's statistics can be read again")
            silent = bool(event.error)
            changed = {
                name: value
                for name, value in event.values.items()
                if isinstance(value, str) and told.get(name) != value
            }
            told.update(event.values)
            if changed:
                yield LogLine(
                    at, "server says " + ", ".join(f"{name}: {value or 'none'}" for name, value in changed.items())
                )
        elif text := _text(event, start):
            yield LogLine(at, text)


def _text(event: Event, start: float) -> str:
    if isinstance(event, PhaseEntered):
        return f"phase: {event.phase.value}"
    if isinstance(event, Injected):
        return f"fault {event.fault}: {event.description}"
    if isinstance(event, Receipt):
        return f"receipt of {event.fault}: {event.words()}, since {event.since - start:+.3f}s"
    if isinstance(event, Healing):
        return f"{event.fault} {event.state.value}, since {event.since - start:+.3f}s"
    if isinstance(event, ServerEvent):
        pid = f" (pid {event.pid})" if event.pid else ""
        code = f", exit code {event.exit_code}" if event.exit_code is not None else ""
        return f"server {event.what}{pid}{code} {event.detail}".rstrip()
    if isinstance(event, StartTried):
        code = f", exit code {event.exit_code}" if event.exit_code is not None else ""
        took = format_duration(event.at - event.began)
        return f"server tried with {event.variable}={event.value!r}: {event.became}{code} after {took}"
    return event.text if isinstance(event, Note) else ""
