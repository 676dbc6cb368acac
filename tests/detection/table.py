"""The table defect x cell: what caught each defect, what did not, and what cried wolf."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.detection.case import Case
from tests.detection.observed import Judgement, Observation, SeenCell, judge

__all__ = ["render_table"]

WIDTH = 120


def render_table(observations: Sequence[Observation], cases: Mapping[str, Case]) -> list[str]:
    """Lines, the last of which sums up. A defect that the catalogue has no longer is told and not judged."""
    judged = [(each, judge(cases[each.defect], each)) for each in observations if each.defect in cases]
    lines: list[str] = []
    for observation, judgement in judged:
        lines += _entry(observation, judgement)
    unknown = sorted({each.defect for each in observations} - set(cases))
    if unknown:
        lines += [f"no longer in the catalogue: {', '.join(unknown)}"]
    return [*lines, *_sum(judged)]


def _entry(observation: Observation, judgement: Judgement) -> Iterator[str]:
    sign = "caught" if judgement.sound else "WRONG "
    yield f"{sign}  {observation.defect}, {observation.runtime}"
    if judgement.complaint:
        yield from _wrapped("COMPLAINT", [judgement.complaint])
    yield from _wrapped("caught by", (f"{cell.short} ({', '.join(cell.findings)})" for cell in judgement.caught_by))
    yield from _wrapped("not by", _told(judgement.missed_by, own=True))
    yield from _wrapped("also seen by", _told(judgement.elsewhere))
    yield from _wrapped("FALSE ALARM", _told(judgement.false_alarms))


def _told(cells: Iterable[SeenCell], *, own: bool = False) -> list[str]:
    """Names, with the promise where it is another, and with the outcome where it says more than the column."""
    return [
        ("" if own else f"{cell.promise}: ")
        + cell.short
        + ("" if cell.outcome == "held" else f" ({', '.join(cell.findings) or cell.outcome})")
        for cell in cells
    ]


def _wrapped(head: str, items: Iterable[str]) -> list[str]:
    text = "; ".join(items)
    if not text:
        return []
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"        {head:<13}",
        subsequent_indent=" " * 21,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _sum(judged: Sequence[tuple[Observation, Judgement]]) -> list[str]:
    alarms = sum(len(judgement.false_alarms) for _, judgement in judged)
    escaped = sum(bool(judgement.complaint) for _, judgement in judged)
    cells = sum(len(observation.cells) for observation, _ in judged)
    again = sum(observation.again for observation, _ in judged)
    alone = f"; {again} ran a second time, alone, for a cell was undecided" if again else ""
    return [
        f"{len(judged)} runs of defects, {cells} cells: "
        f"{len(judged) - escaped} caught, {escaped} not, {alarms} false alarms{alone}"
    ]
