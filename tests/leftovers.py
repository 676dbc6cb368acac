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


def leftovers() -> list[str]:
    """Processes, state directories, containers and networks of dead owners, one line each."""
    found = [f"process {line}" for line in _processes()]
    found += [f"directory {path}" for owner, path in owned_state_directories() if not owner.alive()]
    found += _on_the_engine()
    return found


def owned_processes(owner_pid: int) -> dict[int, str]:
    """Pid to command line of everything that a run started, by the pid of its pytest."""
    return {
        pid: command for pid, command, token in _marked() if (owner := Owner.parse(token)) and owner.pid == owner_pid
    }


def _processes() -> list[str]:
    return [f"{pid}: {command}" for pid, command, token in _marked() if _is_dead(token)]


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


def _on_the_engine() -> list[str]:
    try:
        engine = find_engine()
    except EnvironmentFailure:
        return []
    with contextlib.closing(connect(engine)) as client:
        containers = client.containers.list(all=True, filters={"label": OWNER_LABEL})
        networks = client.networks.list(filters={"label": OWNER_LABEL})
        return [
            f"{type(thing).__name__.lower()} {thing.name}"
            for thing in (*containers, *networks)
            if _is_dead(str((thing.attrs.get("Config") or thing.attrs)["Labels"][OWNER_LABEL]))
        ]


def _is_dead(token: str) -> bool:
    owner = Owner.parse(token)
    return owner is not None and not owner.alive()
