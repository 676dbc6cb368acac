"""A population comes and goes by itself, near the size that it was told."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from chaos.address import Address
from chaos.crowd.crowd import Crowd
from chaos.crowd.plan import ClientState
from chaos.crowd.population import PopulationPlan
from chaos.errors import ConfigurationError, CrowdError
from chaos.journal import Outcome, WentIdle

from .doorman import Doorman
from .making import WITHIN, Recorded, make_crowd, until
from .servers import close_frame, raw_server

ASKING: dict[str, Any] = {"send": "hello {n}", "expect": "hello {n}", "first_message": True, "keep_alive": 0.02}
LITTLE = PopulationPlan(low=4, high=7, gap=0.01)


async def _there(crowd: Crowd) -> int:
    return list((await crowd.states()).values()).count(ClientState.OPEN)


async def test_it_fills_up_and_stays_between_its_marks(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], count=10, **ASKING)
    await crowd.populate(LITTLE)
    await until(lambda: len(recorded.ends) >= 9)  # three times so many left at once
    assert {ended.by for ended in recorded.ends} == {"client"}
    assert {ended.how for ended in recorded.ends} == {"close", "reset", "eof"}
    assert 0 < await _there(crowd) <= LITTLE.high
    found = await crowd.populated()
    assert (found.refused, found.idled) == (0, 0)
    assert found.came == len(recorded.attempts) >= LITTLE.low + 9
    await crowd.end_population()
    came = len(recorded.attempts)
    await asyncio.sleep(5 * LITTLE.gap)
    assert len(recorded.attempts) == came
    await crowd.reset()


async def test_it_counts_what_was_answered_however_often_that_is_written_down(
    doorman: tuple[Doorman, Address],
) -> None:
    crowd, recorded = make_crowd(doorman[1], count=10, **ASKING)
    await crowd.populate(LITTLE)
    await until(lambda: len(recorded.attempts) >= LITTLE.low)
    crowd.write_traffic()
    await crowd.end_population()
    await crowd.reset()
    crowd.write_traffic()
    assert (await crowd.populated()).answered == sum(item.answered for item in recorded.traffic) >= LITTLE.low


async def test_those_who_fall_silent_are_written_down_and_speak_again_when_they_come_again(
    doorman: tuple[Doorman, Address],
) -> None:
    crowd, recorded = make_crowd(doorman[1], count=10, **ASKING)
    await crowd.populate(PopulationPlan(low=2, high=4, gap=0.01, idle_share=1.0, idle_after=0.01))
    await until(lambda: len(_idled(recorded)) >= 8)
    assert {idle.crowd for idle in _idled(recorded)} == {"testers"}
    by_client = [idle.client for idle in _idled(recorded)]
    assert len(by_client) > len(set(by_client)), "nobody fell silent twice, so nobody spoke again"
    await crowd.end_population()
    await crowd.reset()


async def test_nobody_comes_or_leaves_while_it_rests(doorman: tuple[Doorman, Address]) -> None:
    crowd, recorded = make_crowd(doorman[1], count=10, **ASKING)
    await crowd.populate(LITTLE)
    await until(lambda: len(recorded.attempts) >= LITTLE.low)
    await crowd.rest(resting=True)
    before = len(recorded.attempts), len(recorded.ends), await _there(crowd)
    await asyncio.sleep(10 * LITTLE.gap)
    assert (len(recorded.attempts), len(recorded.ends), await _there(crowd)) == before
    await crowd.rest(resting=False)
    await until(lambda: len(recorded.attempts) > before[0])
    await crowd.abandon()


async def test_who_is_turned_away_is_not_made_up_for_at_once() -> None:
    """A server that takes nobody is asked once a gap, and not by all that are missing."""

    async def closed(peer: Any) -> None:
        await peer.upgrade()
        await peer.send(close_frame(1013))

    async with raw_server(closed) as address:
        crowd, recorded = make_crowd(address, count=10, **ASKING)
        await crowd.populate(PopulationPlan(low=6, high=8, gap=0.1))
        await until(lambda: len(recorded.attempts) >= 9)
        assert {attempt.outcome for attempt in recorded.attempts} == {Outcome.CLOSED}
        together = [attempt.began for attempt in recorded.attempts if attempt.began < recorded.attempts[0].began + 0.05]
        assert len(together) <= 6
        rest = [attempt.began for attempt in recorded.attempts[6:]]
        assert all(later - earlier > 0.05 for earlier, later in pairwise(rest))
        assert (await crowd.populated()).refused == len(recorded.attempts)
        await crowd.abandon()


async def test_what_is_noted_is_written_down_and_nothing_else() -> None:
    async def talk(peer: ServerConnection) -> None:
        async for message in peer:
            await peer.send("idle_warning: speak")
            await peer.send("news")
            await peer.send(message)

    async with serve(talk, "127.0.0.1", 0, compression=None) as started:
        host, port = started.sockets[0].getsockname()[:2]
        crowd, recorded = make_crowd(Address(host, port), count=5, note="idle_warning", **ASKING)
        await crowd.populate(PopulationPlan(low=2, high=3, gap=0.05))
        await until(lambda: len(recorded.frames) >= 3)
        assert {frame.text for frame in recorded.frames} == {"idle_warning: speak"}
        await crowd.abandon()


async def test_compression_is_offered_where_the_plan_says_so() -> None:
    async def echo(peer: ServerConnection) -> None:
        async for message in peer:
            await peer.send(message)

    async with serve(echo, "127.0.0.1", 0, compression="deflate") as started:
        host, port = started.sockets[0].getsockname()[:2]
        for offered in (False, True):
            crowd, recorded = make_crowd(Address(host, port), send="hello {n}", expect="hello {n}", compression=offered)
            await crowd.connect("simultaneous")  # type: ignore[arg-type]  # Mode is a StrEnum
            assert [attempt.compressed for attempt in recorded.attempts] == [offered]
            assert (await crowd.exchange(3)).complete
            await crowd.reset()


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"low": 0, "high": 5, "gap": 1.0}, "a population has 0 < low < high; found low=0, high=5"),
        ({"low": 5, "high": 5, "gap": 1.0}, "a population has 0 < low < high; found low=5, high=5"),
        ({"low": 1, "high": 5, "gap": 0.0}, "gap is seconds between two newcomers, above zero; found 0.0"),
        (
            {"low": 1, "high": 5, "gap": 1.0, "idle_share": 1.5},
            "idle_share is between 0 and 1, and idle_after seconds, zero or more; found 1.5 and 0.0",
        ),
    ],
)
def test_a_plan_that_makes_no_sense(plan: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        PopulationPlan(**plan)
    assert str(caught.value) == told


async def test_a_crowd_that_is_too_small_or_a_population_already(doorman: tuple[Doorman, Address]) -> None:
    crowd, _ = make_crowd(doorman[1], count=5, **ASKING)
    with pytest.raises(CrowdError, match="has 5 clients, and 7 are to be there at once"):
        await crowd.populate(LITTLE)
    with pytest.raises(CrowdError, match="is no population: populate comes first"):
        await crowd.populated()
    await crowd.populate(PopulationPlan(low=2, high=4, gap=1.0))
    with pytest.raises(CrowdError, match="is a population already"):
        await crowd.populate(PopulationPlan(low=2, high=4, gap=1.0))
    async with asyncio.timeout(WITHIN):
        await crowd.abandon()


def _idled(recorded: Recorded) -> list[WentIdle]:
    return [event for event in recorded.events if isinstance(event, WentIdle)]
