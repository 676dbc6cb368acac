"""What a run leaves in JUnit files, which cut a failure's message at 500 characters: the verdict comes first."""

from __future__ import annotations

from chaos.report.cells import CellRecord
from chaos.report.replay import replay_command
from chaos.report.runs import Run
from chaos.report.terminal import what_happened
from chaos.report.text import clean, shorten

__all__ = ["MESSAGE_LIMIT", "junit_message", "junit_properties"]

MESSAGE_LIMIT = 500
"""Characters of a message that survive in CI systems' views."""


def junit_message(cell: CellRecord, *, run: Run) -> str:
    """The first line of a failure: verdict, promise, fault, observed and promised, then the replay command.

    Where it gets too long the sentence is cut, never the command.
    """
    under = f" under {cell.fault}" if cell.fault else ""
    sentence = clean(f"{cell.outcome.value}: {cell.promise}, {cell.scenario}{under}: {what_happened(cell)}")
    again = f" | again: {replay_command(run, cell.slug)}" if cell.slug else ""
    return shorten(sentence, MESSAGE_LIMIT - len(again)) + again


def junit_properties(cell: CellRecord, *, run: Run) -> list[tuple[str, str]]:
    """Pairs for `request.node.user_properties`: the cell's place in the matrix, its verdict and its figures."""
    pairs = [
        ("chaos.run", run.id),
        ("chaos.target", run.header.target),
        ("chaos.runtime", run.header.runtime),
        ("chaos.seed", str(run.header.seed)),
        ("chaos.promise", cell.promise),
        ("chaos.scenario", cell.scenario),
        ("chaos.fault", cell.fault),
        ("chaos.verdict", cell.outcome.value),
        ("chaos.figure", cell.figure),
        ("chaos.cell", cell.slug),
    ]
    pairs += [
        (f"chaos.finding.{finding.expectation}", f"{finding.verdict}: {finding.figure or finding.observed}")
        for finding in cell.findings
    ]
    return [(name, clean(value)) for name, value in pairs if value]
