"""chaos/report/proven.toml says what was seen red: in all of the catalogue and of the incidents, and nothing that is
gone."""

from __future__ import annotations

from chaos.report.incident_file import load_incident
from chaos.report.proven import shipped_proven
from tests.detection.__main__ import INCIDENTS
from tests.detection.cases import CASES
from tests.detection.cells import cell_keys
from tests.detection.forms import findings_of
from tests.detection.proof import proven_by_incidents

REMEDY = "run `make detection`, then `make detection-table ARGS=--write-proven`"


def test_every_cell_that_catches_a_defect_is_proven_by_it() -> None:
    cells = cell_keys()
    proven = {(cell.key, defect) for cell in shipped_proven() for defect in cell.by}
    wanted = {(cells[node], case.defect) for case in CASES for node in findings_of(case, runtime="processes")}
    assert len(set(cells.values())) == len(cells), "two cells of one name: the second would pass for proven"
    assert wanted <= proven, REMEDY


def test_every_cell_that_an_incident_is_red_in_is_proven_by_it() -> None:
    proven = {(cell.key, by) for cell in shipped_proven() for by in cell.by}
    wanted = proven_by_incidents(map(load_incident, INCIDENTS), cell_keys())
    assert {(cell.key, by) for cell in wanted for by in cell.by} <= proven, REMEDY


HOLLOW: dict[str, str] = {}
"""Cells that nothing here has turned red, each with the reason."""


def test_no_cell_is_hollow_without_a_reason() -> None:
    proven = {cell.key for cell in shipped_proven()}
    assert {node for node, key in cell_keys().items() if key not in proven} == set(HOLLOW), REMEDY


def test_nothing_is_proven_that_is_gone() -> None:
    defects = {case.defect for case in CASES} | {f"incident {folder.name}" for folder in INCIDENTS}
    assert {cell.key for cell in shipped_proven()} <= set(cell_keys().values()), REMEDY
    assert {defect for cell in shipped_proven() for defect in cell.by} <= defects, REMEDY
