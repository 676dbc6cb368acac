"""The judgement: what is asked, what is always asked besides, and how it is said that something is not held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from chaos.expectations import Expectation, Record, ReleasedWithin, Undisturbed
from chaos.experiment import Inconclusive, Violated, Worse, leaks
from chaos.experiment.experiment import MOST_ROUNDS, WARM_UP
from chaos.experiment.outcome import NotJudged
from chaos.faults import Latency
from chaos.journal import (
    Attempt,
    Beat,
    Bite,
    CrowdMade,
    Ended,
    FindingMade,
    Injected,
    JournalWriter,
    Note,
    Outcome,
    ReleaseAwaited,
    Round,
    Sample,
    read_journal,
)
from chaos.verdict import Finding, Verdict
from tests.unit.experiment.scripted import Machine, Make, Scripted, a_healing, a_receipt, make_target


@dataclass(frozen=True)
class Says(Expectation):
    """An expectation that finds what it is told to."""

    name: ClassVar[str] = "says"
    verdict: Verdict = Verdict.HELD

    def judge(self, record: Record) -> Finding:
        return Finding(expectation=self.name, verdict=self.verdict, observed=f"seen {self.verdict}", promised="all")


@dataclass(frozen=True)
class OfTheFault(Says):
    needs_fault: ClassVar[bool] = True


@dataclass(frozen=True)
class Crashes(Expectation):
    name: ClassVar[str] = "crashes"

    def judge(self, record: Record) -> Finding:
        raise ZeroDivisionError("a bug in the judge")


HELD, VIOLATED, INCONCLUSIVE = Says(Verdict.HELD), Says(Verdict.VIOLATED), Says(Verdict.INCONCLUSIVE)


def under_fault(made: Scripted) -> None:
    """What the conductor would have written of a fault that bit and healed."""
    for event in (Injected(at=9.0, fault="latency", description="Latency()"), a_receipt(), a_healing()):
        made.experiment._journal.write(event)


async def test_what_is_held_raises_nothing_and_is_written_down(made: Scripted) -> None:
    await made.experiment.judge(HELD)
    names = ["says", "steady_before", "faults_bit", "faults_healed", "server_survived"]
    assert [finding.expectation for finding in made.experiment.findings] == names
    assert {finding.verdict for finding in made.experiment.findings} == {"held"}
    assert [finding.expectation for finding in read_journal(made.directory).of(FindingMade)] == names
    assert made.remote.calls[0] == ("flush",)


async def test_everything_that_is_not_held_is_raised_and_the_worst_is_the_verdict(made: Scripted) -> None:
    with pytest.raises(Worse) as caught:
        await made.experiment.judge(INCONCLUSIVE, HELD, VIOLATED)
    assert caught.value.message == "violated"
    assert [(type(error), str(error)) for error in caught.value.exceptions] == [
        (Inconclusive, "seen inconclusive; promised: all"),
        (Violated, "seen violated; promised: all"),
    ]
    assert len(made.experiment.findings) == 7  # what is held is found too


async def test_a_judge_that_crashes_is_inconclusive(made: Scripted) -> None:
    with pytest.raises(Worse) as caught:
        await made.experiment.judge(HELD, Crashes())
    assert caught.value.message == "inconclusive"
    assert str(caught.value.exceptions[0]) == (
        "the judge crashes crashed: ZeroDivisionError: a bug in the judge; promised: a judgement"
    )


async def test_nothing_to_judge_is_inconclusive(made: Scripted) -> None:
    with pytest.raises(Inconclusive, match=r"^nothing was given to judge$"):
        await made.experiment.judge()
    assert made.experiment.findings == []


# -- what is always judged ----------------------------------------------------------------------------------------


async def test_a_dead_server_is_violated_whatever_else_is_held(make: Make) -> None:
    made = make(machine=Machine(runs=False, code=3, log=["out of cheese"]))
    with pytest.raises(Worse) as caught:
        await made.experiment.judge(HELD)
    assert caught.value.message == "violated"
    assert [str(error).partition(";")[0] for error in caught.value.exceptions] == [
        "the server ended in the middle of the scenario, with exit code 3"
    ]
    assert made.experiment.findings[-1].evidence == ("out of cheese",)


class Dying(Machine):
    """A server whose sockets are closed already, and which is gone a few looks later."""

    looks = 0

    def alive(self) -> bool:
        self.looks += 1
        return self.looks < 4


async def test_a_server_that_is_dying_while_something_else_is_violated_is_found_dead(make: Make) -> None:
    made = make(machine=Dying(code=3))
    with pytest.raises(Worse) as caught:
        await made.experiment.judge(VIOLATED)
    assert "the server ended in the middle of the scenario, with exit code 3" in str(caught.value.exceptions)


async def test_where_all_is_held_nobody_waits_for_a_death(make: Make) -> None:
    machine = Dying(code=3)
    await make(machine=machine).experiment.judge(HELD)
    assert machine.looks == 1


def with_one_who_grew_old(make: Make, *, runs: bool = True) -> Scripted:
    """A server that promises an age of 2 s, and closed a client of the crowd "old" at that age."""
    machine = Machine(runs=runs, code=None if runs else 1)
    made = make(target=make_target(liveness={"max_age": "2s"}), machine=machine)
    opened = Attempt(at=1.1, crowd="old", client=0, outcome=Outcome.OPEN, phase="handshake", began=1.0, handshake=0.1)
    closed = Ended(at=3.0, crowd="old", client=0, by="server", how="close", code=1000)
    for event in (CrowdMade(at=0.5, crowd="old", pid=7), opened, closed):
        made.experiment._journal.write(event)
    return made


STAYS = Undisturbed(crowd="old")


@pytest.mark.parametrize("runs", [True, False])
async def test_what_is_an_end_at_an_age_is_not_judged_and_a_dead_server_is(make: Make, runs: bool) -> None:
    made = with_one_who_grew_old(make, runs=runs)
    with pytest.raises(NotJudged if runs else Worse):
        await made.experiment.judge(STAYS, HELD, INCONCLUSIVE)
    notes = [note.text for note in read_journal(made.directory).of(Note)]
    assert notes == ["not judged: 1 of 1 untouched clients were cut off, the first by close 1000"]


async def test_an_age_excuses_nothing_beside_what_it_explains(make: Make) -> None:
    made = with_one_who_grew_old(make)
    with pytest.raises(Worse, match=r"^violated") as caught:
        await made.experiment.judge(STAYS, VIOLATED)
    assert [str(error) for error in caught.value.exceptions] == ["seen violated; promised: all"]


async def test_an_age_does_not_excuse_a_fault_that_did_not_bite(make: Make) -> None:
    made = with_one_who_grew_old(make)
    for event in (Injected(at=9.0, fault="latency", description=""), a_receipt(bite=Bite.DID_NOT_BITE), a_healing()):
        made.experiment._journal.write(event)
    with pytest.raises(Worse, match=r"^inconclusive"):
        await made.experiment.judge(STAYS)


async def test_where_all_was_not_well_before_nothing_is_the_server_s_breach(made: Scripted) -> None:
    made.experiment._journal.write(Beat(at=8.0, ok=False, round_trip=0.0, lateness=0.0, detail="no right answer"))
    under_fault(made)
    with pytest.raises(Worse, match=r"^inconclusive") as caught:
        await made.experiment.judge(VIOLATED, HELD)
    assert [str(error) for error in caught.value.exceptions] == [
        "1 of 1 exchanges failed before the first fault: no right answer; promised: an untouched client is answered "
        "before anything is done to the server",
        "seen violated, and all was not well before; promised: all",
    ]
    assert not any(isinstance(error, Violated) for error in caught.value.exceptions)


async def test_a_server_that_was_ended_on_purpose_need_not_survive(made: Scripted) -> None:
    await made.experiment.terminate_server(within=1.0)
    made.machine.runs = False
    await made.experiment.judge(HELD)
    assert "server_survived" not in {finding.expectation for finding in made.experiment.findings}


async def test_a_cell_whose_fault_was_never_injected_is_inconclusive(make: Make) -> None:
    made = make(fault=Latency())
    with pytest.raises(Worse) as caught:
        await made.experiment.judge(HELD)
    assert caught.value.message == "inconclusive"
    assert str(caught.value.exceptions[0]).startswith("the fault of this cell, latency, was never injected; ")


async def test_a_cell_whose_fault_bit_and_healed_is_held(make: Make) -> None:
    made = make(fault=Latency())
    under_fault(made)
    await made.experiment.judge(HELD)


# -- without faults -----------------------------------------------------------------------------------------------


async def test_without_faults_nothing_is_asked_that_needs_one(make: Make) -> None:
    made = make(fault=Latency(), faults_allowed=False)
    await made.experiment.judge(HELD, OfTheFault(Verdict.VIOLATED))
    assert [finding.expectation for finding in made.experiment.findings].count("says") == 1


async def test_without_faults_there_may_be_nothing_to_judge(make: Make) -> None:
    made = make(fault=Latency(), faults_allowed=False)
    with pytest.raises(NotJudged, match=r"^without its fault there is nothing to judge here$"):
        await made.experiment.judge(OfTheFault())
    assert made.experiment.findings == []


# -- leaks --------------------------------------------------------------------------------------------------------


async def test_rounds_end_once_everything_is_decided(made: Scripted) -> None:
    numbers = [number async for number in made.experiment.rounds([HELD, VIOLATED])]
    # Some to warm up, 12 that a slope takes at least; then every fourth is looked at.
    assert numbers == list(range(1, WARM_UP + 12 + 1))


async def test_rounds_that_decide_nothing_end_with_the_budget(made: Scripted) -> None:
    numbers = [number async for number in made.experiment.rounds([HELD, INCONCLUSIVE])]
    assert numbers == list(range(1, MOST_ROUNDS + 1))
    assert len(made.remote.called("flush")) == (MOST_ROUNDS - WARM_UP - 12) // 4 + 1


async def test_by_what_a_release_was_judged_is_written_down(made: Scripted) -> None:
    with pytest.raises(Worse):
        await made.experiment.judge(ReleasedWithin(dead=3, remaining=2, limit=1.5, why="interval"), HELD)
    [terms] = read_journal(made.directory).of(ReleaseAwaited)
    assert (terms.dead, terms.remaining, terms.limit, terms.why) == (3, 2, 1.5, "interval")


async def test_rounds_in_which_only_a_fault_would_end_anybody_are_not_judged_without_faults(make: Make) -> None:
    """Those of a hostile crowd, or of a burst: nothing comes at all."""
    made = make(fault=Latency(), faults_allowed=False)
    for number in range(1, WARM_UP + 1):
        await made.experiment.record_round(number)
    with pytest.raises(NotJudged, match=r"^without its fault no connection ends here$"):
        await made.experiment.record_round(WARM_UP + 1)


async def test_a_round_is_written_down_once_it_is_warm(made: Scripted) -> None:
    samples = iter(
        [
            Sample(at=4.0, took=0.001, fds=11, threads=2, rss=900, pss=800),
            Sample(at=5.0, took=0.001, fds=12, threads=2, rss=950, pss=0),
        ]
    )
    made.remote.answers["sample"] = lambda: next(samples)
    with JournalWriter(made.directory, role="crowd", run="run", cell="cell") as worker:
        for number in range(1, WARM_UP + 3):
            worker.write(Ended(at=number / 10, crowd=f"round {number}", client=0, by="client", how="close"))
            worker.flush()
            await made.experiment.record_round(number, besides=3 if number > WARM_UP + 1 else 0)
    await made.experiment.record()
    rounds = read_journal(made.directory).of(Round)
    assert [(event.at, event.ended, event.fds, event.memory, event.threads) for event in rounds] == [
        (4.0, WARM_UP + 1, 11, 800, 2),
        (5.0, WARM_UP + 2 + 3, 12, 950, 2),  # where the kernel gives no proportional share
    ]
    assert {(event.connections, event.tasks) for event in rounds} == {(None, None)}, "it has no statistics to ask"
    assert not made.remote.called("statistics")


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"connections": 1.0, "tasks": 9.0}, (1.0, 9.0)),
        ({"connections": "many"}, (None, None)),
        ({}, (None, None)),  # they could not be read, and the journal says why
    ],
)
def test_a_round_has_what_the_statistics_tell(
    told: dict[str, float | str], counted: tuple[float | None, float | None]
) -> None:
    each = leaks.reading(Sample(at=4.0, took=0.001, fds=11), ended=50, told=told)
    assert (each.connections, each.tasks) == counted
