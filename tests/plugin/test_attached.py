"""A server that runs already, attached to for real: judged, and never started, ended or cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from chaos.report import CellOutcome, CellRecord, open_run, read_cells
from chaos.target_file import load_target
from tests.running import ROOT, run_scenarios
from tests.unit.reference.running import RunningServer, started

REFERENCE = ROOT / "targets" / "reference" / "target.toml"

WARNED = "test_rejection.py::test_warned_when_nearly_full"
RELEASED = "test_cleanup.py::test_ended_connections_are_released[client-reset]"
ESTABLISHED = "test_establishment.py::test_simultaneous[calm]"
RECOVERED = "test_recovery.py::test_after_a_crash[server-killed]"


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """The reference server as its target file sets it, with a defect; it never closes a client that says nothing."""
    patient = {"WEBSOCKET_IDLE_TIMEOUT_SECONDS": "0", "WEBSOCKET_MAX_AGE": "0"}
    environment = {**load_target(REFERENCE).start.environment, **patient, "DEFECT": "no_backpressure_warning"}
    running = started(profile="fast", environment=environment)
    yield running
    assert running.process.poll() is None, "it was somebody else's, and was ended"
    running.kill()


def attached(server: RunningServer, directory: Path) -> Path:
    """A target file that attaches to it."""
    file = directory / "mine.toml"
    text = (
        f'name = "mine"\nextends = "{REFERENCE}"\n'
        'without = ["start", "upstream", "promises.breaker", "promises.accept_breaker", '
        '"promises.settings.accept_breaker_off"]\n\n'
        f'[start]\nattach = "ws://127.0.0.1:{server.port}"\nhealth = "/health"\n'
    )
    file.write_text(text, encoding="utf-8")
    return file


def run(nodes: list[str], file: Path, directory: Path) -> tuple[int, dict[str, CellRecord]]:
    ended = run_scenarios(nodes, runtime="attached", directory=directory, options=[f"--chaos-target={file}"])
    assert ended.returncode in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), ended.stdout + ended.stderr
    cells = read_cells(open_run(directory))
    return ended.returncode, {cell.node.removeprefix("tests/scenarios/"): cell for cell in cells}


def test_a_broken_promise_does_not_cost_those_that_follow(server: RunningServer, tmp_path: Path) -> None:
    code, cells = run([WARNED, RELEASED, ESTABLISHED, RECOVERED], attached(server, tmp_path), tmp_path / "state")
    assert code == pytest.ExitCode.TESTS_FAILED
    outcomes = {
        node: (cell.outcome, cell.detail) for node, cell in cells.items() if cell.outcome is not CellOutcome.HELD
    }
    assert outcomes.keys() == {WARNED, RECOVERED}
    assert outcomes[WARNED][0] is CellOutcome.VIOLATED
    assert outcomes[RECOVERED] == (
        CellOutcome.SKIPPED,
        "needs restarting the server: mine was attached to, not started; have the suite start it (start.command, "
        "start.image or start.build)",
    )


def test_a_server_that_others_use_is_judged_by_nobody(server: RunningServer, tmp_path: Path) -> None:
    with connect(server.url("/echo")):
        _, cells = run([ESTABLISHED], attached(server, tmp_path), tmp_path / "state")
    assert (cells[ESTABLISHED].outcome, cells[ESTABLISHED].detail) == (
        CellOutcome.SKIPPED,
        f"1 connections of others on 127.0.0.1:{server.port}: what the server holds would be taken for the suite's; "
        "attach to one that nobody else uses, or have the suite start it (start.command)",
    )
