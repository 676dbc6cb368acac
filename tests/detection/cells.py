"""Every cell there is, as the marks of the scenarios say; nothing is collected for it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from chaos.faults import base
from chaos.report.proven import CellKey

__all__ = ["cell_keys"]

SCENARIOS = sorted((Path(__file__).resolve().parents[1] / "scenarios").glob("test_*.py"))


def cell_keys() -> Mapping[str, CellKey]:
    """What each cell is known by, by its node below tests/scenarios."""
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
                about = "" if fault is None else fault.label
                found[f"{path.name}::{name}[{about or 'calm'}]"] = (promise, scenario, about)
    return found
