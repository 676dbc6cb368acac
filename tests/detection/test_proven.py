"""chaos/report/proven.toml says what was seen red: all that the catalogue and the incidents name, and nothing else."""

from __future__ import annotations

from chaos.report.incident_file import load_incident
from chaos.report.proven import shipped_proven
from tests.detection.__main__ import INCIDENTS
from tests.detection.cases import CASES
from tests.detection.cells import cell_keys
from tests.detection.proof import proven_by

REMEDY = "see it red (`make detection`), then run `python -m tests.detection --write-proven`"


def test_what_is_named_is_proven_and_nothing_else() -> None:
    cells = cell_keys()
    assert len(set(cells.values())) == len(cells), "two cells of one name: the second would pass for proven"
    assert shipped_proven() == proven_by(CASES, map(load_incident, INCIDENTS), cells), REMEDY


def test_no_cell_is_hollow() -> None:
    proven = {cell.key for cell in shipped_proven()}
    assert [node for node, key in cell_keys().items() if key not in proven] == [], REMEDY
