"""Control groups of either version: where a process is in them, what they count, whether they can be had here.

Version 1 has a hierarchy for each controller, version 2 one for all; a controller is in one of them, never in both.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from chaos.agent.identity import own_pid
from chaos.capability import Availability

__all__ = [
    "CONTROLLERS",
    "CPU",
    "MEMORY",
    "PERIOD",
    "CpuCounters",
    "Hierarchy",
    "MemoryCounters",
    "cpu_counters",
    "dissolve",
    "find_hierarchy",
    "group_name",
    "limit_in_force",
    "limits_of_cpu",
    "limits_of_memory",
    "made_groups",
    "members",
    "memory_counters",
    "probe",
    "remove_group",
    "set_files",
]

CPU, MEMORY = CONTROLLERS = ("cpu", "memory")

PERIOD = 0.1
"""Seconds in which a share of a core is counted: the kernel's own default, and that of container engines."""

LEAST_QUOTA = 0.001
"""Seconds of a period: the kernel refuses less."""

_EMPTY_WITHIN = 1.0
"""Seconds for a group to be empty once its last process was moved or killed: it is gone from it within milliseconds."""
_LOOK_EVERY = 0.005
_MICROSECONDS, _NANOSECONDS = 1e-6, 1e-9
_SETTINGS = {
    CPU: ("cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.max"),
    MEMORY: ("memory.limit_in_bytes", "memory.max"),
}
"""Where a limit is, in either version."""
_SWAP = {1: "memory.memsw.limit_in_bytes", 2: "memory.swap.max"}
_NAME = re.compile(r"chaos_(?P<token>[0-9a-z]+)_(cpu|memory)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """Where one controller's groups are mounted."""

    controller: str
    version: int
    mount: Path
    root: PurePosixPath
    """The group that is mounted there: "/" unless a container sees its own part only."""

    def home(self, pid: int) -> Path | None:
        """The directory of the group that a process is in; None where it has ended or is in none that can be seen."""
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if (self.controller in controllers.split(",")) if self.version == 1 else not controllers:
                found = PurePosixPath(path)
                if ".." in found.parts or not found.is_relative_to(self.root):
                    return None
                return self.mount / found.relative_to(self.root)
        return None

    def place_beside(self, home: Path) -> Path | None:
        """The nearest group at or above one in which another can be made that this controller acts on.

        In version 2 a group hands its controllers on to all of its children or has processes of its own, never both.
        """
        if self.version == 1:
            return home
        for group in (home, *home.parents):
            if self.controller in _text(group / "cgroup.subtree_control").split():
                return group
            if group == self.mount:
                break
        return None


def find_hierarchy(controller: str, *, mounts: Path = Path("/proc/self/mountinfo")) -> Hierarchy | None:
    """Where a controller's groups are; None where no hierarchy that is mounted has it."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        # proc_pid_mountinfo(5): what comes before the dash has optional fields at its end, what comes after has not.
        mounted, _, filesystem = line.partition(" - ")
        root, point = mounted.split()[3:5]
        kind, _, options = filesystem.split(maxsplit=2)
        version = {"cgroup": 1, "cgroup2": 2}.get(kind)
        given = options.split(",") if version == 1 else _text(Path(point) / "cgroup.controllers").split()
        if version is not None and controller in given:
            return Hierarchy(controller=controller, version=version, mount=Path(point), root=PurePosixPath(root))
    return None


def group_name(token: str, controller: str) -> str:
    """The name of the group that an agent makes: by it the next run knows what a dead one has left."""
    return f"chaos_{token}_{controller}"


def limits_of_cpu(version: int, *, share: float) -> list[tuple[str, str]]:
    """The files to write, in this order, and what, so that a group gets this share of one core."""
    quota, period = round(max(share * PERIOD, LEAST_QUOTA) / _MICROSECONDS), round(PERIOD / _MICROSECONDS)
    if version == 1:
        return [("cpu.cfs_period_us", str(period)), ("cpu.cfs_quota_us", str(quota))]
    return [("cpu.max", f"{quota} {period}")]


def limits_of_memory(version: int, *, size: int) -> list[tuple[str, str]]:
    """The files to write, in this order, and what, so that a group is refused more than `size` bytes.

    It pages none out; the files of swap are not there in every kernel, nor is swap.
    """
    page = os.sysconf("SC_PAGE_SIZE")  # the kernel rounds to whole ones
    whole = str(size // page * page)
    if version == 1:
        return [("memory.limit_in_bytes", whole), (_SWAP[1], whole)]
    return [("memory.max", whole), (_SWAP[2], "0")]


def limit_in_force(group: Path, controller: str) -> str:
    """A group's limit in the kernel's own words, as `limits_of_cpu` and `limits_of_memory` would set it; "" without."""
    return " ".join(filter(None, (_text(group / name) for name in _SETTINGS[controller])))


def set_files(group: Path, values: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Write a group's settings; what to write to have them as they were. Raises OSError, with nothing changed."""
    before: list[tuple[str, str]] = []
    try:
        for name, value in values:
            if name in _SWAP.values() and not (group / name).exists():
                continue
            was = (group / name).read_text(encoding="ascii").strip()
            (group / name).write_text(value, encoding="ascii")
            before.insert(0, (name, was))
    except OSError:
        for name, was in before:
            (group / name).write_text(was, encoding="ascii")
        raise
    return before


def members(group: Path) -> list[int]:
    """The processes of a group and of those below it, by their pid in our namespace; 0 for one that has none here."""
    return [pid for each in (group, *_below(group)) for pid in _pids(each)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuCounters:
    """What a group was kept from, since it was made."""

    periods: int
    """In which something was ready to run, and there was a quota."""
    throttled: int
    """Of these, in which the quota was used up."""
    seconds: float
    """For which it was kept from running, summed over the cores it was to run on."""


def cpu_counters(group: Path) -> CpuCounters | None:
    """None where there is no such group any more."""
    values = _statistics(group / "cpu.stat")
    if "nr_throttled" not in values:
        return None
    seconds = (
        values["throttled_usec"] * _MICROSECONDS
        if "throttled_usec" in values
        else values.get("throttled_time", 0) * _NANOSECONDS
    )
    return CpuCounters(periods=values.get("nr_periods", 0), throttled=values["nr_throttled"], seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCounters:
    """What a group uses, and how often it was refused more."""

    used: int
    """Bytes now."""
    limit: int | None
    """Bytes; None where there is none."""
    refused: int
    """How often its limit was met, since it was made."""
    killed: int
    """Processes of it that were killed for it, since it was made."""


def memory_counters(group: Path) -> MemoryCounters | None:
    """None where there is no such group any more."""
    if used := _text(group / "memory.usage_in_bytes"):
        control = _statistics(group / "memory.oom_control")
        limit = int(_text(group / "memory.limit_in_bytes") or 0)
        return MemoryCounters(
            used=int(used),
            limit=None if limit >= _UNLIMITED else limit,
            refused=sum(int(_text(group / name) or 0) for name in ("memory.failcnt", "memory.memsw.failcnt")),
            killed=control.get("oom_kill", 0),
        )
    if used := _text(group / "memory.current"):
        events, limit_said = _statistics(group / "memory.events"), _text(group / "memory.max")
        return MemoryCounters(
            used=int(used),
            limit=int(limit_said) if limit_said.isdigit() else None,
            refused=events.get("max", 0),
            killed=events.get("oom_kill", 0),
        )
    return None


_UNLIMITED = 2**62
"""Version 1 says so by the largest whole number of pages there is."""


def probe(controller: str, *, token: str) -> Availability:
    """Whether a limit can be set here, found out by making a group and setting one. Nothing is left behind."""
    hierarchy = find_hierarchy(controller)
    if hierarchy is None:
        return Availability.no(
            f"no control groups with the {controller} controller are mounted here",
            remedy="mount them at /sys/fs/cgroup, as systemd does",
        )
    remedy = (
        "run as root and outside of a container, or in one with --privileged; without root, where control groups are "
        "of version 2 and your session has the controller delegated (systemd-run --user --scope -p Delegate=yes)"
    )
    home = hierarchy.home(own_pid())
    place = None if home is None else hierarchy.place_beside(home)
    if place is None:
        return Availability.no(
            f"no control group above this process hands on the {controller} controller", remedy=remedy
        )
    values = (
        limits_of_cpu(hierarchy.version, share=1.0)
        if controller == CPU
        else limits_of_memory(hierarchy.version, size=1 << 30)
    )
    group = place / f"{group_name(token, controller)}_probe"
    try:
        if not os.access(place / "cgroup.procs", os.W_OK):
            raise PermissionError(0, "Permission denied")
        group.mkdir()
        try:
            set_files(group, values)
        finally:
            group.rmdir()
    except OSError as error:
        return Availability.no(
            f"the {controller} control group {place} may not be changed: {error.strerror}", remedy=remedy
        )
    return Availability.yes()


def made_groups() -> Iterator[tuple[str, Path]]:
    """The groups that agents have made on this machine: the agent's token, and the directory."""
    for hierarchy in filter(None, map(find_hierarchy, CONTROLLERS)):
        for group in _below(hierarchy.mount):
            matched = _NAME.fullmatch(group.name)
            if matched is not None:
                yield matched["token"], group


def remove_group(group: Path) -> bool:
    """Kill whatever is in a group and remove it; False where it cannot be, or where what is in it is out of sight."""
    try:
        dissolve(group, _kill)
    except OSError:
        return False
    return True


def dissolve(group: Path, send_off: Callable[[int], None]) -> None:
    """Send off whoever is in a group, by pid, until nobody is, and remove it; nothing where there is none.

    Raises OSError where somebody is still in it after a second, and what `send_off` raises, but for a process that has
    ended meanwhile.
    """
    deadline = time.monotonic() + _EMPTY_WITHIN
    while group.exists():
        for pid in sorted(members(group)):  # whoever has no pid here, 0, before anybody is touched
            with contextlib.suppress(ProcessLookupError):
                send_off(pid)
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_LOOK_EVERY)


def _kill(pid: int) -> None:
    """Raises PermissionError for one that has no pid here: `kill` would take 0 for our own process group."""
    if pid == 0:
        raise PermissionError(errno.EPERM, "a process of another pid namespace")
    with contextlib.suppress(PermissionError):
        os.kill(pid, signal.SIGKILL)


def _below(group: Path) -> list[Path]:
    return [Path(directory) / name for directory, names, _ in os.walk(group) for name in names]


def _pids(group: Path) -> list[int]:
    return [int(line) for line in _text(group / "cgroup.procs").split()]


def _statistics(file: Path) -> dict[str, int]:
    """A file of lines with a name and a number each."""
    lines = (line.split() for line in _text(file).splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}


def _text(file: Path) -> str:
    """Empty where there is no such file."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
