"""The crowds of a scenario: most in one worker that outlives it, those that are to be killed in one of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.address import Address
from chaos.conductor.crowds import Crowds, Workers
from chaos.crowd.plan import ClientPlan, PhaseTimeouts
from chaos.crowd.process import WorkerProcess
from chaos.errors import ChaosError, CrowdError, JournalError
from chaos.journal import Attempt, Ended, Outcome, read_journal
from tests.unit.crowd.making import until
from tests.unit.faults.stage import PATIENCE

Started = list[WorkerProcess]


@pytest.fixture
def workers(private: Path) -> Workers:
    return Workers(private, allowed_hosts=())


def crowds_of(workers: Workers, directory: Path, cell: str = "cell") -> Crowds:
    return Crowds(workers, directory=directory / cell, run="run", cell=cell)


@pytest.fixture
def plan(server: Address) -> ClientPlan:
    timeouts = PhaseTimeouts(tcp=PATIENCE, handshake=PATIENCE, first_message=PATIENCE)
    return ClientPlan(address=server, timeouts=timeouts, send="{n}", expect="{n}", first_message=True)


async def test_most_crowds_share_one_process(
    workers: Workers, plan: ClientPlan, started: Started, tmp_path: Path
) -> None:
    crowds = crowds_of(workers, tmp_path)
    for name in ("one", "two"):
        await crowds.create(name, plan, 2, own_process=False)
    assert len(started) == 1


async def test_the_common_process_is_used_again_by_the_next_scenario(
    workers: Workers, plan: ClientPlan, started: Started, tmp_path: Path
) -> None:
    for cell in ("first", "second"):
        crowds = crowds_of(workers, tmp_path, cell)
        crowd = await crowds.create("same name", plan, 2, own_process=False)
        assert [attempt.outcome for attempt in await crowd.connect()] == [Outcome.OPEN] * 2
        await crowds.close()
    assert len(started) == 1
    assert started[0].alive
    for cell in ("first", "second"):
        assert len(read_journal(tmp_path / cell).of(Attempt)) == 2


async def test_a_crowd_of_its_own_process_can_be_killed_alone(
    workers: Workers, plan: ClientPlan, started: Started, tmp_path: Path
) -> None:
    crowds = crowds_of(workers, tmp_path)
    common = await crowds.create("common", plan, 2, own_process=False)
    own = await crowds.create("own", plan, 2, own_process=True)
    for crowd in (common, own):
        await crowd.connect()
    assert await own.kill() == -9
    assert [await crowds.open_count(name) for name in ("common", "own")] == [2, 0]
    await crowds.flush()  # the dead have nothing more to say
    await crowds.close()
    assert [worker.alive for worker in started] == [True, False]


async def test_closing_ends_every_client_and_every_process_but_the_common_one(
    workers: Workers, plan: ClientPlan, started: Started, ends: list[str], tmp_path: Path
) -> None:
    crowds = crowds_of(workers, tmp_path)
    for name, own_process in (("common", False), ("own", True)):
        await (await crowds.create(name, plan, 2, own_process=own_process)).connect()
    await crowds.close()
    await until(lambda: len(ends) == 4)
    assert [worker.alive for worker in started] == [True, False]
    assert len(read_journal(tmp_path / "cell").of(Attempt)) == 4
    with pytest.raises(ChaosError) as caught:
        crowds.get("common")
    assert str(caught.value) == "there is no crowd named 'common'; there are none"
    await crowds.close()


async def test_a_common_process_that_died_is_replaced_in_the_next_scenario(
    workers: Workers, plan: ClientPlan, started: Started, tmp_path: Path
) -> None:
    first = crowds_of(workers, tmp_path, "first")
    crowd = await first.create("crowd", plan, 1, own_process=False)
    await crowd.kill()
    with pytest.raises(CrowdError):
        await crowd.states()
    await first.close()
    second = crowds_of(workers, tmp_path, "second")
    again = await second.create("crowd", plan, 1, own_process=False)
    assert [attempt.outcome for attempt in await again.connect()] == [Outcome.OPEN]
    assert len(started) == 2


async def test_a_common_process_that_does_not_answer_is_killed(
    workers: Workers, plan: ClientPlan, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowds = crowds_of(workers, tmp_path)
    await crowds.create("crowd", plan, 1, own_process=False)

    async def overdue(self: WorkerProcess, crowd: str) -> None:
        raise CrowdError("overdue")

    monkeypatch.setattr(WorkerProcess, "remove", overdue)
    await crowds.close()
    assert not started[0].alive


async def test_a_segment_that_is_not_whole_is_an_error_and_keeps_nobody_open(
    workers: Workers, plan: ClientPlan, started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowds = crowds_of(workers, tmp_path)
    for name, own_process in (("common", False), ("own", True)):
        await crowds.create(name, plan, 1, own_process=own_process)

    async def disk_full(self: WorkerProcess) -> None:
        raise JournalError("no space left on device")

    monkeypatch.setattr(WorkerProcess, "close_cell", disk_full)
    with pytest.raises(JournalError, match=r"^no space left on device$"):
        await crowds.close()
    assert not started[1].alive


async def test_a_worker_whose_segment_cannot_be_opened_is_not_used(
    workers: Workers, plan: ClientPlan, tmp_path: Path
) -> None:
    """What its clients did would be written nowhere."""
    (tmp_path / "cell").write_text("in the way")
    crowds = crowds_of(workers, tmp_path)
    for _ in range(2):
        with pytest.raises(JournalError, match="cannot write the journal"):
            await crowds.create("crowd", plan, 1, own_process=False)


async def test_a_name_is_given_once(workers: Workers, plan: ClientPlan, tmp_path: Path) -> None:
    crowds = crowds_of(workers, tmp_path)
    await crowds.create("crowd", plan, 1, own_process=False)
    with pytest.raises(ChaosError) as caught:
        await crowds.create("crowd", plan, 1, own_process=True)
    assert str(caught.value) == "there is a crowd named 'crowd' already"


async def test_an_unknown_name_is_answered_with_those_there_are(
    workers: Workers, plan: ClientPlan, tmp_path: Path
) -> None:
    crowds = crowds_of(workers, tmp_path)
    await crowds.create("living", plan, 1, own_process=False)
    await crowds.create("dying", plan, 1, own_process=False)
    with pytest.raises(ChaosError) as caught:
        crowds.get("undead")
    assert str(caught.value) == "there is no crowd named 'undead'; there are living, dying"


async def test_flushed_events_can_be_read_while_the_scenario_runs(
    workers: Workers, plan: ClientPlan, tmp_path: Path
) -> None:
    crowds = crowds_of(workers, tmp_path)
    crowd = await crowds.create("crowd", plan, 3, own_process=False)
    await crowd.connect()
    await crowd.reset()
    await crowds.flush()
    journal = read_journal(tmp_path / "cell")
    assert (len(journal.of(Attempt)), len(journal.of(Ended))) == (3, 3)
