"""What the conductor offers to the scenario, by name over chaos.rpc."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.bounds import patience
from chaos.capability import Capability
from chaos.conditions import Condition
from chaos.conductor.caller import Caller
from chaos.conductor.canary import Canary
from chaos.conductor.cell import OpenCell
from chaos.conductor.crowds import Workers
from chaos.conductor.setup import ConductorSetup
from chaos.crowd.plan import ClientPlan, ClientState
from chaos.errors import ChaosError
from chaos.faults.base import Fault
from chaos.faults.evidence import peer_sockets, wires_of
from chaos.faults.holders import holders_of
from chaos.journal import QUOTED, Beat, Call, FeedFetched, Frame, Healing, Hit, Holders, LeftBehind, Receipt, Sample
from chaos.probes.http import get
from chaos.probes.statistics import BREAKERS
from chaos.server_view import ServerView
from chaos.target import BreakerState
from chaos.units import format_duration

__all__ = ["Conductor"]

POLL = 0.02
"""Seconds between two looks at a condition: a look costs the agent 1 to 3 ms."""
LOOKING = 0.2
"""Share of the time that a look may take: one at a journal of minutes takes longer, and a conductor that does nothing
else keeps everybody from a core whom it measures."""

_HEARING = frozenset({ClientState.OPEN, ClientState.SILENT, ClientState.HALF_CLOSED})
"""The states of clients that read what comes."""


class Conductor:
    """One deployment's conductor; one scenario at a time.

    Its caller is a scenario's connection: when that ends, whatever the scenario left is healed and closed.
    """

    def __init__(self) -> None:
        self._setup: ConductorSetup | None = None
        self._agent: AsyncAgent | None = None
        self._workers: Workers | None = None
        self._cell: OpenCell | None = None
        self._turn = asyncio.Lock()
        """Held while a cell is opened or closed: two at once would close what the other has just opened."""
        self._leaving: asyncio.Task[None] | None = None

    # -- the cell ---------------------------------------------------------------------------------------------

    async def prepare(self, setup: ConductorSetup) -> None:
        """Take note of the deployment as it is now, and connect to its agent.

        Waits until the last scenario is cleaned up behind, and raises, once, what went wrong in that: its rest may be
        in the way of this one.
        """
        leaving, self._leaving = self._leaving, None
        if leaving is not None:
            await leaving
        async with self._turn:
            await self._prepare(setup)

    async def _prepare(self, setup: ConductorSetup) -> None:
        self._setup = setup
        if self._agent is None and setup.agent_socket is not None:
            self._agent = await AsyncAgent.open(setup.agent_socket)
        if self._workers is None:
            hosts = {setup.server.address.host, *([setup.proxy.reach_host] if setup.proxy else [])}
            self._workers = Workers(setup.socket_directory, allowed_hosts=hosts)

    async def first_exchange(self) -> str:
        """Why an untouched client has no right answer of the server, as the target file declares it; empty: it has."""
        setup, _ = self._known()
        beats: list[Beat] = []
        canary = Canary(
            setup.server.address,
            setup.target.endpoints.echo,
            beats.append,
            patience=patience(setup.target.promises),
            tls=setup.target.tls,
            dialect=setup.target.dialect,
        )
        canary.start()
        try:
            await canary.first_beat()
        finally:
            await canary.stop()
        return "" if beats[0].ok else beats[0].detail

    async def open_cell(
        self, directory: Path, run: str, cell: str, sampling: float, read_along: bool
    ) -> Address | None:
        """Begin a scenario: journals, its own link, samples, the canary. Returns where the link listens.

        `read_along`: read the server's statistics at a steady rate, over a connection that stays open; else only when
        asked.
        """
        async with self._turn:
            if self._cell is not None:
                raise ChaosError("a scenario is already under way on this conductor")
            setup, workers = self._known()
            self._cell = await OpenCell.open(
                setup,
                self._agent,
                workers,
                directory=directory,
                run=run,
                cell=cell,
                sampling=sampling,
                read_along=read_along,
            )
            return self._cell.link_address

    async def close_cell(self) -> None:
        """End the scenario: heal, close, flush; all of it, also when the caller goes away in the middle."""
        leaving = self._leave()
        try:
            await asyncio.shield(leaving)
        finally:
            if leaving.done():
                self._leaving = None

    def _leave(self) -> asyncio.Task[None]:
        if self._leaving is None or self._leaving.done():
            self._leaving = asyncio.get_running_loop().create_task(self._close(), name="cleaning up")
        return self._leaving

    async def _close(self) -> None:
        async with self._turn:
            cell, self._cell = self._cell, None
            if cell is not None:
                await cell.close()

    async def flush(self) -> None:
        """Hand everything recorded so far to the kernel, in every process that writes."""
        cell = self._open()
        await self._collect_hits(cell)
        await cell.flush()

    def connection_lost(self) -> None:
        """The scenario is gone: clean up behind it."""
        self._leave()

    # -- crowds -----------------------------------------------------------------------------------------------

    async def create_crowd(self, name: str, plan: ClientPlan, count: int, own_process: bool) -> None:
        """Make a crowd, in the common worker or in a process of its own that can be killed."""
        await self._open().crowds.create(name, plan, count, own_process=own_process)

    async def crowd_call(self, name: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call a method of a crowd's handle."""
        return await getattr(self._open().crowds.get(name), method)(*args, **kwargs)

    async def open_clients(self, crowd: str) -> int:
        """How many clients of a crowd are open, as they see it."""
        return await self._open().crowds.open_count(crowd)

    async def close_crowds(self) -> None:
        """Close every crowd, and the canary and the caller with them."""
        await self._open().close_clients()

    # -- faults -----------------------------------------------------------------------------------------------

    async def prepare_fault(self, fault: Fault) -> None:
        """Do what a fault needs to be done before its victims connect."""
        await fault.prepare(self._open().scene(None))

    async def inject(self, fault: Fault, victims: str | None) -> tuple[int, Receipt]:
        """Inject a fault and prove it; it stays until `heal` of the number returned."""
        cell = self._open()
        return await cell.injections.inject(fault, cell.scene(victims))

    async def heal(self, number: int) -> Healing:
        """Heal a fault and prove that."""
        return await self._open().injections.heal(number)

    async def server_changed(self, server: ServerView) -> None:
        """The server was started again."""
        await self._open().server_changed(server)

    # -- readings ---------------------------------------------------------------------------------------------

    async def wait_until(self, condition: Condition, within: float) -> bool:
        """Ask a condition every `POLL`, or less often where it takes long to ask, until it is met, at most `within`
        seconds."""
        deadline = time.monotonic() + within
        while True:
            began = time.monotonic()
            if await condition.met(self):
                return True
            now = time.monotonic()
            if now >= deadline:
                return False
            await asyncio.sleep(min(max(POLL, (now - began) * (1 - LOOKING) / LOOKING), deadline - now))

    async def sample(self) -> Sample:
        """One reading of the server's sockets and processes."""
        return await self._open().sample()

    async def note_holders(self, crowd: str) -> Holders:
        """Write down which of the server's processes holds the connections of a crowd. Raises ChaosError."""
        cell = self._open()
        agent = self._who_sees("processes", Capability.PROCESS_PROBE)
        found = await holders_of(cell.crowds.get(crowd), agent, cell.server.port)
        cell.journal.write(found)
        return found

    async def unsent(self) -> int:
        """Bytes that the server has written to its clients and they have not acknowledged. Raises ChaosError."""
        cell = self._open()
        agent = self._who_sees("sockets", Capability.SOCKET_PROBE)
        found = await agent.sockets(cell.server.port)
        return sum(socket.wqueue for socket in found if socket.side == "local" and socket.state != "LISTEN")

    async def note_left_behind(self) -> LeftBehind:
        """Write down who takes connections, or holds some, where the server was. Raises ChaosError."""
        cell = self._open()
        agent = self._who_sees("processes", Capability.PROCESS_PROBE)
        serving = await agent.serving(cell.server.port)
        found = LeftBehind(at=time.monotonic(), pids=tuple(serving.pids))
        cell.journal.write(found)
        return found

    async def unread(self, crowd: str) -> int:
        """Bytes that the clients of a crowd have sent and the server has not read; twice those that have arrived and
        are not acknowledged yet. Raises ChaosError."""
        cell = self._open()
        agent = self._who_sees("sockets", Capability.SOCKET_PROBE)
        handle, port = cell.crowds.get(crowd), cell.server.port
        wires = await wires_of(handle, agent, port)
        on_its_way = sum(state.send_queue for state in (await handle.socket_states()).values())
        arrived = (await peer_sockets(agent, port, wires)).values()
        return on_its_way + sum(found.rqueue for found in arrived)

    def _who_sees(self, what: str, need: Capability) -> AsyncAgent:
        """The agent. Raises ChaosError where there is none, and with it nobody who sees this of the server's."""
        if self._agent is None:
            raise ChaosError(f"nobody sees the server's {what} here: mark the scenario with needs({need.name})")
        return self._agent

    async def statistics(self) -> dict[str, float | str]:
        """The server's own statistics; what could not be read is in the journal, and empty here."""
        witness = self._open().witness
        return {} if witness is None else await witness.ask()

    async def leave_alone(self) -> None:
        """Read the server's statistics only when asked, until it has changed: it is about to be told to end.

        An open connection that is asked again and again may keep a server from ending.
        """
        witness = self._open().witness
        if witness is not None:
            await witness.pause()

    async def everyone_heard(self, crowd: str, pattern: str, since: float, opcode: str) -> bool:
        """Whether every client of a traced crowd that reads has heard a frame that fits, as its journal has it."""
        cell = self._open()
        await cell.flush()
        states = await cell.crowds.get(crowd).states()
        hearing = {client for client, state in states.items() if state in _HEARING}
        expression = re.compile(pattern)
        # Beside the loop, which has calls to answer and a canary to feed: a journal of minutes is long.
        frames = await asyncio.to_thread(cell.read_journal, Frame)
        heard = {
            frame.client
            for frame in frames.of(Frame)
            if frame.crowd == crowd and frame.opcode == opcode and frame.at >= since and expression.search(frame.text)
        }
        return bool(hearing) and hearing <= heard

    async def hits(self, since: float) -> list[Hit]:
        """What reached the upstream since a time."""
        upstream = self._open().upstream
        return [] if upstream is None else await upstream.hits(since)

    async def call_upstream(self, count: int, gap: float) -> list[Call]:
        """Ask the upstream-backed endpoint `count` times, one after the other."""
        cell = self._open()
        caller = self._caller(cell)
        calls = []
        for number in range(count):
            if number and gap:
                await asyncio.sleep(gap)
            call = await caller.call()
            cell.journal.write(call)
            calls.append(call)
        return calls

    async def fetch_feed(self, path: str) -> FeedFetched:
        """GET a path of the server's once; it never raises for what the server does."""
        cell = self._open()
        began = time.monotonic()
        timed_out = False
        try:
            answer = await get(cell.server.address, path, within=cell.patience, tls=self._known()[0].target.tls)
            status, text = answer.status, answer.body.decode("utf-8", errors="replace")[:QUOTED]
        except TimeoutError:
            status, text, timed_out = 0, f"no answer within {format_duration(cell.patience)}", True
        except (OSError, ValueError) as error:
            status, text = 0, f"{type(error).__name__}: {error}"
        fetched = FeedFetched(at=time.monotonic(), began=began, status=status, text=text, timed_out=timed_out)
        cell.journal.write(fetched)
        return fetched

    async def calm(self) -> bool:
        """Whether the server's breakers are closed: a scenario may only begin where none is open.

        A breaker that the target declares and does not tell of is not known to be closed.
        """
        where = self._known()[0].target.statistics
        declared = where.values() if where is not None else {}
        told = await self.statistics()
        return all(told.get(name) == BreakerState.CLOSED for name in BREAKERS & set(declared))

    # -- the rest ---------------------------------------------------------------------------------------------

    def _caller(self, cell: OpenCell) -> Caller:
        data = self._known()[0].target.endpoints.data
        if data is None:
            raise ChaosError("the target declares no endpoints.data, so there is nobody to ask")
        if cell.caller is None:
            target = self._known()[0].target
            cell.caller = Caller(
                cell.server.address, data, patience=cell.patience, tls=target.tls, dialect=target.dialect
            )
        return cell.caller

    async def _collect_hits(self, cell: OpenCell) -> None:
        if cell.upstream is not None:
            for hit in await cell.upstream.hits(cell.hits_until):
                cell.hits_until = max(cell.hits_until, hit.at + 1e-6)
                cell.journal.write(hit)

    def _known(self) -> tuple[ConductorSetup, Workers]:
        if self._setup is None or self._workers is None:
            raise ChaosError("the conductor was not told its deployment: prepare comes first")
        return self._setup, self._workers

    def _open(self) -> OpenCell:
        if self._cell is None:
            raise ChaosError("no scenario is under way on this conductor: open_cell comes first")
        return self._cell
