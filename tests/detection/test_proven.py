"""chaos/report/proven.toml says what detection has seen: all of the catalogue, and nothing that is gone."""

from __future__ import annotations

from chaos.report.proven import shipped_proven
from tests.detection.cases import CASES
from tests.detection.cells import cell_keys

REMEDY = "run `make detection`, then `make detection-table ARGS=--write-proven`"


def test_every_cell_that_catches_a_defect_is_proven_by_it() -> None:
    cells = cell_keys()
    proven = {(cell.key, defect) for cell in shipped_proven() for defect in cell.by}
    wanted = {(cells[case.caught_by], case.defect) for case in CASES}
    assert len(set(cells.values())) == len(cells), "two cells of one name: the second would pass for proven"
    assert wanted <= proven, REMEDY


def test_nothing_is_proven_that_is_gone() -> None:
    defects = {case.defect for case in CASES}
    assert {cell.key for cell in shipped_proven()} <= set(cell_keys().values()), REMEDY
    assert {defect for cell in shipped_proven() for defect in cell.by} <= defects, REMEDY
