"""Promises x faults: the first thing a report shows. Pure data, no rendering."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from chaos.report.cells import CellOutcome, CellRecord
from chaos.report.proven import CellKey
from chaos.report.undeclared import undeclared_keys

__all__ = ["NO_FAULT", "Entry", "Matrix", "Row", "build_matrix"]

NO_FAULT = "no fault"
"""The column of scenarios that inject nothing: what is promised in calm weather."""

PROMISE_ORDER = (
    "establishment",
    "rejection",
    "liveness",
    "cleanup",
    "bounded_memory",
    "leak_free",
    "breaker",
    "accept_breaker",
    "delivery",
    "fairness",
    "closing",
    "latency",
    "recovery",
    "survival",
    "pressure",
    "observability",
    "settings",
    "soak",
)
"""From getting in to getting out again, and the general ones last; families not listed follow as they come."""
FAMILY_ORDER = (
    "",
    "network",
    "kernel",
    "client",
    "crowd",
    "handshake",
    "frame",
    "application",
    "server",
    "upstream",
    "combined",
)
"""From outside inwards: the wire, the peers, what they say, the server itself, what it depends on; several at once."""


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario, beneath the family of its promise."""

    promise: str
    scenario: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands where a row and a column meet: one cell, or several of one scenario under one fault."""

    cells: tuple[CellRecord, ...]
    proven: bool = False
    """Whether it has ever been seen red: of one that never was, green may mean that it is blind."""

    @property
    def hollow(self) -> bool:
        """Held, and nobody has shown that it would have noticed."""
        return self.outcome is CellOutcome.HELD and not self.proven

    @property
    def undeclared(self) -> bool:
        """Whether nothing was asked because the target declares no such promise, or no such endpoint."""
        return all(cell.outcome is CellOutcome.SKIPPED and undeclared_keys(cell.detail) for cell in self.cells)

    @property
    def worst(self) -> CellRecord:
        """The cell that speaks for all: the worst, the first among equals."""
        return max(self.cells, key=lambda cell: cell.outcome.severity)

    @property
    def outcome(self) -> CellOutcome:
        return self.worst.outcome

    @property
    def figure(self) -> str:
        return self.worst.figure


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows are scenarios grouped by promise, columns are faults grouped by where they act."""

    rows: tuple[Row, ...]
    faults: tuple[str, ...]
    families: Mapping[str, str]
    """Fault to where it acts; empty for `NO_FAULT`, "other" where nobody said."""
    entries: Mapping[tuple[Row, str], Entry]

    @property
    def cells(self) -> tuple[CellRecord, ...]:
        """Every cell, row by row and column by column."""
        places = ((row, fault) for row in self.rows for fault in self.faults)
        return tuple(cell for place in places if place in self.entries for cell in self.entries[place].cells)

    @property
    def promises(self) -> tuple[str, ...]:
        """The families of promises, in the order of the rows."""
        return tuple(dict.fromkeys(row.promise for row in self.rows))

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """The columns' families in order, each with the number of its columns."""
        counted = Counter(self.families[fault] for fault in self.faults)
        return tuple((family, counted[family]) for family in dict.fromkeys(map(self.families.__getitem__, self.faults)))

    def counts(self) -> dict[CellOutcome, int]:
        """How many cells had each outcome, every outcome named."""
        counted = Counter(cell.outcome for cell in self.cells)
        return {outcome: counted[outcome] for outcome in CellOutcome}

    def proven_held(self) -> int:
        """How many of the cells that held have been seen red."""
        return sum(
            cell.outcome is CellOutcome.HELD for entry in self.entries.values() if entry.proven for cell in entry.cells
        )

    def not_held(self) -> tuple[CellRecord, ...]:
        """The cells that fail a run, violations first."""
        bad = [cell for cell in self.cells if cell.outcome.needs_a_word]
        return tuple(sorted(bad, key=lambda cell: -cell.outcome.severity))

    def declared(self) -> Matrix:
        """The part without the rows of which the target declares nothing, and without the columns this empties."""
        said = {row for (row, _), entry in self.entries.items() if not entry.undeclared}
        entries = {place: entry for place, entry in self.entries.items() if place[0] in said}
        under = {fault for _, fault in entries}
        return Matrix(
            rows=tuple(row for row in self.rows if row in said),
            faults=tuple(fault for fault in self.faults if fault in under),
            families=self.families,
            entries=entries,
        )

    def within(self, faults: Iterable[str]) -> Matrix:
        """The part under some of the faults, without the rows that this leaves empty."""
        kept = tuple(fault for fault in self.faults if fault in set(faults))
        entries = {place: entry for place, entry in self.entries.items() if place[1] in kept}
        rows = tuple(row for row in self.rows if any((row, fault) in entries for fault in kept))
        return Matrix(rows, kept, self.families, entries)


def build_matrix(cells: Iterable[CellRecord], *, proven: Container[CellKey] = frozenset()) -> Matrix:
    """Arrange cells, of which some are `proven`.

    The order depends on the cells' names and on the order in which they are given, nothing else.
    """
    places: dict[tuple[Row, str], list[CellRecord]] = {}
    families: dict[str, str] = {}
    for cell in cells:
        fault = cell.fault or NO_FAULT
        family = "" if fault == NO_FAULT else cell.fault_family or "other"
        if families.get(fault, "other") == "other":
            families[fault] = family  # a cell that was cut off does not know it, another under the same fault may
        places.setdefault((Row(cell.promise, cell.scenario), fault), []).append(cell)
    rows = tuple(dict.fromkeys(row for row, _ in places))
    return Matrix(
        rows=tuple(sorted(rows, key=lambda row: _rank(PROMISE_ORDER, row.promise, [r.promise for r in rows]))),
        faults=tuple(sorted(families, key=lambda fault: _rank(FAMILY_ORDER, families[fault], list(families.values())))),
        families=families,
        entries={
            (row, fault): Entry(tuple(found), (row.promise, row.scenario, found[0].fault) in proven)
            for (row, fault), found in places.items()
        },
    )


def _rank(order: tuple[str, ...], name: str, seen: list[str]) -> int:
    """A known name by its place in the order, an unknown one after all of those in the order it was first seen."""
    return order.index(name) if name in order else len(order) + seen.index(name)
