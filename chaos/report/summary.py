"""A run as a few lines of Markdown, for the page that a CI system shows of a job (`$GITHUB_STEP_SUMMARY`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from chaos.errors import JournalError
from chaos.report.cells import CellOutcome
from chaos.report.matrix import Matrix
from chaos.report.replay import replay_command
from chaos.report.runs import Run
from chaos.report.side_by_side import title_of
from chaos.report.terminal import UNICODE, what_happened

__all__ = ["append_summary", "render_summary"]

WORST_FIRST = tuple(reversed(CellOutcome))


def append_summary(path: Path, matrix: Matrix, *, run: Run, shortfall: str = "") -> None:
    """Add the run to a file, behind what is there: a job has one file for all of its steps.

    `shortfall` is a sentence that makes the run red whatever its cells say.
    Raises JournalError where it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(render_summary(matrix, run=run, shortfall=shortfall))
    except OSError as error:
        raise JournalError(f"cannot write the summary {path}: {error.strerror}") from error


def render_summary(matrix: Matrix, *, run: Run, shortfall: str = "") -> str:
    """A table with a row for each promise, and a sentence with its replay for each cell that did not hold."""
    return "\n".join(_lines(matrix, run, shortfall)) + "\n\n"


def _lines(matrix: Matrix, run: Run, shortfall: str) -> Iterator[str]:
    header, counts = run.header, matrix.counts()
    told = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in WORST_FIRST if counts[outcome])
    failed = f"FAILED, {_text(shortfall)}; " if shortfall else ""
    yield f"### WebSocket chaos: {failed}{told or 'nothing was judged'}"
    yield ""
    yield f"Target {_text(header.target)}, runtime {_text(header.runtime)}, seed {header.seed}, run `{run.id}`."
    yield ""
    signs = [f"{UNICODE.of(outcome)} {outcome.value}" for outcome in WORST_FIRST]
    yield f"| promise | {' | '.join(signs)} |"
    yield f"|---|{'---:|' * len(signs)}"
    for promise in matrix.promises:
        found = Counter(cell.outcome for cell in matrix.cells if cell.promise == promise)
        numbers = (str(found[outcome] or "") for outcome in WORST_FIRST)
        yield f"| {_text(promise.replace('_', ' '))} | {' | '.join(numbers)} |"
    for cell in matrix.not_held():
        yield ""
        yield f"**{cell.outcome.value}** {_text(title_of(cell))}: {_text(what_happened(cell))}"
        if cell.slug:
            yield f"`{replay_command(run, cell.slug)}`"


def _text(words: str) -> str:
    """What a server said is shown as it is: no character of it is Markdown, or HTML."""
    return "".join(f"&#{ord(char)};" if char in "\\`*_[]<>|&#~" else char for char in words)
