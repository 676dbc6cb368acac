"""What runs whose owner is dead have left on this machine: nothing, if all is well.

Processes (a proxy is one, or is in a container), state directories, containers and networks are found by their marks
(`leftovers`). Namespaces and packet rules carry none: they are taken note of while the run has them (`unmarked`).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient
from docker.models.containers import Container
from docker.models.networks import Network

from chaos.agent.control_groups import made_groups
from chaos.agent.orphans import stale_tables
from chaos.agent.processes import read_stat
from chaos.errors import EnvironmentFailure
from chaos.runtime.engine import connect, find_engine
from chaos.runtime.owned import OWNER_LABEL
from chaos.runtime.owner import OWNER_VARIABLE, Owner
from chaos.runtime.state import owned_state_directories

__all__ = ["Unmarked", "leftovers", "owned_processes", "unmarked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmarked:
    """What a run under way has that does not carry its mark."""

    tables: frozenset[str]
    """Tables of packet rules that its agents may make: they name the agent."""
    groups: frozenset[Path]
    """Control groups that they have made by now: they name the agent as well."""
    holders: frozenset[str]
    """Who holds its namespaces, one line each. A namespace's number alone is soon another's."""

    @property
    def namespaces(self) -> frozenset[str]:
        """Such as `net:[4026532181]`."""
        return frozenset(holder.split()[1] for holder in self.holders)

    def left(self) -> list[str]:
        """What of it is still there."""
        held = self.holders & _holders(self.namespaces)
        return [
            *sorted(held),
            *(f"packet rules {name}" for name in stale_tables() if name in self.tables),
            *(f"control group {group}" for group in sorted(self.groups) if group.exists()),
        ]


def unmarked(owner_pid: int) -> Unmarked:
    """Take note of what a run has now, by the pid of its pytest.

    Without root another user's processes cannot be looked at, nor can packet rules.
    """
    owned = owned_processes(owner_pid)
    pids = [*owned, *_container_pids(owner_pid)]
    namespaces = {name for pid in pids for name in _namespaces(pid)} - set(_namespaces(os.getpid()))
    tokens = {
        token for command in owned.values() for token in re.findall(r"agent/__main__\.py .*--token (\w+)", command)
    }
    return Unmarked(
        tables=frozenset(f"chaos_{token}{kind}" for token in tokens for kind in ("", "_probe")),
        groups=frozenset(group for token, group in made_groups() if token in tokens),
        holders=_holders(namespaces),
    )


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


def _holders(namespaces: Collection[str]) -> frozenset[str]:
    """Who holds them: processes, and mounts such as those of `ip netns`."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        held = [name for name in _namespaces(int(process.name)) if name in namespaces]
        if held and (stat := read_stat(int(process.name))) is not None:
            found.update(f"namespace {name} of process {stat.pid}, started at {stat.started}" for name in held)
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        root, where = line.split(" ")[3:5]
        if root in namespaces:
            found.add(f"namespace {root} mounted on {where}")
    return frozenset(found)


def _namespaces(pid: int) -> Iterator[str]:
    """Those of a process; none where it has ended or may not be looked at."""
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/ns").iterdir():
            with contextlib.suppress(OSError):
                yield os.readlink(link)


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
    with _engine() as client:
        if client is None:
            return []
        things = [
            *client.containers.list(all=True, ignore_removed=True, filters={"label": OWNER_LABEL}),
            *client.networks.list(filters={"label": OWNER_LABEL}),
        ]
        return [(type(thing).__name__.lower(), str(thing.name), _token(thing)) for thing in things]


def _container_pids(owner_pid: int) -> list[int]:
    """The main processes of a run's containers, as this machine's /proc shows them."""
    with _engine() as client:
        if client is None:
            return []
        containers = client.containers.list(ignore_removed=True, filters={"label": OWNER_LABEL})
        return [
            int(container.attrs["State"]["Pid"])
            for container in containers
            if (owner := Owner.parse(_token(container))) and owner.pid == owner_pid
        ]


def _token(thing: Container | Network) -> str:
    return str((thing.attrs.get("Config") or thing.attrs)["Labels"][OWNER_LABEL])


@contextlib.contextmanager
def _engine() -> Iterator[DockerClient | None]:
    """A client, or None where no engine answers."""
    try:
        engine = find_engine()
    except EnvironmentFailure:
        yield None
        return
    with contextlib.closing(connect(engine)) as client:
        yield client
