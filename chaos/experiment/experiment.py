"""One scenario under one fault: crowds, faults, waits, and the judgement at the end."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from chaos.address import Address
from chaos.agent.clock_library import clock_environment, find_clock_library, offset
from chaos.bounds import least_wait, patience
from chaos.capability import Availability, Capability
from chaos.conditions import Condition, ConnectionsAtLeast, CrowdGone, Heard, NobodyLeaving, StatisticsSay
from chaos.errors import ChaosError, TargetFailure
from chaos.expectations import Expectation, Record, StatisticsAgree, judge_all
from chaos.expectations.record import Waits
from chaos.experiment import ages, leaks
from chaos.experiment.conductor import RemoteConductor
from chaos.experiment.crowd import Crowd, Via, plan_for
from chaos.experiment.injection import Injection, left_out
from chaos.experiment.judging import asked_of_every_one, sound, that_mean_something
from chaos.experiment.leaks import MOST_ROUNDS, WARM_UP
from chaos.experiment.outcome import Inconclusive, NotJudged, as_event, raise_worse
from chaos.experiment.places import Places
from chaos.experiment.server import ServerControl, ServerInHand
from chaos.experiment.upstream import Questions
from chaos.faults.base import Fault
from chaos.journal import (
    Call,
    Ended,
    FindingMade,
    HealingState,
    Holders,
    JournalWriter,
    LeftBehind,
    MemoryHeld,
    Note,
    Phase,
    PhaseEntered,
    Sample,
    ServerEvent,
    Source,
    read_journal,
)
from chaos.server_view import ServerView
from chaos.target import Endpoint, Endpoints, Target, declared
from chaos.units import counted
from chaos.verdict import Verdict

__all__ = ["MOST_ROUNDS", "SAMPLING", "WARM_UP", "Experiment", "Injection"]


SAMPLING = 0.05
"""Seconds between two samples: 3 ms each at 1,000 connections, so 6 % of a core there and 1 % at a hundred."""

KEEP_ALIVES = 5
"""Exchanges that a client makes in one idle timeout so as not to idle: one that is late by a whole period does not
matter, and a peer that dies is due to be closed for idling not much earlier than it would be anyway."""


AnEndpoint = TypeVar("AnEndpoint", bound=Endpoint)


class Experiment:
    """One scenario under one fault, on a running server."""

    def __init__(
        self,
        *,
        conductor: RemoteConductor,
        server: ServerControl,
        view: Callable[[], ServerView],
        target: Target,
        capabilities: Mapping[Capability, Availability],
        journal: JournalWriter,
        link: Address | None,
        fault: Fault | None = None,
        faults_allowed: bool = True,
        vouched: bool = False,
        read_along: bool = False,
    ) -> None:
        self._target = target
        self.capabilities = capabilities
        self.spoiled = False
        """Whether the server is not what it was: the next scenario then gets a fresh one."""
        self.findings: list[FindingMade] = []
        """What `judge` found, held or not."""
        self._conductor = conductor
        self._server = ServerInHand(server, view=view, journal=journal, conductor=conductor)
        self._questions = Questions(conductor)
        self._journal = journal
        self._link = link
        self._fault = fault
        self.faults_allowed = faults_allowed
        """Whether faults are injected; else each is left out, and there is nothing that one could take away again."""
        self._vouched = vouched
        self._judged = False
        self._in_places = self.own_connections + read_along
        """Of ours those that may have a place, where a server counts every connection: its readings are made on one."""
        self._waits = Waits(server=least_wait(target.promises), client=self.patience)
        rejection = target.promises.rejection
        self._places = Places(
            rejection.max_connections if rejection is not None else None,
            own=self._in_places + (fault is not None and faults_allowed),
            open_clients=self._open_clients,
        )
        self._marks: dict[str, float] = {}

    # -- what it is -------------------------------------------------------------------------------------------

    own_connections = 1
    """Connections of the experiment itself that the server holds all along: the canary's."""

    sampling = SAMPLING
    """Seconds between two samples."""

    @property
    def endpoints(self) -> Endpoints:
        """What the target offers to converse with. Its promises are in a scenario's hands only as it reads them."""
        return self._target.endpoints

    def endpoint(self, kind: type[AnEndpoint]) -> AnEndpoint:
        """The one of a kind, for a scenario that `needs` it. Raises ChaosError where the target declares none."""
        there = (each for _, each in self.endpoints if isinstance(each, kind))
        return declared(next(there, None), f"endpoints.{kind.__name__.lower()}")

    def tells(self, name: str) -> bool:
        """Whether the server's statistics tell this, by its name in the target's statistics table."""
        return self._target.statistics is not None and name in self._target.statistics.values()

    # -- time -------------------------------------------------------------------------------------------------

    @property
    def patience(self) -> float:
        """Seconds after which a client gives a single step up."""
        return patience(self._target.promises)

    @staticmethod
    def now() -> float:
        """Seconds monotonic."""
        return time.monotonic()

    async def phase(self, phase: Phase) -> None:
        """Note that the scenario goes on to its next part."""
        self._journal.write(PhaseEntered(at=time.monotonic(), phase=phase))

    async def wait_until(self, condition: Condition, *, within: float) -> bool:
        """Wait for a condition at most `within` seconds; whether it was met. Decides nothing."""
        return await self._conductor.wait_until(condition, within)

    async def wait_until_gone(self, crowd: Crowd, *, within: float) -> bool:
        """Wait until no client of a crowd is open any more, as the clients see it: until TCP is over for each of them.

        Whose close frame has come by then is waited for until that is so, and no longer than its own close timeout
        (twice it, for the last of them may just have heard it): what was said in time is in the journal only then.
        """
        gone = await self.wait_until(CrowdGone(crowd.name), within=within)
        if not gone:
            await self.wait_until(NobodyLeaving(crowd.name), within=2 * crowd.close_timeout)
        return gone

    async def wait_for_message(self, crowd: Crowd, pattern: str, *, within: float) -> bool:
        """Wait until every client of a traced crowd has heard a message that fits, since the last such wait ended."""
        since = self._marks.get(crowd.name, 0.0)
        heard = await self.wait_until(Heard(crowd=crowd.name, pattern=pattern, since=since), within=within)
        self._marks[crowd.name] = time.monotonic()
        return heard

    async def unsent(self) -> int:
        """Bytes that the server's kernel holds for its clients, as they have not taken them. Needs SOCKET_PROBE."""
        return await self._conductor.unsent()

    async def watch(self, seconds: float) -> None:
        """Let the declared interval pass while everything is being recorded."""
        await asyncio.sleep(seconds)

    # -- clients ----------------------------------------------------------------------------------------------

    async def crowd(
        self,
        name: str,
        count: int,
        *,
        endpoint: str = "echo",
        via: Via = Via.DIRECT,
        keep_alive: bool = True,
        every: float | None = None,
        own_process: bool = False,
        **plan: Any,
    ) -> Crowd:
        """Make a crowd of clients that are not connected yet; `plan` overrides fields of their ClientPlan.

        With `keep_alive` each makes an exchange now and then so as not to idle, or one `every` so many seconds.
        """
        if via is Via.LINK and self._link is None:
            raise ChaosError("this deployment has no link: mark the scenario with needs(Capability.LINK)")
        address = self._link if via is Via.LINK and self._link is not None else self._server.address
        base = plan_for(self._target, endpoint, address, patience=self.patience)
        idle = self._target.promises.liveness.idle_timeout if self._target.promises.liveness else None
        if keep_alive and idle is not None and base.send is not None:
            base = replace(base, keep_alive=idle / KEEP_ALIVES)
        if every is not None:
            base = replace(base, keep_alive=every)
        chosen = replace(base, **plan)
        await self._conductor.create_crowd(name, chosen, count, own_process=own_process)
        return Crowd(self._conductor, name, count, chosen, places=self._places)

    def fitting(self, wanted: int) -> int:
        """As many of the wanted clients as the server promises places for. Raises NotJudged where there is none."""
        return self._places.fitting(wanted)

    def some(self, count: int) -> int:
        """A number of clients that was worked out of the server's limit. Raises NotJudged for less than one."""
        return self._places.some(count)

    def needs_places(self, count: int) -> None:
        """Raises NotJudged where the server does not promise so many: of clients of which the first may have died
        when the next come, and whose places it may still keep."""
        self._places.require(count)

    async def _open_clients(self, crowd: str) -> int:
        return await self._conductor.open_clients(crowd, within=self.patience)

    async def victims_of(
        self, fault: Fault | None, name: str, count: int, *, endpoint: str = "echo", **plan: Any
    ) -> Crowd:
        """A crowd that a fault can act on: on the path it acts on, in a process of its own where that is killed;
        `plan` overrides fields of its ClientPlan."""
        if fault is None:
            return await self.crowd(name, count, endpoint=endpoint, **plan)
        if self.faults_allowed:
            # What it does before its victims come may outlast them: without the fault nobody would take it back.
            await self._conductor.prepare_fault(fault)
        if fault.receive_buffer is not None:
            plan = {"receive_buffer": fault.receive_buffer, **plan}
        # Of a composed fault that needs both, the part that acts on the link does it to others.
        linked = Capability.LINK in fault.needs and Capability.TCP_TRUE not in fault.needs
        via = Via.LINK if linked else Via.DIRECT
        alone = fault.kills_its_worker or fault.fills_its_worker
        return await self.crowd(name, count, endpoint=endpoint, via=via, own_process=alone, **plan)

    async def call_upstream_until(self, end: float, *, gap: float, stop: Source | None = None) -> list[Call]:
        """Ask every `gap` seconds until a time (seconds monotonic), or until an answer comes from `stop`."""
        return await self._questions.ask_until(end, gap=gap, stop=stop)

    async def call_upstream(self, count: int, *, gap: float = 0.0) -> list[Call]:
        """Ask the upstream-backed endpoint `count` times, one after the other."""
        return await self._questions.ask(count, gap=gap)

    async def fill_cache(self) -> None:
        """Ask the upstream-backed endpoint until a live answer has come: what a fallback has to fall back on.

        Raises Inconclusive when none comes although nothing was done to the upstream yet.
        """
        await self._questions.fill_cache(within=self.patience)

    async def fetch_feed_until(self, end: float, *, path: str, gap: float) -> None:
        """GET a path of the server's every `gap` seconds until a time (seconds monotonic); the journal has them."""
        while (began := time.monotonic()) < end:
            await self._conductor.fetch_feed(path)
            await asyncio.sleep(max(0.0, began + gap - time.monotonic()))

    # -- faults -----------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def inject(self, fault: Fault | None, victims: Crowd | None = None) -> AsyncIterator[Injection]:
        """Inject a fault, prove it, and heal it at the end, whatever the body does. None is calm: nothing is done."""
        if fault is None:
            yield left_out("calm")
            return
        if self._judged:
            raise ChaosError(f"{fault.name} was injected after the judgement, so nothing would be said of it")
        await self.phase(Phase.FAULT)
        if not self.faults_allowed:
            yield left_out(fault.name)
            await self.phase(Phase.RECOVERY)
            return
        number, receipt = await self._conductor.inject(fault, victims.name if victims else None)
        try:
            yield Injection(receipt=receipt)
        finally:
            healing = await self._conductor.heal(number, fault)
            self._places.own = self._in_places
            self.spoiled = self.spoiled or healing.state is not HealingState.HEALED
            await self.phase(Phase.RECOVERY)

    # -- the server -------------------------------------------------------------------------------------------

    @property
    def ended_on_purpose(self) -> bool:
        """Whether the scenario stopped, killed or restarted the server: whether it survived is no question then."""
        return self._server.ended_on_purpose

    async def note_logged(self) -> bool:
        """Write down how much the server has logged so far; whether that is known."""
        return await self._server.note_logged()

    async def restart_server(self) -> float:
        """Start a server that has ended again, as its supervisor would, and wait until it is healthy.

        Returns when it was started, seconds monotonic: what it takes to get healthy is part of its recovery. One that
        does not start again serves nobody, and is judged by that; the journal says why.
        """
        self.spoiled = self.spoiled or not self._server.alive()
        began = time.monotonic()
        try:
            return await self._server.restart()
        except TargetFailure as failure:
            self._journal.write(ServerEvent(at=time.monotonic(), what="not started", detail=str(failure)))
            return began

    async def restart_server_with(self, environment: Mapping[str, str]) -> None:
        """End the server, start it with other environment variables over its own, and wait until it is healthy and has
        an untouched client inside again. It is given its own ones back after the scenario."""
        self.spoiled = True
        await self._server.kill()
        await self._server.restart(environment=environment)
        await self.wait_until(ConnectionsAtLeast(self.own_connections), within=self.patience)

    async def restart_server_with_a_clock(self) -> None:
        """End the server, and start it with a wall clock of its own, which is right until a fault sets it.

        It has the machine's again after the scenario. Raises ChaosError where there is none to be had.
        """
        library = find_clock_library()
        if library is None:
            raise ChaosError("there is no clock to give to the server: mark the scenario with needs(Capability.CLOCK)")
        file = self._journal.path.parent.absolute() / "clock"
        file.write_text(offset(0.0), encoding="ascii")
        await self.restart_server_with(clock_environment(library, file))

    async def try_settings(self, settings: Mapping[str, Sequence[str]]) -> None:
        """End the server, and start it once with each value of each variable; the journal has what became of each."""
        self.spoiled = True
        await self._server.kill()
        for variable, values in settings.items():
            for value in values:
                await self._server.try_start(variable, value)

    async def terminate_server(self, *, within: float, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """SIGTERM, and wait for its end at most `within` seconds; the journal has the times and the exit code.

        `then` is what is done as soon as it was told.
        """
        self.spoiled = True
        await self._server.terminate(within=within, then=then)

    async def note_left_behind(self) -> LeftBehind:
        """Write down which processes serve in the place of a server that has ended: none, if it has gone whole.

        For scenarios that need SOCKET_PROBE and PROCESS_PROBE.
        """
        return await self._conductor.note_left_behind()

    def died_unasked(self) -> str | None:
        """One sentence when the server has ended although the scenario did not end it, None while all is well."""
        return self._server.died_unasked()

    async def sample(self) -> Sample:
        """One reading of the truth now."""
        return await self._conductor.sample()

    async def note_holders(self, crowd: Crowd) -> Holders:
        """Write down which of the server's processes serves each client of a crowd, as the server's kernel has it.

        For scenarios that need SOCKET_PROBE, PROCESS_PROBE and TCP_TRUE.
        """
        return await self._conductor.note_holders(crowd.name)

    async def needs_workers(self, crowd: Crowd) -> Holders:
        """Who serves a crowd that is inside. Raises NotJudged where not several of the server's processes take
        connections, as far as it shows, and Inconclusive where there were more processes when it was started.

        For scenarios that need SOCKET_PROBE, PROCESS_PROBE and TCP_TRUE.
        """
        found = await self.note_holders(crowd)
        if len(found.serving) < 2:
            await self._require_all_processes()
            raise NotJudged(
                f"one of the server's processes takes all connections, those of {counted(crowd.count, 'client')} among "
                "them, and this needs several: start more workers, or leave promises.recovery.worker_within out"
            )
        return found

    async def _require_all_processes(self) -> None:
        """Raises Inconclusive where processes of the server have gone since it was started, or since this cell began:
        whether they were workers nobody knows, but one worker was not all there was."""
        now = await self.sample()
        journal = (await self.record()).journal
        started = max((each.at for each in journal.of(ServerEvent) if each.what == "started"), default=-math.inf)
        most = max((each.processes for each in journal.of(Sample) if each.at >= started), default=0)
        if most > now.processes:
            raise Inconclusive(
                f"{most - now.processes} of the server's {most} processes had gone before anything was done "
                "to them, and one of those that are left takes all connections"
            )

    async def statistics(self) -> dict[str, float | str]:
        """What the server says of itself now; empty where it could not be read (the journal says why)."""
        return await self._conductor.statistics()

    async def told_as(self, truth: Sample, *, within: float) -> list[StatisticsAgree]:
        """Ask the server until it tells as many connections as its kernel had in a sample; what is to be judged of it,
        which is nothing where it tells of none.

        What a busy machine keeps it from counting is waited for: `within` is what the count may lag behind, seconds.
        """
        if not self.tells("connections"):
            return []
        said = StatisticsSay(which="connections", value=truth.connections)
        await self.wait_until(said, within=within + self.patience)
        return [StatisticsAgree(connections=truth.connections, since=truth.at, within=within)]

    # -- memory -----------------------------------------------------------------------------------------------

    async def record_held(self, count: int, *, wave: int, since: float) -> None:
        """Write down the most that the server has held since a time, seconds monotonic, in which so many clients did
        what costs it memory."""
        last = await self.sample()
        await self._conductor.flush()
        samples = read_journal(self._journal.path.parent, kinds=(Sample,)).of(Sample)
        peak = max(sample.memory for sample in (last, *samples) if sample.at >= since)
        self._journal.write(MemoryHeld(at=time.monotonic(), count=count, memory=peak, wave=wave))

    # -- leaks ------------------------------------------------------------------------------------------------

    async def rounds(self, expectations: Sequence[Expectation], *, warm_up: int = WARM_UP) -> AsyncIterator[int]:
        """Numbers of rounds, 1 and up, until every expectation is decided one way or the other, or the budget is spent.

        The first `warm_up` rounds are not looked at: caches and pools fill in them.
        """
        async for number in leaks.rounds(self.record, expectations, warm_up=warm_up):
            yield number

    async def record_round(self, number: int, *, besides: int = 0) -> None:
        """Read what the server holds after a round in which all connections so far have ended, and write it down.

        The endings are counted, not assumed: a server that lets nobody in keeps nothing of anybody. `besides` are those
        so far of connections that no client has had open: turned away, or made by a fault. Raises NotJudged where it is
        the fault that would have ended them, and faults were left out.
        """
        if number > WARM_UP:
            ended = len((await self.record()).journal.of(Ended)) + besides
            if not (ended or self.faults_allowed):
                raise NotJudged("without its fault no connection ends here")
            # One question more, some 3 ms a round: sessions and tasks are nowhere to be seen outside.
            asked = any(map(self.tells, ("connections", "tasks", "sessions")))
            told = await self.statistics() if asked else {}
            self._journal.write(leaks.reading(await self.sample(), ended=ended, told=told))

    # -- judgement --------------------------------------------------------------------------------------------

    async def record(self) -> Record:
        """Everything recorded so far."""
        await self._conductor.flush()
        self._journal.flush()
        return Record(read_journal(self._journal.path.parent), self._waits)

    async def judge(self, *expectations: Expectation, over: Record | None = None) -> None:
        """Judge the promise. Raises `Worse` with every finding that is not held; the worst is the verdict.

        It is also judged whether all was well before, whether the faults bit and healed, and whether the server lived.
        `over` is what is read where that is another scenario's record: several promises may be judged of one long run.
        Raises Inconclusive when nothing was given to judge, and NotJudged when the faults were left out and nothing
        of what is expected means anything without them, or where every breach may be no more than a promised end at an
        age.
        """
        wanted = that_mean_something(expectations, faults_allowed=self.faults_allowed)
        own = asked_of_every_one(self._fault if self.faults_allowed else None, vouched=self._vouched)
        self._judged = True
        for terms in (item.terms(at=time.monotonic()) for item in wanted):
            if terms is not None:
                self._journal.write(terms)
        record = over if over is not None else await self.record()
        judged = judge_all([*wanted, *own], record)
        broken = [
            (item, found) for item, found in zip(wanted, judged, strict=False) if found.verdict is Verdict.VIOLATED
        ]
        aged = ages.aged_out(record, self._target.promises.liveness) if broken else []
        excused = [found for item, found in broken if ages.explained(item, record, aged)]
        if not self.ended_on_purpose:
            well = all(finding.verdict is Verdict.HELD for finding in judged)
            survival = await self._server.survival(patient=not well)
            own.append(survival)
            judged += judge_all([survival], record)
        findings = sound([as_event(finding) for finding in judged if finding not in excused])
        for explained in excused:
            self._journal.write(Note(at=time.monotonic(), text=f"not judged: {explained.observed}"))
        # What is asked of every scenario is no matter of its clients' age: a server that has died was not due to.
        names = {item.name for item in own}
        if excused and not any(
            each.verdict == Verdict.VIOLATED or (each.expectation in names and each.verdict != Verdict.HELD)
            for each in findings
        ):
            raise NotJudged(ages.told(aged))
        for finding in findings:
            self.findings.append(finding)
            self._journal.write(finding)
        raise_worse(findings)
