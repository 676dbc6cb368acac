from __future__ import annotations

from chaos.expectations import ServerSurvived
from chaos.verdict import Verdict
from tests.unit.expectations.records import record


def test_a_server_that_runs_has_survived() -> None:
    assert ServerSurvived(alive=True, exit_code=None, log=()).judge(record()).verdict is Verdict.HELD


def test_a_server_that_ended_has_not_and_its_log_is_the_evidence() -> None:
    finding = ServerSurvived(alive=False, exit_code=3, log=("out of cheese",)).judge(record())
    assert finding.verdict is Verdict.VIOLATED
    assert finding.observed == "the server ended in the middle of the scenario, with exit code 3"
    assert finding.evidence == ("out of cheese",)


def test_a_signal_is_named() -> None:
    finding = ServerSurvived(alive=False, exit_code=-9, log=()).judge(record())
    assert finding.observed == "the server ended in the middle of the scenario, killed by signal 9"
