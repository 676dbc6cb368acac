"""Crowds as a scenario makes them: how they reach the server, what they say, and what is waited for."""

from __future__ import annotations

import time
from typing import Any

import pytest

from chaos.conditions import CrowdGone, Heard, NobodyLeaving, StatisticsSay
from chaos.crowd.plan import ClientPlan, Mode, PhaseTimeouts
from chaos.errors import ChaosError
from chaos.expectations import StatisticsAgree
from chaos.experiment import Inconclusive, NotJudged, Via
from chaos.experiment.crowd import plan_for
from chaos.faults import Composed, ConnectionBurst, Latency, Vanished
from chaos.faults.base import Fault
from chaos.journal import Call, Event, Holders, Sample, ServerEvent, Source
from chaos.target import Echo, Feed, Resumable, Statistics, Target, declared
from tests.unit.experiment.scripted import DIRECT, LINK, Make, Remote, Scripted, a_healing, a_receipt, make_target


def plan_of(made: Scripted) -> ClientPlan:
    found: ClientPlan = made.remote.called("create_crowd")[-1][1]
    return found


# -- places ---------------------------------------------------------------------------------------------------------


def _limited(limit: int, *, open_clients: int = 0) -> tuple[Target, Remote]:
    rejection = {"max_connections": limit, "answer": "http-503", "within": "1s"}
    return make_target(rejection=rejection), Remote(answers={"open_clients": open_clients, "crowd_call": []})


async def test_a_crowd_that_does_not_fit_in_is_not_sent(make: Make) -> None:
    target, remote = _limited(12, open_clients=4)
    experiment = make(target=target, remote=remote).experiment
    first, second = await experiment.crowd("first", 5), await experiment.crowd("second", 8)
    await first.connect()
    with pytest.raises(NotJudged) as told:
        await second.connect()
    assert str(told.value) == (
        "promises.rejection.max_connections = 12 leaves no place for 8 clients beside 4 others and 1 of our own"
    )
    assert len(remote.called("crowd_call")) == 1
    # Each of them goes before the next one comes.
    await second.connect(mode=Mode.SEQUENTIAL, hold=False)
    assert len(remote.called("crowd_call")) == 2


@pytest.mark.parametrize("mode", list(Mode))
async def test_a_crowd_that_asks_for_the_places_of_the_dead_is_sent_whatever_is_taken(make: Make, mode: Mode) -> None:
    target, remote = _limited(12, open_clients=5)
    experiment = make(target=target, remote=remote, fault=Vanished()).experiment
    dead, next_ones = await experiment.crowd("dead", 5), await experiment.crowd("next ones", 11)
    await dead.connect()
    with pytest.raises(NotJudged):
        await next_ones.connect(mode=mode)
    await next_ones.overfill(mode=mode)
    assert [call[3]["mode"] for call in remote.called("crowd_call")] == [Mode.SIMULTANEOUS, mode]


@pytest.mark.parametrize(
    ("fault", "read_along", "fits"), [(None, False, 9), (Latency(), False, 8), (None, True, 8), (Latency(), True, 7)]
)
async def test_as_many_as_fit_beside_our_own(make: Make, fault: Fault | None, read_along: bool, fits: int) -> None:
    """A fault that is still to heal sees that on a connection, and the server's statistics are read on another."""
    target, remote = _limited(10)
    experiment = make(target=target, remote=remote, fault=fault, read_along=read_along).experiment
    assert (experiment.fitting(3), experiment.fitting(50)) == (3, fits)
    experiment.needs_places(fits)
    with pytest.raises(NotJudged, match=rf"leaves no place for {fits + 1} clients beside {10 - fits} of our own"):
        experiment.needs_places(fits + 1)


async def test_once_the_fault_has_healed_its_place_is_free(make: Make) -> None:
    target, remote = _limited(10)
    remote.answers |= {"inject": (1, a_receipt()), "heal": a_healing()}
    experiment = make(target=target, remote=remote, fault=Latency(), read_along=True).experiment
    async with experiment.inject(Latency()):
        assert experiment.fitting(50) == 7
    assert experiment.fitting(50) == 8


async def test_no_share_of_a_small_limit_is_a_crowd(make: Make) -> None:
    target, remote = _limited(1)
    experiment = make(target=target, remote=remote).experiment
    with pytest.raises(NotJudged) as told:
        experiment.fitting(5)
    assert str(told.value) == (
        "promises.rejection.max_connections = 1 leaves no place for a client that this scenario needs"
    )


