"""Runs in which peers died, made by hand: a receipt, samples, and by what they were judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chaos.journal import Bite, Event, JournalWriter, Receipt, ReleaseAwaited, Sample, VerdictGiven
from chaos.report import Run, create_run

__all__ = ["a_run", "died"]

SINCE = 10.0
"""Seconds monotonic at which the fault began to act."""


def a_run(state: Path, *, target: str = "reference") -> Run:
    """A run without cells."""
    return create_run(
        state,
        target=target,
        target_file="target.toml",
        runtime="processes",
        runtime_reason="it was asked for",
        seed=1,
        versions={},
    )


def died(
    run: Run,
    fault: str,
    held: Sequence[tuple[float, int]],
    *,
    dead: int = 4,
    limit: float = 1.0,
    why: str = "interval + timeout",
    bite: Bite = Bite.BIT,
    scenario: str = "dead peers are released",
) -> Path:
    """A cell in which `dead` peers died of a fault; `held`: after how many seconds how many of them were still held."""
    directory = run.new_cell(f"tests/scenarios/test_cleanup.py::test_dead_peers_are_released[{fault}]")
    events: list[Event] = [
        Receipt(at=SINCE + 0.01, fault=fault, bite=bite, covered=dead, total=dead, since=SINCE),
        *(Sample(at=SINCE + after, took=0.001, sockets={"ESTABLISHED": 6 + count}) for after, count in held),
        ReleaseAwaited(at=SINCE + 9, dead=dead, remaining=6, limit=limit, why=why),
        VerdictGiven(at=SINCE + 9, outcome="held", promise="cleanup", scenario=scenario, fault=fault, node=""),
    ]
    with JournalWriter(directory, role="conductor", run=run.id, cell=directory.name) as journal:
        for event in events:
            journal.write(event)
    return directory
