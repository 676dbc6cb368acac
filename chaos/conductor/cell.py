"""Everything that belongs to one scenario under way: its journals, link, crowds, faults, samples and canary."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from chaos.address import Address
from chaos.agent.async_client import AsyncAgent
from chaos.bounds import patience
from chaos.conductor.caller import Caller
from chaos.conductor.canary import Canary
from chaos.conductor.crowds import Crowds, Workers
from chaos.conductor.injections import Injections
from chaos.conductor.setup import ConductorSetup, ProxySetup
from chaos.conductor.witness import Witness
from chaos.errors import ChaosError, LinkError
from chaos.faults.base import Scene
from chaos.journal import Event, Journal, JournalWriter, Sample, read_journal
from chaos.journal.writer import FLUSH_WITHIN
from chaos.links.bounded import ApiHung
from chaos.links.link import Link
from chaos.links.resting import RestingLink
from chaos.links.toxiproxy import Toxiproxy
from chaos.server_view import ServerView
from chaos.upstream.client import UpstreamControl

__all__ = ["OpenCell"]

_LINKS = itertools.count(1)
"""Numbers for the names of links: one proxy for each scenario, so that what hangs in one is not met by the next."""


@contextlib.contextmanager
def _remedied() -> Iterator[None]:
    """Say what to do about a Toxiproxy that hangs where no link has said so already."""
    try:
        yield
    except ApiHung as error:
        raise LinkError(
            f"{error}; the next scenario gets a new one, and the embedded proxy does not hang like that "
            "(--chaos-runtime=processes --chaos-proxy=embedded)"
        ) from error


class OpenCell:
    """One scenario's share of the conductor."""

    def __init__(
        self,
        setup: ConductorSetup,
        agent: AsyncAgent | None,
        journal: JournalWriter,
        crowds: Crowds,
        *,
        patience: float,
        read_along: bool,
    ) -> None:
        self.server = setup.server
        self.journal = journal
        self.crowds = crowds
        self.injections = Injections(journal)
        self.patience = patience
        self.caller: Caller | None = None
        self.upstream = UpstreamControl(setup.upstream.control) if setup.upstream is not None else None
        self.hits_until = time.monotonic()
        where = setup.target.statistics
        self.witness = (
            None
            if where is None
            else Witness(where, agent, journal.write, patience=patience, along=read_along, tls=setup.target.tls)
        )
        self._setup = setup
        self._agent = agent
        self._proxy: Toxiproxy | None = None
        self._link: Link | None = None
        self._upstream_link: Link | None = None
        self._resting: RestingLink | None = None
        self._canary = Canary(
            setup.server.address,
            setup.target.endpoints.echo,
            journal.write,
            patience=patience,
            tls=setup.target.tls,
            dialect=setup.target.dialect,
        )
        self._flusher: asyncio.Task[None] | None = None
        self._sampling = 0.0

    @classmethod
    async def open(
        cls,
        setup: ConductorSetup,
        agent: AsyncAgent | None,
        workers: Workers,
        *,
        directory: Path,
        run: str,
        cell: str,
        sampling: float,
        read_along: bool,
    ) -> OpenCell:
        """Open the journals, make the links, begin to sample and start the canary."""
        journal = JournalWriter(directory, role="conductor", run=run, cell=cell)
        crowds = Crowds(workers, directory=directory, run=run, cell=cell)
        opened = cls(setup, agent, journal, crowds, patience=patience(setup.target.promises), read_along=read_along)
        try:
            await opened._begin(directory, run, cell, sampling)
        except BaseException:
            with contextlib.suppress(ChaosError):  # what kept it from opening is told, not what came of it
                await opened.close()
            raise
        return opened

    async def _begin(self, directory: Path, run: str, cell: str, sampling: float) -> None:
        self._sampling = sampling
        self._flusher = asyncio.create_task(self._flush_often(), name="flusher")
        if self._agent is not None:
            await self._agent.open_cell(directory, run=run, cell=cell)
            await self._agent.sample_every(sampling, root_pids=self.server.root_pids, port=self.server.port)
        await self._make_links(cell)
        self._canary.start()
        await self._canary.first_beat()
        if self.witness is not None:
            await self.witness.follow(self.server)

    async def _make_links(self, cell: str) -> None:
        proxy = self._setup.proxy
        if proxy is None:
            return
        with _remedied():
            await self._make_links_of(proxy)

    async def _make_links_of(self, proxy: ProxySetup) -> None:
        self._proxy = Toxiproxy(
            proxy.api, listen_host=proxy.listen_host, reach_host=proxy.reach_host, ports=tuple(proxy.ports or ())
        )
        self._link = await self._proxy.create_link(f"clients-{next(_LINKS)}", proxy.server)
        upstream = self._setup.upstream
        if upstream is not None:
            self._resting = RestingLink(self._proxy, upstream.address, listen_port=upstream.link_port)
            await self._resting.stand_aside()
            self._upstream_link = await self._proxy.create_link(
                f"upstream-{next(_LINKS)}", upstream.address, listen_port=upstream.link_port
            )

    async def _close_links(self, proxy: Toxiproxy) -> None:
        """Remove this scenario's links and let the resting one come back. Of two failures the first is told."""
        try:
            with _remedied():
                await proxy.close()
        except LinkError:
            with contextlib.suppress(LinkError):  # what could not be removed may still have the port
                await self._come_back()
            raise
        await self._come_back()

    async def _come_back(self) -> None:
        if self._resting is not None:
            await self._resting.come_back()

    @property
    def link_address(self) -> Address | None:
        """Where clients connect to go through this scenario's own link."""
        return self._link.address if self._link is not None else None

    def scene(self, victims: str | None) -> Scene:
        """What a fault may touch."""
        return Scene(
            link=self._link,
            upstream_link=self._upstream_link,
            upstream=self.upstream,
            victims=self.crowds.get(victims) if victims is not None else None,
            agent=self._agent,
            record=self.journal.write,
            server=self.server,
            echo=self._setup.target.endpoints.echo,
            tls=self._setup.target.tls,
            dialect=self._setup.target.dialect,
            patience=self.patience,
        )

    async def server_changed(self, server: ServerView) -> None:
        """Look at the server that was started in the place of the last one."""
        self.server = server
        if self._agent is not None:
            await self._agent.sample_every(self._sampling, root_pids=server.root_pids, port=server.port)
        if self.witness is not None:
            await self.witness.follow(server)

    async def sample(self) -> Sample:
        """One reading now, written down like every other. Raises ChaosError where this runtime has no agent."""
        if self._agent is None:
            raise ChaosError("no agent here, so the server's sockets cannot be read")
        found = await self._agent.sample(root_pids=self.server.root_pids, port=self.server.port)
        self.journal.write(found)
        return found

    def read_journal(self, *kinds: type[Event]) -> Journal:
        """What has reached the kernel so far: events of these kinds, or of all."""
        return read_journal(self.journal.path.parent, kinds=kinds)

    async def flush(self) -> None:
        """Hand everything recorded to the kernel."""
        self.journal.flush()
        await self.crowds.flush()

    async def close_clients(self) -> None:
        """End the crowds, the canary and the caller."""
        await self._canary.stop()
        if self.caller is not None:
            await self.caller.close()
            self.caller = None
        await self.crowds.close()

    async def close(self) -> None:
        """Heal what is still at work, close what is still open. A part that fails does not keep the others open."""
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(self.journal.close)
            if self._flusher is not None:
                stack.callback(self._flusher.cancel)
            if self._agent is not None:
                stack.push_async_callback(self._agent.close_cell)
                stack.push_async_callback(self._agent.sample_stop)
            if self._proxy is not None:
                stack.push_async_callback(self._close_links, self._proxy)
            if self.witness is not None:
                stack.push_async_callback(self.witness.pause)
            stack.push_async_callback(self.close_clients)
            if self._agent is not None:
                # What a fault that went wrong may have left in the kernel.
                stack.push_async_callback(self._agent.widen)
                stack.push_async_callback(self._agent.flush_rules)
            stack.push_async_callback(self.injections.heal_all)

    async def _flush_often(self) -> None:
        """What waits in the journal's memory gets out of it also when nothing more is written."""
        while True:
            await asyncio.sleep(FLUSH_WITHIN)
            self.journal.flush()
