"""What proves a cell: that it was seen red, against a defect of the reference or a server of an incident."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping

from chaos.report.incident_file import Incident
from chaos.report.proven import CellKey, ProvenCell
from tests.detection.case import Case
from tests.detection.observed import HELD, Observation, judge

__all__ = ["merged", "proven_by", "proven_by_incidents", "still_proven"]


def proven_by(observations: Iterable[Observation], cases: Mapping[str, Case]) -> tuple[ProvenCell, ...]:
    """Cells of the promise that a defect breaks, where it counts as caught: a false alarm proves nothing, and a cell
    of another promise that broke along with it may have gone red for no reason of its own."""
    seen: dict[CellKey, set[str]] = defaultdict(set)
    for observation in observations:
        judgement = judge(cases[observation.defect], observation)
        if judgement.complaint:
            continue
        for cell in judgement.caught_by:
            seen[cell.promise, cell.scenario, cell.fault].add(observation.defect)
    return _cells(seen)


def proven_by_incidents(incidents: Iterable[Incident], cells: Mapping[str, CellKey]) -> tuple[ProvenCell, ...]:
    """Cells that an incident names as red, before its fix or in its fix as it was told: where one of them holds,
    `test_incidents.py` is red. `cells` are all there are, by their node."""
    seen: dict[CellKey, set[str]] = defaultdict(set)
    for incident in incidents:
        for told in incident.red:
            seen[cells[told.cell]].add(f"incident {incident.name}")
    return _cells(seen)


def still_proven(
    cells: Iterable[ProvenCell],
    *,
    after: Iterable[Observation],
    cases: Mapping[str, Case],
    there: Container[CellKey],
) -> tuple[ProvenCell, ...]:
    """What remains of cells that were proven earlier: without what held against its defect this time, and without
    cells (all but `there`), defects and promises of defects that are gone.

    A cell that was not asked, or could not be decided, stays proven: a narrow run says nothing of what a wide one saw.
    """
    blind = {
        ((cell.promise, cell.scenario, cell.fault), each.defect)
        for each in after
        for cell in each.cells
        if cell.outcome == HELD
    }
    seen = {
        cell.key: {
            defect
            for defect in cell.by
            if defect in cases and cases[defect].promise == cell.promise and (cell.key, defect) not in blind
        }
        for cell in cells
        if cell.key in there
    }
    return _cells({key: defects for key, defects in seen.items() if defects})


def merged(cells: Iterable[ProvenCell]) -> tuple[ProvenCell, ...]:
    """Each cell once, with all that it was seen red against."""
    seen: dict[CellKey, set[str]] = defaultdict(set)
    for cell in cells:
        seen[cell.key] |= set(cell.by)
    return _cells(seen)


def _cells(seen: Mapping[CellKey, set[str]]) -> tuple[ProvenCell, ...]:
    return tuple(sorted(ProvenCell(*key, tuple(sorted(defects))) for key, defects in seen.items()))
