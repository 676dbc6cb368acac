"""The figures of a run as files beside its report, for whoever draws or compares them elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chaos.errors import JournalError
from chaos.report.detection import read_detections
from chaos.report.detection_text import as_record
from chaos.report.kept import kept_record, read_kept
from chaos.report.runs import Run

__all__ = ["DETECTION", "KEPT", "write_figures"]

DETECTION = "detection.json"
KEPT = "kept.json"


def write_figures(run: Run) -> list[Path]:
    """Write the figures that the run has into its directory; gives the paths, none where nothing was measured.

    Raises JournalError where a file cannot be written.
    """
    written = []
    measured = read_detections([run])
    if measured.curves or measured.left_out:
        written.append(_write(run.directory / DETECTION, as_record(measured)))
    if endings := read_kept(run):
        written.append(_write(run.directory / KEPT, kept_record(run, endings)))
    return written


def _write(path: Path, record: dict[str, Any]) -> Path:
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise JournalError(f"cannot write the figures {path}: {error.strerror}") from error
    return path
