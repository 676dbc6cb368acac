"""Rejection: beyond its limit the server turns clients away gracefully, and those inside notice nothing.

The dead whose places are asked for are one of each kind that a server can tell apart: RST, FIN, no acknowledgement, no
answer, full buffers. What a proxy does to a connection is one of these to it, and so is a client that is killed.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest

from chaos.bounds import Bound, found_dead
from chaos.capability import Capability
from chaos.conditions import ConnectionsAtMost, StatisticsSay
from chaos.crowd.plan import Mode
from chaos.expectations import (
    Established,
    NotWarnedEarly,
    Provided,
    RejectedGracefully,
    ReleasedWithin,
    Undisturbed,
    Warned,
)
from chaos.experiment import Experiment
from chaos.experiment.delays import added_by
from chaos.faults import (
    Churn,
    ClientReset,
    Composed,
    ConnectionBurst,
    FinWithoutClose,
    Latency,
    LossyLink,
    SilentClient,
    StalledReader,
    Vanished,
)
from chaos.faults.base import Fault
from chaos.journal import Bite
from chaos.target import Notices, declared

pytestmark = [pytest.mark.chaos, pytest.mark.reads("rejection.max_connections", "rejection.within")]

TALK = 20
"""Exchanges of each client inside while a burst comes, spread over the time that turning one away may take."""

GUESTS = 24
"""Clients that come and go, half of them at a time: each of the six ways to go is gone twice in a turn."""

SLOW = 0.2
"""Seconds by which a slow link delays what the server says: four times a link to another continent, so that whatever
is held for a round trip of each newcomer is held long."""

BURST = 1.5
"""Size of a burst as a multiple of the limit: half as many again, as the incidents had it."""

BADLY_CONNECTED = 10
"""Clients who are far away and lose packets."""

DYING, STALLED = 2, 4
"""One in so many places is taken by those who die. Of those who stall half of that: of fifty, on two cores a third as
fast as others, the windows of the last were not full before the server had found the first silent."""


@pytest.mark.promise(
    "rejection",
    "a burst beyond the limit",
    expects="The free places are given away, everyone else is turned away politely, and those inside notice nothing.",
    because="A limit that is checked before an await lets a burst in; one that fails rudely starts a reconnect storm.",
)
@pytest.mark.reads("rejection.answer", "rejection.retry_after")
@pytest.mark.faults(ConnectionBurst(), Composed(parts=(Latency(delay=SLOW), ConnectionBurst())))
async def test_burst_beyond_the_limit(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.rejection
    inside = await experiment.crowd("inside", experiment.some(promised.max_connections // 5))
    await inside.connect()
    await inside.exchange(5)
    burst = await experiment.victims_of(fault, "burst", round(BURST * promised.max_connections))
    # A burst is over once it has been injected: whether they notice it shows in what they say meanwhile.
    talking = asyncio.create_task(inside.exchange(TALK, gap=promised.within / TALK))
    async with experiment.inject(fault, burst):
        await talking
    await experiment.judge(
        RejectedGracefully(
            crowd=burst.name,
            free=promised.max_connections - inside.count - experiment.own_connections,
            answer=promised.answer,
            within=promised.within + added_by(fault),
            retry_after=promised.retry_after,
            places=promised.max_connections,
            inside=inside.count,
        ),
        Undisturbed(crowd=inside.name),
    )


@pytest.mark.promise(
    "rejection",
    "a burst while the network is bad",
    expects="While clients are far away and lose packets, a burst beyond the limit is turned away as ever, and they "
    "are served on, also when one of the two is over and the other goes on.",
    because="Overload comes when the network is bad already: a server that waits for the slow with the door in its "
    "hand turns nobody away.",
)
@pytest.mark.reads("rejection.answer", "rejection.retry_after")
@pytest.mark.faults(Composed(parts=(Latency(), LossyLink(), ConnectionBurst())))
async def test_burst_while_the_network_is_bad(
    experiment: Experiment, contract: SimpleNamespace, fault: Composed
) -> None:
    promised = contract.rejection
    latency, loss, crowding = fault.parts
    far = await experiment.victims_of(latency, "far away", BADLY_CONNECTED)
    await far.connect()
    burst = await experiment.victims_of(crowding, "burst", round(BURST * promised.max_connections))
    async with AsyncExitStack() as until_last, AsyncExitStack() as until_then:
        await until_then.enter_async_context(experiment.inject(latency, far))
        await until_last.enter_async_context(experiment.inject(loss, far))
        talking = asyncio.create_task(far.exchange(TALK))
        async with experiment.inject(crowding, burst):
            await talking
        # The first that came goes first, and the other one acts on.
        await until_then.aclose()
        await far.exchange(1)
    await experiment.judge(
        RejectedGracefully(
            crowd=burst.name,
            free=promised.max_connections - far.count - experiment.own_connections,
            answer=promised.answer,
            within=promised.within,
            retry_after=promised.retry_after,
            places=promised.max_connections,
            inside=far.count,
        ),
        Undisturbed(crowd=far.name),
    )


@pytest.mark.promise(
    "rejection",
    "places are given again",
    expects="Once a burst has left, every place it took is free again.",
    because="A counter that is not taken back on every way out locks a server up, one burst at a time.",
)
@pytest.mark.reads("establishment.within", "establishment.success_ratio", optional=["cleanup.closed_within"])
@pytest.mark.faults(ConnectionBurst())
async def test_places_are_given_again(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    limit = contract.rejection.max_connections
    burst = await experiment.crowd("burst", round(BURST * limit))
    async with experiment.inject(fault, burst):
        pass
    await experiment.judge(await _everyone_gets_in(experiment, contract))


@pytest.mark.promise(
    "rejection",
    "the limit after a churn",
    expects="After clients have come and gone in every way there are as many places as before: no more, no fewer.",
    because="A place that is kept on one way out is lost for good; one that is given back twice lets too many in.",
)
@pytest.mark.reads("rejection.answer", "rejection.retry_after", "cleanup.closed_within")
@pytest.mark.faults(Churn())
async def test_the_limit_after_a_churn(experiment: Experiment, contract: SimpleNamespace, fault: Fault) -> None:
    promised = contract.rejection
    experiment.needs_places(GUESTS + GUESTS)  # those who have gone may keep theirs while the next ones come
    guests = await experiment.victims_of(fault, "guests", GUESTS)
    async with experiment.inject(fault, guests):
        await experiment.wait_until(
            ConnectionsAtMost(experiment.own_connections), within=contract.cleanup.closed_within
        )
    # What an RST has ended the kernel forgets at once: that the server has got to it shows in what it says itself.
    await _settled(experiment, contract, more=experiment.patience)
    burst = await experiment.crowd("burst", round(BURST * promised.max_connections))
    async with experiment.inject(ConnectionBurst(), burst):
        pass
    await experiment.judge(
        RejectedGracefully(
            crowd=burst.name,
            free=promised.max_connections - experiment.own_connections,
            answer=promised.answer,
            within=promised.within,
            retry_after=promised.retry_after,
            places=promised.max_connections,
        )
    )


@pytest.mark.promise(
    "rejection",
    "places of the dead are given again",
    expects="Whatever way clients die, by the time that the server has to let go of them their places are free again.",
    because="A place that is given back on the way out of one handler is kept on the way out of another.",
)
@pytest.mark.reads(
    "establishment.within",
    "establishment.success_ratio",
    "liveness.heartbeat_interval",
    "liveness.heartbeat_timeout",
    "cleanup.closed_within",
    optional=["cleanup.sweep_interval", "cleanup.farewell"],
)
@pytest.mark.needs(Capability.SOCKET_PROBE)
@pytest.mark.waits
@pytest.mark.faults(ClientReset(), FinWithoutClose(), Vanished(), SilentClient(), StalledReader())
async def test_places_of_the_dead_are_given_again(
    experiment: Experiment, contract: SimpleNamespace, fault: Fault
) -> None:
    share = STALLED if isinstance(fault, StalledReader) else DYING
    dying = await experiment.victims_of(fault, "dying", experiment.some(contract.rejection.max_connections // share))
    await dying.connect()
    bound = (
        Bound(contract.cleanup.closed_within, "a FIN or RST reached it") if fault.announced else found_dead(contract)
    )
    async with experiment.inject(fault, dying) as injection:
        died = injection.receipt.bite is Bite.BIT
        if not died:
            await dying.close()  # they leave in good order
        # Twice the bound: one that is only late is told from one that never comes.
        await experiment.wait_until(
            ConnectionsAtMost(experiment.own_connections), within=2 * bound.seconds + experiment.sampling
        )
        came = experiment.now()
        # Not once it has healed: that ends whoever is still held, and then there is room for everybody.
        everyone = await _everyone_gets_in(experiment, contract)
    released = ReleasedWithin(
        dead=dying.count,
        remaining=experiment.own_connections,
        limit=bound.seconds,
        why=bound.why,
        of_deaths=False,
        until=came,
        so="their places were not given again",
    )
    # Who finds room for everybody while it still holds the dead has given their places again: that it finds them in
    # time is cleanup's promise.
    await experiment.judge(Provided(condition=released, then=everyone, or_more=True) if died else everyone)


async def _everyone_gets_in(experiment: Experiment, contract: SimpleNamespace) -> Established:
    """One after the other takes a place, until there are as many as there should be."""
    await _settled(experiment, contract)
    free = experiment.some(contract.rejection.max_connections - experiment.own_connections)
    next_ones = await experiment.crowd("the next ones", free)
    # Also where a server that holds on to the dead has no room for them: that is what shows.
    await next_ones.overfill(mode=Mode.SEQUENTIAL)
    return Established(
        crowd=next_ones.name,
        count=free,
        within=contract.establishment.within,
        success_ratio=contract.establishment.success_ratio,
        places=contract.rejection.max_connections,
    )


async def _settled(experiment: Experiment, contract: SimpleNamespace, *, more: float = 0.0) -> None:
    """Everybody else has gone, and the server has had the time that it promises for giving back what they held.

    Its count may lag behind its kernel for that long. One that promises no time has as long as a client would wait.
    `more` are seconds for what a busy machine keeps it from giving back: none where some are dead and a fault lasts, or
    an idle timeout, or an age, lets go of those whom the server never finds.
    """
    settles = (contract.cleanup.closed_within or experiment.patience) + more
    if experiment.tells("connections"):
        await experiment.wait_until(
            StatisticsSay(which="connections", value=experiment.own_connections), within=settles
        )
    else:
        await experiment.watch(settles)


@pytest.mark.promise(
    "rejection",
    "warned when nearly full",
    expects="From the declared share of the limit on, and not before, clients are told that the server is nearly full.",
    because="Whoever is warned can leave by himself; a warning that comes late is no use, and one that is always there "
    "is heard by nobody.",
)
@pytest.mark.reads("rejection.warning_threshold")
@pytest.mark.needs(endpoints=["notices"])
async def test_warned_when_nearly_full(experiment: Experiment, contract: SimpleNamespace) -> None:
    promised = contract.rejection
    # A billionth off, so that 0.07 of 100 is 7 also where the product is a hair above it.
    threshold = math.ceil(promised.max_connections * promised.warning_threshold - 1e-9)
    listeners = await experiment.crowd("listeners", 3, endpoint="notices", trace=True)
    await listeners.connect()
    # One place short of it, for a while; then one after the other, until there is one more than it, where there is.
    more = min(2, promised.max_connections - threshold + 1)
    below = await experiment.crowd(
        "below", experiment.some(threshold - 1 - listeners.count - experiment.own_connections)
    )
    await below.connect()
    await experiment.watch(promised.within)
    before = experiment.now()
    filling = await experiment.crowd("filling", more)
    await filling.connect(mode=Mode.SEQUENTIAL)
    warning = declared(experiment.endpoint(Notices).load_warning, "endpoints.notices.load_warning")
    await experiment.wait_for_message(listeners, warning, within=experiment.patience)
    await experiment.judge(
        NotWarnedEarly(
            crowd=listeners.name,
            pattern=warning,
            others=(below.name, filling.name),
            own=experiment.own_connections,
            threshold=threshold,
            limit=promised.max_connections,
        ),
        Undisturbed(crowd=below.name),
        Undisturbed(crowd=filling.name),
        Warned(
            crowd=listeners.name,
            pattern=warning,
            since=before,
            what=f"{threshold - 1 + more} of {promised.max_connections} places",
        ),
    )
