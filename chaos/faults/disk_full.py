"""A server whose disk is full: what it writes there is refused (ENOSPC), and what is there can still be read."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from chaos.agent.own_disk import own_disk
from chaos.capability import Capability
from chaos.errors import FaultError
from chaos.faults.base import Fault, Scene
from chaos.faults.evidence import all_dead, poll_until
from chaos.journal import Bite, Evidence, Healing, HealingState, Receipt
from chaos.units import format_size

__all__ = ["DiskFull"]

_BALLAST = ".chaos-ballast"
_PIECE = b"\0" * 65536
_AGAIN = 0.01
"""Seconds between two looks for room that the server has made by deleting something: what it writes next finds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFull(Fault):
    """The disk that the suite has given to the server (start.disk) is filled up, and kept full until the fault heals.

    It is a file system in memory of a few megabytes, the server's own: nobody else's disk gets full. That it is full is
    seen where the server sees it, in its mount namespace: one byte more is refused.
    """

    name: ClassVar[str] = "disk-full"
    family: ClassVar[str] = "server"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.DISK, Capability.PROCESS_PROBE})
    cannot: ClassVar[str] = "a disk that gets slow before it is full, and one that fails (EIO)"

    async def apply(self, scene: Scene) -> AsyncIterator[Receipt | Healing]:
        pids = scene.server.root_pids
        disk = next((found for found in map(own_disk, pids) if found is not None), None)
        if disk is None:
            raise FaultError(
                "the server has no disk of its own to be filled; start.disk in its target file gives it one"
            )
        ballast, before, since = disk / _BALLAST, _room(disk), time.monotonic()
        try:
            _fill(ballast)
            async with _kept_full(ballast):
                refused = _refused(disk)
                yield Receipt(
                    at=time.monotonic(),
                    fault=self.name,
                    bite=Bite.BIT if refused == errno.ENOSPC else Bite.DID_NOT_BITE,
                    covered=0,
                    total=0,
                    since=since,
                    evidence=(_room_evidence(before, _room(disk)), _write_evidence(0, refused)),
                )
                if refused == errno.ENOSPC:
                    await _stayed_full(disk, pids, within=scene.patience)
        finally:
            healed_at, full = time.monotonic(), _room(disk)
            with contextlib.suppress(FileNotFoundError):  # with the server's last process its disk is gone as well
                ballast.unlink()
        yield Healing(
            at=time.monotonic(),
            fault=self.name,
            state=_healing(disk, pids),
            since=healed_at,
            evidence=(_room_evidence(full, _room(disk)), _write_evidence(refused, _refused(disk))),
        )


def _fill(ballast: Path) -> None:
    """Write until there is no room for a byte. Raises FaultError for a disk that refuses for another reason."""
    try:
        with ballast.open("ab", buffering=0) as file:
            for piece in (_PIECE, _PIECE[:4096], _PIECE[:1]):
                while True:
                    file.write(piece)
    except OSError as error:
        if error.errno != errno.ENOSPC and ballast.parent.exists():
            raise FaultError(f"the server's disk cannot be filled: {ballast.parent}: {error.strerror}") from error


@contextlib.asynccontextmanager
async def _kept_full(ballast: Path) -> AsyncIterator[None]:
    """Take what room the server makes. Raises FaultError at the end where nobody has, from some time on."""

    async def keep() -> None:
        while True:
            await asyncio.sleep(_AGAIN)
            _fill(ballast)

    keeping = asyncio.create_task(keep(), name="ballast")
    try:
        yield
    finally:
        keeping.cancel()
        (ended,) = await asyncio.gather(keeping, return_exceptions=True)
        if isinstance(ended, Exception):  # nobody knows how long it was full
            raise FaultError(f"the disk was not kept full: {ended}") from ended


async def _stayed_full(disk: Path, pids: Sequence[int], *, within: float) -> None:
    """See that a disk is full before it heals, or gone with its server: what room there is now is taken again.

    Raises FaultError for one that does not get full again `within` so many seconds.
    """

    async def look() -> int:
        return errno.ENOSPC if all_dead(pids) else _refused(disk)

    refused = await poll_until(look, lambda found: found == errno.ENOSPC, within=within)
    if refused != errno.ENOSPC:
        raise FaultError(f"the disk did not stay full; a byte in a new file there: {_answer(refused)}")


def _refused(disk: Path) -> int:
    """Why a byte in a new file is refused, as errno has it; 0: it is not."""
    trial = disk / f"{_BALLAST}.trial"
    try:
        trial.write_bytes(b"\0")
    except OSError as error:
        return error.errno or -1
    finally:
        with contextlib.suppress(OSError):
            trial.unlink()
    return 0


def _room(disk: Path) -> int | None:
    """Bytes that are free; None where the disk is gone."""
    try:
        found = os.statvfs(disk)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _healing(disk: Path, pids: Sequence[int]) -> HealingState:
    if all_dead(pids):
        return HealingState.GONE_WITH_THE_TARGET
    return HealingState.FAILED if _refused(disk) else HealingState.HEALED


def _room_evidence(before: int | None, during: int | None) -> Evidence:
    return Evidence(what="room on the server's disk", side="server kernel", before=_size(before), during=_size(during))


def _write_evidence(before: int, during: int) -> Evidence:
    return Evidence(
        what="a byte in a new file there", side="server kernel", before=_answer(before), during=_answer(during)
    )


def _size(room: int | None) -> str:
    return "none: it is gone" if room is None else format_size(room)


def _answer(code: int) -> str:
    return errno.errorcode.get(code, f"error {code}") if code else "written"
