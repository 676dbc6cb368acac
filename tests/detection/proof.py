"""What observations prove: the cells that were seen red, each with the defects that it was seen red against."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping

from chaos.report.proven import CellKey, ProvenCell
from tests.detection.catalogue import Case
from tests.detection.observed import Observation, judge

__all__ = ["merged", "proven_by", "still_proven"]


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


def still_proven(
    cells: Iterable[ProvenCell], *, without: Container[str], cases: Mapping[str, Case]
) -> tuple[ProvenCell, ...]:
    """What remains of cells that were proven earlier, without the defects that were run again or are gone."""
    seen = {cell.key: {defect for defect in cell.by if defect in cases and defect not in without} for cell in cells}
    return _cells({key: defects for key, defects in seen.items() if defects})


def merged(cells: Iterable[ProvenCell]) -> tuple[ProvenCell, ...]:
    """Each cell once, with all that it was seen red against."""
    seen: dict[CellKey, set[str]] = defaultdict(set)
    for cell in cells:
        seen[cell.key] |= set(cell.by)
    return _cells(seen)


def _cells(seen: Mapping[CellKey, set[str]]) -> tuple[ProvenCell, ...]:
    return tuple(sorted(ProvenCell(*key, tuple(sorted(defects))) for key, defects in seen.items()))
