"""What a defect did to the cells that ran against it, and what that says of the suite. Pure data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from chaos.report import CellOutcome, CellRecord
from tests.detection.case import Case
from tests.detection.forms import findings_of

__all__ = [
    "Judgement",
    "Observation",
    "SeenCell",
    "end_of",
    "judge",
    "read_observations",
    "see",
    "undecided",
]

HELD = CellOutcome.HELD.value
VIOLATED = CellOutcome.VIOLATED.value

MOST_LINES = 60
MOST_CHARACTERS = 8_000
"""Of what a run has said: its end, which says why it judged nothing. Of a server that knew no such defect, and named
all that it knows, it was 17 lines of some 6,000 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCell:
    """One cell beside a defect."""

    node: str
    """Below tests/scenarios."""
    promise: str
    scenario: str
    fault: str
    outcome: str
    findings: tuple[str, ...]
    """The expectations that were violated."""

    @property
    def short(self) -> str:
        """How the table names it: its test and fault, without what all of them have."""
        return self.node.partition("::")[2].removeprefix("test_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All cells that ran against one defect in one runtime."""

    defect: str
    runtime: str
    cells: tuple[SeenCell, ...]
    said: str = ""
    """The end of what its run has said, where a cell that was asked for is not decided."""
    again: bool = False
    """Whether this is a second run, alone, for beside others a cell was not decided."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> Observation:
        """Raises ValueError where the line is none of `to_json`."""
        try:
            fields = json.loads(line)
            cells = tuple(SeenCell(**{**cell, "findings": tuple(cell["findings"])}) for cell in fields["cells"])
            # Results of an earlier day have no words.
            said, again = fields.get("said", ""), fields.get("again", False)
            return cls(defect=fields["defect"], runtime=fields["runtime"], cells=cells, said=said, again=again)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"no result of detection: {line[:80]!r}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one observation says."""

    caught_by: tuple[SeenCell, ...]
    """Cells of the broken promise that went red."""
    missed_by: tuple[SeenCell, ...]
    """Cells of the broken promise that did not: not every fault shows every mistake."""
    elsewhere: tuple[SeenCell, ...]
    """Cells of other promises that went red, as the catalogue says they have to."""
    false_alarms: tuple[SeenCell, ...]
    """Cells that went red, or could not be decided, and had no reason to."""
    complaint: str
    """Why the defect does not count as caught; empty where it does."""

    @property
    def sound(self) -> bool:
        return not self.complaint and not self.false_alarms


def see(case: Case, runtime: str, cells: Iterable[CellRecord], *, said: str) -> Observation:
    """What a run left. What it `said` is kept where that alone tells why a cell is not decided."""
    seen = Observation(
        defect=case.defect,
        runtime=runtime,
        cells=tuple(
            SeenCell(
                node=cell.node.removeprefix("tests/scenarios/"),
                promise=cell.promise,
                scenario=cell.scenario,
                fault=cell.fault,
                outcome=cell.outcome.value,
                findings=tuple(sorted({each.expectation for each in cell.findings if each.verdict == VIOLATED})),
            )
            for cell in cells
        ),
    )
    return replace(seen, said=end_of(said)) if undecided(case, seen) else seen


def undecided(case: Case, observation: Observation) -> tuple[str, ...]:
    """The cells that have to go red, and the sentinels, of which nothing can be said: they did not run, were skipped,
    or the experiment was not sound."""
    decided = {cell.node for cell in observation.cells if cell.outcome in (HELD, VIOLATED)}
    return tuple(node for node in _asked_for(case, observation.runtime) if node not in decided)


def end_of(text: str) -> str:
    """The last lines of it, with a word on how many are left out."""
    lines = text.strip().splitlines()
    kept = "\n".join(lines[-MOST_LINES:])[-MOST_CHARACTERS:]
    missing = len(lines) - len(kept.splitlines())
    return f"... {missing} lines before that\n{kept}" if missing else kept


def judge(case: Case, observation: Observation) -> Judgement:
    """Hold an observation against the catalogue."""
    own, others = [], []
    for cell in observation.cells:
        (own if cell.promise == case.promise and cell.node not in case.sentinels else others).append(cell)
    touched = [cell for cell in others if cell.outcome != HELD]
    excused = [cell for cell in touched if cell.promise in case.elsewhere and cell.node not in case.sentinels]
    return Judgement(
        caught_by=tuple(cell for cell in own if cell.outcome == VIOLATED),
        missed_by=tuple(cell for cell in own if cell.outcome != VIOLATED),
        elsewhere=tuple(excused),
        false_alarms=tuple(cell for cell in touched if cell not in excused),
        complaint=_complaint(case, observation),
    )


def _complaint(case: Case, observation: Observation) -> str:
    there = {cell.node: cell for cell in observation.cells}
    catching = findings_of(case, runtime=observation.runtime)
    not_run = [node for node in _asked_for(case, observation.runtime) if node not in there]
    if not_run:
        return f"did not run: {', '.join(not_run)}"
    for caught, finding in ((there[node], finding) for node, finding in catching.items()):
        if caught.outcome != VIOLATED:
            return f"not caught: {caught.short} is {caught.outcome}"
        if finding not in caught.findings:
            return f"caught for another reason: {caught.short} violates {', '.join(caught.findings)}, not {finding}"
    return ""


def _asked_for(case: Case, runtime: str) -> tuple[str, ...]:
    return (*findings_of(case, runtime=runtime), *case.sentinels)


def read_observations(files: Iterable[Path]) -> tuple[Observation, ...]:
    """Those of all files, by defect and runtime; of one that was made twice the last counts.

    Raises ValueError that names the file and the line.
    """
    found: dict[tuple[str, str], Observation] = {}
    for file in files:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                observation = Observation.from_json(line)
            except ValueError as error:
                raise ValueError(f"{file}, line {number}: {error}") from error
            found[observation.defect, observation.runtime] = observation
    return tuple(found[key] for key in sorted(found))


def by_name(cases: Iterable[Case]) -> Mapping[str, Case]:
    """The cases by their defects' names."""
    return {case.defect: case for case in cases}
