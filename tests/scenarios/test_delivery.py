"""Delivery: broadcasts go on, and a consumer that is too slow hurts only itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from chaos.expectations import DeliveredInSequence, Undisturbed
from chaos.experiment import Experiment
from chaos.faults import ClientReset, SilentClient, StalledReader, Vanished
from chaos.faults.base import Fault

pytestmark = [pytest.mark.chaos, pytest.mark.waits, pytest.mark.needs(endpoints=["feed"])]

INTERVALS = 10
"""Broadcast intervals that are watched under the fault."""

LATE = 2.0
"""A gap of so many intervals is a broadcast that did not come: the first tick after connecting comes anywhere in one
interval, and on a busy machine of two cores a tick of 100 ms was seen up to 60 ms late."""


@pytest.mark.promise(
    "delivery",
    "a slow consumer hurts only itself",
    expects="Every other listener goes on hearing every broadcast, in order and in time.",
    because="A send that waits for the slowest makes everyone wait for the slowest.",
)
@pytest.mark.reads("delivery.broadcast_interval")
@pytest.mark.faults(None, StalledReader(), SilentClient(), Vanished(), ClientReset())
async def test_slow_consumer_hurts_only_itself(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault | None
) -> None:
    interval = contract.delivery.broadcast_interval
    listeners = await experiment.crowd("listeners", 10, endpoint="feed", trace=True)
    await listeners.connect()
    slow = await experiment.victims_of(fault, "slow", 5, endpoint="feed")
    await slow.connect()
    await experiment.watch(2 * interval)
    async with experiment.inject(fault, slow):
        start = experiment.now()
        await experiment.watch(INTERVALS * interval)
        end = experiment.now()
    await experiment.judge(
        DeliveredInSequence(
            crowd=listeners.name,
            gap=LATE * interval,
            start=start,
            end=end,
            message=experiment.target.endpoints.feed.message,
            sequence=experiment.target.endpoints.feed.sequence,
        ),
        Undisturbed(crowd=listeners.name),
    )
