"""Limits on CPU and memory of processes that run, by control groups: set, counted, lifted.

A server that has a group to itself, as a container has, is limited where it is. Any other is moved into a group made
for it, which carries the agent's token in its name, and back again; what it forks meanwhile comes along.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from chaos.agent.control_groups import (
    CPU,
    MEMORY,
    Hierarchy,
    cpu_counters,
    dissolve,
    find_hierarchy,
    group_name,
    limit_in_force,
    limits_of_cpu,
    limits_of_memory,
    members,
    memory_counters,
    remove_group,
    set_files,
)
from chaos.agent.identity import local_pid, own_pid
from chaos.agent.processes import descendants
from chaos.agent.types import GroupLimit
from chaos.errors import AgentError

__all__ = ["GroupLimits"]


@dataclass(slots=True, kw_only=True)
class _Held:
    """A limit in force."""

    group: Path
    controller: str
    made: bool
    before: list[tuple[str, str]]
    """What to write to have a group that was there as it was."""
    homes: dict[int, Path] = field(default_factory=dict)
    """Where each process came from, by its pid in our namespace."""
    throttled_before: float = 0.0


class GroupLimits:
    """The limits of one agent. All methods but `throttled` are called from one thread."""

    def __init__(self, *, token: str) -> None:
        self._token = token
        self._held: dict[Path, _Held] = {}
        self._throttled = 0.0
        """Of limits that were lifted."""
        self._counting = threading.Lock()
        """While a limit is lifted it is counted neither twice nor not at all."""

    def limit_cpu(self, roots: Iterable[int], *, share: float) -> GroupLimit:
        """Give the processes of these trees this share of one core, together. Raises AgentError, with nothing done."""
        return self._limit(CPU, list(roots), share=share)

    def limit_memory(self, roots: Iterable[int], *, spare: int) -> GroupLimit:
        """Leave the processes of these trees `spare` bytes together. Raises AgentError, with nothing done."""
        return self._limit(MEMORY, list(roots), spare=spare)

    def lift(self, group: Path) -> None:
        """Take a limit back; fine where its group has gone with all that was in it, or was lifted already.

        Raises AgentError for a group that was not limited by this agent, or will not go.
        """
        held = self._held.get(group)
        if held is None:
            if not group.exists():
                return
            raise AgentError(f"{group} has no limit of this agent's")
        with self._counting:
            throttled = self._kept_from_running(held)
            try:
                self._free(held)
            except OSError as error:
                raise AgentError(f"the limit on {group} cannot be lifted: {error.strerror or error}") from error
            self._throttled += throttled
            del self._held[group]

    def close(self) -> None:
        """Take all limits back, whoever is still there."""
        for held in list(self._held.values()):
            try:
                self.lift(held.group)
            except AgentError as error:
                if not (held.made and remove_group(held.group)):
                    print(f"chaos.agent: {error}", file=sys.stderr, flush=True)

    def throttled(self) -> float:
        """Seconds so far for which limits of this agent kept anybody from running, summed over cores."""
        with self._counting:
            return self._throttled + sum(map(self._kept_from_running, self._held.values()))

    def _kept_from_running(self, held: _Held) -> float:
        counted = cpu_counters(held.group) if held.controller == CPU else None
        return 0.0 if counted is None else max(0.0, counted.seconds - held.throttled_before)

    def _limit(self, controller: str, roots: list[int], *, share: float = 0.0, spare: int = 0) -> GroupLimit:
        hierarchy = find_hierarchy(controller)
        tree = [stat.pid for stat in descendants(roots) if stat.state != "Z"]
        if own_pid() in tree:
            raise AgentError("the agent is one of these processes; it does not limit itself")
        home = hierarchy.home(tree[0]) if hierarchy is not None and tree else None
        if hierarchy is None or home is None:
            raise AgentError(f"none of these processes is in a {controller} control group that can be seen here")
        try:
            held = self._own(hierarchy, home, tree) or self._made(hierarchy, home)
            try:
                values = self._values(hierarchy, held.group, share=share, spare=spare)
                before = limit_in_force(held.group, controller)
                held.before = set_files(held.group, values)
                with self._counting:
                    self._held[held.group] = held
                if held.made:
                    self._move(held, hierarchy, roots)
            except BaseException:
                with self._counting:
                    self._held.pop(held.group, None)
                self._free(held)
                raise
        except OSError as error:
            raise AgentError(
                f"the {controller} control group {home} cannot be limited: {error.strerror or error}"
            ) from error
        return GroupLimit(
            group=str(held.group),
            controller=controller,
            made=held.made,
            before=before,
            now=limit_in_force(held.group, controller),
            pids=tuple(tree),
        )

    def _own(self, hierarchy: Hierarchy, home: Path, tree: list[int]) -> _Held | None:
        """The group that these processes have to themselves."""
        ours = {local_pid(pid) for pid in tree}
        if home in self._held:
            raise AgentError(f"{home} has a limit already; lift that first")
        if home == hierarchy.mount or not set(members(home)) <= ours:
            return None
        return self._counted(_Held(group=home, controller=hierarchy.controller, made=False, before=[]))

    def _made(self, hierarchy: Hierarchy, home: Path) -> _Held:
        place = hierarchy.place_beside(home)
        if place is None:
            raise AgentError(f"no control group above {home} hands on the {hierarchy.controller} controller")
        group = place / group_name(self._token, hierarchy.controller)
        group.mkdir()
        return self._counted(_Held(group=group, controller=hierarchy.controller, made=True, before=[]))

    @staticmethod
    def _counted(held: _Held) -> _Held:
        counted = cpu_counters(held.group) if held.controller == CPU else None
        held.throttled_before = 0.0 if counted is None else counted.seconds
        return held

    @staticmethod
    def _values(hierarchy: Hierarchy, group: Path, *, share: float, spare: int) -> list[tuple[str, str]]:
        if hierarchy.controller == CPU:
            return limits_of_cpu(hierarchy.version, share=share)
        counted = memory_counters(group)
        return limits_of_memory(hierarchy.version, size=spare + (0 if counted is None else counted.used))

    @staticmethod
    def _move(held: _Held, hierarchy: Hierarchy, roots: list[int]) -> None:
        """Move whole trees, going through them again until nobody is new: a process may fork while it is moved."""
        while True:
            found = [(stat.pid, local_pid(stat.pid)) for stat in descendants(roots) if stat.state != "Z"]
            new = [(pid, local) for pid, local in found if local is not None and local not in held.homes]
            if not new:
                return
            for pid, local in new:
                home = hierarchy.home(pid)
                if home is None:
                    continue
                held.homes[local] = home if home != held.group else next(iter(held.homes.values()), home)
                with contextlib.suppress(ProcessLookupError):
                    _put(local, held.group)

    @staticmethod
    def _free(held: _Held) -> None:
        """Everyone back where they were, and the group as it was, or gone. Raises OSError."""
        if not held.made:
            with contextlib.suppress(FileNotFoundError):  # gone with the container
                set_files(held.group, held.before)
            return
        default = next(iter(held.homes.values()), held.group.parent)
        dissolve(held.group, lambda pid: _put(pid, held.homes.get(pid, default)))


def _put(pid: int, group: Path) -> None:
    (group / "cgroup.procs").write_text(str(pid), encoding="ascii")
