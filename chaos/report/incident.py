"""What the variants of an incident have shown: their matrices side by side, the verdict, the figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chaos.journal import FindingMade
from chaos.report.cells import CellOutcome, CellRecord
from chaos.report.grid import Signs
from chaos.report.incident_file import AFTER, Figure, Incident, Told, VariantName
from chaos.report.matrix import build_matrix
from chaos.report.side_by_side import side_by_side, title_of
from chaos.report.terminal import what_happened
from chaos.report.text import clean

__all__ = [
    "IncidentVerdict",
    "Ran",
    "judge_fix",
    "judge_incident",
    "render_figures",
    "render_incident",
    "render_tally",
    "undecided",
]


@dataclass(frozen=True, slots=True)
class Ran:
    """What one variant has shown; no cells where its run died."""

    cells: tuple[CellRecord, ...]
    exit_code: int = 0
    """pytest's."""

    def cell(self, node: str) -> CellRecord | None:
        """A cell by file, test and fault, wherever the scenarios are."""
        return next((cell for cell in self.cells if cell.node.rpartition("/")[2] == node), None)

    def with_(self, others: Iterable[CellRecord]) -> Ran:
        """The same, with cells in place of those of their name: they ran again."""
        newer = {cell.node: cell for cell in others}
        return replace(self, cells=tuple(newer.get(cell.node, cell) for cell in self.cells))


@dataclass(frozen=True, slots=True)
class IncidentVerdict:
    """Whether the incident was there before its fix, and is not there after it."""

    not_reproduced: tuple[str, ...]
    """What was expected to go red and did not, each in a sentence."""
    not_fixed: tuple[str, ...]
    """What was expected to hold and did not, each in a sentence."""

    @property
    def sound(self) -> bool:
        return not self.not_reproduced and not self.not_fixed

    def sentence(self) -> str:
        """`reproduced and fixed`, or which of both is missing."""
        reproduced = "not reproduced" if self.not_reproduced else "reproduced"
        fixed = "not fixed" if self.not_fixed else "fixed"
        return f"{reproduced} and {fixed}"


def judge_incident(incident: Incident, ran: Mapping[VariantName, Ran], *, runtime: str) -> IncidentVerdict:
    """Hold what the variants have shown against what the incident says they have to.

    What is red on one variant has to hold after the fix; and after it nothing else may go red or be undecided.
    """
    red = [told for told in incident.red if runtime not in told.not_in]
    others = [each for each in incident.held if each.variant != AFTER and runtime not in each.not_in]
    return IncidentVerdict(
        not_reproduced=tuple(filter(None, (_not_red(told, ran.get(told.variant)) for told in red))),
        not_fixed=(
            *judge_fix(incident, ran.get(AFTER), runtime=runtime),
            *filter(None, (_not_held(each.variant, each.cell, ran.get(each.variant)) for each in others)),
        ),
    )


def judge_fix(incident: Incident, after: Ran | None, *, runtime: str) -> tuple[str, ...]:
    """What the fixed variant has not shown of what it has to, each in a sentence."""
    red = [told.cell for told in incident.red if runtime not in told.not_in]
    held = [each.cell for each in incident.held if each.variant == AFTER and runtime not in each.not_in]
    missing = (_not_held(AFTER, cell, after) for cell in dict.fromkeys([*red, *held]))
    return (*_touched(after), *filter(None, missing))


def undecided(incident: Incident, name: VariantName, ran: Ran) -> list[CellRecord]:
    """The cells that the verdict asks for and that nobody could decide: they say nothing of the server.

    So does one that is red for something else, where what it is asked for is what nobody could decide.
    """
    red = [told for told in incident.red if told.variant == name]
    wanted = {each.cell for each in (*red, *(each for each in incident.held if each.variant == name))}
    open_ = {told.cell for told in red if _is_open(told, ran)}
    return [
        cell
        for cell in ran.cells
        if (cell.outcome is CellOutcome.INCONCLUSIVE and (name == AFTER or cell.node.rpartition("/")[2] in wanted))
        or cell.node.rpartition("/")[2] in open_
    ]


def _is_open(told: Told, ran: Ran) -> bool:
    cell = ran.cell(told.cell)
    return (
        cell is not None
        and cell.outcome is CellOutcome.VIOLATED
        and not _words(told, ran)
        and any(
            each.expectation == told.finding and each.verdict == CellOutcome.INCONCLUSIVE.value
            for each in cell.findings
        )
    )


def _not_red(told: Told, ran: Ran | None) -> str:
    where = f"{told.variant}: {told.cell}"
    cell = ran.cell(told.cell) if ran is not None else None
    if cell is None or ran is None:
        return f"{where} did not run"
    if cell.outcome is not CellOutcome.VIOLATED:
        return f"{where} is {cell.outcome.value} where it has to go red: {_sentence(cell)}"
    findings = [each for each in cell.findings if each.verdict == CellOutcome.VIOLATED.value]
    own = [each for each in findings if each.expectation == told.finding]
    if not own:
        others = ", ".join(each.expectation for each in findings)
        return f"{where} went red for another reason: it violates {others}, not {told.finding}"
    if not _words(told, ran):
        return f"{where} went red with other words than {told.says!r}: {clean(own[0].observed)}"
    return ""


