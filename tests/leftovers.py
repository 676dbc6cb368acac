"""What runs whose owner is dead have left on this machine: nothing, if all is well."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from chaos.errors import EnvironmentFailure
from chaos.runtime.engine import connect, find_engine
from chaos.runtime.owned import OWNER_LABEL
from chaos.runtime.owner import OWNER_VARIABLE, Owner
from chaos.runtime.state import owned_state_directories

__all__ = ["leftovers", "owned_processes"]


def leftovers(owner_pid: int | None = None) -> list[str]:
    """Processes, state directories, containers and networks of dead owners, one line each.

    Of one owner, by the pid its pytest had, or of all: somebody else's run may have been killed a moment ago.
    """

    def dead(token: str) -> bool:
        owner = Owner.parse(token)
        return owner is not None and owner_pid in (None, owner.pid) and not owner.alive()

    found = [f"process {pid}: {command}" for pid, command, token in _marked() if dead(token)]
    found += [f"directory {path}" for owner, path in owned_state_directories() if dead(owner.token)]
    found += [f"{kind} {name}" for kind, name, token in _on_the_engine() if dead(token)]
    return found


def owned_processes(owner_pid: int) -> dict[int, str]:
    """Pid to command line of everything that a run started, by the pid of its pytest."""
    return {
        pid: command for pid, command, token in _marked() if (owner := Owner.parse(token)) and owner.pid == owner_pid
    }


def _marked() -> Iterator[tuple[int, str, str]]:
    """Pid, command line and owner's token of every process that was started for a run."""
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            variables = (directory / "environ").read_bytes().split(b"\0")
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        for variable in variables:
            name, _, token = variable.decode(errors="replace").partition("=")
            if name == OWNER_VARIABLE:
                yield int(directory.name), command, token


def _on_the_engine() -> list[tuple[str, str, str]]:
    """Kind, name and owner's token of every container and network that was started for a run."""
    try:
        engine = find_engine()
    except EnvironmentFailure:
        return []
    with contextlib.closing(connect(engine)) as client:
        containers = client.containers.list(all=True, filters={"label": OWNER_LABEL})
        networks = client.networks.list(filters={"label": OWNER_LABEL})
        return [
            (
                type(thing).__name__.lower(),
                str(thing.name),
                str((thing.attrs.get("Config") or thing.attrs)["Labels"][OWNER_LABEL]),
            )
            for thing in (*containers, *networks)
        ]
