"""Faults at work: each is held open by a task of its own between `inject` and `heal`."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

from chaos.errors import FaultError
from chaos.faults.base import Fault, Scene, applied
from chaos.journal import Healing, JournalWriter, Receipt

__all__ = ["Injections"]


@dataclass(slots=True)
class _Held:
    fault: Fault
    release: asyncio.Event
    task: asyncio.Task[Healing]


class Injections:
    """The faults of one cell; several may overlap, and heal in any order."""

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal
        self._numbers = itertools.count(1)
        self._held: dict[int, _Held] = {}

    async def inject(self, fault: Fault, scene: Scene) -> tuple[int, Receipt]:
        """Inject and prove. Raises FaultError when it could not even be injected; it is healed then."""
        proven: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        release = asyncio.Event()
        task = asyncio.create_task(self._hold(fault, scene, proven, release), name=f"fault {fault.name}")
        task.add_done_callback(lambda _: proven.cancel())
        # Held from here on: a scenario that goes away while the fault is being injected leaves it to `heal_all`.
        number = next(self._numbers)
        self._held[number] = _Held(fault, release, task)
        await asyncio.wait([proven])
        if proven.cancelled():
            self._held.pop(number, None)
            await task
            raise FaultError(f"{fault.name} ended without a receipt")
        return number, proven.result()

    async def heal(self, number: int) -> Healing:
        """Heal and prove that. Raises FaultError for a number that is not held.

        Healing goes on when the caller goes away in the middle of it; whoever asks next waits for the same end.
        """
        held = self._held.get(number)
        if held is None:
            raise FaultError(f"no fault is held under the number {number}")
        held.release.set()
        try:
            return await asyncio.shield(held.task)
        finally:
            if held.task.done():
                self._held.pop(number, None)

    async def heal_all(self) -> None:
        """Heal what the scenario left, the last first; a fault that cannot be healed has said so in the journal."""
        failures = []
        for number in sorted(self._held, reverse=True):
            try:
                await self.heal(number)
            except Exception as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("some faults did not end well", failures)

    async def _hold(
        self, fault: Fault, scene: Scene, proven: asyncio.Future[Receipt], release: asyncio.Event
    ) -> Healing:
        async with applied(fault, scene, self._journal) as injection:
            proven.set_result(injection.receipt)
            await release.wait()
        if injection.healing is None:
            raise FaultError(f"{fault.name} ended without a word on its healing")
        return injection.healing
