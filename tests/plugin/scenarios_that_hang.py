"""A scenario whose conductor stands still, and the one after it; run by test_hanging.py, collected by nobody else."""

from __future__ import annotations

import os
import signal

import pytest

import chaos.experiment.conductor as calls
from chaos.conditions import ConnectionsAtMost
from chaos.expectations import Undisturbed
from chaos.experiment import Experiment
from tests.running import children_with

pytestmark = pytest.mark.chaos


@pytest.mark.promise("survival", "the conductor hangs", expects="What hangs is ours, and says so.")
async def test_the_conductor_hangs(monkeypatch: pytest.MonkeyPatch, experiment: Experiment) -> None:
    """Stopped, it is alive and answers nothing. The time it has for an answer is cut down, for the cleaning up as well:
    `monkeypatch` comes first, so it goes last.
    """
    crowd = await experiment.crowd("someone", 1)
    await crowd.connect()
    monkeypatch.setattr(calls, "GRACE", 1.0)
    (conductor,) = children_with("chaos.conductor", os.getpid(), deeper=True)
    os.kill(conductor, signal.SIGSTOP)
    await experiment.wait_until(ConnectionsAtMost(0), within=0.5)


@pytest.mark.promise("survival", "the next one", expects="What hung in one scenario is not met by the next.")
async def test_the_next_one(experiment: Experiment) -> None:
    crowd = await experiment.crowd("someone", 1)
    await crowd.connect()
    await experiment.judge(Undisturbed(crowd="someone"))
