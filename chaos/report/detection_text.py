"""Detection times for a terminal, and as JSON for whoever draws or compares them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chaos.report.detection import Curve, Measured
from chaos.report.spans import Line, Span
from chaos.report.tables import table_lines
from chaos.units import format_duration

__all__ = ["HEADER", "READING", "as_record", "coarsest", "detection_lines", "row_of"]

HEADER = ("dead by", "deaths", "moments", "min", "median", "p95", "max", "limit", "within", "read to")
READING = (
    "From when the fault began to act to the first sample in which the server's kernel had let go: never too short, "
    "and too long by at most what stands under `read to`. What was not found while somebody looked is `not found`. "
    "Who died in one moment was due to one sweep: how much times scatter shows where there are several `moments`."
)
"""What the figures are, for who reads them."""


def detection_lines(measured: Measured) -> Iterator[Line]:
    """The table, or nothing where no detection was measured."""
    if measured.curves:
        yield (Span("dead peers found", ("bold",)), Span("   " + _of(measured), ("light",)))
        yield from table_lines(HEADER, [row_of(curve) for curve in measured.curves], words=1)
        yield (Span(coarsest(measured), ("light",)),)
    for each in measured.left_out if measured.curves else ():
        yield (Span(f"not measured in {each.cell}: {each.why}", ("light",)),)


def coarsest(measured: Measured) -> str:
    """The curve that is read the least finely, and why, in words. Raises ValueError where there is no curve."""
    worst = max(measured.curves, key=lambda curve: curve.uncertainty.seconds)
    return f"read least finely: {worst.fault}, to {worst.uncertainty.sentence()}"


def row_of(curve: Curve) -> tuple[str, ...]:
    """The columns of `HEADER`."""
    figures = curve.figures
    times = (figures.minimum, figures.median, figures.p95, figures.maximum)
    within = f"{curve.within}/{len(curve.detections)}" + (f" ({curve.unsure} unsure)" if curve.unsure else "")
    return (
        curve.fault,
        str(len(curve.detections)),
        str(curve.moments),
        *("not found" if time is None else format_duration(time) for time in times),
        format_duration(curve.limit),
        within,
        format_duration(curve.uncertainty.seconds),
    )


def as_record(measured: Measured) -> dict[str, Any]:
    """All of it for a file, seconds throughout; null for what was not within the watch."""
    return {
        "target": measured.target,
        "runs": list(measured.runs),
        "curves": [_curve(curve) for curve in measured.curves],
        "left_out": [{"cell": each.cell, "why": each.why} for each in measured.left_out],
    }


def _of(measured: Measured) -> str:
    return f"target {measured.target}, {len(measured.runs)} run{'s' if len(measured.runs) > 1 else ''}"


def _curve(curve: Curve) -> dict[str, Any]:
    figures = curve.figures
    return {
        "fault": curve.fault,
        "scenario": curve.scenario,
        "deaths": len(curve.detections),
        "moments": curve.moments,
        "minimum": _rounded(figures.minimum),
        "median": _rounded(figures.median),
        "p95": _rounded(figures.p95),
        "maximum": _rounded(figures.maximum),
        "limit": _rounded(curve.limit),
        "why": curve.why,
        "within": curve.within,
        "beyond": curve.beyond,
        "unsure": curve.unsure,
        "not_found": curve.not_found,
        "share_within": round(curve.within / len(curve.detections), 4),
        "watched": _rounded(curve.watched),
        "uncertainty": {
            "seconds": _rounded(curve.uncertainty.seconds),
            "reasons": list(curve.uncertainty.reasons),
        },
        "cells": list(curve.cells),
        "detections": [
            {"at_least": _rounded(each.at_least), "at_most": _rounded(each.at_most)} for each in curve.detections
        ],
    }


def _rounded(seconds: float | None) -> float | None:
    """To the microsecond, as times in a journal are."""
    return None if seconds is None else round(seconds, 6)