@pytest.mark.parametrize("serving", [(), (7,)])
async def test_where_one_process_serves_them_all_what_needs_several_is_skipped(
    make: Make, serving: tuple[int, ...]
) -> None:
    seen = Holders(at=1.0, crowd="inside", serving=serving, held=dict.fromkeys("012", 7) if serving else {})
    experiment = make(remote=Remote(answers={"note_holders": seen, "sample": with_processes(2, at=9.0)})).experiment
    with pytest.raises(NotJudged) as told:
        await experiment.needs_workers(await experiment.crowd("inside", 3))
    assert str(told.value) == (
        "one of the server's processes takes all connections, those of 3 clients among them, and this needs several: "
        "start more workers, or leave promises.recovery.worker_within out"
    )


def with_processes(count: int, *, at: float) -> Sample:
    return Sample(at=at, took=0.001, processes=count)


@pytest.mark.parametrize(
    ("before", "skipped"),
    [
        ([with_processes(2, at=5.0)], True),
        ([with_processes(3, at=5.0)], False),
        ([with_processes(3, at=5.0), ServerEvent(at=6.0, what="started", pid=7)], True),
        ([ServerEvent(at=4.0, what="started", pid=7), with_processes(3, at=5.0)], False),
    ],
    ids=["all there was", "another was there", "another before it was started again", "another since it was"],
)
async def test_one_that_is_left_of_several_is_no_server_of_one_worker(
    make: Make, before: list[Event], skipped: bool
) -> None:
    seen = Holders(at=8.0, crowd="inside", serving=(7,), held=dict.fromkeys("012", 7))
    made = make(remote=Remote(answers={"note_holders": seen, "sample": with_processes(2, at=9.0)}))
    for event in before:
        made.experiment._journal.write(event)
    inside = await made.experiment.crowd("inside", 3)
    with pytest.raises(NotJudged if skipped else Inconclusive) as told:
        await made.experiment.needs_workers(inside)
    if not skipped:
        assert str(told.value) == (
            "1 of the server's 3 processes had gone before anything was done to them, and one of those that are left "
            "takes all connections"
        )


async def test_several_that_take_connections_are_enough(make: Make) -> None:
    seen = Holders(at=1.0, crowd="inside", serving=(7, 8), held={"0": 7})
    experiment = make(remote=Remote(answers={"note_holders": seen})).experiment
    assert await experiment.needs_workers(await experiment.crowd("inside", 3)) is seen


async def test_without_a_limit_everybody_fits_in(made: Scripted) -> None:
    assert made.experiment.fitting(1000) == 1000
    made.experiment.needs_places(1000)


# -- plans --------------------------------------------------------------------------------------------------------


def test_a_plan_says_what_the_target_declares() -> None:
    plan = plan_for(make_target(), "echo", DIRECT, patience=3.0)
    assert plan == ClientPlan(
        address=DIRECT,
        path="/echo",
        headers=(("X-Token", "secret"),),
        subprotocol="chat",
        send="chaos {n}",
        expect="{n}",
        first_message=True,
        timeouts=PhaseTimeouts(tcp=3.0, handshake=3.0, first_message=3.0),
    )


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("feed", (None, None, None, False)),
        ("gated", (None, None, "welcome", True)),
        ("data", (None, None, None, False)),  # where its answer came from is the caller's to tell
    ],
)
def test_an_endpoint_without_an_exchange_is_listened_to(endpoint: str, says: tuple[Any, ...]) -> None:
    plan = plan_for(make_target(), endpoint, DIRECT, patience=3.0)
    assert (plan.send, plan.expect, plan.greeting, plan.first_message) == says


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("feed", ((("X-Token", "feed"),), "https://shop.example", None)),
        ("data", ((("X-Token", "data"),), None, "rpc")),
        ("gated", ((), None, None)),
    ],
)
def test_each_endpoint_has_an_upgrade_request_of_its_own(endpoint: str, says: tuple[Any, ...]) -> None:
    plan = plan_for(make_target(), endpoint, DIRECT, patience=3.0)
    assert (plan.headers, plan.origin, plan.subprotocol) == says


def test_an_endpoint_that_is_not_declared() -> None:
    with pytest.raises(ChaosError) as caught:
        plan_for(make_target(), "notices", DIRECT, patience=3.0)
    assert str(caught.value) == "the target declares no endpoints.notices"


async def test_a_crowd_asks_without_waiting(make: Make) -> None:
    remote = Remote(answers={"crowd_call": 2})
    experiment = make(remote=remote).experiment
    await (await experiment.crowd("asking", 2)).ask()
    name, method, args, _ = remote.called("crowd_call")[-1][:4]
    assert (name, method, args) == ("asking", "send", ("chaos 0",))


async def test_who_has_nothing_to_ask_does_not(made: Scripted) -> None:
    listeners = await made.experiment.crowd("listeners", 2, endpoint="feed")
    with pytest.raises(ChaosError) as caught:
        await listeners.ask()
    assert str(caught.value) == ("the clients of 'listeners' have nothing to ask: their endpoint declares no exchange")


