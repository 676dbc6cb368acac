"""A soak: hours near the limit, with clients who talk, come and go, fall silent and come in bursts.

One soak a session, off unless `--chaos-soak=DURATION` says how long; each scenario judges one promise of its record.
Cut short by Ctrl-C it is judged on what there is. Its load follows from the contract's own figures
(`chaos/experiment/soaking.py`). How often the *suite* cries wolf is another matter: `make soak-suite`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from chaos.capability import Capability
from chaos.expectations import (
    AnsweredThroughout,
    IdleFoundThroughout,
    MemoryWithin,
    NothingKeptOverTime,
    PlacesThroughout,
    Record,
)
from chaos.experiment import Experiment, NotJudged

if TYPE_CHECKING:
    from fixtures.soak import Soak

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.soak,
    pytest.mark.slow,  # as long as --chaos-soak says
    pytest.mark.reads("rejection.max_connections", optional=["liveness.idle_timeout"]),
]

CLOSED_WITHIN = 1.0
"""Seconds until the place of one who has left is surely free, where no promise says so."""


@pytest.mark.promise(
    "soak",
    "memory stays within its bound",
    expects="However long the server is busy near its limit, all its processes stay within the promised memory.",
    because="What is held for each of a hundred clients is seen when a hundred are there, and not with ten.",
)
@pytest.mark.reads("bounded_memory.in_all")
@pytest.mark.needs(Capability.PROCESS_PROBE, Capability.SOCKET_PROBE)
async def test_memory_stays_within_its_bound(experiment: Experiment, contract: SimpleNamespace, soak: Soak) -> None:
    record = await _soaked(experiment, contract, soak)
    await experiment.judge(MemoryWithin(limit=contract.bounded_memory.in_all), over=record)


@pytest.mark.promise(
    "soak",
    "nothing is kept over hours",
    expects="Under a load that stays the same memory does not grow.",
    because="A hundred bytes kept of each message are nothing in a test and the end of the server in a week.",
)
@pytest.mark.reads("leak_free.memory_per_hour")
@pytest.mark.needs(Capability.PROCESS_PROBE, Capability.SOCKET_PROBE)
async def test_nothing_is_kept_over_hours(experiment: Experiment, contract: SimpleNamespace, soak: Soak) -> None:
    record = await _soaked(experiment, contract, soak)
    kept = NothingKeptOverTime(margin=contract.leak_free.memory_per_hour)
    if (why := kept.too_fine(record)) is not None:
        raise NotJudged(why)
    await experiment.judge(kept, over=record)


@pytest.mark.promise(
    "soak",
    "idle clients are found all along",
    expects="The last client that falls silent is warned and closed like the first.",
    because="A loop that dies of one bad moment leaves a server that looks healthy and fills up.",
)
@pytest.mark.reads("liveness.idle_timeout", optional=["cleanup.sweep_interval", "cleanup.closed_within"])
@pytest.mark.needs(Capability.SOCKET_PROBE)
async def test_idle_clients_are_found(experiment: Experiment, contract: SimpleNamespace, soak: Soak) -> None:
    record = await _soaked(experiment, contract, soak)
    notices = experiment.endpoints.notices
    await experiment.judge(
        IdleFoundThroughout(
            timeout=contract.liveness.idle_timeout,
            slack=(contract.cleanup.sweep_interval or 0.0) + (contract.cleanup.closed_within or CLOSED_WITHIN),
            warned=notices is not None and notices.idle_warning is not None,
        ),
        over=record,
    )


@pytest.mark.promise(
    "soak",
    "answers all along",
    expects="Every exchange is answered, and nobody is cut off who was neither idle nor old, to the end.",
    because="A counter that runs over, or a pile-up behind the clients who left, shows after thousands of messages.",
)
@pytest.mark.reads("rejection.max_connections", optional=["liveness.max_age", "latency.p99"])
@pytest.mark.needs(Capability.SOCKET_PROBE)
async def test_answers_all_along(experiment: Experiment, contract: SimpleNamespace, soak: Soak) -> None:
    record = await _soaked(experiment, contract, soak)
    await experiment.judge(
        AnsweredThroughout(
            idle_timeout=contract.liveness.idle_timeout,
            max_age=contract.liveness.max_age,
            p99=contract.latency.p99,
        ),
        over=record,
    )


@pytest.mark.promise(
    "soak",
    "places all along",
    expects="Near the limit and beyond it newcomers are let in or turned away as promised, the last ones as the first.",
    because="A place lost with each client that is closed for idling is one a minute: by noon nobody gets in.",
)
@pytest.mark.reads("rejection.answer", "rejection.retry_after", "rejection.within", optional=["cleanup.closed_within"])
@pytest.mark.needs(Capability.SOCKET_PROBE)
async def test_places_all_along(experiment: Experiment, contract: SimpleNamespace, soak: Soak) -> None:
    record = await _soaked(experiment, contract, soak)
    promised = contract.rejection
    await experiment.judge(
        PlacesThroughout(
            answer=promised.answer,
            within=promised.within,
            retry_after=promised.retry_after,
            closed_within=contract.cleanup.closed_within or CLOSED_WITHIN,
        ),
        over=record,
    )


async def _soaked(experiment: Experiment, contract: SimpleNamespace, soak: Soak) -> Record:
    """The session's soak, which the first of these scenarios has made."""
    return await soak.record(
        experiment, limit=contract.rejection.max_connections, idle_timeout=contract.liveness.idle_timeout
    )
