"""Scenarios with the mistakes people make; run by test_no_false_green.py, collected by nobody else."""

from __future__ import annotations

import contextlib

import pytest

from chaos.expectations import Undisturbed
from chaos.experiment import Experiment, Worse
from chaos.faults import FinWithoutClose
from chaos.faults.base import Fault

pytestmark = pytest.mark.chaos


@pytest.mark.promise("cleanup", "judges nothing", expects="A scenario judges something.")
async def test_judges_nothing(experiment: Experiment) -> None:
    crowd = await experiment.crowd("someone", 1)
    await crowd.connect()


@pytest.mark.promise("cleanup", "judges an empty list", expects="A scenario judges something.")
async def test_judges_an_empty_list(experiment: Experiment) -> None:
    await experiment.judge()


@pytest.mark.promise("cleanup", "never injects", expects="A scenario injects its fault.")
@pytest.mark.faults(FinWithoutClose())
async def test_never_injects(experiment: Experiment, fault: Fault) -> None:
    crowd = await experiment.crowd("someone", 1)
    await crowd.connect()
    await experiment.judge(Undisturbed(crowd="someone"))


@pytest.mark.promise("cleanup", "names nobody", expects="A scenario judges somebody.")
async def test_names_nobody(experiment: Experiment) -> None:
    await experiment.judge(Undisturbed(crowd="nobody"))


@pytest.mark.promise("cleanup", "swallows its findings", expects="A finding stands.")
async def test_swallows_its_findings(experiment: Experiment) -> None:
    with contextlib.suppress(Worse):
        await experiment.judge(Undisturbed(crowd="nobody"))


@pytest.mark.promise("cleanup", "injects too late", expects="A fault is injected before the judgement.")
@pytest.mark.faults(FinWithoutClose())
async def test_injects_too_late(experiment: Experiment, fault: Fault) -> None:
    crowd = await experiment.crowd("someone", 1)
    await crowd.connect()
    with contextlib.suppress(Worse):
        await experiment.judge(Undisturbed(crowd="someone"))
    async with experiment.inject(fault, crowd):
        pass
