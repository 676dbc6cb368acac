"""Which cells have been seen red: a held cell that never was may be blind, and is drawn hollow.

What this suite has proven of its own scenarios travels with it (`proven.toml` beside this file: what the catalogue of
defects names, and `make detection` holds to it). Whoever writes scenarios keeps a file of the same form and names it
(`chaos_proven` in the ini file):

    [[cell]]
    promise = "liveness"
    scenario = "heartbeat"
    fault = ""                              # no fault
    by = ["ping_every_other_time"]          # what it was seen red against, for the reader

A cell is known by what it says, not by its node id: a scenario may move to another file and stays proven.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from chaos.errors import ConfigurationError
from chaos.report.runs import Run

__all__ = ["CellKey", "ProvenCell", "keep_proven", "proven_for", "read_proven", "render_proven", "shipped_proven"]

CellKey = tuple[str, str, str]
"""Promise, scenario, fault; the last is empty where nothing is injected."""

SHIPPED = Path(__file__).with_name("proven.toml")
OF_THE_RUN = "proven.toml"
"""What the author of a run's scenarios has proven, in the run's directory: its report can be made anew anywhere."""

KEYS = {"promise": str, "scenario": str, "fault": str, "by": list}


@dataclass(frozen=True, slots=True, order=True)
class ProvenCell:
    """A cell, and what it was seen red against."""

    promise: str
    scenario: str
    fault: str
    by: tuple[str, ...]

    @property
    def key(self) -> CellKey:
        """What it is known by."""
        return (self.promise, self.scenario, self.fault)


def read_proven(file: Path) -> tuple[ProvenCell, ...]:
    """The cells of one file. Raises ConfigurationError that names the file, the entry and what it takes."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}; chaos_proven names it") from error
    # Of a number of more digits than Python converts it is a plain ValueError, and so of what is no UTF-8.
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{file} is no TOML: {error}; chaos_proven names it") from error
    entries = content.get("cell", [])
    if set(content) - {"cell"} or not isinstance(entries, list):
        raise ConfigurationError(f"{file}: only [[cell]] entries stand in it; found {', '.join(content)}")
    return tuple(_cell(entry, f"{file}: [[cell]] {number}") for number, entry in enumerate(entries, start=1))


@cache
def shipped_proven() -> tuple[ProvenCell, ...]:
    """What detection has seen of this suite's own scenarios."""
    return read_proven(SHIPPED)


def keep_proven(run: Run, cells: Iterable[ProvenCell]) -> None:
    """Put an author's cells into the run's directory."""
    (run.directory / OF_THE_RUN).write_text(render_proven(cells), encoding="utf-8")


def proven_for(run: Run) -> frozenset[CellKey]:
    """The cells of a run that are proven: the suite's own, and those its author vouches for.

    Raises ConfigurationError where the run's file was damaged.
    """
    own = run.directory / OF_THE_RUN
    cells = (*shipped_proven(), *(read_proven(own) if own.is_file() else ()))
    return frozenset(cell.key for cell in cells)


def render_proven(cells: Iterable[ProvenCell]) -> str:
    """The file, an entry for each cell in an order that depends on nothing but the cells."""
    return "\n".join(
        f"[[cell]]\npromise = {_text(cell.promise)}\nscenario = {_text(cell.scenario)}\n"
        f"fault = {_text(cell.fault)}\nby = [{', '.join(map(_text, cell.by))}]\n"
        for cell in sorted(cells)
    )


def _text(value: str) -> str:
    # A JSON string is a basic string of TOML, but for DEL, which JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _cell(entry: object, where: str) -> ProvenCell:
    if not isinstance(entry, dict) or set(entry) != set(KEYS):
        found = ", ".join(entry) if isinstance(entry, dict) else repr(entry)
        raise ConfigurationError(f"{where} takes {', '.join(KEYS)}; found {found}")
    for name, kind in KEYS.items():
        if not isinstance(entry[name], kind):
            raise ConfigurationError(
                f"{where}: {name} is a {'list' if kind is list else 'string'}; found {entry[name]!r}"
            )
    by = entry["by"]
    if not by or not all(isinstance(name, str) and name for name in by):
        raise ConfigurationError(f"{where}: by names what the cell was seen red against, one at least; found {by!r}")
    return ProvenCell(entry["promise"], entry["scenario"], entry["fault"], tuple(by))
