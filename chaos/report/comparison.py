"""Two runs beside each other: which cells changed for the worse, which for the better, and whose figures moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chaos.report.cells import CellOutcome, CellRecord
from chaos.report.matrix import build_matrix
from chaos.report.proven import CellKey
from chaos.units import DURATION_UNITS, SIZE_UNITS

__all__ = ["MOVED", "Change", "Comparison", "Moved", "compare"]

MOVED = 2.0
"""By which factor a figure has to move to be told. It judges nothing: what is promised is in the contract."""

_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([A-Za-z]+\b|%)?")
_UNITS: Mapping[str, tuple[str, float]] = {
    **{unit: ("time", factor) for unit, factor in DURATION_UNITS.items()},
    **{unit: ("size", factor) for unit, factor in SIZE_UNITS.items()},
}


@dataclass(frozen=True, slots=True)
class Change:
    """One cell of which the second run says something else than the first."""

    before: CellRecord
    after: CellRecord


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure of a cell that held in both runs."""

    cell: CellRecord
    before: str
    after: str
    factor: float
    """After over before: 2 is twice as much, 0.5 half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two runs say of the same cells, each in the matrix's order."""

    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    no_longer_judged: tuple[CellRecord, ...]
    """As they were before: skipped now, or not asked."""
    newly_judged: tuple[CellRecord, ...]
    moved: tuple[Moved, ...]
    """The furthest first."""
    as_before: int
    """Cells that both judged alike."""


def compare(before: Iterable[CellRecord], after: Iterable[CellRecord]) -> Comparison:
    """Hold the cells of one run beside those of another; they are known by promise, scenario and fault."""
    was, now = _judged(before), _judged(after)
    both = [(was[key], now[key]) for key in now if key in was]
    changed = [Change(*pair) for pair in both if pair[0].outcome is not pair[1].outcome]
    moved = [found for pair in both if (found := _moved(*pair)) is not None]
    return Comparison(
        worse=tuple(each for each in changed if each.after.outcome.severity > each.before.outcome.severity),
        better=tuple(each for each in changed if each.after.outcome.severity < each.before.outcome.severity),
        no_longer_judged=tuple(cell for key, cell in was.items() if key not in now),
        newly_judged=tuple(cell for key, cell in now.items() if key not in was),
        moved=tuple(sorted(moved, key=lambda each: -max(each.factor, 1 / each.factor))),
        as_before=len(both) - len(changed),
    )


def _judged(cells: Iterable[CellRecord]) -> dict[CellKey, CellRecord]:
    return {
        (cell.promise, cell.scenario, cell.fault): cell
        for cell in build_matrix(cells).cells
        if cell.outcome is not CellOutcome.SKIPPED
    }


def _moved(before: CellRecord, after: CellRecord) -> Moved | None:
    """The first of its figures that is another by the factor; none where they are not of one kind."""
    if not before.outcome is after.outcome is CellOutcome.HELD:
        return None
    was, now = list(_quantities(before.figure)), list(_quantities(after.figure))
    if [kind for kind, _ in was] != [kind for kind, _ in now] or _words(before.figure) != _words(after.figure):
        return None
    for (_, one), (_, other) in zip(was, now, strict=True):
        if one > 0 and other > 0 and not 1 / MOVED < other / one < MOVED:
            return Moved(after, before.figure, after.figure, other / one)
    return None


def _quantities(figure: str) -> Iterator[tuple[str, float]]:
    for number, unit in _NUMBER.findall(figure):
        kind, factor = _UNITS.get(unit, (unit, 1.0))
        yield kind, float(number) * factor


def _words(figure: str) -> Sequence[str]:
    """What a figure says besides its numbers: "p99" is another figure than "median"."""
    return _NUMBER.sub("", figure).split()