@pytest.mark.parametrize(
    ("fault", "address"),
    [
        (Latency(), LINK),
        (Composed(parts=(Latency(), ConnectionBurst())), LINK),
        (Composed(parts=(Latency(), Vanished())), DIRECT),
    ],
)
async def test_victims_are_on_the_path_where_the_fault_acts_on_them(make: Make, fault: Fault, address: object) -> None:
    made = make(remote=Remote(answers={"prepare_fault": None}))
    await made.experiment.victims_of(fault, "victims", 2)
    assert plan_of(made).address == address


@pytest.mark.parametrize(("via", "address"), [(Via.DIRECT, DIRECT), (Via.LINK, LINK)])
async def test_a_crowd_goes_the_way_it_is_told(made: Scripted, via: Via, address: object) -> None:
    await made.experiment.crowd("crowd", 2, via=via)
    assert plan_of(made).address == address


async def test_without_a_link_nobody_goes_through_it(make: Make) -> None:
    made = make(link=None)
    with pytest.raises(ChaosError) as caught:
        await made.experiment.crowd("crowd", 2, via=Via.LINK)
    assert str(caught.value) == "this deployment has no link: mark the scenario with needs(Capability.LINK)"


async def test_clients_do_not_idle_unless_they_are_meant_to(make: Make) -> None:
    made = make(target=make_target(liveness={"idle_timeout": "10s"}))
    await made.experiment.crowd("one", 2)
    assert plan_of(made).keep_alive == 2.0
    await made.experiment.crowd("two", 2, keep_alive=False)
    assert plan_of(made).keep_alive is None
    await made.experiment.crowd("three", 2, endpoint="feed")  # which takes no message
    assert plan_of(made).keep_alive is None


async def test_clients_talk_as_often_as_they_are_told_to(make: Make) -> None:
    """Also where no idle timeout is promised: whoever is to be busy is."""
    made = make(target=make_target())
    await made.experiment.crowd("busy", 2, every=0.25)
    assert plan_of(made).keep_alive == 0.25


async def test_the_feed_is_fetched_until_their_time_is_over(made: Scripted) -> None:
    await made.experiment.fetch_feed_until(time.monotonic() + 0.05, path="/latest", gap=0.02)
    fetched = made.remote.called("fetch_feed")
    assert fetched[0] == ("/latest",)
    assert 1 <= len(fetched) <= 3


async def test_a_field_of_the_plan_can_be_overridden(made: Scripted) -> None:
    await made.experiment.crowd("crowd", 2, trace=True, pong_delay=0.5, own_process=True)
    assert (plan_of(made).trace, plan_of(made).pong_delay) == (True, 0.5)
    assert made.remote.called("create_crowd")[0][2:] == (2, True)


# -- acts ---------------------------------------------------------------------------------------------------------


async def test_a_crowd_calls_its_own_clients(made: Scripted) -> None:
    crowd = await made.experiment.crowd("crowd", 2)
    made.remote.answers |= {"crowd_call": lambda *_: [], "open_clients": 2}
    await crowd.connect(mode=Mode.PACED, gap=0.1, hold=False)
    await crowd.exchange(3, gap=0.2)
    await crowd.act("stall")
    await crowd.close()
    assert await crowd.open_count() == 2
    assert made.remote.calls[1:] == [
        ("crowd_call", "crowd", "connect", (), {"mode": Mode.PACED, "hold": False, "gap": 0.1}),
        ("crowd_call", "crowd", "exchange", (3,), {"gap": 0.2}),
        ("crowd_call", "crowd", "stall", (), {}),
        ("crowd_call", "crowd", "close", (), {}),
        ("open_clients", "crowd"),
    ]


# -- waiting ------------------------------------------------------------------------------------------------------


async def test_waiting_for_a_crowd_to_be_gone(made: Scripted) -> None:
    crowd = await made.experiment.crowd("crowd", 2)
    made.remote.answers["wait_until"] = False
    assert await made.experiment.wait_until_gone(crowd, within=1.5) is False
    # How those end who are on their way out by then is waited for, as long as their own close timeout lets them.
    assert made.remote.called("wait_until") == [(CrowdGone("crowd"), 1.5), (NobodyLeaving("crowd"), 20.0)]


async def test_a_crowd_that_is_gone_in_time_is_waited_for_no_longer(made: Scripted) -> None:
    crowd = await made.experiment.crowd("crowd", 2)
    made.remote.answers["wait_until"] = True
    assert await made.experiment.wait_until_gone(crowd, within=1.5) is True
    assert made.remote.called("wait_until") == [(CrowdGone("crowd"), 1.5)]


