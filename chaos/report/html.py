"""The report as one HTML file that needs nothing from anywhere: styles, script and pictures are inside."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from chaos.errors import JournalError
from chaos.journal import Journal, Round, read_journal
from chaos.report.cells import CellOutcome, CellRecord, read_cell
from chaos.report.detection import Measured, read_detections
from chaos.report.detection_drawing import draw_detections
from chaos.report.detection_text import HEADER, READING, coarsest, row_of
from chaos.report.drawing import draw
from chaos.report.kept import EXPLAINED, read_kept
from chaos.report.kept import HEADER as KEPT_HEADER
from chaos.report.kept import row_of as kept_row
from chaos.report.matrix import Matrix, build_matrix
from chaos.report.proven import proven_for
from chaos.report.replay import replay_command
from chaos.report.rounds import draw_rounds
from chaos.report.runs import Run
from chaos.report.story import Story, tell
from chaos.report.terminal import NO_FAULTS
from chaos.report.timeline import build_timeline
from chaos.units import format_duration

__all__ = ["render_detections", "render_html", "write_html"]

SIGNS = {
    CellOutcome.HELD: "✓",
    CellOutcome.VIOLATED: "✗",
    CellOutcome.INCONCLUSIVE: "?",
    CellOutcome.SKIPPED: "-",
}
HOLLOW = "○"
_HERE = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the template needs of one cell."""

    anchor: str
    cell: CellRecord
    story: Story | None
    pictures: tuple[str, ...]
    """SVG elements."""
    replay: str
    broken: str
    """Why the journal cannot be read, or empty."""


def write_html(run: Run) -> Path:
    """Read the run's journals and write `report.html` into its directory; gives the path.

    Raises JournalError where it cannot be written.
    """
    beside = run.html.with_name(f".{run.html.name}.new")
    try:
        beside.write_text(render_html(run), encoding="utf-8")
        beside.replace(run.html)
    except OSError as error:
        raise JournalError(f"cannot write the report {run.html}: {error.strerror}") from error
    return run.html


def render_html(run: Run) -> str:
    """The page as text."""
    pages = [_page(run, directory) for directory in run.cells()]
    matrix = build_matrix((page.cell for page in pages), proven=proven_for(run))
    place = {cell.slug: number for number, cell in enumerate(matrix.cells)}
    pages.sort(key=lambda page: place[page.cell.slug])
    declared = matrix.declared()
    anchors = {page.cell.slug: page.anchor for page in pages}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            header=run.header,
            started=time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.header.started)),
            matrix=matrix,
            counts=matrix.counts(),
            anchors=anchors,
            declared_promises=declared.promises,
            undeclared_rows=[row for row in matrix.rows if row not in declared.rows],
            faults_left_out=NO_FAULTS in run.header.options,
            failing=[page for page in pages if page.cell.outcome.needs_a_word],
            others=[page for page in pages if page.cell.outcome is CellOutcome.HELD],
            skipped=_skipped(matrix),
            signs=SIGNS,
            detections=_of_detections(read_detections([run])),
            kept=_of_kept(run),
            hollow=HOLLOW,
            styles=_file("report.css"),
            script=_file("report.js"),
        )
    )


def render_detections(measured: Measured) -> str:
    """A page of nothing but the detection times, which may be of several runs."""
    return (
        _environment()
        .get_template("detection_page.html.j2")
        .render(**_of_detections(measured), styles=_file("report.css"), script=_file("report.js"))
    )


def _of_detections(measured: Measured) -> dict[str, object]:
    """What the section of the detection times takes."""
    return {
        "measured": measured,
        "picture": draw_detections(measured.curves),
        "header": HEADER,
        "rows": [(curve, row_of(curve)) for curve in measured.curves],
        "reading": READING,
        "coarsest": coarsest(measured) if measured.curves else "",
    }


def _of_kept(run: Run) -> dict[str, object]:
    """What the section of the leaks takes."""
    rows = [(ending, kept, kept_row(ending, kept)) for ending in read_kept(run) for kept in ending.kept]
    return {"rows": rows, "header": KEPT_HEADER, "explained": EXPLAINED}


def _page(run: Run, directory: Path) -> Page:
    journal, broken = None, ""
    try:
        journal = read_journal(directory)
    except JournalError as error:
        broken = str(error)
    return Page(
        anchor=f"cell-{directory.name}",
        cell=read_cell(run, directory),
        story=tell(journal) if journal is not None else None,
        pictures=_pictures(journal, name=directory.name) if journal is not None else (),
        replay=replay_command(run, directory.name),
        broken=broken,
    )


def _pictures(journal: Journal, *, name: str) -> tuple[str, ...]:
    timeline = build_timeline(journal)
    drawn = (draw(timeline, name=name) if timeline is not None else "", draw_rounds(journal.of(Round)))
    return tuple(picture for picture in drawn if picture)


def _skipped(matrix: Matrix) -> list[tuple[str, list[CellRecord]]]:
    """The reasons, most frequent first, each with the cells that it left out."""
    cells = [cell for cell in matrix.cells if cell.outcome is CellOutcome.SKIPPED]
    reasons = Counter(cell.detail for cell in cells)
    return [(reason, [cell for cell in cells if cell.detail == reason]) for reason, _ in reasons.most_common()]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = format_duration
    environment.filters["words"] = lambda name: name.replace("_", " ")
    return environment


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
