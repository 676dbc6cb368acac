"""A scenario of somebody's own, which this suite has proven nothing of; run by test_proven.py alone."""

from __future__ import annotations

import pytest

from chaos.expectations import Undisturbed
from chaos.experiment import Experiment
from chaos.faults import ClientReset

pytestmark = [pytest.mark.chaos]


@pytest.mark.promise("survival", "one beside another's reset", expects="Who does nothing wrong stays.")
@pytest.mark.faults(ClientReset())
async def test_one_beside_another_s_reset(experiment: Experiment, fault: ClientReset) -> None:
    living = await experiment.crowd("living", 1)
    await living.connect()
    victims = await experiment.victims_of(fault, "victims", 1)
    await victims.connect()
    async with experiment.inject(fault, victims):
        await living.exchange(1)
    await experiment.judge(Undisturbed(crowd=living.name))
