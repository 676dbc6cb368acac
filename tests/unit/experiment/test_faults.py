"""A fault in a scenario's hands: injected, healed whatever the body does, and left out where that was asked for."""

from __future__ import annotations

import pytest

from chaos.errors import ChaosError, LinkError
from chaos.experiment import Experiment
from chaos.experiment.crowd import Crowd
from chaos.faults import ClientKilled, Fault, FloodingMember, Latency, Reset, StalledReader
from chaos.journal import Bite, HealingState, PhaseEntered, read_journal
from tests.unit.experiment.scripted import DIRECT, LINK, Make, Scripted, a_healing


def phases(made: Scripted) -> list[str]:
    return [event.phase.value for event in read_journal(made.directory).of(PhaseEntered)]


async def victims(experiment: Experiment) -> Crowd:
    return await experiment.crowd("victims", 3)


async def test_a_fault_is_healed_at_the_end_of_the_body(made: Scripted) -> None:
    crowd = await victims(made.experiment)
    async with made.experiment.inject(Latency(), crowd) as injection:
        assert (injection.since, injection.receipt.bite) == (10.0, Bite.BIT)
        assert made.remote.called("inject") == [(Latency(), "victims")]
        assert made.remote.called("heal") == []
    assert made.remote.called("heal") == [(1,)]
    assert phases(made) == ["fault", "recovery"]
    assert not made.experiment.spoiled


async def test_a_fault_is_healed_when_the_body_raises(made: Scripted) -> None:
    with pytest.raises(ZeroDivisionError):
        async with made.experiment.inject(Latency()):
            raise ZeroDivisionError
    assert made.remote.calls[-1] == ("heal", 1)
    assert phases(made) == ["fault", "recovery"]


async def test_a_fault_that_cannot_be_injected_never_reaches_the_body(made: Scripted) -> None:
    made.remote.answers["inject"] = LinkError("no link")
    with pytest.raises(LinkError, match=r"^no link$"):
        async with made.experiment.inject(Latency()):
            raise AssertionError("the body was reached")
    assert made.remote.called("heal") == []


@pytest.mark.parametrize("state", [HealingState.FAILED, HealingState.GONE_WITH_THE_TARGET])
async def test_what_a_fault_has_left_spoils_the_server(made: Scripted, state: HealingState) -> None:
    made.remote.answers["heal"] = a_healing(state)
    async with made.experiment.inject(Latency()):
        pass
    made.remote.answers["heal"] = a_healing()
    async with made.experiment.inject(Latency()):
        pass
    assert made.experiment.spoiled
    assert not made.experiment.ended_on_purpose


async def test_calm_does_nothing(made: Scripted) -> None:
    async with made.experiment.inject(None) as injection:
        assert injection.receipt.bite is Bite.UNKNOWN
    assert made.remote.calls == []
    assert phases(made) == []


async def test_without_faults_the_phases_are_the_same(make: Make) -> None:
    made = make(faults_allowed=False)
    async with made.experiment.inject(Latency()) as injection:
        assert (injection.receipt.fault, injection.receipt.bite) == ("latency", Bite.UNKNOWN)
    assert made.remote.calls == []
    assert phases(made) == ["fault", "recovery"]


async def test_a_fault_after_the_judgement_is_refused(made: Scripted) -> None:
    made.experiment._judged = True
    with pytest.raises(ChaosError) as caught:
        async with made.experiment.inject(Latency()):
            raise AssertionError("the body was reached")
    assert str(caught.value) == "latency was injected after the judgement, so nothing would be said of it"
    assert made.remote.calls == []


# -- victims ------------------------------------------------------------------------------------------------------


async def test_victims_of_a_fault_on_the_link_go_through_it(made: Scripted) -> None:
    await made.experiment.victims_of(Latency(), "victims", 4)
    assert made.remote.calls[0] == ("prepare_fault", Latency())
    (name, plan, count, own_process) = made.remote.called("create_crowd")[0]
    assert (name, count, plan.address, own_process) == ("victims", 4, LINK, False)
    assert plan.receive_buffer is None


async def test_without_faults_nothing_is_prepared_and_victims_are_who_they_would_be(make: Make) -> None:
    made = make(faults_allowed=False)
    await made.experiment.victims_of(Reset(), "victims", 4)
    await made.experiment.victims_of(StalledReader(), "stalled", 4, endpoint="feed")
    assert made.remote.called("prepare_fault") == []
    reset, stalled = made.remote.called("create_crowd")
    assert (reset[0], reset[1].address, reset[2]) == ("victims", LINK, 4)
    assert (stalled[0], stalled[1].receive_buffer) == ("stalled", StalledReader.receive_buffer)


async def test_victims_of_a_client_fault_go_straight_to_the_server(made: Scripted) -> None:
    await made.experiment.victims_of(StalledReader(), "victims", 4, endpoint="feed")
    (_, plan, _, own_process) = made.remote.called("create_crowd")[0]
    assert (plan.address, plan.path, plan.receive_buffer, own_process) == (
        DIRECT,
        "/feed",
        StalledReader.receive_buffer,
        False,
    )


@pytest.mark.parametrize("fault", [ClientKilled(), FloodingMember()], ids=["killed", "busy"])
async def test_victims_that_are_killed_or_busy_have_a_process_of_their_own(made: Scripted, fault: Fault) -> None:
    await made.experiment.victims_of(fault, "victims", 4)
    assert made.remote.called("create_crowd")[0][3] is True


async def test_victims_of_no_fault_are_a_crowd(made: Scripted) -> None:
    crowd = await made.experiment.victims_of(None, "victims", 4)
    assert (crowd.name, crowd.count) == ("victims", 4)
    assert [call[0] for call in made.remote.calls] == ["create_crowd"]
