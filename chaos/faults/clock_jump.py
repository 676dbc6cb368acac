"""A server whose wall clock jumps: set by hand, by NTP after a long silence, or by a machine that was moved."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import ClassVar

from chaos.agent.clock_library import CLOCK_FILE, offset
from chaos.capability import Capability
from chaos.errors import AgentError, FaultError
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import all_dead, connect_uncounted, host_inside, poll_until
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt
from chaos.probes.http import get
from chaos.units import format_duration

__all__ = ["ClockJump", "ClockSetBack"]

_LEAST = 60.0
"""Seconds of the smallest jump: the server says its time in whole seconds, and many keep what they say for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJump(Fault):
    """The time of day, as the server reads it, jumps ahead at once (`by` seconds), and back when the fault heals.

    The server has to have been started with a clock of its own (`Experiment.restart_server_with_a_clock`). Its
    monotonic clock stays true, as it does in a real jump: who measures how long something takes by the time of day is
    wrong, and nobody else. That it jumped is read from the Date of the server's own HTTP answers.
    """

    name: ClassVar[str] = "clock-jump"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CLOCK, Capability.PROCESS_PROBE, Capability.RESTART, Capability.SETTINGS}
    )
    cannot: ClassVar[str] = (
        "a jump that timers of the kernel notice, and a server that asks the kernel past its C library, or that sleeps "
        "until a time: libfaketime 0.9.10 refuses that (EINVAL), and Python's time.sleep does so from 3.11 on"
    )
    by: float = 86400.0
    """Seconds, ahead where positive: a day is longer than anything a connection's life is measured in."""

    def __post_init__(self) -> None:
        if not abs(self.by) >= _LEAST:
            raise ValueError(f"by is a jump of {_LEAST:g} s or more, ahead or (negative) back; found {self.by!r}")

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        pids = scene.server.root_pids
        clocks = [clock_of(pid) for pid in pids]
        if not clocks or None in clocks:
            raise FaultError(
                "the server keeps the machine's clock, which no fault may touch; start it with one of its own first "
                "(Experiment.restart_server_with_a_clock)"
            )
        files = [clock for clock in clocks if clock is not None]
        host = await host_inside(scene.the_agent(), scene.server.port)
        before = await _ahead(scene, host)
        since = time.monotonic()
        try:
            _set(files, self.by)
            during = await _moved_to(scene, host, before, self.by)
            yield Receipt(
                at=time.monotonic(),
                fault=self.name,
                bite=self._bite(before, during),
                covered=0,
                total=0,
                since=since,
                evidence=(_evidence(before, during),),
            )
        finally:
            healed_at = time.monotonic()
            _set(files, 0.0)
        after = await _moved_to(scene, host, before, 0.0)
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=_healing(pids, before, after),
            since=healed_at,
            evidence=(_evidence(during, after),),
        )

    def _bite(self, before: float | None, during: float | None) -> Bite:
        if before is None or during is None:
            return Bite.UNKNOWN
        return Bite.BIT if _is_there(before, during, self.by) else Bite.DID_NOT_BITE


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSetBack(ClockJump):
    """The time of day, as the server reads it, is set back at once, and forward again when the fault heals.

    Whoever waits for a time of day waits a day longer, and what is over has not begun.
    """

    name: ClassVar[str] = "clock-set-back"
    by: float = -86400.0


def clock_of(pid: int) -> Path | None:
    """The file that sets a process's own clock, as it is reached from here; None where the process has none."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    named = f"{CLOCK_FILE}=".encode()
    file = next((each.removeprefix(named).decode() for each in variables if each.startswith(named)), None)
    return None if file is None else Path(f"/proc/{pid}/root") / file.lstrip("/")


def _set(files: Sequence[Path], seconds: float) -> None:
    """Set the clocks, in one step for whoever reads them; those of a server that has gone need none."""
    for file in files:
        beside = file.with_name(f"{file.name}.new")
        try:
            beside.write_text(offset(seconds), encoding="ascii")
            beside.replace(file)
        except OSError as error:
            if file.parent.exists():
                raise FaultError(f"the server's clock cannot be set: {file}: {error.strerror}") from error


async def _ahead(scene: Scene, host: str) -> float | None:
    """Seconds by which the Date of an answer of the server's is ahead of this machine's; None where it says none.

    It is asked from inside, by connections that nobody counts: a scenario may wait for the server's to be gone.
    """
    patience, server = scene.patience, scene.server
    try:
        made = await connect_uncounted(scene.the_agent(), host, server.port, timeout=patience)
        with contextlib.closing(made):
            answer = await get(server.address, scene.echo.path, within=patience, tls=scene.tls, made=made)
        told = parsedate_to_datetime(answer.headers["date"])
    except (AgentError, OSError, TimeoutError, ValueError, KeyError):
        return None
    return told.timestamp() - time.time()


async def _moved_to(scene: Scene, host: str, before: float | None, by: float) -> float | None:
    """How far ahead the server is once it is where it should be, or the scene's patience is over.

    A server says a date that is a second old at most, where it keeps what it says.
    """
    return await poll_until(
        lambda: _ahead(scene, host),
        lambda found: before is None or (found is not None and _is_there(before, found, by)),
        within=scene.patience + 1.0,
    )


def _is_there(before: float, found: float, by: float) -> bool:
    """Whether the server's date is by so much further than it was: to within half of the smallest jump."""
    return abs(found - before - by) < _LEAST / 2


def _healing(pids: Sequence[int], before: float | None, after: float | None) -> HealingState:
    if all_dead(pids):
        return HealingState.GONE_WITH_THE_TARGET
    healed = before is not None and after is not None and _is_there(before, after, 0.0)
    return HealingState.HEALED if healed else HealingState.FAILED


def _evidence(before: float | None, during: float | None) -> Evidence:
    return Evidence(
        what="how far the Date of the server's answers is ahead",
        side="client",
        before=_shown(before),
        during=_shown(during),
    )


def _shown(ahead: float | None) -> str:
    if ahead is None:
        return "it says none"
    return f"{'-' if ahead < 0 else ''}{format_duration(abs(round(ahead)))}"
