"""What proves a cell: that the catalogue, or an incident, names it with the finding it goes red with.

Each of them is held to what it names: a defect counts as caught only where all its cells go red, each with the finding
that is told for it. A cell that went red beside them proves nothing: it may have met what another cell left behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping

from chaos.report.incident_file import Incident
from chaos.report.proven import CellKey, ProvenCell
from tests.detection.case import Case
from tests.detection.forms import findings_of
from tests.detection.observed import Observation, judge

__all__ = ["proven_by", "unnamed"]


def proven_by(
    cases: Iterable[Case], incidents: Iterable[Incident], cells: Mapping[str, CellKey]
) -> tuple[ProvenCell, ...]:
    """Every cell that is named, with all that name it. `cells` are all there are, by their node."""
    named: dict[CellKey, set[str]] = defaultdict(set)
    for case in cases:
        for node in findings_of(case, runtime="processes"):
            named[cells[node]].add(case.defect)
    for incident in incidents:
        for told in incident.red:
            named[cells[told.cell]].add(f"incident {incident.name}")
    return tuple(sorted(ProvenCell(*key, tuple(sorted(by))) for key, by in named.items()))


def unnamed(
    observations: Iterable[Observation], cases: Mapping[str, Case], *, proven: Container[CellKey]
) -> Iterator[str]:
    """Hollow cells that went red all the same, a line for each: where that was for the defect's own reason, its case
    may name them."""
    for observation in observations:
        judgement = judge(cases[observation.defect], observation)
        for cell in () if judgement.complaint else judgement.caught_by:
            if (cell.promise, cell.scenario, cell.fault) not in proven:
                yield f"{observation.defect}, {observation.runtime}: {cell.node} violates {', '.join(cell.findings)}"
