"""What the server keeps of connections that have ended, for each way to end: slopes with their intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.errors import JournalError
from chaos.journal import Journal, Round, read_journal
from chaos.report.cells import read_cell
from chaos.report.runs import Run
from chaos.report.spans import Line, Span
from chaos.report.tables import table_lines
from chaos.stats import MINIMUM_ROUNDS, Slope, slope
from chaos.units import format_count, format_size

__all__ = ["EXPLAINED", "HEADER", "Ending", "Kept", "kept_lines", "kept_of", "kept_record", "read_kept", "row_of"]

PER = 1000
"""Endings that a figure is told for: what one keeps is too small a number to read."""

HEADER = ("ended by", "kept", "per 1,000 endings", "from", "to", "smallest visible", "rounds", "endings")
EXPLAINED = (
    "Theil-Sen slopes over the rounds with their interval, by the same arithmetic that judges; half its width is the "
    "smallest slope that could have been told from nothing, 0 where every round read the same. Connections and tasks "
    "are by the server's own statistics."
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that a server may keep."""

    name: str
    read: Callable[[Round], float | None]
    size: bool = False
    may_be_none: bool = False
    """Whether a server may have none of it; of a file or a byte it always has one, or nothing could be read."""

    def shown(self, each: float) -> str:
        """A slope of one ending in words, for `PER` of them."""
        found = each * PER
        return format_size(found) if self.size else format_count(found)


QUANTITIES = (
    Quantity("memory", lambda each: each.memory, size=True),
    Quantity("fds", lambda each: each.fds),
    Quantity("threads", lambda each: each.threads),
    Quantity("connections", lambda each: each.connections),
    Quantity("tasks", lambda each: each.tasks),
    Quantity("sessions", lambda each: each.kept_sessions, may_be_none=True),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """The slope of one quantity; None where there is none, and why."""

    quantity: Quantity
    slope: Slope | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One way to end, in one scenario."""

    fault: str
    scenario: str
    cell: str
    rounds: int
    endings: int
    kept: tuple[Kept, ...]


def kept_of(journal: Journal) -> tuple[Kept, ...]:
    """The slope of everything that was read after each round; nothing where no round was."""
    rounds = journal.of(Round)
    return tuple(_kept(quantity, rounds) for quantity in QUANTITIES) if rounds else ()


def read_kept(run: Run) -> list[Ending]:
    """Every leak measurement of a run, in the order in which they began; only their rounds are decoded.

    A journal that cannot be read says so in the report of its own cell, and has no slope.
    """
    found = []
    for directory in run.cells():
        try:
            journal = read_journal(directory, kinds=(Round,))
        except JournalError:
            continue
        if rounds := journal.of(Round):
            cell = read_cell(run, directory)
            found.append(
                Ending(
                    fault=cell.fault or "no fault",
                    scenario=cell.scenario,
                    cell=directory.name,
                    rounds=len(rounds),
                    endings=rounds[-1].ended,
                    kept=kept_of(journal),
                )
            )
    return found


def _kept(quantity: Quantity, rounds: Sequence[Round]) -> Kept:
    read = [(each.ended, value) for each in rounds if (value := quantity.read(each)) is not None]
    if not read:
        return Kept(quantity, None, "the server's statistics do not tell")
    if not (quantity.may_be_none or any(value for _, value in read)):
        return Kept(quantity, None, "nothing was read, all rounds say 0")
    points = len({ended for ended, _ in read})
    if points < MINIMUM_ROUNDS:
        return Kept(quantity, None, f"{points} points, and {MINIMUM_ROUNDS} are needed")
    return Kept(quantity, slope([ended for ended, _ in read], [value for _, value in read]))


def kept_lines(endings: Sequence[Ending]) -> Iterator[Line]:
    """A row for each way to end, or nothing where no leak was measured; intervals without extent are left out."""
    ways = Counter(ending.fault for ending in endings)
    rows = [
        (
            # The good-bye and the close for idling are both done without a fault.
            ending.fault if ways[ending.fault] == 1 else f"{ending.fault}, {ending.scenario}",
            *map(_in_a_cell, ending.kept),
            str(ending.rounds),
            str(ending.endings),
        )
        for ending in endings
        if any(kept.slope is not None for kept in ending.kept)
    ]
    if rows:
        header = ("ended by", *(quantity.name for quantity in QUANTITIES), "rounds", "endings")
        yield (Span("kept of 1,000 ended connections", ("bold",)), Span("   slope (its interval)", ("light",)))
        yield from table_lines(header, rows, words=1)
        if visible := ", ".join(_visible(endings)):
            yield (Span(f"smallest that could be seen   {visible}", ("light",)),)


def _visible(endings: Sequence[Ending]) -> Iterator[str]:
    """Of each quantity the smallest slope that could have been told from nothing where it was told least finely."""
    for number, quantity in enumerate(QUANTITIES):
        slopes = [slope for ending in endings if (slope := ending.kept[number].slope) is not None]
        largest = max((slope.resolution for slope in slopes), default=0.0)
        if largest > 0:
            yield f"{quantity.name} {quantity.shown(largest)}"


def _in_a_cell(kept: Kept) -> str:
    if kept.slope is None:
        return "-"
    value, low, high = map(kept.quantity.shown, (kept.slope.value, kept.slope.low, kept.slope.high))
    return value if value == low == high else f"{value} ({low} to {high})"


def row_of(ending: Ending, kept: Kept) -> tuple[str, ...]:
    """The columns of `HEADER`."""
    shown = kept.quantity.shown
    if kept.slope is None:
        figures: tuple[str, ...] = ("-", "-", "-", "-")
    else:
        found = kept.slope
        figures = tuple(map(shown, (found.value, found.low, found.high, found.resolution)))
    return (ending.fault, kept.quantity.name, *figures, str(ending.rounds), str(ending.endings))


def kept_record(run: Run, endings: Sequence[Ending]) -> dict[str, Any]:
    """All of it for a file; memory in bytes, everything for 1,000 endings."""
    return {
        "target": run.header.target,
        "run": run.id,
        "per_endings": PER,
        "endings": [
            {
                "fault": ending.fault,
                "scenario": ending.scenario,
                "cell": ending.cell,
                "rounds": ending.rounds,
                "endings": ending.endings,
                "kept": {kept.quantity.name: _as_record(kept) for kept in ending.kept},
            }
            for ending in endings
        ],
    }


def _as_record(kept: Kept) -> dict[str, Any]:
    if kept.slope is None:
        return {"value": None, "why": kept.why}
    found = kept.slope
    figures = {"value": found.value, "low": found.low, "high": found.high, "smallest_visible": found.resolution}
    return {name: round(figure * PER, 6) for name, figure in figures.items()}
