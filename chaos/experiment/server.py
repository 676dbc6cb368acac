"""What an experiment may do to the server, and what it notes of it."""

from __future__ import annotations

import asyncio
import operator
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from chaos.address import Address
from chaos.errors import StartFailed, TargetDied, TargetFailure
from chaos.expectations import Record, ServerSurvived
from chaos.experiment.conductor import RemoteConductor
from chaos.experiment.death import death_of
from chaos.faults.evidence import DYING, poll_until
from chaos.journal import Journal, JournalWriter, Logged, ServerEvent, StartTried
from chaos.server_view import ServerView

__all__ = ["ServerControl", "ServerInHand"]


LINES = 5
"""Of its log, as evidence of what it is full of."""


class ServerControl(Protocol):
    """What an experiment may do to the server; a runtime's `Server` fits."""

    @property
    def address(self) -> Address: ...
    def start(self, *, environment: Mapping[str, str] | None = ...) -> None: ...
    def stop(self, *, sig: signal.Signals = ..., timeout: float, sent: Callable[[], None] = ...) -> int: ...
    def kill(self) -> None: ...
    def alive(self) -> bool: ...
    def exit_code(self) -> int | None: ...
    def root_pids(self) -> tuple[int, ...]: ...
    def logged(self) -> int | None: ...
    def log_tail(self, lines: int = ...) -> list[str]: ...


class ServerInHand:
    """The server, ended and started by the scenario; every such thing is in the journal."""

    def __init__(
        self,
        control: ServerControl,
        *,
        view: Callable[[], ServerView],
        journal: JournalWriter,
        conductor: RemoteConductor,
    ) -> None:
        self.ended_on_purpose = False
        """Whether the scenario stopped, killed or restarted it: whether it survived is no question then."""
        self._control = control
        self._view = view
        self._journal = journal
        self._conductor = conductor

    @property
    def address(self) -> Address:
        """Where clients reach it without a proxy."""
        return self._control.address

    def alive(self) -> bool:
        """Whether its main process runs."""
        return self._control.alive()

    async def note_logged(self) -> bool:
        """Write down how much it has logged so far; whether that is known."""
        size = await asyncio.to_thread(self._control.logged)
        if size is not None:
            said = await asyncio.to_thread(self._control.log_tail, LINES)
            self._journal.write(Logged(at=time.monotonic(), size=size, said=tuple(said)))
        return size is not None

    async def restart(self, *, environment: Mapping[str, str] | None = None) -> float:
        """Start one that has ended, and wait until it is healthy; when it was started, seconds monotonic."""
        began = time.monotonic()
        if self._control.alive():
            return began
        self.ended_on_purpose = True
        self._note("starting", detail=_assigned(environment or {}))
        await asyncio.to_thread(self._control.start, environment=environment)
        self._note("started")
        await self._conductor.server_changed(self._view())
        return began

    async def kill(self) -> None:
        """SIGKILL it, unless it has ended already."""
        if not self._control.alive():
            return
        self.ended_on_purpose = True
        await self._conductor.leave_alone()
        self._note("asked to stop", detail="SIGKILL")
        await asyncio.to_thread(self._control.kill)

    async def try_start(self, variable: str, value: str) -> None:
        """Start one that has ended with one variable changed, and note what became of it: it is down again afterwards.

        Raises PortTaken, and EnvironmentFailure where it could not even be tried.
        """
        began = time.monotonic()
        became = "healthy"
        try:
            await asyncio.to_thread(self._control.start, environment={variable: value})
        except TargetDied:
            became = "ended"
        except StartFailed:
            became = "neither"
        self._journal.write(
            StartTried(
                at=time.monotonic(),
                began=began,
                variable=variable,
                value=value,
                became=became,
                exit_code=self._control.exit_code(),
                said=tuple(self._control.log_tail()),
            )
        )
        await self.kill()

    async def terminate(self, *, within: float, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """SIGTERM, do what is to be done `then`, as soon as it was sent, and wait for its end at most `within` seconds.

        Its time runs from when the signal was sent to when the kernel saw it end: what it takes to ask an engine for
        the one and to hear of the other is not the server's.
        """
        self.ended_on_purpose = True
        await self._conductor.leave_alone()
        loop, pid, asked = asyncio.get_running_loop(), self._pid(), 0.0
        was_sent, began = asyncio.Event(), time.monotonic()

        def note_sent() -> None:
            nonlocal asked
            asked = time.monotonic()
            loop.call_soon_threadsafe(told)

        def told() -> None:
            self._note("asked to stop", at=asked, since=began, pid=pid, detail="SIGTERM")
            was_sent.set()

        async def follow() -> None:
            await was_sent.wait()
            if then is not None:
                await then()

        with death_of(pid) as death:
            following = asyncio.create_task(follow())
            try:
                code = await asyncio.to_thread(self._control.stop, sig=signal.SIGTERM, timeout=within, sent=note_sent)
                heard = time.monotonic()
                await following
            except TargetFailure as error:
                self._note("still running", pid=pid, detail=str(error))
                return
            finally:
                following.cancel()
        # One that ends at once may be gone before whoever sent the signal knows that he has.
        ended = max(asked, heard if death.at is None else min(heard, death.at))
        self._note("exited", at=ended, pid=pid, exit_code=code)

    async def survival(self, *, patient: bool) -> ServerSurvived:
        """The judgement whether it lives, as things stand now.

        What a dying process held is closed before it is gone, so a scenario may fail of its end and still find it
        alive: with `patient` it has a moment to be gone.
        """
        if patient:
            await poll_until(self._looked_for_life, operator.not_, within=DYING)
        return self._survival()

    async def _looked_for_life(self) -> bool:
        return self._control.alive()

    def _survival(self) -> ServerSurvived:
        alive = self._control.alive()
        return ServerSurvived(
            alive=alive,
            exit_code=None if alive else self._control.exit_code(),
            log=() if alive else tuple(self._control.log_tail(5)),
        )

    def died_unasked(self) -> str | None:
        """One sentence when it has ended although the scenario did not end it, None while all is well."""
        if self.ended_on_purpose or self._control.alive():
            return None
        finding = self._survival().judge(Record(Journal(())))
        return "\n".join([finding.sentence(), *finding.evidence])

    def _pid(self) -> int:
        """Of its main process; 0 while it is down or out of sight."""
        return next(iter(self._control.root_pids()), 0)

    def _note(
        self,
        what: str,
        *,
        at: float | None = None,
        pid: int | None = None,
        exit_code: int | None = None,
        detail: str = "",
        since: float | None = None,
    ) -> None:
        now = time.monotonic() if at is None else at  # before the pid: an engine takes its time to say it
        pid = self._pid() if pid is None else pid
        event = ServerEvent(at=now, what=what, pid=pid, exit_code=exit_code, detail=detail, since=since)
        self._journal.write(event)


def _assigned(environment: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in environment.items())
