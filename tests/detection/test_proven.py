"""chaos/report/proven.toml says what detection has seen: all of the catalogue, and nothing that is gone."""

from __future__ import annotations

import importlib
from pathlib import Path

from chaos.faults import base
from chaos.report.proven import CellKey, shipped_proven
from tests.detection.catalogue import CASES

REMEDY = "run `make detection`, then `make detection-table ARGS=--write-proven`"
SCENARIOS = sorted((Path(__file__).resolve().parents[1] / "scenarios").glob("test_*.py"))


def test_every_cell_that_catches_a_defect_is_proven_by_it() -> None:
    proven = {(cell.key, defect) for cell in shipped_proven() for defect in cell.by}
    there = {key: node for node, key in _cells().items()}
    wanted = {(key, case.defect) for case in CASES for key in (_cells()[case.caught_by],)}
    assert len(there) == len(_cells()), "two cells of one name: the second would pass for proven"
    assert wanted <= proven, REMEDY


def test_nothing_is_proven_that_is_gone() -> None:
    defects = {case.defect for case in CASES}
    assert {cell.key for cell in shipped_proven()} <= set(_cells().values()), REMEDY
    assert {defect for cell in shipped_proven() for defect in cell.by} <= defects, REMEDY


def _cells() -> dict[str, CellKey]:
    """Every cell by its node, as the scenarios' marks say."""
    found: dict[str, CellKey] = {}
    for path in SCENARIOS:
        module = importlib.import_module(f"tests.scenarios.{path.stem}")
        for name, function in vars(module).items():
            if not name.startswith("test_"):
                continue
            marks = {mark.name: mark.args for mark in getattr(function, "pytestmark", [])}
            promise, scenario = marks["promise"]
            if "faults" not in marks:
                found[f"{path.name}::{name}"] = (promise, scenario, "")
            for fault in marks.get("faults", ()):
                assert fault is None or isinstance(fault, base.Fault)
                about = "" if fault is None else fault.name
                found[f"{path.name}::{name}[{about or 'calm'}]"] = (promise, scenario, about)
    return found
