"""One scenario under one fault: crowds, faults, waits, and the judgement at the end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chaos.address import Address
from chaos.bounds import patience
from chaos.capability import Availability, Capability
from chaos.conditions import Condition, CrowdGone, Heard
from chaos.errors import ChaosError, TargetFailure
from chaos.expectations import Expectation, FaultsBit, FaultsHealed, Record, ServerSurvived, SteadyBefore, judge_all
from chaos.experiment.crowd import Crowd, Via, plan_for
from chaos.experiment.outcome import Inconclusive, NotJudged, as_event, raise_worse
from chaos.experiment.server import ServerControl
from chaos.faults.base import Fault
from chaos.journal import (
    Bite,
    Call,
    FindingMade,
    Healing,
    HealingState,
    Journal,
    JournalWriter,
    Phase,
    PhaseEntered,
    Receipt,
    Round,
    Sample,
    ServerEvent,
    Source,
    read_journal,
)
from chaos.rpc import RpcClient
from chaos.server_view import ServerView
from chaos.stats import MINIMUM_ROUNDS
from chaos.target import Target
from chaos.verdict import Verdict

__all__ = ["SAMPLING", "Experiment", "Injection"]


SAMPLING = 0.05
"""Seconds between two samples: 3 ms each at 1,000 connections, so 6 % of a core there and 1 % at a hundred."""

POLL = 0.02
"""Seconds between two tries of something that will be so in a moment."""

KEEP_ALIVES = 5
"""Exchanges that a client makes in one idle timeout so as not to idle: one that is late by a whole period does not
matter, and a peer that dies is due to be closed for idling not much earlier than it would be anyway."""

WARM_UP = 6
"""Rounds that a leak measurement leaves out: the steepest part of an allocator's filling, seen in the first 300
connections of a fresh process."""

MOST_ROUNDS = 60
"""The budget of a leak measurement: what is not decided then is inconclusive, with the smallest slope visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A fault at work."""

    receipt: Receipt

    @property
    def since(self) -> float:
        """When it began to act, seconds monotonic."""
        return self.receipt.since


class Experiment:
    """One scenario under one fault, on a running server."""

    def __init__(
        self,
        *,
        rpc: RpcClient,
        server: ServerControl,
        view: Callable[[], ServerView],
        target: Target,
        capabilities: Mapping[Capability, Availability],
        journal: JournalWriter,
        link: Address | None,
        fault: Fault | None = None,
        faults_allowed: bool = True,
    ) -> None:
        self.target = target
        self.capabilities = capabilities
        self.ended_on_purpose = False
        """Whether the scenario stopped, killed or restarted the server: whether it survived is no question then."""
        self.spoiled = False
        """Whether the server is not what it was: the next scenario then gets a fresh one."""
        self.findings: list[FindingMade] = []
        """What `judge` found, held or not."""
        self._rpc = rpc
        self._server = server
        self._view = view
        self._journal = journal
        self._link = link
        self._fault = fault
        self._faults_allowed = faults_allowed
        self._judged = False
        self._marks: dict[str, float] = {}

    # -- what it is -------------------------------------------------------------------------------------------

    own_connections = 1
    """Connections of the experiment itself that the server holds all along: the canary's."""

    sampling = SAMPLING
    """Seconds between two samples."""

    def tells(self, name: str) -> bool:
        """Whether the server's statistics tell this, by its name in the target's statistics table."""
        return self.target.statistics is not None and name in self.target.statistics.values()

    # -- time -------------------------------------------------------------------------------------------------

    @property
    def patience(self) -> float:
        """Seconds after which a client gives a single step up."""
        return patience(self.target.promises)

    @staticmethod
    def now() -> float:
        """Seconds monotonic."""
        return time.monotonic()

    async def phase(self, phase: Phase) -> None:
        """Note that the scenario goes on to its next part."""
        self._journal.write(PhaseEntered(at=time.monotonic(), phase=phase))

    async def wait_until(self, condition: Condition, *, within: float) -> bool:
        """Wait for a condition at most `within` seconds; whether it was met. Decides nothing."""
        met: bool = await self._rpc.call("wait_until", condition, within)
        return met

    async def wait_until_gone(self, crowd: Crowd, *, within: float) -> bool:
        """Wait until no client of a crowd is open any more, as the clients see it."""
        return await self.wait_until(CrowdGone(crowd.name), within=within)

    async def wait_for_message(self, crowd: Crowd, pattern: str, *, within: float) -> bool:
        """Wait until every client of a traced crowd has heard a message that fits, since the last such wait ended."""
        since = self._marks.get(crowd.name, 0.0)
        heard = await self.wait_until(Heard(crowd=crowd.name, pattern=pattern, since=since), within=within)
        self._marks[crowd.name] = time.monotonic()
        return heard

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
        own_process: bool = False,
        **plan: Any,
    ) -> Crowd:
        """Make a crowd of clients that are not connected yet; `plan` overrides fields of their ClientPlan."""
        if via is Via.LINK and self._link is None:
            raise ChaosError("this deployment has no link: mark the scenario with needs(Capability.LINK)")
        address = self._link if via is Via.LINK and self._link is not None else self._server.address
        base = plan_for(self.target, endpoint, address, patience=self.patience)
        idle = self.target.promises.liveness.idle_timeout if self.target.promises.liveness else None
        if keep_alive and idle is not None and base.send is not None:
            base = replace(base, keep_alive=idle / KEEP_ALIVES)
        await self._rpc.call("create_crowd", name, replace(base, **plan), count, own_process)
        return Crowd(self._rpc, name, count)

    async def victims_of(self, fault: Fault | None, name: str, count: int, *, endpoint: str = "echo") -> Crowd:
        """A crowd that a fault can act on: on the path it acts on, in a process of its own where that is killed."""
        if fault is None:
            return await self.crowd(name, count, endpoint=endpoint)
        await self._rpc.call("prepare_fault", fault)
        plan: dict[str, Any] = {} if fault.receive_buffer is None else {"receive_buffer": fault.receive_buffer}
        via = Via.LINK if Capability.LINK in fault.needs else Via.DIRECT
        return await self.crowd(name, count, endpoint=endpoint, via=via, own_process=fault.kills_its_worker, **plan)

    async def call_upstream_until(self, end: float, *, gap: float, stop: Source | None = None) -> list[Call]:
        """Ask every `gap` seconds until a time (seconds monotonic), or until an answer comes from `stop`."""
        calls: list[Call] = []
        while time.monotonic() < end and not (calls and calls[-1].source is stop):
            calls += await self.call_upstream(1)
            await asyncio.sleep(gap)
        return calls

    async def call_upstream(self, count: int, *, gap: float = 0.0) -> list[Call]:
        """Ask the upstream-backed endpoint `count` times, one after the other."""
        return list(await self._rpc.call("call_upstream", count, gap))

    async def fill_cache(self) -> None:
        """Ask the upstream-backed endpoint until a live answer has come: what a fallback has to fall back on.

        Raises Inconclusive when none comes although nothing was done to the upstream yet.
        """
        calls = await self.call_upstream_until(time.monotonic() + self.patience, gap=POLL, stop=Source.LIVE)
        if not calls or calls[-1].source is not Source.LIVE:
            got = calls[-1].detail or calls[-1].source.value if calls else "nothing"
            raise Inconclusive(f"no live answer before anything was done to the upstream; the last call got {got}")

    # -- faults -----------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def inject(self, fault: Fault | None, victims: Crowd | None = None) -> AsyncIterator[Injection]:
        """Inject a fault, prove it, and heal it at the end, whatever the body does. None is calm: nothing is done."""
        if fault is None:
            yield Injection(receipt=_no_receipt("calm"))
            return
        if self._judged:
            raise ChaosError(f"{fault.name} was injected after the judgement, so nothing would be said of it")
        await self.phase(Phase.FAULT)
        if not self._faults_allowed:
            yield Injection(receipt=_no_receipt(fault.name))
            await self.phase(Phase.RECOVERY)
            return
        number, receipt = await self._rpc.call("inject", fault, victims.name if victims else None)
        try:
            yield Injection(receipt=receipt)
        finally:
            healing: Healing = await self._rpc.call("heal", number)
            self.spoiled = self.spoiled or healing.state is not HealingState.HEALED
            await self.phase(Phase.RECOVERY)

    # -- the server -------------------------------------------------------------------------------------------

    async def restart_server(self) -> float:
        """Start a server that has ended again, as its supervisor would, and wait until it is healthy.

        Returns when it was started, seconds monotonic: what it takes to get healthy is part of its recovery.
        """
        began = time.monotonic()
        if self._server.alive():
            return began
        self.ended_on_purpose = self.spoiled = True
        self._note_server("starting")
        await asyncio.to_thread(self._server.start)
        self._note_server("started")
        await self._rpc.call("server_changed", self._view())
        return began

    async def terminate_server(self, *, within: float) -> None:
        """SIGTERM, and wait for its end at most `within` seconds; the journal has the times and the exit code."""
        self.ended_on_purpose = self.spoiled = True
        await self._rpc.call("leave_alone")
        self._note_server("asked to stop", detail="SIGTERM")
        try:
            code = await asyncio.to_thread(self._server.stop, sig=signal.SIGTERM, timeout=within)
        except TargetFailure as error:
            self._note_server("still running", detail=str(error))
        else:
            self._note_server("exited", exit_code=code)

    def server_alive(self) -> bool:
        """Whether its main process runs."""
        return self._server.alive()

    def _survival(self) -> ServerSurvived:
        alive = self._server.alive()
        return ServerSurvived(
            alive=alive,
            exit_code=None if alive else self._server.exit_code(),
            log=() if alive else tuple(self._server.log_tail(5)),
        )

    def died_unasked(self) -> str | None:
        """One sentence when the server has ended although the scenario did not end it, None while all is well."""
        if self.ended_on_purpose or self._server.alive():
            return None
        finding = self._survival().judge(Record(Journal(())))
        return "\n".join([finding.sentence(), *finding.evidence])

    async def sample(self) -> Sample:
        """One reading of the truth now."""
        sample: Sample = await self._rpc.call("sample")
        return sample

    async def statistics(self) -> dict[str, float | str]:
        """What the server says of itself now; empty where it could not be read (the journal says why)."""
        values: dict[str, float | str] = await self._rpc.call("statistics")
        return values

    # -- leaks ------------------------------------------------------------------------------------------------

    async def rounds(self, expectations: Sequence[Expectation]) -> AsyncIterator[int]:
        """Numbers of rounds, 1 and up, until every expectation is decided one way or the other, or the budget is spent.

        The first `WARM_UP` rounds are not recorded: caches and pools fill in them.
        """
        for number in range(1, MOST_ROUNDS + 1):
            yield number
            if number >= WARM_UP + MINIMUM_ROUNDS and (number - WARM_UP) % 4 == 0:
                record = await self.record()
                if all(item.judge(record).verdict is not Verdict.INCONCLUSIVE for item in expectations):
                    return

    async def record_round(self, number: int, *, ended: int) -> None:
        """Read what the server holds after a round in which all connections so far have ended, and write it down."""
        if number <= WARM_UP:
            return
        sample = await self.sample()
        self._journal.write(
            Round(at=sample.at, ended=ended, fds=sample.fds, memory=sample.pss or sample.rss, threads=sample.threads)
        )

    def _note_server(self, what: str, *, exit_code: int | None = None, detail: str = "") -> None:
        pids = self._server.root_pids()
        self._journal.write(
            ServerEvent(at=time.monotonic(), what=what, pid=pids[0] if pids else 0, exit_code=exit_code, detail=detail)
        )

    # -- judgement --------------------------------------------------------------------------------------------

    async def record(self) -> Record:
        """Everything recorded so far."""
        await self._rpc.call("flush")
        self._journal.flush()
        return Record(read_journal(self._journal.path.parent))

    async def judge(self, *expectations: Expectation) -> None:
        """Judge the promise. Raises `Worse` with every finding that is not held; the worst is the verdict.

        It is also judged whether all was well before, whether the faults bit and healed, and whether the server lived.
        Raises Inconclusive when nothing was given to judge, and NotJudged when the faults were left out and nothing
        of what is expected means anything without them.
        """
        if not expectations:
            raise Inconclusive("nothing was given to judge")
        wanted = [item for item in expectations if self._faults_allowed or not item.needs_fault]
        if not wanted:
            raise NotJudged("without its fault there is nothing to judge here")
        expected = self._fault.name if self._fault is not None and self._faults_allowed else None
        own: list[Expectation] = [SteadyBefore(), FaultsBit(expected), FaultsHealed()]
        if not self.ended_on_purpose:
            own.append(self._survival())
        self._judged = True
        findings = [as_event(finding) for finding in judge_all([*wanted, *own], await self.record())]
        for finding in findings:
            self.findings.append(finding)
            self._journal.write(finding)
        raise_worse(findings)


def _no_receipt(fault: str) -> Receipt:
    """What stands in for a receipt when there is no fault; it is never written to the journal."""
    now = time.monotonic()
    return Receipt(at=now, fault=fault, bite=Bite.UNKNOWN, covered=0, total=0, since=now)
