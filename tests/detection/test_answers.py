"""A full server may turn clients away in two ways. The reference's target promises one; the other is tried here.

Both ways round: a server that does what it promises is held, and one that answers in the other way is caught.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.report import CellOutcome, CellRecord, open_run, read_cells
from tests.running import run_scenarios

pytestmark = [pytest.mark.detection, pytest.mark.timeout(350)]

CLOSING = "--chaos-target=targets/reference/close-1013.toml"
BURST = "test_rejection.py::test_burst_beyond_the_limit[burst]"


def test_a_server_that_closes_with_1013_keeps_every_promise_of_rejection(tmp_path: Path) -> None:
    ended = run_scenarios(["test_rejection.py"], runtime="processes", directory=tmp_path, options=[CLOSING])
    assert ended.returncode == pytest.ExitCode.OK, ended.stdout + ended.stderr
    cells = _cells(tmp_path)
    assert {cell.outcome for cell in cells.values()} == {CellOutcome.HELD}
    (finding,) = (
        finding
        for finding in cells[f"tests/scenarios/{BURST}"].findings
        if finding.expectation == "rejected_gracefully"
    )
    assert finding.promised == (
        "79 more clients get in, each of the others is turned away with close code 1013 within 1s; "
        "of 100 places 21 are taken (20 inside, the canary)"
    )
    assert finding.observed.startswith("79 in, 71 out, the slowest refusal after ")


def test_a_server_that_answers_503_where_it_promised_1013_is_caught(tmp_path: Path) -> None:
    answers_503 = "--chaos-env=WEBSOCKET_REJECT_WITH=http-503"
    ended = run_scenarios([BURST], runtime="processes", directory=tmp_path, options=[CLOSING, answers_503])
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout + ended.stderr
    (cell,) = _cells(tmp_path).values()
    assert cell.outcome is CellOutcome.VIOLATED
    assert cell.worst is not None
    assert (cell.worst.expectation, cell.worst.observed) == (
        "rejected_gracefully",
        "71 of 71 were not turned away gracefully: 71 x HTTP 503",
    )


def _cells(directory: Path) -> dict[str, CellRecord]:
    return {cell.node: cell for cell in read_cells(open_run(directory, "latest"))}
