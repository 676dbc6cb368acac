"""Scenarios that wait until they are let go; run by test_lanes.py, collected by nobody else.

A lane is in the middle of one for as long as the test wants it, on any machine.
"""

from __future__ import annotations

import os

import pytest

from chaos.expectations import Undisturbed
from chaos.experiment import Experiment
from chaos.faults.evidence import poll_until

LET_GO = "TEST_LET_GO"
"""Environment variable with the path of the file that lets them go once it is there."""

SCENARIOS = 4
"""One more than the lanes that a test watches: the one that comes after the lane that is killed is asked for too."""

LONG = 300.0
"""Seconds: no test holds them that long."""

pytestmark = [pytest.mark.chaos, pytest.mark.waits, pytest.mark.timeout(LONG)]


async def _let_go() -> bool:
    return os.path.exists(os.environ[LET_GO])  # noqa: ASYNC240  # a look that does not wait


@pytest.mark.parametrize("turn", range(SCENARIOS))
@pytest.mark.promise("liveness", "waits", expects="Who comes after a wait is not disturbed.")
async def test_waits(turn: int, experiment: Experiment) -> None:
    """Who waits may be older in the end than the server lets a connection become, so another is judged."""
    await (await experiment.crowd("waiting", 1)).connect()
    await poll_until(_let_go, bool, within=LONG)
    await (await experiment.crowd("after", 1)).connect()
    await experiment.judge(Undisturbed(crowd="after"))
