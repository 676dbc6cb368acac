"""How much of the suite runs against a defect, and which part of the defects a shard takes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache

from tests.detection.case import Case
from tests.running import ROOT

__all__ = [
    "FAMILY_SENTINELS",
    "Form",
    "all_cells",
    "family_of",
    "findings_of",
    "nodes_for",
    "parse_shard",
    "shard_of",
]


class Form(StrEnum):
    """What is asked of a server with a defect."""

    NARROW = "narrow"
    """The cell that catches it, those that nothing else turns red, and the catalogue's sentinels."""
    WIDE = "wide"
    """Besides those every cell of its promise, and one of each other promise; narrow where there are containers."""
    CROSS = "cross"
    """Every cell there is: the full cross product, for a night; narrow where there are containers."""

    @property
    def limit(self) -> float:
        """Seconds that one defect may take.

        On two cores under a load of 12 a narrow run took 30 s and a wide one 98 s; 90 cells take five times the wide.
        Four times that is a run that hangs.
        """
        return {Form.NARROW: 150.0, Form.WIDE: 400.0, Form.CROSS: 2000.0}[self]


FAMILY_SENTINELS = {
    "establishment": "test_establishment.py::test_sequential[calm]",
    "rejection": "test_rejection.py::test_burst_beyond_the_limit[burst]",
    "liveness": "test_liveness.py::test_heartbeat[calm]",
    "cleanup": "test_cleanup.py::test_ended_connections_are_released[client-reset]",
    "bounded_memory": "test_bounded_memory.py::test_cost_of_a_connection",
    "breaker": "test_breaker.py::test_one_failure_changes_nothing[upstream-errors]",
    "accept_breaker": "test_accept_breaker.py::test_turns_away_while_open[upstream-errors]",
    "delivery": "test_delivery.py::test_slow_consumer_hurts_only_itself[calm]",
    "closing": "test_closing.py::test_graceful_shutdown[calm]",
    "latency": "test_latency.py::test_round_trips[calm]",
    "fairness": "test_fairness.py::test_a_lively_client_stays",
    "survival": "test_survival.py::test_broken_handshakes[hostile-handshakes]",
    "pressure": "test_pressure.py::test_heartbeat_without_files[fd-limit]",
    "recovery": "test_recovery.py::test_after_a_mass_death[client-killed]",
    "observability": "test_observability.py::test_messages_are_counted[calm]",
    "settings": "test_settings.py::test_bad_ones_stop_the_start",
}
"""By promise the cell that speaks for it beside the defects of others: 1 to 3 s each, on two cores that are busy.

leak_free has none: its cheapest takes 16 s there, as long as all of these together, and the cross product has it."""


def family_of(node: str) -> str:
    """The promise of a cell, by the file of its scenario."""
    return node.rpartition("/")[2].partition(".py")[0].removeprefix("test_")


def findings_of(case: Case, *, runtime: str) -> Mapping[str, str]:
    """The cells that have to go red, with what each violates: in containers one shows that it is caught there too."""
    return {case.caught_by: case.finding, **(case.also if runtime == "processes" else {})}


def nodes_for(case: Case, form: Form, *, runtime: str, cells: Sequence[str]) -> tuple[str, ...]:
    """The cells to run, below tests/scenarios, each once; `cells` are all there are, those that take long left out."""
    wanted = [*findings_of(case, runtime=runtime), *case.sentinels]
    if case.target:
        return tuple(dict.fromkeys(wanted))
    if runtime == "processes" and form is Form.WIDE:
        wanted += [cell for cell in cells if family_of(cell) == case.promise]
        wanted += [sentinel for family, sentinel in FAMILY_SENTINELS.items() if family != case.promise]
    if runtime == "processes" and form is Form.CROSS:
        wanted += cells
    return tuple(dict.fromkeys(wanted))


@cache
def all_cells() -> tuple[str, ...]:
    """Every cell of tests/scenarios that is not slow, as pytest collects them."""
    listed = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "tests/scenarios", "-m", "chaos and not slow"),
            *("--collect-only", "-q", "-p", "no:cacheprovider"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    prefix = "tests/scenarios/"
    nodes = tuple(line.removeprefix(prefix) for line in listed.stdout.splitlines() if line.startswith(prefix))
    assert nodes, f"pytest collects no scenario:\n{listed.stdout}{listed.stderr}"
    return nodes


def parse_shard(text: str) -> tuple[int, int]:
    """`2/4` is the second of four. Raises ValueError."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise ValueError(f"a shard is given as NUMBER/OF, for instance 2/4; found {text!r}")
    return int(number), int(of)


def shard_of(names: Sequence[str], shard: tuple[int, int]) -> tuple[str, ...]:
    """Every so-many-th name in the order of the alphabet: the same ones on every machine, neighbours in different ones.

    Neighbours by name break the same promise, so each shard has some of every kind and they take about as long.
    """
    number, of = shard
    return tuple(sorted(names)[number - 1 :: of])