def _words(told: Told, ran: Ran) -> str:
    """The sentence in which a cell went red as it was told to; empty where there is none."""
    cell = ran.cell(told.cell)
    observed = (
        clean(each.observed)
        for each in (cell.findings if cell is not None else ())
        if each.verdict == CellOutcome.VIOLATED.value and each.expectation == told.finding
    )
    return next((sentence for sentence in observed if re.search(told.says, sentence)), "")


def _touched(ran: Ran | None) -> Iterator[str]:
    if ran is None or not ran.cells or ran.exit_code not in (0, 1):
        yield f"{AFTER}: its run ended with pytest's exit code {ran.exit_code if ran else 'none'}"
        return
    for cell in ran.cells:
        if cell.outcome.needs_a_word:
            yield f"{AFTER}: {title_of(cell)} is {cell.outcome.value}: {_sentence(cell)}"


def _not_held(name: VariantName, node: str, ran: Ran | None) -> str:
    cell = ran.cell(node) if ran is not None else None
    if cell is None:
        return f"{name}: {node} did not run"
    if cell.outcome is CellOutcome.HELD or (name == AFTER and cell.outcome.needs_a_word):
        return ""  # said already, with all that went red after the fix
    return f"{name}: {node} is {cell.outcome.value} where it has to hold: {_sentence(cell)}"


def render_incident(
    incident: Incident, ran: Mapping[VariantName, Ran], verdict: IncidentVerdict, *, signs: Signs
) -> list[str]:
    """The matrices side by side, a sentence for each cell that went red, the figures, the verdict."""
    lines = [
        f"{incident.name}: {incident.title}",
        "",
        *side_by_side({name: one.cells for name, one in ran.items()}, signs=signs),
    ]
    for name, one in ran.items():
        bad = build_matrix(one.cells).not_held()
        if bad:
            lines += ["", name, *(f"  {each.outcome.value}: {title_of(each)}: {_sentence(each)}" for each in bad)]
    if incident.figures:
        lines += ["", "the owners' figures, and what was measured", *render_figures(incident.figures, ran)]
    lines += ["", f"{incident.name}: {verdict.sentence()}"]
    return [*lines, *(f"  {sentence}" for sentence in (*verdict.not_reproduced, *verdict.not_fixed))]


def render_tally(
    incident: Incident, passes: Sequence[Mapping[VariantName, Ran]], after: Sequence[Ran] = (), *, runtime: str
) -> Iterator[str]:
    """How often an incident was reproduced and was fixed, and how often each of its reds was red, in which words.

    `after`: what the fixed variant has shown in passes of its own.
    """
    verdicts = [judge_incident(incident, ran, runtime=runtime) for ran in passes]
    of = len(passes)
    reproduced = sum(not verdict.not_reproduced for verdict in verdicts)
    fixed = sum(not verdict.not_fixed for verdict in verdicts)
    fixed += sum(not judge_fix(incident, ran, runtime=runtime) for ran in after)
    told_reproduced = f"reproduced {reproduced} of {of}, " if of else ""
    yield f"{incident.name}: {told_reproduced}fixed {fixed} of {of + len(after)}"
    if not of:
        return
    for told in incident.red:
        if runtime in told.not_in:
            continue
        words = [_words(told, ran[told.variant]) for ran in passes if not _not_red(told, ran.get(told.variant))]
        yield f"  red {len(words)} of {of}  {told.variant}: {told.cell}"
        if words:
            yield f"      {words[-1]}"


def render_figures(figures: Sequence[Figure], ran: Mapping[VariantName, Ran]) -> Iterator[str]:
    """Each of the owners' figures, and beneath it the sentence of the finding that measured it, variant by variant."""
    wide = max(map(len, ran))
    for figure in figures:
        yield f"  {figure.what}: told {figure.told}{f' ({figure.note})' if figure.note else ''}"
        for name, one in ran.items():
            yield f"    {name:<{wide}}  {_measured(figure, one)}"


def _measured(figure: Figure, ran: Ran) -> str:
    cell = ran.cell(figure.cell)
    if cell is None:
        return "not run"
    finding = _finding(cell, figure.finding)
    if finding is None:
        return f"{cell.outcome.value}: {_sentence(cell)}"
    return clean(finding.observed)


def _finding(cell: CellRecord, expectation: str) -> FindingMade | None:
    """The finding of an expectation; of several the worst."""
    return next((each for each in cell.worst_first if each.expectation == expectation), None)


def _sentence(cell: CellRecord) -> str:
    return clean(cell.detail) if cell.outcome is CellOutcome.SKIPPED else what_happened(cell)
