"""The dead are let go of by the end of a fault, and by nobody before it: what holds them until then has no room.

The reference's idle timeout lets go of those whom its heartbeat does not find, so it is out of the way here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.report import CellOutcome, open_run, read_cells
from tests.running import run_scenarios

pytestmark = [pytest.mark.detection, pytest.mark.timeout(350)]

NOBODY_IS_FOUND = (
    "--chaos-env=DEFECT=keep_dead_connections",
    "--chaos-env=WEBSOCKET_IDLE_WARNING_SECONDS=500",
    "--chaos-env=WEBSOCKET_IDLE_TIMEOUT_SECONDS=600",
)


@pytest.mark.parametrize(("fault", "dying"), [("vanished", 50), ("silent", 50), ("stalled-reader", 25)])
def test_a_server_that_finds_no_dead_peer_has_no_room_until_the_fault_ends_them(
    fault: str, dying: int, tmp_path: Path
) -> None:
    cell = f"test_rejection.py::test_places_of_the_dead_are_given_again[{fault}]"
    ended = run_scenarios([cell], runtime="processes", directory=tmp_path, options=NOBODY_IS_FOUND)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout + ended.stderr
    (found,) = read_cells(open_run(tmp_path, "latest"))
    assert found.outcome is CellOutcome.VIOLATED
    assert found.worst is not None
    assert found.worst.expectation == "released_within"
    assert re.fullmatch(
        rf"{dying} of {dying} dead connections still held \S+ after they died, so their places were not given again",
        found.worst.observed,
    )
