"""The TCP counters of the agent's network namespace, from /proc/net/snmp and /proc/net/netstat."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["read_counters"]

_FILES = ("/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat")
"""Through the reading thread, because /proc is the host's and /proc/net would do as well only by following it there."""
_GROUPS = ("Tcp", "TcpExt")


def read_counters() -> dict[str, int]:
    """Every counter of the groups Tcp and TcpExt: RetransSegs, EstabResets, ListenOverflows, TCPSynRetrans, ...

    They count since the namespace was made, and for all of its sockets: read them twice and take the difference.
    """
    counters: dict[str, int] = {}
    for file in _FILES:
        for group, names, values in _tables(Path(file).read_text(encoding="ascii")):
            if group in _GROUPS:
                counters.update(zip(names, map(int, values), strict=True))
    return counters


def _tables(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """(group, names, values): each group has a line of names and, below it, a line of values."""
    lines = text.splitlines()
    for head, row in zip(lines[::2], lines[1::2], strict=True):
        group, _, names = head.partition(":")
        yield group, names.split(), row.partition(":")[2].split()
