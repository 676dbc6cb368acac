"""The conductor in an experiment's hands: each of its calls, with the deadline that follows from what it may take.

A deadline here is beyond every deadline that the conductor has itself for the same thing: it is the one that ends a
call when the conductor hangs, and the one that knows least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.address import Address
from chaos.conditions import Condition
from chaos.conductor.setup import ConductorSetup
from chaos.crowd.plan import ClientPlan
from chaos.crowd.process import START_AT_MOST
from chaos.faults.base import HELPER_WITHIN, MOST_WAITS, Fault
from chaos.journal import Call, Healing, Holders, LeftBehind, Receipt, Sample
from chaos.rpc import GRACE, RpcClient
from chaos.server_view import ServerView

__all__ = ["RemoteConductor"]

_TIDYING = 3 * GRACE
"""Seconds the conductor cleans up in at most, faults left aside: an agent that hangs is asked four times, 15 s each,
and there are the links and the workers."""


class RemoteConductor:
    """Every method raises what the conductor raised, Overdue when it does not answer, RemoteGone when it has ended."""

    def __init__(self, rpc: RpcClient, *, patience: float) -> None:
        self._rpc = rpc
        self._patience = patience
        self._to_heal = 0.0
        """Seconds that the faults take to heal at most that have been injected and not been healed."""

    # -- the cell ---------------------------------------------------------------------------------------------

    async def prepare(self, setup: ConductorSetup) -> None:
        """Tell it the deployment; it first cleans up behind a scenario that went away, and a fault that hangs in it."""
        one_fault = 2 * (MOST_WAITS * self._patience + HELPER_WITHIN)
        await self._rpc.call("prepare", setup, within=_TIDYING + one_fault)

    async def first_exchange(self) -> str:
        """Why an untouched client has no right answer of the server; empty where it has."""
        # It connects, and then waits for its answer.
        found: str = await self._rpc.call("first_exchange", within=2 * self._patience + GRACE)
        return found

    async def open_cell(
        self, directory: Path, *, run: str, cell: str, sampling: float, read_along: bool
    ) -> Address | None:
        """Begin the scenario; where its link listens, if it has one. The canary waits to get in, and for an answer."""
        within = 2 * self._patience + GRACE + _TIDYING
        found: Address | None = await self._rpc.call(
            "open_cell", directory, run, cell, sampling, read_along, within=within
        )
        return found

    async def close_crowds(self) -> None:
        """Close every crowd, and the harness's own clients with them."""
        await self._rpc.call("close_crowds", within=GRACE)

    async def close_cell(self) -> None:
        """End the scenario: what is still at work is healed first."""
        await self._rpc.call("close_cell", within=_TIDYING + self._to_heal)

    async def flush(self) -> None:
        """Have everything recorded so far handed to the kernel."""
        await self._rpc.call("flush", within=GRACE)

    # -- crowds -----------------------------------------------------------------------------------------------

    async def create_crowd(self, name: str, plan: ClientPlan, count: int, *, own_process: bool) -> None:
        """Make a crowd that is not connected yet. Its worker may have to be started first."""
        await self._rpc.call("create_crowd", name, plan, count, own_process, within=START_AT_MOST + GRACE)

    async def crowd_call(
        self, name: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, within: float
    ) -> Any:
        """Call a method of a crowd, whose worker has `within` seconds for it."""
        return await self._rpc.call("crowd_call", name, method, args, kwargs, within=within + GRACE)

    async def open_clients(self, name: str, *, within: float) -> int:
        """How many clients of a crowd are open; its worker has `within` seconds to say so."""
        found: int = await self._rpc.call("open_clients", name, within=within + GRACE)
        return found

    # -- faults -----------------------------------------------------------------------------------------------

    async def prepare_fault(self, fault: Fault) -> None:
        """Do what a fault needs to be done before its victims connect."""
        await self._rpc.call("prepare_fault", fault, within=fault.within(self._patience) + GRACE)

    async def inject(self, fault: Fault, victims: str | None) -> tuple[int, Receipt]:
        """Inject a fault and prove it; its number, and the receipt. One that hangs is taken back before it says so."""
        within = 2 * fault.within(self._patience)
        self._to_heal += within
        number, receipt = await self._rpc.call("inject", fault, victims, within=within + GRACE)
        return number, receipt

    async def heal(self, number: int, fault: Fault) -> Healing:
        """Heal the fault of a number, and prove that."""
        within = 2 * fault.within(self._patience)
        healing: Healing = await self._rpc.call("heal", number, within=within + GRACE)
        self._to_heal -= within
        return healing

    # -- the server -------------------------------------------------------------------------------------------

    async def server_changed(self, server: ServerView) -> None:
        """Tell it that the server was started again."""
        await self._rpc.call("server_changed", server, within=GRACE)

    async def sample(self) -> Sample:
        """One reading of the truth."""
        sample: Sample = await self._rpc.call("sample", within=GRACE)
        return sample

    async def note_holders(self, crowd: str) -> Holders:
        """Have it written down which of the server's processes holds the connections of a crowd."""
        found: Holders = await self._rpc.call("note_holders", crowd, within=2 * GRACE)
        return found

    async def unsent(self) -> int:
        """Bytes that the server cannot get rid of, over all of its connections."""
        found: int = await self._rpc.call("unsent", within=GRACE)
        return found

    async def note_left_behind(self) -> LeftBehind:
        """Have it written down which processes serve where the server was."""
        found: LeftBehind = await self._rpc.call("note_left_behind", within=GRACE)
        return found

    async def statistics(self) -> dict[str, float | str]:
        """What the server says of itself, within its patience."""
        values: dict[str, float | str] = await self._rpc.call("statistics", within=self._patience + GRACE)
        return values

    async def leave_alone(self) -> None:
        """Have the server's statistics read only when asked, until it has changed: it is about to be told to end."""
        await self._rpc.call("leave_alone", within=GRACE)

    async def calm(self) -> bool:
        """Whether the server's breakers are closed."""
        calm: bool = await self._rpc.call("calm", within=self._patience + GRACE)
        return calm

    async def wait_until(self, condition: Condition, within: float) -> bool:
        """Wait for a condition; the last look at it may take as long as the server's patience."""
        met: bool = await self._rpc.call("wait_until", condition, within, within=within + self._patience + GRACE)
        return met

    async def fetch_feed(self, path: str) -> None:
        """GET a path of the server's once; the journal has what came."""
        await self._rpc.call("fetch_feed", path, within=self._patience + GRACE)

    async def call_upstream(self, count: int, gap: float) -> list[Call]:
        """Ask the upstream-backed endpoint; each call may have to connect first."""
        within = count * (2 * self._patience + gap) + GRACE
        return list(await self._rpc.call("call_upstream", count, gap, within=within))
