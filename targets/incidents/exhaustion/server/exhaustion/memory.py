"""How much memory the process takes, how much its control group leaves it, and giving back what is free."""

from __future__ import annotations

import ctypes
import gc
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = os.open("/proc/self/statm", os.O_RDONLY)
_UNLIMITED = 1 << 62
"""Control groups of version 1 say so by the largest whole number of pages there is."""


@dataclass(frozen=True, slots=True)
class _Tree:
    """Where the memory controller's groups are mounted: by a hierarchy of its own (version 1), or with all others."""

    version: int
    mount: Path
    root: PurePosixPath
    """The group that is mounted there: a container sees its own part of the tree only."""


def resident() -> int:
    """Bytes."""
    return int(os.pread(_STATM, 128, 0).split()[1]) * _PAGE


def headroom() -> float:
    """Bytes that the process's control group may still take; infinite where there is no limit, or none to be seen.

    Pages of files do not count: the kernel takes them back before it refuses anything. The process may be put into
    another group while it runs, so which one it is in is read each time.
    """
    group = _own_group()
    if group is None:
        return float("inf")
    limit_in, used_in = (
        ("memory.limit_in_bytes", "memory.usage_in_bytes") if _TREE.version == 1 else ("memory.max", "memory.current")
    )
    limit, used = _number(group / limit_in), _number(group / used_in)
    if limit is None or used is None or limit >= _UNLIMITED:
        return float("inf")
    return limit - used + _of_files(group)


def give_back() -> None:
    """Collect what only refers to itself, and give the kernel what the allocator keeps.

    Both are needed. 100 connections that had carried 4 MB each left 690 MB: with neither none of it was given back,
    with the first 69 %, with the second 38 %, with both over 99 %. A connection and its protocol refer to each other,
    and the C library keeps the freed pieces between those that are in use. musl has no malloc_trim.
    """
    gc.collect()
    if _TRIM is not None:
        _TRIM(0)


_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)


def _find_tree() -> _Tree | None:
    found = None
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mounted, _, filesystem = line.partition(" - ")
        root, point = mounted.split()[3:5]
        kind, _, options = filesystem.split(maxsplit=2)
        if kind == "cgroup" and "memory" in options.split(","):
            return _Tree(1, Path(point), PurePosixPath(root))
        if kind == "cgroup2":
            found = _Tree(2, Path(point), PurePosixPath(root))
    return found


_TREE = _find_tree()


def _own_group() -> Path | None:
    if _TREE is None:
        return None
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if ("memory" in controllers.split(",")) if _TREE.version == 1 else not controllers:
            group = PurePosixPath(path)
            return _TREE.mount / group.relative_to(_TREE.root) if group.is_relative_to(_TREE.root) else _TREE.mount
    return None


def _of_files(group: Path) -> int:
    try:
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    pages = dict(line.split() for line in lines)
    return sum(int(pages.get(name, 0)) for name in ("inactive_file", "active_file"))


def _number(file: Path) -> int | None:
    """None where there is no such file, or no number in it: no limit."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
