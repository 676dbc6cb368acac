"""Removing what dead owners left behind: never what a living one owns, never what nobody of ours started."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.agent.orphans import remove_stale_groups, remove_stale_tables
from chaos.errors import EnvironmentFailure
from chaos.runtime.marks import kill_marked
from chaos.runtime.owner import OWNER_VARIABLE, Owner
from chaos.runtime.state import owned_state_directories, remove_state_directory

if TYPE_CHECKING:
    from chaos.runtime.engine import Engine

__all__ = ["Reaped", "reap", "reap_machine"]

GONE_WITHIN = 5.0
"""Seconds for orphans to be gone after SIGKILL; see `chaos.runtime.host.GONE_WITHIN`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """What was removed."""

    processes: tuple[int, ...] = ()
    directories: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    """Tables of packet rules."""
    groups: tuple[str, ...] = ()
    """Control groups."""

    def sentence(self) -> str | None:
        """`"removed 2 processes and 1 network that a dead run had left"`, or None when there was nothing."""
        counted = [
            f"{len(found)} {one if len(found) == 1 else many}"
            for found, one, many in (
                (self.processes, "process", "processes"),
                (self.directories, "state directory", "state directories"),
                (self.containers, "container", "containers"),
                (self.networks, "network", "networks"),
                (self.rules, "table of packet rules", "tables of packet rules"),
                (self.groups, "control group", "control groups"),
            )
            if found
        ]
        if not counted:
            return None
        return f"removed {', '.join(counted)} that a dead run had left"


def reap(*, engine: Engine | None) -> Reaped:
    """Remove what dead owners left on this machine and, where one is used, on the engine.

    Called at the start of every run. Raises EnvironmentFailure where something cannot be removed.
    """
    found = reap_machine()
    if engine is None:
        return found
    # Imported here: the docker SDK takes 0.2 s, which a run with processes need not pay.
    from chaos.runtime.engine import connect
    from chaos.runtime.owned import reap_engine

    with contextlib.closing(connect(engine)) as client:
        containers, networks = reap_engine(client, local=engine.local)
    return replace(found, containers=tuple(containers), networks=tuple(networks))


def reap_machine() -> Reaped:
    """Kill orphaned processes, then remove orphaned packet rules and control groups, and state directories at last.

    12 ms with nothing to do on a machine with 150 processes. Raises EnvironmentFailure for a process that will not die,
    and for what cannot be removed, once everything else has been.
    """
    known: dict[str, bool] = {}

    def condemned(token: str) -> bool:
        if token not in known:
            owner = Owner.parse(token)
            known[token] = owner is not None and not owner.alive()
        return known[token]

    processes = kill_marked(OWNER_VARIABLE, condemned, deadline=time.monotonic() + GONE_WITHIN)
    orphans = [path for owner, path in owned_state_directories() if not owner.alive()]
    if not orphans:
        # Every agent has a state directory, so without one there is no table either, and nft need not be asked (12 ms).
        return Reaped(processes=tuple(processes))
    # The directories go last: whoever is interrupted before leaves the next one a reason to look for the others.
    with _removing("packet rules"):
        rules = remove_stale_tables()
    with _removing("control groups"):
        groups = remove_stale_groups()
    _remove(orphans)
    return Reaped(
        processes=tuple(processes), directories=tuple(map(str, orphans)), rules=tuple(rules), groups=tuple(groups)
    )


def _remove(directories: Sequence[Path]) -> None:
    """Remove each that can be. Raises EnvironmentFailure that names the others.

    Another run may be reaping at the same moment; who comes second finds nothing, which is as good.
    """
    kept = []
    for path in directories:
        try:
            remove_state_directory(path)
        except OSError as error:
            kept.append(f"{path} ({error.strerror})")
    if kept:
        raise EnvironmentFailure(f"what a dead run has left cannot be removed: {', '.join(kept)}; remove it by hand")


@contextlib.contextmanager
def _removing(what: str) -> Iterator[None]:
    """Say in the words of this project that something could not be looked for or removed."""
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentFailure(f"{what} of a dead run cannot be removed: {error}") from error