async def test_a_message_heard_before_the_last_wait_ended_does_not_count_again(made: Scripted) -> None:
    """A warning that both waits take for theirs would judge a client that answers before its second warning."""
    ended: list[float] = []

    def hear(condition: Heard, within: float) -> bool:
        ended.append(time.monotonic())
        return True

    made.remote.answers["wait_until"] = hear
    crowd = await made.experiment.crowd("crowd", 2)
    other = await made.experiment.crowd("other", 2)
    for _ in range(2):
        assert await made.experiment.wait_for_message(crowd, "warning", within=5.0)
    await made.experiment.wait_for_message(other, "warning", within=5.0)
    first, second, third = (condition for condition, _ in made.remote.called("wait_until"))
    assert (first.since, third.since) == (0.0, 0.0)
    assert ended[0] <= second.since <= ended[1]


# -- the upstream -------------------------------------------------------------------------------------------------


def calls(*sources: Source) -> Remote:
    """A conductor whose calls to the upstream are answered from these, the last one for ever."""
    left = list(sources)

    def answer(count: int, gap: float) -> list[Call]:
        source = left.pop(0) if len(left) > 1 else left[0]
        now = time.monotonic()
        return [Call(at=now, began=now, source=source, detail="" if source is Source.LIVE else "sorry")]

    return Remote({"call_upstream": answer})


async def test_calls_go_on_until_the_source_that_is_waited_for(make: Make) -> None:
    made = make(remote=calls(Source.UNAVAILABLE, Source.CACHED, Source.LIVE))
    end = time.monotonic() + 10.0
    found = await made.experiment.call_upstream_until(end, gap=0.001, stop=Source.LIVE)
    assert [call.source for call in found] == [Source.UNAVAILABLE, Source.CACHED, Source.LIVE]


async def test_calls_end_with_their_time(make: Make) -> None:
    made = make(remote=calls(Source.CACHED))
    end = time.monotonic() + 0.05
    found = await made.experiment.call_upstream_until(end, gap=0.005)
    assert found[-1].began < end <= time.monotonic()
    assert await made.experiment.call_upstream_until(end, gap=0.005) == []


async def test_a_cache_is_filled_by_a_live_answer(make: Make) -> None:
    made = make(remote=calls(Source.NONE, Source.LIVE))
    await made.experiment.fill_cache()
    assert len(made.remote.called("call_upstream")) == 2


async def test_a_cache_that_cannot_be_filled_is_inconclusive(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(remote=calls(Source.UNAVAILABLE))
    monkeypatch.setattr(type(made.experiment), "patience", 0.05)
    with pytest.raises(Inconclusive) as caught:
        await made.experiment.fill_cache()
    assert str(caught.value) == "no live answer before anything was done to the upstream; the last call got sorry"


# -- what it is ---------------------------------------------------------------------------------------------------


async def test_its_count_is_waited_for_with_patience_and_judged_without(make: Make) -> None:
    truth = Sample(at=9.0, took=0.001, sockets={"ESTABLISHED": 6})
    made = make(target=make_target(statistics=Statistics(path="/stats", connections="/total")))
    assert await made.experiment.told_as(truth, within=0.5) == [StatisticsAgree(connections=6, since=9.0, within=0.5)]
    said = StatisticsSay(which="connections", value=6)
    assert made.remote.called("wait_until") == [(said, 0.5 + made.experiment.patience)]


async def test_where_it_tells_of_no_connections_nothing_is_asked(made: Scripted) -> None:
    assert await made.experiment.told_as(Sample(at=9.0, took=0.001), within=0.5) == []
    assert made.remote.calls == []


def test_it_tells_what_the_statistics_declare(make: Make) -> None:
    made = make(target=make_target(statistics=Statistics(path="/stats", connections="/total")))
    assert made.experiment.tells("connections")
    assert not made.experiment.tells("tasks")


def test_without_statistics_it_tells_nothing(made: Scripted) -> None:
    assert not made.experiment.tells("connections")


def test_its_patience_follows_from_the_contract(make: Make) -> None:
    made = make(target=make_target(establishment={"within": "5s"}))
    assert made.experiment.patience == 15.0


async def test_an_endpoint_by_its_kind(make: Make) -> None:
    experiment = make().experiment
    assert (experiment.endpoint(Echo).path, experiment.endpoint(Feed).message) == ("/echo", "news")
    with pytest.raises(ChaosError, match=r"^the target declares no endpoints\.resumable$"):
        experiment.endpoint(Resumable)


def test_what_is_declared_is_had_and_what_is_not_is_named() -> None:
    assert declared("", "endpoints.feed.sequence") == ""
    with pytest.raises(ChaosError, match=r"^the target declares no endpoints\.feed\.sequence$"):
        declared(None, "endpoints.feed.sequence")
