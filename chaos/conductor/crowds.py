"""The crowds of one scenario: most in one worker process, those that are to be killed in one of their own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection
from pathlib import Path

from chaos.crowd.handle import CrowdHandle
from chaos.crowd.plan import ClientPlan
from chaos.crowd.process import WorkerProcess
from chaos.errors import ChaosError, CrowdError

__all__ = ["Crowds", "Workers"]


class Workers:
    """The worker processes of a conductor; the common one outlives a scenario, for it takes 0.2 s to start."""

    def __init__(self, directory: Path, *, allowed_hosts: Collection[str]) -> None:
        self._directory = directory
        self._allowed_hosts = frozenset(allowed_hosts)
        self._numbers = itertools.count(1)
        self._common: WorkerProcess | None = None
        self._starting = asyncio.Lock()

    async def common(self) -> WorkerProcess:
        """The worker that most crowds live in; of several who ask for it at once one starts it."""
        async with self._starting:
            if self._common is None or not self._common.alive:
                self._common = await self.start()
            return self._common

    async def start(self) -> WorkerProcess:
        """A worker of its own."""
        name = f"crowd{next(self._numbers)}"
        return await WorkerProcess.start(self._directory, name=name, allowed_hosts=self._allowed_hosts)


class Crowds:
    """The crowds of one scenario by name, and the workers they live in."""

    def __init__(self, workers: Workers, *, directory: Path, run: str, cell: str) -> None:
        self._workers = workers
        self._directory = directory
        self._run = run
        self._cell = cell
        self._common: WorkerProcess | None = None
        self._own: list[WorkerProcess] = []
        self._handles: dict[str, tuple[CrowdHandle, WorkerProcess]] = {}

    async def create(self, name: str, plan: ClientPlan, count: int, *, own_process: bool) -> CrowdHandle:
        """Make a crowd. Raises ChaosError for a name that is taken."""
        if name in self._handles:
            raise ChaosError(f"there is a crowd named {name!r} already")
        if own_process:
            worker = await self._workers.start()
            self._own.append(worker)
            await self._open(worker)
        elif self._common is None:
            worker = await self._workers.common()
            await self._open(worker)
            self._common = worker
        else:
            worker = self._common
        handle = await worker.create(name, plan, count)
        self._handles[name] = handle, worker
        return handle

    def get(self, name: str) -> CrowdHandle:
        """A crowd by its name. Raises ChaosError."""
        if name not in self._handles:
            raise ChaosError(f"there is no crowd named {name!r}; there are {', '.join(self._handles) or 'none'}")
        return self._handles[name][0]

    async def open_count(self, name: str) -> int:
        """How many clients of a crowd are open: none where its worker was killed. Raises ChaosError."""
        handle = self.get(name)
        return await handle.open_count() if self._handles[name][1].alive else 0

    async def flush(self) -> None:
        """Hand what the workers recorded to the kernel; a worker that was killed has nothing more to say."""
        await asyncio.gather(*(worker.flush() for worker in self._living()))

    async def close(self) -> None:
        """End every client, and every worker but the common one.

        Raises JournalError when one could not write its segment to the end.
        """
        common, self._common = self._common, None
        own, self._own = self._own, []
        handles, self._handles = self._handles, {}
        try:
            if common is not None and common.alive:
                await self._leave(common, [name for name, (_, worker) in handles.items() if worker is common])
        finally:
            await asyncio.gather(*(worker.close() for worker in own))

    async def _leave(self, common: WorkerProcess, names: list[str]) -> None:
        try:
            for name in names:
                await common.remove(name)
            await common.close_cell()
        except CrowdError:
            await common.kill()

    def _living(self) -> list[WorkerProcess]:
        workers = [*self._own, *([self._common] if self._common is not None else [])]
        return [worker for worker in workers if worker.alive]

    async def _open(self, worker: WorkerProcess) -> None:
        await worker.open_cell(self._directory, run=self._run, cell=self._cell)
